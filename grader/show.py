"""Runs a grading or the doctor and prints what comes of it, line by line as it happens.

Shared by the commands and the demo. Owns the order of what is printed; `terminal` owns how it looks. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

import click

from grader import messages
from grader.course import Exercise
from grader.doctor import Finding, denials, primitives, problems, software, tier_is_enough
from grader.errors import SubmissionRejected
from grader.grade import Grader, OnCheck
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.sandbox.fence import Tier, strongest_tier
from grader.submission import Submission, read_submission
from grader.terminal import CheckPrinter, Screen, heading_lines, indented, summary_lines, yes_no_lines


def check_and_show(
    exercise: Exercise, path: Path | None, seed: int | None, tier: Tier, stream: TextIO
) -> ExerciseResult:
    """Read one submission, judge it and print each check as it ends.

    Raises:
        UsageError: `path` does not exist.
        CourseError, InfrastructureError: see `Grader`.
    """
    seed = exercise.course.seed if seed is None else seed
    submission = _read(exercise, path)
    _say(heading_lines(exercise.slug, exercise.title, tier, seed, Screen.of(stream)), stream)
    with Grader(exercise, tier) as grader:
        if isinstance(submission, SubmissionRejected):
            rejected = submission
            return _show(lambda on_check: grader.reject(rejected, seed=seed, on_check=on_check), stream)
        return grade_and_show(grader, submission, seed, stream)


def _read(exercise: Exercise, path: Path | None) -> Submission | SubmissionRejected:
    try:
        return read_submission(exercise, path)
    except SubmissionRejected as rejected:
        return rejected  # it gets a result like any other, in which every check says why


def grade_and_show(grader: Grader, submission: Submission, seed: int, stream: TextIO) -> ExerciseResult:
    """Judge a submission with a grader that is already there, and print checks and summary."""
    result = _show(lambda on_check: grader.grade(submission, seed=seed, on_check=on_check), stream)
    if any(check.outcome is Outcome.ERROR for check in result.checks):
        reason = (grader.log().splitlines() or [""])[-1]
        _say(["", *indented(messages.CLI_OUR_FAULT.format(reason=reason), Screen.of(stream))], stream)
    return result


def _show(judge: Callable[[OnCheck], ExerciseResult], stream: TextIO) -> ExerciseResult:
    screen = Screen.of(stream)
    printer = CheckPrinter(screen)
    shown: set[tuple[str, str]] = set()

    def on_check(check: CheckResult) -> None:
        shown.add((check.id, check.device))
        _say(printer.lines(check), stream)

    result = judge(on_check)
    for check in result.checks:
        if (check.id, check.device) not in shown:  # pending, or lost with a judge: only the result knows of it
            on_check(check)
    _say(summary_lines(result, screen), stream)
    return result


def show_doctor(needed: Tier | None, stream: TextIO) -> bool:
    """Print what this machine offers; return whether that is less than what is needed.

    Args:
        needed: The tier that must be there; None means any that other people's code may be graded at.
    Raises:
        InfrastructureError: a guest could not be started.
    """
    screen = Screen.of(stream)
    found = software()
    show_findings(messages.DOCTOR_VERSIONS, found, stream)
    show_findings(messages.DOCTOR_PRIMITIVES, primitives(), stream)
    tier, enough = strongest_tier(), tier_is_enough(needed)
    _say([messages.DOCTOR_TIER.format(tier=tier)], stream)
    if not enough and needed is None:
        _say(indented(messages.DOCTOR_NO_TIER, screen), stream)
    _say([""], stream)
    tried = tier if needed is None or not enough else needed
    witnessed = denials(tried) if tried is not Tier.NONE and all(finding.good for finding in found) else []
    if witnessed:
        show_denials(messages.DOCTOR_DENIALS.format(tier=tried), witnessed, stream)
    else:
        _say([messages.DOCTOR_NOT_TRIED, ""], stream)
    bad = problems(found, enough, needed, witnessed)
    verdict = messages.DOCTOR_BAD.format(problems=", ".join(bad)) if bad else messages.DOCTOR_GOOD
    _say([screen.paint(verdict, bold=True)], stream)
    return bool(bad)


def show_findings(heading: str, findings: Iterable[Finding], stream: TextIO) -> None:
    """Print a heading and one yes or no per finding."""
    screen = Screen.of(stream)
    _say([screen.paint(heading, bold=True), *yes_no_lines(_rows(findings), screen), ""], stream)


def show_denials(heading: str, findings: Iterable[Finding], stream: TextIO) -> None:
    """Print a heading and, for each thing that was tried, whether it was denied."""
    screen = Screen.of(stream)
    words = (messages.DOCTOR_DENIED, messages.DOCTOR_ALLOWED)
    _say([screen.paint(heading, bold=True), *yes_no_lines(_rows(findings), screen, words), ""], stream)


def _rows(findings: Iterable[Finding]) -> list[tuple[bool, str, str]]:
    return [(finding.good, finding.text, finding.advice) for finding in findings]


def _say(lines: Iterable[str], stream: TextIO) -> None:
    for line in lines:
        # `color=True`: whether to colour was decided when the line was made.
        click.echo(line, file=stream, color=True)
