"""The main job on four submissions of exercise 1: stub, reference, a wrong answer, a hostile one. Also `make demo`.

Needs the whole repository, solutions included. The hostile submission really is run, so never without a fence.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import TextIO

import click

from grader import messages
from grader.course import Exercise, find_course, load_exercise
from grader.doctor import denials
from grader.errors import UsageError
from grader.grade import Grader
from grader.results import ExerciseResult
from grader.sandbox.fence import Tier, strongest_tier
from grader.show import grade_and_show, show_denials
from grader.submission import read_submission
from grader.terminal import Screen, heading_lines, indented, printable

_WRONG = Path("wrong/relu_mask_missing.py")
_HOSTILE = Path("tests/hostile/exercise1/looks_around.py")
# Something worth stealing: the hostile submission looks for names like this one in its environment.
_SECRET = {"DEMO_SECRET_TOKEN": "not for students"}


def run_demo(stream: TextIO) -> None:
    """Check the four submissions and show what the fence denies.

    Raises:
        UsageError: this is not the whole repository.
        CourseError, InfrastructureError: see `Grader`.
    """
    exercise = load_exercise(find_course(), "exercise1")
    hostile = exercise.course.root / _HOSTILE
    for needed in (exercise.solution_folder, exercise.hidden_folder, hostile):
        if not needed.exists():
            raise UsageError(messages.DEMO_NEEDS_CLONE.format(folder=needed.relative_to(exercise.course.root)))
    os.environ.update(_SECRET)
    tier = strongest_tier()
    screen = Screen.of(stream)
    for line in heading_lines(exercise.slug, exercise.title, tier, exercise.course.seed, screen):
        click.echo(line, file=stream, color=True)
    wrong = exercise.solution_folder / _WRONG
    with Grader(exercise, tier) as grader:
        _check(grader, exercise, messages.DEMO_STUB, None, stream)
        _check(grader, exercise, messages.DEMO_REFERENCE, exercise.solution_folder, stream)
        _check(grader, exercise, messages.DEMO_WRONG.format(title=_title(wrong)), wrong, stream)
        if tier is not Tier.NONE:
            title = messages.DEMO_HOSTILE.format(title=_title(hostile))
            _show_printed(_check(grader, exercise, title, hostile, stream), stream)
    if tier is Tier.NONE:
        click.echo("\n".join(indented(messages.DEMO_UNFENCED, screen)), file=stream)
    else:
        show_denials(messages.DEMO_DENIALS.format(tier=tier), denials(tier), stream)


def _check(grader: Grader, exercise: Exercise, title: str, path: Path | None, stream: TextIO) -> ExerciseResult:
    click.echo(Screen.of(stream).paint(title, bold=True) + "\n", file=stream, color=True)
    result = grade_and_show(grader, read_submission(exercise, path), exercise.course.seed, stream)
    click.echo("", file=stream)
    return result


def _show_printed(result: ExerciseResult, stream: TextIO) -> None:
    """Print the hostile submission's own report, from the first check that has one."""
    printed = next((check.stdout for check in result.checks if check.stdout), "")
    click.echo(messages.DEMO_PRINTED, file=stream)
    for line in printed.splitlines():
        click.echo(f"  {printable(line)}", file=stream)
    click.echo("", file=stream)


def _title(file: Path) -> str:
    """Return the first line of a submission's docstring, which is read and not run."""
    documentation = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or file.stem
    return documentation.splitlines()[0]
