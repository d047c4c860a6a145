"""Reading the files of an exercise that are ours. What cannot be read there is the course's fault, and says where.

Owns how a place in the course is shown to its author.
"""

from __future__ import annotations

from pathlib import Path

from grader import messages
from grader.course import Exercise
from grader.diagnosis.atlas import EQUIVALENT_FOLDER
from grader.errors import CourseError, SubmissionRejected
from grader.submission import Submission, read_submission


def shown(exercise: Exercise, path: Path) -> str:
    """Return a path as messages show it: from the course's folder on."""
    return str(path.relative_to(exercise.course.root))


def read_own(exercise: Exercise, path: Path) -> Submission:
    """Read an answer of ours: the reference's folder, a wrong answer, the stub.

    Raises:
        CourseError: it cannot be read.
    """
    try:
        return read_submission(exercise, path)
    except SubmissionRejected as rejected:
        raise unreadable(exercise, path, rejected) from rejected


def equivalents(exercise: Exercise) -> list[Path]:
    """Return the right answers that are written otherwise than the reference."""
    return sorted((exercise.solution_folder / EQUIVALENT_FOLDER).glob("*.py"))


def read_text(exercise: Exercise, path: Path) -> str:
    """Return the text of a file.

    Raises:
        CourseError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(exercise, path, error) from error


def unreadable(exercise: Exercise, path: Path, problem: Exception) -> CourseError:
    """Return what is raised where a file of ours cannot be read."""
    return CourseError(messages.VERIFY_UNREADABLE.format(file=shown(exercise, path), problem=problem))
