"""What the grader remembers between two commands: last result and scores of each exercise, hints taken since.

Owns `.grader/state.json` in the course's folder, nothing else. Invariant: the file is a convenience. A missing one
reads as if nothing had been checked yet, one that is damaged or not ours is put aside, and where it cannot be written
nothing fails; `trouble` has the sentence for both.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from grader import messages
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.turns import turn
from grader.whole_file import write_whole

FOLDER = ".grader"
_FILE, _LOCK, _IGNORE = "state.json", "state.lock", ".gitignore"
# What comes with the course below this folder (`stubs`) belongs into a student's own repository, the rest does not.
_IGNORED = "*\n!stubs/\n!stubs/**\n"


class Scored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check of whole files came to. `submission` is their sha256; incomplete: some checks wait for a device."""

    points: float
    max_points: float
    passed: int
    checks: int
    submission: str
    complete: bool = True


class Last(msgspec.Struct, forbid_unknown_fields=True):
    """The last result of one exercise, how many steps of each ladder were taken since, the last score and the best.

    `submission` is the sha256 of the judged files, `language` the one that the result was written in; `steps` goes by
    the id of a misconception, and by "" for the general hints of the exercise. Where only some checks of other files
    were asked for since, `score` is still about the earlier files.
    """

    submission: str = ""
    language: str = ""
    checks: list[CheckResult] = []
    steps: dict[str, int] = {}
    score: Scored | None = None
    best: Scored | None = None


class State(msgspec.Struct, forbid_unknown_fields=True):
    """Everything that is remembered, by the folder name of the exercise."""

    exercises: dict[str, Last] = {}
    schema: Literal["grader.state/1"] = "grader.state/1"


def remember(root: Path, result: ExerciseResult, language: str, is_part: bool = False) -> None:
    """Keep what a hint may need of a result, and its score. Hints about other files or another mistake begin anew.

    Args:
        root: The course's folder.
        language: What the result is written in.
        is_part: Only some of the checks were asked for, so there is no score.
    """
    checks = [msgspec.structs.replace(check, frames=[], figures=[], stdout="") for check in result.checks]
    ladders = {"", *(check.diagnosis.misconception for check in checks if check.diagnosis)}
    with changing(root) as state:
        before = state.exercises.get(result.exercise, Last())
        is_same = before.submission == result.submission.sha256
        if is_part and is_same and _ids(result.checks) < _ids(before.checks):
            return  # files that were judged as a whole: that says nothing new
        steps = {ladder: taken for ladder, taken in before.steps.items() if is_same and ladder in ladders}
        score, best = before.score, before.best
        if not is_part and not result.our_failures:  # what failed for a reason of ours is no score of theirs
            score = _scored(result)
            best = score if best is None or _is_better(score, best) else best
        state.exercises[result.exercise] = Last(result.submission.sha256, language, checks, steps, score, best)


def _scored(result: ExerciseResult) -> Scored:
    passed = sum(check.outcome is Outcome.PASSED for check in result.checks)
    submission = result.submission.sha256
    return Scored(result.score, result.max_score, passed, len(result.checks), submission, result.complete)


def _is_better(score: Scored, best: Scored) -> bool:
    """Whether a score takes the best one's place: by more points, or because another suite gave that."""
    return score.max_points != best.max_points or score.points > best.points


def _ids(checks: list[CheckResult]) -> set[str]:
    return {check.id for check in checks}


@contextlib.contextmanager
def changing(root: Path) -> Iterator[State]:
    """Give what is remembered, to be changed, and keep it afterwards; a second terminal waits for its turn.

    Args:
        root: The course's folder.
    """
    folder = root / FOLDER
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # a course that cannot be written to still gets its results and hints
            _make(folder)
            held.enter_context(turn(folder / _LOCK))
        state = _read(folder / _FILE)[0]
        yield state
        with contextlib.suppress(OSError):
            _write(folder, state)


def remembered(root: Path) -> State:
    """Return what is remembered, to look at only. Whatever is written meanwhile, a whole file is read."""
    try:
        return _decoded(root / FOLDER / _FILE)
    except (OSError, msgspec.DecodeError):
        return State()


def trouble(root: Path) -> str:
    """Return what a student should know about the file: it was put aside, or cannot be written. Nothing if all is well.

    Args:
        root: The course's folder.
    """
    folder = root / FOLDER
    try:
        _make(folder)
        with turn(folder / _LOCK):
            said = _read(folder / _FILE)[1]
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        return messages.STATE_NOT_KEPT.format(folder=folder, problem=error.strerror or error)
    return said


def _decoded(path: Path) -> State:
    return msgspec.json.decode(path.read_bytes(), type=State)


def _read(path: Path) -> tuple[State, str]:
    """Return what a file says. One that cannot be read is put aside, so that it is not lost, and a sentence says so."""
    try:
        return _decoded(path), ""
    except FileNotFoundError:
        return State(), ""
    except (OSError, msgspec.DecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else error
        try:
            aside = _put_aside(path)
        except OSError:
            return State(), messages.STATE_UNREADABLE.format(file=path, problem=problem)
        return State(), messages.STATE_PUT_ASIDE.format(file=path, problem=problem, aside=aside.name)


def _put_aside(path: Path) -> Path:
    """Rename a file to a name that is free and return that."""
    free = (path.with_name(f"{path.stem}-{number}{path.suffix}.bad") for number in itertools.count(1))
    aside = next(name for name in free if not os.path.lexists(name))
    path.rename(aside)
    return aside


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    ignore = folder / _IGNORE
    if not ignore.exists():
        ignore.write_text(_IGNORED)


def _write(folder: Path, state: State) -> None:
    write_whole(folder / _FILE, msgspec.json.encode(state))
