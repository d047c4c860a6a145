"""What a student's editor does to files: which are watched, and what stands in them now.

Owns the watching threads. Nothing here trusts an event: it only says that it is worth looking, and what counts is the
content. So it does not matter whether an editor writes in place, renames a new file over the old one or keeps backups.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from watchfiles import watch

from grader.course import Exercise
from grader.errors import SubmissionRejected, UsageError
from grader.submission import Submission, read_submission
from grader.watch.machine import Given, Look

# What comes within so many milliseconds after a change belongs to the same save; waited for at most the second.
_STEP_MS, _LONGEST_SAVE_MS = 20, 100
_GLANCE_MS = 1000


@dataclass(frozen=True)
class Subject:
    """What is watched: one exercise, and the files at `path` (None: the student's own, in the exercise's folder)."""

    exercise: Exercise
    path: Path | None = None

    def look(self) -> Look:
        """Read everything as it stands now."""
        given = self._given()
        key = given.sha256 if isinstance(given, Submission) else f"rejected: {given}"
        return Look(given, key, self._course_digest())

    def traces(self) -> tuple[object, ...]:
        """Return what a save leaves behind in a file system, cheap enough to be asked for every second."""
        path = self.exercise.stub_folder if self.path is None else self.path
        own = [path / name for name in self.exercise.files] if path.is_dir() else [path]
        return tuple(_trace(file) for file in (*own, *self._course_files()))

    def trees(self) -> list[Path]:
        """Return the folders to be watched with all that lies in them."""
        exercise = self.exercise
        folders = [exercise.stub_folder.parent, exercise.hidden_folder, exercise.solution_folder]
        return [folder for folder in folders if folder.is_dir()]

    def folders(self) -> list[Path]:
        """Return the folders of which only what lies directly in them matters; a home folder may be large."""
        outside = [] if self.path is None else [self.path if self.path.is_dir() else self.path.absolute().parent]
        return [folder for folder in (self.exercise.course.root, *outside) if folder.is_dir()]

    def _given(self) -> Given:
        try:
            return read_submission(self.exercise, self.path)
        except SubmissionRejected as rejected:
            return rejected
        except (UsageError, OSError) as error:  # the whole folder is gone, perhaps for a moment
            return SubmissionRejected(str(error))

    def _course_digest(self) -> str:
        """Return a digest of everything of the course that a result depends on."""
        digest = hashlib.sha256()
        for path in self._course_files():
            try:
                digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
            except OSError:  # it went away meanwhile, which is a change like any other
                digest.update(f"{path}\0gone\0".encode())
        return digest.hexdigest()

    def _course_files(self) -> Iterator[Path]:
        exercise = self.exercise
        yield exercise.course.root / "course.toml"
        yield exercise.stub_folder / "exercise.toml"
        yield exercise.public_suite
        for folder in (exercise.hidden_folder, exercise.solution_folder):
            yield from sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _trace(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), found.st_mtime_ns, found.st_size, found.st_ino


class Watcher:
    """Calls back from a thread of its own whenever something has changed below the folders of a subject.

    Once a second it calls back with False: it is worth a glance. Not every file system tells what others do to it.
    """

    def __init__(self, subject: Subject, on_change: Callable[[bool], None], on_error: Callable[[BaseException], None]):
        self._on_change, self._on_error = on_change, on_error
        self._end = threading.Event()
        watched = ((subject.trees(), True), (subject.folders(), False))
        self._threads = [
            threading.Thread(target=self._run, args=(folders, deep), name="grader watches files", daemon=True)
            for folders, deep in watched
        ]

    def __enter__(self) -> Watcher:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _run(self, folders: list[Path], deep: bool) -> None:
        try:
            try:
                self._follow(folders, deep, polling=None)
            except OSError:  # the system's watches are used up, or it has none here: look at the files instead
                self._follow(folders, deep, polling=True)
        except BaseException as error:
            self._on_error(error)

    def _follow(self, folders: list[Path], deep: bool, polling: bool | None) -> None:
        changes = watch(
            *folders, watch_filter=None, recursive=deep, step=_STEP_MS, debounce=_LONGEST_SAVE_MS, stop_event=self._end,
            rust_timeout=_GLANCE_MS, yield_on_timeout=deep, raise_interrupt=False, force_polling=polling,
            ignore_permission_denied=True,
        )  # fmt: skip
        for changed in changes:
            self._on_change(bool(changed))
