"""The main job on submissions of exercise 1: stub, reference, wrong answers, a hostile one. Also `make demo`.

Needs the whole repository, solutions included, and leaves the students' reports in its build folder. The hostile
submission really is run, so never without a fence.
"""

from __future__ import annotations

import ast
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TextIO

from rich.console import Console

from grader import messages
from grader.course import Exercise, find_course, load_exercise
from grader.doctor import denials
from grader.errors import UsageError
from grader.grade import Grader
from grader.report.render import student_report
from grader.sandbox.fence import Tier, strongest_tier
from grader.show import Wanted, grade_and_show, show_denials
from grader.submission import read_submission
from grader.terminal import console_for, heading_lines, indented, paragraph, say

_WRONG = ("relu_mask_missing.py", "batch_mean_missing.py", "step_uphill.py")
_HOSTILE = Path("tests/hostile/exercise1/looks_around.py")
# Something worth stealing: the hostile submission looks for names like this one in its environment.
_SECRET = {"DEMO_SECRET_TOKEN": "not for students"}


class _Shown(NamedTuple):
    """One submission of the demo: the name of its report, its heading, where it lies, whether all is shown."""

    name: str
    title: str
    path: Path
    in_full: bool = False


def run_demo(stream: TextIO) -> None:
    """Check the submissions, write their reports and show what the fence denies.

    Raises:
        UsageError: this is not the whole repository.
        CourseError, InfrastructureError: see `Grader`.
    """
    exercise = load_exercise(find_course(), "exercise1")
    harmless, hostile = list(_harmless(exercise)), _hostile(exercise)
    os.environ.update(_SECRET)
    tier, console = strongest_tier(), console_for(stream)
    say(console, heading_lines(exercise.slug, exercise.title, tier, exercise.course.seed, console))
    reports = _report_folder(exercise.course.root)
    with Grader(exercise, tier) as grader:
        for shown in harmless:
            _check(grader, shown, reports, console)
        if tier is not Tier.NONE:
            _check(grader, hostile, reports, console)
    if tier is Tier.NONE:
        say(console, [*indented(messages.DEMO_UNFENCED, console), ""])
    else:
        show_denials(messages.DEMO_DENIALS.format(tier=tier), denials(tier), console)
    say(console, [messages.DEMO_REPORTS, *(f"  {file}" for file in sorted(reports.glob("*.html")))])


def _harmless(exercise: Exercise) -> Iterator[_Shown]:
    solutions = exercise.solution_folder
    yield _Shown("1_stub", messages.DEMO_STUB, exercise.stub_folder)
    yield _Shown("2_reference", messages.DEMO_REFERENCE, _needed(solutions, exercise))
    for place, name in enumerate(_WRONG, start=3):
        wrong = _needed(solutions / "wrong" / name, exercise)
        title = messages.DEMO_WRONG.format(title=_title(wrong))
        yield _Shown(f"{place}_{wrong.stem}", title, wrong, in_full=name == _WRONG[0])


def _hostile(exercise: Exercise) -> _Shown:
    file = _needed(exercise.course.root / _HOSTILE, exercise)
    return _Shown(f"{3 + len(_WRONG)}_{file.stem}", messages.DEMO_HOSTILE.format(title=_title(file)), file)


def _needed(path: Path, exercise: Exercise) -> Path:
    if not path.exists():
        raise UsageError(messages.DEMO_NEEDS_CLONE.format(folder=path.relative_to(exercise.course.root)))
    return path


def _report_folder(root: Path) -> Path:
    """Return an empty folder for reports: in the repository's build folder, elsewhere if that cannot be written."""
    folder = root / "build" / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.html"):
            old.unlink()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="demo-"))
    return folder


def _check(grader: Grader, shown: _Shown, reports: Path, console: Console) -> None:
    say(console, [*paragraph(shown.title, console, "bold"), "=" * console.width])
    command = f"grader check exercise1 --submission {shown.path.relative_to(grader.exercise.course.root)}"
    wanted = Wanted(grader.tier, command, shown.path, has_html=True, brief=not shown.in_full)
    checked = grade_and_show(grader, read_submission(grader.exercise, shown.path), wanted, console)
    page = student_report(checked.result, grader.exercise, checked.sources)
    (reports / f"{shown.name}.html").write_text(page, encoding="utf-8")
    say(console)


def _title(file: Path) -> str:
    """Return the first line of a submission's docstring, which is read and not run."""
    documentation = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or file.stem
    return documentation.splitlines()[0]
