"""Runs a grading or the doctor and prints what comes of it, line by line as it happens.

Shared by the commands. Owns the order of what is printed; `terminal` owns how it looks and `progress` what
moves. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from grader import language, messages
from grader.classroom.cells import in_cells
from grader.course import Exercise
from grader.diagnosis.bench import named
from grader.doctor import Finding, how_started, primitives, problems, software, tier_is_enough, trials
from grader.errors import InfrastructureError, SubmissionRejected
from grader.grade import Grader
from grader.machine import advice, facts
from grader.merge import merge
from grader.progress import RunningLine
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.sandbox.fence import Tier, strongest_tier
from grader.score import number
from grader.state import remember, trouble
from grader.submission import Submission, read_submission
from grader.terminal import (
    check_line,
    console_for,
    detail_lines,
    heading_lines,
    indented,
    next_lines,
    paragraph,
    say,
    summary_lines,
    yes_no_lines,
)
from grader.unjudged import why_absent
from grader.workers import Launcher, can_fork


@dataclass(frozen=True)
class Wanted:
    """What is to be checked and how; `command` is what leads to the same again.

    `seed` None means the course's, `devices` None every listed one that is present; `earlier` is merged in; without
    `has_html` a student with something to fix is told how to get the report; `as_student` shows an author what students
    get to see, and no more; `given` was read already, and is no file of this machine's user; `cells` are those of the
    notebooks that it was made of.
    """

    tier: Tier
    command: str
    path: Path | None = None
    seed: int | None = None
    keyword: str = ""
    devices: tuple[str, ...] | None = None
    earlier: ExerciseResult | None = None
    has_html: bool = False
    as_student: bool = False
    given: Submission | SubmissionRejected | None = None
    cells: Mapping[str, Sequence[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """What came of it: the result, and the text of every file that was judged, by name."""

    result: ExerciseResult
    sources: Mapping[str, str] = field(default_factory=dict)


def check_and_show(exercise: Exercise, wanted: Wanted, stream: TextIO) -> Checked:
    """Read one submission, judge it, print each check as it ends and at the end what to look at first.

    Raises:
        UsageError: the path does not exist, or the earlier result is about something else.
        CourseError, InfrastructureError: see `Grader`.
    """
    submission = _read(exercise, wanted.path) if wanted.given is None else wanted.given
    console = console_for(stream)
    seed = _seed(exercise, wanted)
    say(console, heading_lines(exercise.slug, exercise.title, wanted.tier, seed, console))
    if wanted.as_student:
        say(console, [*indented(messages.PREVIEW.format(level=exercise.feedback.hidden), console), ""])
    grader = Grader(exercise, wanted.tier)
    with RunningLine(console) as running:
        grader.on_prepare = running.prepares
        with grader:
            require_devices(grader, wanted.devices)
            judged = _judge(grader, submission, wanted, console, running)
    is_own = (
        wanted.path is None and wanted.given is None
    )  # hints are about a student's own files, not about any that were looked at
    hint = f"grader hint {exercise.course.short_name(exercise.slug)}" if is_own or wanted.as_student else ""
    result = _conclude(judged, wanted, console, hint, _hidden_points(exercise, judged.result))
    if is_own:
        if said := trouble(exercise.course.root):
            say(console, paragraph(said, console))
        remember(exercise.course.root, result, language.current(), is_part=bool(wanted.keyword))
    return Checked(result, _sources(submission))


def require_devices(grader: Grader, devices: tuple[str, ...] | None) -> None:
    """Refuse to go on where everything was asked for on a device that is not here.

    Raises:
        InfrastructureError: it says what is lacking.
    """
    asked = [planned for planned in grader.plan if devices is None or planned.device in devices]
    if devices is not None and asked and all(planned.pending for planned in asked):
        torch = grader.circumstances.torch
        reasons = {planned.device: why_absent(planned.device, planned.lacks, torch) for planned in asked}
        raise InfrastructureError(
            messages.CLI_NO_DEVICE.format(device=", ".join(reasons), why=" ".join(reasons.values()))
        )


def grade_and_show(grader: Grader, submission: Submission, wanted: Wanted, console: Console) -> Checked:
    """Do the same with a grader that is already there, without a heading."""
    with RunningLine(console) as running:
        judged = _judge(grader, submission, wanted, console, running)
    return Checked(_conclude(judged, wanted, console), _sources(submission))


def _read(exercise: Exercise, path: Path | None) -> Submission | SubmissionRejected:
    try:
        return read_submission(exercise, path)
    except SubmissionRejected as rejected:
        return rejected  # it gets a result like any other, in which every check says why


def _seed(exercise: Exercise, wanted: Wanted) -> int:
    return exercise.course.seed if wanted.seed is None else wanted.seed


def _sources(submission: Submission | SubmissionRejected) -> dict[str, str]:
    if isinstance(submission, SubmissionRejected):
        return {}
    return {source.name: source.text for source in submission.sources}


@dataclass(frozen=True)
class _Judged:
    """A result, and the last words of what judged where it was the one that failed."""

    result: ExerciseResult
    our_fault: str = ""


def _judge(
    grader: Grader, submission: Submission | SubmissionRejected, wanted: Wanted, console: Console, running: RunningLine
) -> _Judged:
    """Judge and print one line per check, those last that only the result knows of: pending ones, for example."""
    shown: set[tuple[str, str]] = set()

    def on_check(check: CheckResult) -> None:
        shown.add((check.id, check.device))
        say(console, [check_line(check, console)])

    seed = _seed(grader.exercise, wanted)
    if isinstance(submission, SubmissionRejected):
        result = grader.reject(submission, seed=seed, on_check=on_check, keyword=wanted.keyword, devices=wanted.devices)
    else:
        judgement = grader.judge(
            submission,
            seed=seed,
            on_check=on_check,
            on_begin=running.began,
            keyword=wanted.keyword,
            devices=wanted.devices,
        )
        result = named(grader, judgement, running.learns) if _has_names(wanted, grader.exercise) else judgement.result
    for check in result.checks:
        if (check.id, check.device) not in shown:
            on_check(check)
    failed = any(check.outcome is Outcome.ERROR for check in result.checks)
    return _Judged(result, (grader.log().splitlines() or ["?"])[-1] if failed else "")


def _has_names(wanted: Wanted, exercise: Exercise) -> bool:
    """Whether mistakes are named: a student's copy of the course knows them for the course's seed only."""
    return not wanted.as_student or _seed(exercise, wanted) == exercise.course.seed


def _hidden_points(exercise: Exercise, result: ExerciseResult) -> float:
    """Return what the checks are worth that a student's copy of the course does not have."""
    return 0.0 if exercise.hidden_folder.is_dir() else max(exercise.points - result.max_score, 0.0)


