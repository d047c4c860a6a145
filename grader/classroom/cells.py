"""The cells of a notebook put beside every line that a result names, so that students find it in what they wrote.

Pure: from a result and a map of lines to a result. The map is kept with the hand-in and not with the judgement, since
two notebooks can make the same file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from grader.classroom.notebook import Place, with_cells
from grader.results import CheckResult, ExerciseResult, Flag, Frame

T = TypeVar("T", Frame, Flag)
Cells = Mapping[str, Sequence[Place]]
"""As in `Handin.cells`: of each file that was a notebook, the cell of each of its lines."""


def in_cells(result: ExerciseResult, cells: Cells) -> ExerciseResult:
    """Return the result with the cell of a notebook beside every line of a message, a call and a flag."""
    if not cells:
        return result
    checks = [_check(check, cells) for check in result.checks]
    flags = [replace(_placed(flag, cells), message=with_cells(flag.message, cells)) for flag in result.flags]
    return replace(result, checks=checks, flags=flags)


def _check(check: CheckResult, cells: Cells) -> CheckResult:
    frames = [_placed(frame, cells) for frame in check.frames]
    return replace(check, message=with_cells(check.message, cells), frames=frames)


def _placed(where: T, cells: Cells) -> T:
    places = cells.get(where.file, ())
    return replace(where, cell=places[where.line - 1]) if 1 <= where.line <= len(places) else where
