"""Random strings in the places that no submission may read, and the search for them in what comes back.

Every one has the form of `PATTERN`, which attackers know too, so that whoever finds one can say so. The pattern is no
canary itself.
"""

from __future__ import annotations

import base64
import re
import secrets

PLACES = ("source", "expected", "solution", "environment", "neighbour")
PATTERN = "hostile-canary-[0-9a-f]{32}"
SUCCEEDED = "ATTACK SUCCEEDED"
"""What an attack prints or raises where it can tell that it got what it wanted."""
_MARK = re.compile(r"@canary:(\w+)@")


def plant() -> dict[str, str]:
    """Return a fresh canary for each place."""
    return {place: f"hostile-canary-{secrets.token_hex(16)}" for place in PLACES}


def planted(text: str, canaries: dict[str, str]) -> str:
    """Return a file of the course with its marks replaced by canaries."""
    return _MARK.sub(lambda mark: canaries[mark[1]], text)


def leaks(data: bytes, canaries: dict[str, str]) -> list[str]:
    """Return the places whose canary is in the data: as it is, backwards, in hexadecimal digits or in base 64."""
    return [place for place, canary in canaries.items() if any(form in data for form in _forms(canary))]


def _forms(canary: str) -> list[bytes]:
    raw = canary.encode()
    # In base 64 the letters depend on where in a group of three it begins; whole groups from the middle are the same.
    shifted = [base64.b64encode(bytes(skip) + raw)[4:-4] for skip in range(3)]
    return [raw, raw[::-1], raw.hex().encode(), *shifted]
