"""A course as a student has it, of three small exercises, and what a check of them would have left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from click.testing import CliRunner, Result

from grader import language
from grader.cli import main
from grader.course import Course, Exercise, load_course, load_exercise
from grader.results import CheckResult, SubmissionInfo
from grader.state import remember
from grader.submission import read_submission

from .report_samples import result

STUB = "def double(x):\n    raise NotImplementedError('double')\n"
WRITTEN = "def double(x):\n    return 2 * x\n"
PUBLIC = "def test_double(submission):\n    pass\n\n\ndef test_double_of_nothing(submission):\n    pass\n"
SLUGS = ("exercise1_first", "exercise2_second", "exercise3_third")

Run = Callable[..., Result]


def make_student_course(root: Path, with_stubs: bool = True) -> Course:
    """Write the course: titles First, Second, Third; work.py in each and more.py in the third, none of them written."""
    (root / "course.toml").parent.mkdir(parents=True, exist_ok=True)
    (root / "course.toml").write_text('name = "Tiny"\nseed = 7\n')
    for number, slug in enumerate(SLUGS, start=1):
        files = ["work.py", "more.py"] if number == 3 else ["work.py"]
        folder = root / "exercises" / slug
        folder.mkdir(parents=True)
        title = slug.partition("_")[2].title()
        (folder / "exercise.toml").write_text(f'title = "{title}"\nfiles = {files}\npoints = {number}.5\n')
        (folder / "README.md").write_text(f"# {title}\n")
        (folder / "test_public.py").write_text(PUBLIC)
        for place in [folder, root / ".grader" / "stubs" / slug] if with_stubs else [folder]:
            place.mkdir(parents=True, exist_ok=True)
            for file in files:
                (place / file).write_text(STUB)
    return load_course(root)


def write(course: Course, number: int, text: str = WRITTEN, file: str = "work.py") -> Path:
    """Let a student write this into a file of an exercise."""
    path = course.root / "exercises" / SLUGS[number - 1] / file
    path.write_text(text)
    return path


def checked(course: Course, number: int, checks: Sequence[CheckResult], is_part: bool = False) -> Exercise:
    """Let these be what a check of the student's files as they are now came to."""
    exercise = load_exercise(course, str(number))
    read = read_submission(exercise)
    judged = result(*checks, exercise=exercise.slug, submission=SubmissionInfo(read.sha256, read.files))
    remember(course.root, judged, "en", is_part)
    return exercise


def run(*arguments: str | Path, typed: str | None = None) -> Result:
    """Run `grader …` in this process; `typed` is what somebody answers, None that nobody is there."""
    language.use(language.ENGLISH)
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=typed or "")
