"""What an author says of mutants that no check can notice: `solutions/SLUG/mutants.toml`.

Owns that file. A mutant is found again by the lines that were changed, as they are written, and the function around
them; never by a number, which the next edit would make wrong.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from grader.author.mutate import Mutant
from grader.course import Exercise, read_toml

_Said = Annotated[str, msgspec.Meta(pattern=r"\S")]


class Explanation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry: these lines `was`, changed to `now`, are as right as before, `because`.

    `function` is the dotted name of the function around them, empty outside of all. `file` is the file's name; empty
    means whichever has such lines. `now` is empty where the lines were taken out.
    """

    was: _Said
    now: str
    because: _Said
    function: str = ""
    file: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What mutants.toml says."""

    equivalent: tuple[Explanation, ...] = ()


def explanations_path(exercise: Exercise) -> Path:
    """Return where explanations are written."""
    return exercise.solution_folder / "mutants.toml"


def read_explanations(exercise: Exercise) -> tuple[Explanation, ...]:
    """Return what the author says; nothing where there is no file.

    Raises:
        CourseError: the file cannot be read or an entry lacks a part; the message names file and key.
    """
    path = explanations_path(exercise)
    return read_toml(path, _File, exercise.course.root).equivalent if path.exists() else ()


def explains(entry: Explanation, mutant: Mutant) -> bool:
    """Whether an entry is about this mutant; blanks do not count."""
    if entry.function != mutant.function or entry.file not in ("", mutant.file):
        return False
    return (_squeezed(entry.was), _squeezed(entry.now)) == (_squeezed(mutant.was), _squeezed(mutant.now))


def _squeezed(lines: str) -> str:
    return "".join(lines.split())
