"""`grader release DIR`: the course as students get it, as files by path, and nothing else.

Owns what is in it beside the course's own files: this grader as a wheel, the versions to install, a README, the atlas
of the public checks, a list of it all. The same course and the same libraries make the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader import __version__, messages
from grader.author.compile import Tried, try_copy
from grader.author.own_wheel import PROJECT, pinned, wheel_files, wheel_name
from grader.author.released_files import for_students
from grader.author.released_readme import readme
from grader.course import Course, Exercise, load_course, load_exercise
from grader.diagnosis.compiled import compiled_path
from grader.errors import UsageError
from grader.pool import OnProgress
from grader.sandbox.fence import Tier
from grader.state import FOLDER
from grader.workers import start_launcher
from grader.zipped import zipped

MANIFEST = f"{FOLDER}/release.json"
_SCHEMA = "grader.release/1"
# The grader's own folder in a course is ignored by git as a whole; what was given out in it is not.
_IGNORE = b"*\n!.gitignore\n!release.json\n!atlas/\n!atlas/**\n!stubs/\n!stubs/**\n"


@dataclass(frozen=True)
class Release:
    """All files by path below the student's course, what was left out, and what is worth telling of each exercise."""

    files: Mapping[str, bytes]
    left_out: tuple[str, ...]
    tried: Mapping[str, Tried]
    torch: str


def release(course: Course, exercises: Sequence[Exercise], tier: Tier, on_progress: OnProgress) -> Release:
    """Return what students get of a course.

    Args:
        on_progress: Called with how many wrong answers of an exercise have been judged, and of how many.
    Raises:
        UsageError: the solutions are not here, as in a student's copy.
        CourseError: see `for_students` and `try_copy`.
        InfrastructureError: something of ours failed, or the grader was not installed.
    """
    for exercise in exercises:
        if not exercise.solution_folder.is_dir():
            raise UsageError(messages.RELEASE_NEEDS_SOLUTIONS.format(folder=exercise.solution_folder))
    versions = pinned(anywhere=True)
    found = for_students(course, exercises)
    tried = {}
    with _written(found.files) as copy, start_launcher() as launcher:
        launcher.wait_until_ready()
        for exercise in exercises:
            own = load_exercise(copy, exercise.slug)
            tried[exercise.slug] = try_copy(exercise, own, tier, launcher, on_progress)
    files = {
        **found.files,
        **{compiled_path(slug): _json(one.atlas) for slug, one in tried.items()},
        f"{FOLDER}/.gitignore": _IGNORE,
        "README.md": readme(course, exercises, {slug: one.points for slug, one in tried.items()}, versions["torch"]),
        "requirements.txt": _requirements(versions),
        wheel_name(): zipped(wheel_files()),
    }
    files[MANIFEST] = _manifest(course, exercises, files)
    return Release(dict(sorted(files.items())), tuple(found.left_out), tried, versions["torch"])


@contextlib.contextmanager
def _written(files: Mapping[str, bytes]) -> Iterator[Course]:
    """Give the course that these files are, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="grader-release-") as folder:
        for path, data in files.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        yield load_course(Path(folder).resolve())


def _requirements(versions: Mapping[str, str]) -> bytes:
    lines = [f"./{wheel_name()}", *(f"{name}=={version}" for name, version in versions.items() if name != PROJECT)]
    return "".join(f"{line}\n" for line in lines).encode()


def _manifest(course: Course, exercises: Sequence[Exercise], files: Mapping[str, bytes]) -> bytes:
    """Return the list of a release: what it was made from, and each file with its digest."""
    said = {
        "schema": _SCHEMA,
        "course": course.name,
        "grader": __version__,
        "seed": course.seed,
        "made_from": {exercise.slug: made_from(exercise) for exercise in exercises},
        "files": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())},
    }
    return (json.dumps(said, indent=1, ensure_ascii=False) + "\n").encode()


def made_from(exercise: Exercise) -> str:
    """Return a digest of all that the course has of an exercise, what students do not get included."""
    digest = hashlib.sha256()
    for folder in (exercise.stub_folder, exercise.solution_folder, exercise.hidden_folder):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                data = path.read_bytes()
                digest.update(f"{path.relative_to(exercise.course.root).as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _json(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"
