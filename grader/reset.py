"""Put the files of an exercise back as they were given out, and keep what a student had written.

Owns what is put back, and where the copies are kept. Asks nobody and prints nothing. Invariant: nothing is changed
before a copy of all of it lies in `.grader/backups`.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from grader import messages
from grader.course import Exercise
from grader.errors import UsageError
from grader.state import FOLDER
from grader.stubs import as_given, given_folder, same_text
from grader.whole_file import write_whole

_BACKUPS = "backups"
_DATED = "%Y-%m-%d_%H-%M-%S"


@dataclass(frozen=True)
class Reset:
    """What is to be put back: the bytes of each file that is not as it was given out, and where a copy will be.

    `kept` are those of which there is something to keep; others are missing.
    """

    exercise: Exercise
    files: Mapping[str, bytes]
    kept: tuple[str, ...]
    backup: Path


def planned(exercise: Exercise, now: datetime) -> Reset:
    """Find out what is to be put back, without changing anything.

    Raises:
        UsageError: this copy of the course has no untouched files, they are the same, or a folder has a file's name.
    """
    given = as_given(exercise)
    names = ", ".join(exercise.files)
    if given is None:
        raise UsageError(messages.RESET_NO_STUB.format(slug=exercise.slug, files=names, folder=given_folder(exercise)))
    changed = {name: data for name, data in given.items() if not _is_same(exercise.stub_folder / name, data)}
    if not changed:
        raise UsageError(messages.RESET_NOTHING.format(slug=exercise.slug, files=names))
    kept = tuple(name for name in changed if os.path.lexists(exercise.stub_folder / name))
    return Reset(exercise, changed, kept, _free(exercise.course.root / FOLDER / _BACKUPS / exercise.slug, now))


def put_back(reset: Reset) -> None:
    """Keep a copy of what is there, then put the files back.

    Raises:
        UsageError: the copy cannot be made, and nothing was changed; or a file cannot be written.
    """
    folder = reset.exercise.stub_folder
    try:
        for name in reset.kept:
            reset.backup.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, reset.backup / name, follow_symlinks=False)
    except OSError as error:
        problem = error.strerror or error
        raise UsageError(messages.RESET_NOT_KEPT.format(folder=reset.backup, problem=problem)) from error
    for name, data in reset.files.items():
        try:
            write_whole(folder / name, data)
        except OSError as error:
            facts = {"file": folder / name, "problem": error.strerror, "folder": reset.backup}
            raise UsageError(messages.RESET_FAILED.format(**facts)) from error


def _is_same(path: Path, data: bytes) -> bool:
    """Whether a student's file says what it said when it was given out; a link does not, wherever it leads."""
    if path.is_symlink():
        return False
    if path.is_dir():
        raise UsageError(messages.RESET_IN_THE_WAY.format(file=path))
    try:
        return same_text(path.read_bytes(), data)
    except OSError:
        return False  # it is missing, or cannot be read; if it cannot be copied either, nothing is changed


def _free(folder: Path, now: datetime) -> Path:
    """Return a folder of this date that is not there yet."""
    dated = now.strftime(_DATED)
    names = (folder / (dated if number == 1 else f"{dated}_{number}") for number in itertools.count(1))
    return next(name for name in names if not os.path.lexists(name))
