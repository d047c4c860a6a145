"""What the grader remembers between two commands: the last result of each exercise, and the hints taken since.

Owns `.grader/state.json` in the course's folder, nothing else. Invariant: the file is a convenience. A missing or
damaged one reads as if nothing had been checked yet, and where it cannot be written nothing fails.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from grader import file_lock
from grader.results import CheckResult, ExerciseResult
from grader.whole_file import write_whole

FOLDER = ".grader"
_FILE, _LOCK, _IGNORE = "state.json", "state.lock", ".gitignore"


class Last(msgspec.Struct, forbid_unknown_fields=True):
    """The last result of one exercise, and how many steps of each ladder were taken since.

    `submission` is the sha256 of the judged files, `language` the one that the result was written in; `steps` goes by
    the id of a misconception, and by "" for the general hints of the exercise.
    """

    submission: str = ""
    language: str = ""
    checks: list[CheckResult] = []
    steps: dict[str, int] = {}


class State(msgspec.Struct, forbid_unknown_fields=True):
    """Everything that is remembered, by the folder name of the exercise."""

    exercises: dict[str, Last] = {}
    schema: Literal["grader.state/1"] = "grader.state/1"


def remember(root: Path, result: ExerciseResult, language: str) -> None:
    """Keep what a hint may need of a result. Hints about other files, or a mistake that is gone, begin anew.

    Args:
        root: The course's folder.
        language: What the result is written in.
    """
    checks = [msgspec.structs.replace(check, frames=[], figures=[], stdout="") for check in result.checks]
    ladders = {"", *(check.diagnosis.misconception for check in checks if check.diagnosis)}
    with changing(root) as state:
        before = state.exercises.get(result.exercise, Last())
        is_same = before.submission == result.submission.sha256
        if is_same and _ids(result.checks) < _ids(before.checks):
            return  # only some checks of files that were judged as a whole: that says nothing new
        steps = {ladder: taken for ladder, taken in before.steps.items() if is_same and ladder in ladders}
        state.exercises[result.exercise] = Last(result.submission.sha256, language, checks, steps)


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
            folder.mkdir(exist_ok=True)
            file_lock.wait_for(held.enter_context((folder / _LOCK).open("w")).fileno())
        state = _read(folder / _FILE)
        yield state
        with contextlib.suppress(OSError):
            _write(folder, state)


def _read(path: Path) -> State:
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return State()


def _write(folder: Path, state: State) -> None:
    ignore = folder / _IGNORE
    if not ignore.exists():
        ignore.write_text("*\n")
    write_whole(folder / _FILE, msgspec.json.encode(state))
