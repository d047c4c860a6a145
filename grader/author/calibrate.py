"""`grader calibrate`: train the reference many times and write down what accuracies right solutions reach.

Owns what is run and what becomes of it; the statistics are `bands`', the file `calibration`'s. Everything is run as in
any grading: other seeds, the same checks, the same fence.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from grader import messages
from grader.author.bands import FAIR, threshold
from grader.author.own_files import read_own, shown
from grader.calibration import Band, Calibration, read_calibration, write_calibration
from grader.course import Exercise
from grader.curves import envelopes
from grader.errors import CourseError, UsageError
from grader.events import PlannedCheck, Score
from grader.grade import Grader
from grader.pool import OnProgress, Pool
from grader.progress import counting_bar
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.terminal import console_for, paragraph, say
from grader.workers import Launcher

_Place = tuple[str, str]
_Scores = Mapping[_Place, tuple[Score, ...]]
_MAX_ATTEMPTS = 10


@dataclass(frozen=True)
class Calibrated:
    """What was found and where it was written."""

    bands: tuple[Band, ...]
    path: Path
    wall_s: float


@dataclass(frozen=True)
class _Run:
    """One judging of the reference."""

    seed: int
    result: ExerciseResult
    scores: _Scores


def calibrate(
    exercise: Exercise,
    tier: Tier,
    runs: int,
    devices: Sequence[str] | None,
    on_progress: OnProgress,
    zygote: Launcher | None = None,
) -> Calibrated:
    """Judge the reference with `runs` seeds, and write the bands of every calibrated check that is judged here.

    Args:
        devices: Only these; None means all that are there. What was found on other devices before is kept.
        on_progress: Called with how many runs are done, and of how many.
        zygote: What to fork from; None means one of our own.
    Raises:
        UsageError: there is no reference. CourseError: nothing is to be calibrated, the reference gives no accuracy, or
            no fair threshold follows.
    """
    if not exercise.solution_folder.is_dir():
        raise UsageError(messages.CALIBRATE_NEEDS_SOLUTIONS.format(folder=exercise.solution_folder))
    began, reference = time.monotonic(), read_own(exercise, exercise.solution_folder)
    with Pool(exercise, tier, zygote=zygote) as pool:
        ready = next(pool.map(lambda grader, _: (grader.plan, grader.circumstances.torch), [None]))
        wanted = _wanted(exercise, ready[0], devices)
        keyword = " or ".join(dict.fromkeys(planned.id.partition("[")[0] for planned in wanted))

        def measured(grader: Grader, seed: int) -> _Run:
            return _Run(seed, *grader.measure(reference, seed, keyword, devices))

        on_progress(0, runs)
        done: list[_Run] = []
        for run in pool.map(measured, range(runs)):
            _require_scores(run, wanted)
            done.append(run)
            on_progress(len(done), runs)
    bands = [band for planned in wanted for band in _bands(planned, done, ready[1])]
    # What is out of date among the others is found where it is used.
    others = {(planned.id, planned.device) for planned in ready[0]} - {(band.check, band.device) for band in bands}
    kept = [band for band in read_calibration(exercise).band if (band.check, band.device) in others]
    path = write_calibration(exercise, Calibration(band=(*kept, *bands)))
    return Calibrated(tuple(bands), path, time.monotonic() - began)


def _wanted(exercise: Exercise, plan: Iterable[PlannedCheck], devices: Sequence[str] | None) -> list[PlannedCheck]:
    found = [
        planned
        for planned in plan
        if planned.calibrated and not planned.pending and (devices is None or planned.device in devices)
    ]
    if not found:
        raise CourseError(messages.CALIBRATE_NOTHING.format(slug=exercise.slug))
    return found


def _require_scores(run: _Run, wanted: Iterable[PlannedCheck]) -> None:
    """Stop at the first run that gave no accuracy: the reference is wrong, or a limit too tight."""
    ended = {(check.id, check.device): check for check in run.result.checks}
    for planned in wanted:
        check = ended[planned.id, planned.device]
        if check.outcome is not Outcome.PASSED or not run.scores.get((planned.id, planned.device)):
            facts = {"check": check.id, "device": check.device, "seed": run.seed, "outcome": check.outcome}
            raise CourseError(messages.CALIBRATE_NO_SCORE.format(**facts, message=check.message).strip())


def _bands(planned: PlannedCheck, runs: Sequence[_Run], torch: str) -> list[Band]:
    """Return the bands of one check, one for each accuracy that it compares."""
    scores: dict[str, list[Score]] = {}
    for run in runs:
        for score in run.scores[planned.id, planned.device]:
            scores.setdefault(score.label, []).append(score)
    return [_band(planned, label, found, torch) for label, found in scores.items()]


def _band(planned: PlannedCheck, label: str, scores: Sequence[Score], torch: str) -> Band:
    origins = {score.origin for score in scores}
    if len(origins) > 1:
        raise CourseError(messages.CALIBRATE_CHANGED.format(check=planned.id, device=planned.device))
    found = threshold([score.value for score in scores], planned.attempts)
    if found.false_fail > FAIR:
        raise _unfair(planned, label, scores, found.false_fail)
    facts = {name: round(value, 6) for name, value in found._asdict().items()} | {"false_fail": found.false_fail}
    return Band(
        check=planned.id, label=label, device=planned.device, runs=len(scores), attempts=planned.attempts,
        torch=torch, origin=origins.pop(), curve=envelopes([score.history for score in scores]), **facts,
    )  # fmt: skip


def _unfair(planned: PlannedCheck, label: str, scores: Sequence[Score], false_fail: float) -> CourseError:
    values = [score.value for score in scores]
    enough = (more for more in range(2, _MAX_ATTEMPTS) if threshold(values, more).false_fail <= FAIR)
    return CourseError(
        messages.CALIBRATE_UNFAIR.format(
            label=label, check=planned.id, device=planned.device, runs=len(scores), attempts=planned.attempts,
            once=int(1 / false_fail), fair=round(1 / FAIR), more=next(enough, _MAX_ATTEMPTS),
        )
    )  # fmt: skip


def calibrate_and_show(
    exercise: Exercise, tier: Tier, runs: int, devices: Sequence[str] | None, stream: TextIO
) -> Calibrated:
    """Calibrate and print what came of it; what moves is on stderr, if a terminal. Raises: see `calibrate`."""
    with counting_bar(exercise.slug) as on_progress:
        done = calibrate(exercise, tier, runs, devices, on_progress)
    console = console_for(stream)
    heading = messages.CALIBRATE_HEADING.format(slug=exercise.slug, runs=runs, wall_s=done.wall_s)
    say(console, paragraph(heading, console, "bold"))
    for band in done.bands:
        facts = {name: getattr(band, name) for name in Band.__struct_fields__}
        say(console, paragraph(messages.CALIBRATE_BAND.format(**facts, once=int(1 / band.false_fail)), console))
    file = shown(exercise, done.path)
    say(console, paragraph(messages.CALIBRATE_WRITTEN.format(file=file), console))
    return done
