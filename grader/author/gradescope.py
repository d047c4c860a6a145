"""An exercise as Gradescope's autograder: one zip with the grader, the exercise with its solutions, and two scripts.

Owns what is in that zip. What runs in the container is `classroom.autograder`. The same course and the same libraries
make the same bytes.

Source: Gradescope, Autograder Specifications: setup.sh and run_autograder at the root of the zip, Unix line ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader import messages
from grader.author.own_wheel import pinned, wheel_files, wheel_name
from grader.classroom.export.gradescope import not_graded
from grader.course import Course, Exercise
from grader.diagnosis.atlas import EQUIVALENT_FOLDER, wrong_answers
from grader.errors import UsageError
from grader.zipped import zipped

COURSE = "course"
_SCRIPTS = Path(__file__).parent / "gradescope_files"
_RUN = ("setup.sh", "run_autograder")
_NEVER = {"__pycache__", ".git", ".venv"}


@dataclass(frozen=True)
class Autograder:
    """A zip, and what is worth telling of it."""

    data: bytes
    files: int
    torch: str


def autograder(exercise: Exercise, torch_pip_args: str = "") -> Autograder:
    """Return the zip for an exercise.

    Args:
        torch_pip_args: What pip is told besides where torch is installed, such as where to find its CPU builds.
    Raises:
        UsageError: hidden suite or reference are not here, as in a student's copy of the course.
        CourseError: the header of a wrong answer is broken, which would leave every submission there without a grade.
        InfrastructureError: the grader was not installed, so nothing says what it needs.
    """
    for folder in (exercise.hidden_folder, exercise.solution_folder):
        if not folder.is_dir():
            raise UsageError(messages.RELEASE_NEEDS_SUITE.format(folder=folder))
    wrong_answers(exercise)
    versions = pinned()
    files = {
        **{name: (_SCRIPTS / name).read_bytes() for name in _RUN},
        "constraints.txt": "".join(f"{name}=={version}\n" for name, version in versions.items()).encode(),
        "torch-pip-args": f"{' '.join(torch_pip_args.split())}\n".encode(),
        "not-graded.json": not_graded(messages.AUTOGRADER_NO_WORD).to_json(),
        wheel_name(): zipped(wheel_files()),
        **{f"{COURSE}/{path}": data for path, data in _course_files(exercise)},
    }
    return Autograder(zipped(files, runs=_RUN), len(files), versions["torch"])


def _course_files(exercise: Exercise) -> Iterator[tuple[str, bytes]]:
    """Yield what a course of this one exercise consists of; other ways to write the answer judge nobody."""
    course = exercise.course
    yield "course.toml", (course.root / "course.toml").read_bytes()
    folders = (exercise.stub_folder, exercise.hidden_folder, exercise.solution_folder, course.data_folder)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not _NEVER & set(path.parts) and not _is_equivalent(path, exercise):
                yield _below(path, course), path.read_bytes()


def _is_equivalent(path: Path, exercise: Exercise) -> bool:
    return path.is_relative_to(exercise.solution_folder / EQUIVALENT_FOLDER)


def _below(path: Path, course: Course) -> str:
    return path.relative_to(course.root).as_posix()
