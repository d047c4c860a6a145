"""The files of an exercise as they were given out: `.grader/stubs/<exercise>/` in the course's folder.

`grader release` puts them there, nothing else writes to it. Knows where they are and whether a student's files are
still the same; an instructor's own copy of a course has none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grader.course import Exercise
from grader.state import FOLDER

_STUBS = "stubs"


def given_folder(exercise: Exercise) -> Path:
    """Return where the files of an exercise are as they were given out, if they are anywhere."""
    return exercise.course.root / FOLDER / _STUBS / exercise.slug


def as_given(exercise: Exercise) -> dict[str, bytes] | None:
    """Return the files of an exercise as they were given out, None if this copy of the course lacks one of them."""
    folder = given_folder(exercise)
    try:
        return {name: (folder / name).read_bytes() for name in exercise.files}
    except OSError:
        return None


def is_as_given(exercise: Exercise, files: Iterable[tuple[str, bytes]]) -> bool | None:
    """Whether nothing was written yet into these files, given by name and bytes; None if nobody knows."""
    given = as_given(exercise)
    return None if given is None else all(same_text(data, given[name]) for name, data in files)


def same_text(first: bytes, second: bytes) -> bool:
    """Whether two files say the same; an editor or git may have changed their line ends."""
    return first.replace(b"\r\n", b"\n") == second.replace(b"\r\n", b"\n")
