"""Many names in one line of text: the first few, and how many more there are. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from grader import messages
from grader.terminal import printable

_SHOWN = 12


def enumerated(names: Iterable[str], most: int = _SHOWN) -> str:
    """Return names in one line, printable, the first `most` of very many."""
    shown = [printable(name) for name in names]
    if len(shown) <= most:
        return ", ".join(shown)
    return messages.GRADES_AND_MORE.format(names=", ".join(shown[:most]), count=len(shown) - most)
