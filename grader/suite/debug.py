"""Judge one's own code in this process, so that breakpoints work: `python -m grader.suite.debug ROOT SLUG …`.

Started by `grader check --debug` as a process of its own. Owns how little is printed: a line per check and the
student's frames; what student code prints goes straight to the terminal. Nothing is isolated, timed or written down.
"""

from __future__ import annotations

import linecache
import math
import os
import sys
import tempfile
from pathlib import Path

import click

from grader import language, messages
from grader.course import Exercise, load_course, load_exercise
from grader.errors import GraderError
from grader.events import Broken, Ended, Event, Job, SourceText
from grader.language import ENGLISH, LANGUAGES
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.inprocess import InProcessGuests
from grader.side_by_side import figure_lines
from grader.submission import Submission, read_submission
from grader.suite.choose import chosen, to_judge
from grader.suite.collect import CollectedSuite, with_collected_suite
from grader.suite.judge import Judge, Progress
from grader.suite.present import held_for
from grader.suite.session import sessions_from
from grader.terminal import WIDTH, printable

_INTERRUPTED = 130


class _Printer:
    """Prints each check as it ends."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.broken: str | None = None

    def send(self, message: Event) -> None:
        """Take what the judge says."""
        match message:
            case Ended(result=result):
                self.outcomes.append(result.outcome)
                _print_check(result)
            case Broken(message=text):
                self.broken = text

    @property
    def exit_code(self) -> int:
        """As `grader check`: 0 all passed, 1 some did not, 4 ours."""
        if Outcome.ERROR in self.outcomes:
            return 4
        return int(any(outcome is not Outcome.PASSED for outcome in self.outcomes))


def debug(exercise: Exercise, submission: Submission, seed: int, keyword: str, device: str = "cpu") -> int:
    """Judge a submission here and print what comes of it; return the exit code.

    Args:
        device: The only one to judge on: this process becomes one that has it.
    Raises:
        UsageError: `keyword` means no check. CourseError: the suite is broken.
    """
    printer, interrupted = _Printer(), False
    sources = tuple(SourceText(source.name, source.text) for source in submission.sources)

    def use(suite: CollectedSuite) -> None:
        nonlocal interrupted
        todo = to_judge(suite.steps, chosen(suite.steps, keyword), (device,))
        sessions = sessions_from(InProcessGuests(), exercise)
        try:
            with held_for([device], _say_busy) as held:
                gpu = held.gpu if held is not None else None
                job = Job(sources, seed, Tier.NONE.value, keyword, gpu=gpu)
                Judge(suite, job, Progress(todo, math.inf), sessions, printer, attempts=1).run()
        except KeyboardInterrupt:  # pytest would end quietly
            interrupted = True

    _show_source(submission)
    with tempfile.TemporaryDirectory(prefix="grader-") as private:
        with_collected_suite(exercise, Path(private), use, at_terminal=True)
    if interrupted:
        return _end(messages.CLI_INTERRUPTED, _INTERRUPTED)
    if printer.broken is not None:
        return _end(printer.broken, 3)
    passed = sum(outcome is Outcome.PASSED for outcome in printer.outcomes)
    click.echo("\n" + messages.DEBUG_SUMMARY.format(passed=passed, total=len(printer.outcomes)))
    return printer.exit_code


def _say_busy(device: str) -> None:
    click.echo(messages.CHECK_GPU_BUSY.format(device=device), err=True)


def _show_source(submission: Submission) -> None:
    """Let debuggers find the student's lines; they look a file up by its whole path."""
    for source in submission.sources:
        lines = source.text.splitlines(keepends=True)
        linecache.cache[os.path.abspath(source.name)] = (len(source.text), None, lines, source.name)


def _print_check(check: CheckResult) -> None:
    click.echo(f"{check.outcome:<9} {printable(check.title)} ({check.id})")
    lines = check.message.splitlines()
    lines += [str(line) for figure in check.figures for line in figure_lines(figure, WIDTH - 4)]
    for frame in check.frames:
        lines.append(messages.DEBUG_FRAME.format(file=frame.file, line=frame.line, function=frame.function))
        lines.append(f"    {frame.code}")
    for line in lines:
        click.echo("    " + printable(line))


def _end(message: str, exit_code: int) -> int:
    click.echo(messages.CLI_ERROR.format(message=message), err=True)
    return exit_code


@click.command()
@click.argument("root", type=click.Path(path_type=Path))
@click.argument("slug")
@click.option("--submission", type=click.Path(path_type=Path), help=messages.CLI_OPTION_SUBMISSION)
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), help=messages.CLI_OPTION_SEED)
@click.option("-k", "keyword", default="", help=messages.CLI_OPTION_KEYWORD)
@click.option("--device", help=messages.CLI_OPTION_DEVICE)
@click.option("--lang", type=click.Choice(LANGUAGES), default=ENGLISH, help=messages.CLI_OPTION_LANG)
def main(
    root: Path, slug: str, submission: Path | None, seed: int | None, keyword: str, device: str | None, lang: str
) -> None:
    """Judge one's own code in this process, without a fence, so that breakpoint() works."""
    language.use(lang)
    try:
        exercise = load_exercise(load_course(root.resolve()), slug)
        click.echo(messages.DEBUG_HEADING.format(slug=exercise.slug) + "\n")
        seed = exercise.course.seed if seed is None else seed
        device = device or ("cpu" if "cpu" in exercise.devices else exercise.devices[0])
        code = debug(exercise, read_submission(exercise, submission), seed, keyword, device)
    except GraderError as error:
        code = _end(str(error), error.exit_code)
    sys.exit(code)


if __name__ == "__main__":
    main()
