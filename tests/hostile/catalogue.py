"""The catalogue: every kind of hostile or broken submission that we know of, and where each is tried.

`catalogue.toml` holds the titles; `GROUP/coverage.toml` says what is covered outside of the corpus, what is skipped
and what is still missing. An id is in exactly one of these places.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec

from grader.course import read_toml

_HERE = Path(__file__).parent


class Catalogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """catalogue.toml: what an id stands for."""

    titles: dict[str, str]


class Coverage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """coverage.toml of a group: `elsewhere` by id the tests (FILE::TEST) that try it, `skipped` by id the reason."""

    missing: tuple[str, ...] = ()
    elsewhere: dict[str, tuple[str, ...]] = {}
    skipped: dict[str, str] = {}


@cache
def titles() -> dict[str, str]:
    """Return the title of each id."""
    return read_toml(_HERE / "catalogue.toml", Catalogue, _HERE).titles


def coverage(group: str, root: Path = _HERE) -> Coverage:
    """Return what a group's coverage.toml says.

    Raises:
        CourseError: it says something it cannot say.
    """
    return read_toml(root / group / "coverage.toml", Coverage, root)