def _conclude(
    judged: _Judged, wanted: Wanted, console: Console, hint: str = "", hidden_points: float = 0.0
) -> ExerciseResult:
    """Merge what is to be merged and print everything that stands below the checks; `hint` is what asks for one."""
    result = judged.result if wanted.earlier is None else merge(judged.result, wanted.earlier)
    result = in_cells(result, wanted.cells)
    say(console, detail_lines(result, console, hint, wanted.as_student))
    say(console, next_lines(result, wanted.command, wanted.has_html, console, wanted.as_student))
    say(console, summary_lines(result, console, is_part=bool(wanted.keyword)))
    if hidden_points and not wanted.keyword:
        say(console, paragraph(messages.CHECK_HIDDEN_LATER.format(points=number(hidden_points)), console))
    if judged.our_fault:
        say(console, ["", *indented(messages.CLI_OUR_FAULT.format(reason=judged.our_fault), console)])
    return result


def show_doctor(needed: Tier | None, stream: TextIO, launcher: Launcher | None = None) -> bool:
    """Print what this machine offers; return whether that is less than what is needed.

    Args:
        needed: The tier that must be there; None means any that other people's code may be graded at.
        launcher: What student code is started from; None means what this system has.
    Raises:
        InfrastructureError: a guest could not be started.
    """
    console = console_for(stream)
    found = software()
    show_findings(messages.DOCTOR_VERSIONS, found, console)
    show_findings(messages.DOCTOR_PRIMITIVES, primitives(), console)
    tier, enough = strongest_tier(), tier_is_enough(needed)
    say(console, [messages.DOCTOR_TIER.format(tier=tier)])
    if not enough and needed is None:
        say(console, indented(messages.DOCTOR_NO_TIER, console))
    say(console, [line for sentence in how_started(launcher) for line in indented(sentence, console)])
    if why := advice(facts(tier)):
        say(console, indented(why, console))
    say(console)
    tried = tier if needed is None or not enough else needed
    may_try = (tried is not Tier.NONE or not can_fork(launcher)) and all(finding.good for finding in found)
    witnessed, devices = trials(tried, launcher) if may_try else ([], [])
    if may_try:
        show_findings(messages.DOCTOR_DEVICES, devices, console)
    if witnessed:
        show_denials(messages.DOCTOR_DENIALS.format(tier=tried), witnessed, console)
    if not may_try:
        say(console, [messages.DOCTOR_NOT_TRIED, ""])
    bad = problems([*found, *devices], enough, needed, witnessed)
    verdict = messages.DOCTOR_BAD.format(problems=", ".join(bad)) if bad else messages.DOCTOR_GOOD
    say(console, paragraph(verdict, console, "bold"))
    return bool(bad)


def show_findings(heading: str, findings: Iterable[Finding], console: Console) -> None:
    """Print a heading and one yes or no per finding."""
    say(console, [Text(heading, "bold"), *yes_no_lines(_rows(findings), console), ""])


def show_denials(heading: str, findings: Iterable[Finding], console: Console) -> None:
    """Print a heading and, for each thing that was tried, whether it was denied."""
    words = (messages.DOCTOR_DENIED, messages.DOCTOR_ALLOWED)
    say(console, [Text(heading, "bold"), *yes_no_lines(_rows(findings), console, words), ""])


def _rows(findings: Iterable[Finding]) -> list[tuple[bool, str, str]]:
    return [(finding.good, finding.text, finding.advice) for finding in findings]
