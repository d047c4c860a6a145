"""The user's cache of runs that need not be made twice: plain data by file, each named by all that it depends on.

Owns where it lies, reading and writing. Invariant: it is a convenience. What is missing, damaged or of another version
is made anew, and where nothing can be written nothing fails.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec

from grader.whole_file import write_whole

T = TypeVar("T", bound=msgspec.Struct)


def cache_folder() -> Path:
    """Return the user's cache folder for atlases."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nn-grader" / "atlas"


def read_kept(path: Path, kind: type[T]) -> T | None:
    """Return what is kept in a file; None if there is nothing to be used."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def keep(path: Path, value: msgspec.Struct) -> None:
    """Keep something for the next time; two graders at once see a whole entry or none."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(value))
