"""Names and files of an export: names made of what students chose that are safe on every system, and writing to them.

Owns what a safe name is. Knows no format. Invariant: nothing is written outside of the folder that was asked for, and
no two students share a name, however alike their ids are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from grader import messages
from grader.classroom.export import telling
from grader.classroom.view import ClassView, Standing
from grader.course import Exercise
from grader.errors import UsageError
from grader.results import ExerciseResult
from grader.terminal import printable
from grader.whole_file import write_whole

_UNSAFE = re.compile(r"[^\w.@+-]", re.ASCII)
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_LONGEST = 80


class Judged(NamedTuple):
    """A standing with the result that it has."""

    exercise: Exercise
    standing: Standing
    result: ExerciseResult


def judged(view: ClassView) -> list[Judged]:
    """Return every standing with a result, exercise by exercise, with no more in it than the student may know."""
    return [
        Judged(exercise, standing, telling.allowed(standing.result, exercise))
        for exercise in view.exercises
        for standing in view.in_exercise(exercise.slug)
        if standing.result is not None
    ]


def notes(view: ClassView, open_ones: str) -> tuple[str, ...]:
    """Return who is left out or has no score, and why; `open_ones` is the sentence for those that are not settled."""
    everybody = view.everybody()
    said = {
        open_ones: [one for one in everybody if one.open],
        messages.EXPORT_NOT_JUDGED: [one for one in everybody if one.handed_in and one.result is None],
        messages.EXPORT_NOTHING: [one for one in everybody if not one.handed_in],
    }
    return tuple(sentence.format(names=telling.names(found)) for sentence, found in said.items() if found)


def safe_name(text: str) -> str:
    """Return a name for a file or folder that means nothing to any system: no separator, no dot in front, no device."""
    name = _UNSAFE.sub("_", text).lstrip(".")[:_LONGEST].rstrip(".") or "_"
    return f"_{name}" if _RESERVED.match(name) else name


def distinct_names(ids: Iterable[str]) -> Mapping[str, str]:
    """Return a safe name for each id; where two would be the same, also where case is ignored, a number follows."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for id in ids:
        name, number = safe_name(id), 1
        while name.casefold() in taken:
            number += 1
            name = f"{safe_name(id)}-{number}"
        taken.add(name.casefold())
        found[id] = name
    return found


def is_safe_path(path: str) -> bool:
    """Whether a path of an archive stays below the folder it is unpacked into, on every system."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and ":" not in parts[0][:2] and not path.startswith("/")
    return plain and all(part.strip(" ") and part not in (".", "..") for part in parts)


def write_files(folder: Path, files: Sequence[tuple[PurePosixPath, bytes]]) -> tuple[Path, ...]:
    """Write files below a folder, which is made if need be; return their paths.

    Raises:
        UsageError: one cannot be written.
    """
    for path, data in files:
        write_file(folder / path, data)
    return tuple(folder / path for path, _ in files)


def write_file(path: Path, data: bytes) -> None:
    """Write one file; whoever reads it meanwhile finds the whole old one or the whole new one.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=printable(str(path)), problem=error.strerror)) from error
