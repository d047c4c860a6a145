"""Accuracies with a fair threshold: any of a few trainings has to reach what right solutions reach.

Owns the rule and what is told of it. Where the threshold comes from is `grader calibrate`'s. Labels stay here: what
student code sends are predictions, and this side counts.
Source: why one threshold for one run is unfair, and k of them are not: K. Jordan, arXiv:2304.01910 (variance of
training); D2L's own assertions on accuracy fail now and then (d2l-ai/d2l-en#1701).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from grader import messages
from grader.calibration import Band, Origin, data_digest, read_calibration, reference_digest, suite_digest
from grader.course import Exercise
from grader.curves import History, curves
from grader.errors import CourseError
from grader.events import Score
from grader.results import Envelope
from grader.suite import context
from grader.suite.expect import ComparisonFailed, type_name
from grader.suite.history import NoHistory, history_of

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line

_DIGITS = 1000
Run = Callable[[], tuple[Any, Any] | tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Bands:
    """What the accuracies of one check are compared with on its device; while measuring, with nothing."""

    exercise: Exercise
    attempts: int
    suite: str
    reference: str
    known: Mapping[str, Band]
    measuring: bool = False

    def band(self, label: str, data: str) -> Band:
        """Return the band of a comparison.

        Raises:
            CourseError: there is none, or the data sets were others.
        """
        if label not in self.known:
            raise _not_calibrated(self.exercise, messages.CALIBRATION_LACKS.format(label=label))
        if self.known[label].origin.data != data:
            raise _not_calibrated(self.exercise, messages.CALIBRATION_OLD_DATA.format(label=label))
        return self.known[label]


def bands_of(
    exercise: Exercise, check: str, test_file: Path, device: str, attempts: int, *, measuring: bool = False
) -> Bands:
    """Return what a check that is marked as calibrated is compared with.

    Raises:
        CourseError: it was not calibrated on this device, or its file or our solution have changed since.
    """
    suite, reference = suite_digest(exercise, test_file), reference_digest(exercise)
    known = {} if measuring else read_calibration(exercise).of(check, device)
    if not known and not measuring:
        raise _not_calibrated(exercise, messages.CALIBRATION_MISSING.format(check=check, device=device))
    for band in known.values():
        if band.origin.suite != suite or band.attempts != attempts:
            raise _not_calibrated(exercise, messages.CALIBRATION_OLD_SUITE.format(check=check))
        if reference and band.origin.reference != reference:
            raise _not_calibrated(exercise, messages.CALIBRATION_OLD_REFERENCE.format(check=check))
    return Bands(exercise, attempts, suite, reference, known, measuring)


def expect_accuracy(run: Run, label: str = "accuracy") -> None:
    """Train and predict, at most as often as `@calibrated()` allows; once the share of right predictions must reach it.

    Args:
        run: Trains, and returns (predictions, labels). All that it draws, from `rng` and in student code, is drawn anew
            for each attempt. The labels of what is predicted must not be sent to student code. It may return a third
            thing: the history {name: one number per epoch} that the student's code returned. Nothing hangs on that; it
            is shown beside what right solutions do.
        label: What the student knows the accuracy as.
    Shapes:
        predictions, labels: (N,) whole numbers.
    Raises:
        ComparisonFailed: every attempt missed the threshold, or the predictions have another form.
        CourseError: the check has no `@calibrated()`, or there is no calibration for it: run `grader calibrate`.
    """
    check = context.required()
    bands = check.bands
    if bands is None:
        raise CourseError(messages.ACCURACY_NEEDS_MARK.format(check=check.id))
    if bands.measuring:
        check.draw_for(f"{check.id} {label} 1")
        check.scores.append(_measured(check, bands, label, run()))
    else:
        _judge(check, bands, label, run)
    check.draw_for(f"{check.id} after {label}")


def _judge(check: context.Check, bands: Bands, label: str, run: Run) -> None:
    scores: list[float] = []
    told = _Told()
    for attempt in range(1, bands.attempts + 1):
        check.draw_for(f"{check.id} {label} {attempt}")
        predictions, labels, *history = _parts(check, run())
        scores.append(_share(label, predictions, labels))
        band = bands.band(label, data_digest(check.data))
        told.add(history, band.curve)
        if is_reached := scores[-1] >= band.threshold:
            break
    if drawn := curves(label, told.histories, band.curve):
        check.curves.append(drawn)
    form = messages.ACCURACY_REACHED if is_reached else messages.ACCURACY_MISSED
    said = "\n".join([_said(form, label, band, scores), *told.problems])
    if not is_reached:
        raise ComparisonFailed(label, said)
    check.notes.append(said)


@dataclass
class _Told:
    """What student code said of its trainings, as far as it can be drawn, and why the rest cannot."""

    histories: list[History] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)

    def add(self, history: list[Any], known: Mapping[str, Envelope]) -> None:
        """Read what came with one training, if the suite passes it on."""
        for given in history:
            try:
                self.histories.append(history_of(given, known))
            except NoHistory as problem:
                self.problems[messages.HISTORY_LEFT_OUT.format(problem=problem)] = None


def _measured(check: context.Check, bands: Bands, label: str, returned: Any) -> Score:
    """Return what one training of the reference is worth for a calibration; its history must be one."""
    predictions, labels, *history = _parts(check, returned)
    share = _share(label, predictions, labels)
    try:
        told = history_of(history[0], {}) if history else {}
        for name, line in told.items():
            if not all(map(math.isfinite, line)):
                raise NoHistory(messages.HISTORY_NOT_FINITE.format(name=name))
    except NoHistory as problem:
        raise CourseError(messages.HISTORY_OF_REFERENCE.format(check=check.id, problem=problem)) from None
    return Score(label, share, Origin(bands.suite, bands.reference, data_digest(check.data)), told)


def _parts(check: context.Check, returned: Any) -> tuple[Any, ...]:
    if not isinstance(returned, tuple) or len(returned) not in (2, 3):
        raise CourseError(messages.ACCURACY_PARTS.format(check=check.id))
    return returned


def _share(label: str, predictions: Any, labels: Any) -> float:
    """Return the share of right predictions once they are known to be classes."""
    wanted = torch.as_tensor(labels)
    if wanted.dim() != 1 or not len(wanted) or not _are_whole(wanted):
        raise CourseError(messages.ACCURACY_LABELS.format(label=label, shape=tuple(wanted.shape), dtype=wanted.dtype))
    if not isinstance(predictions, Tensor | numpy.ndarray):
        raise _wrong(label, messages.WRONG_TYPE, expected=messages.ACCURACY_CLASSES, actual=type_name(predictions))
    got = torch.as_tensor(predictions).detach()
    if not _are_whole(got):
        dtype = str(got.dtype).removeprefix("torch.")
        raise _wrong(label, messages.ACCURACY_NOT_CLASSES, dtype=dtype)
    if got.shape != wanted.shape:
        raise _wrong(
            label,
            messages.WRONG_SHAPE,
            expected=tuple(wanted.shape),
            actual=context.told_sizes(str(tuple(got.shape))),
            hint="",
        )
    return int((got == wanted).sum()) / len(wanted)


def _are_whole(values: Tensor) -> bool:
    return not (values.is_floating_point() or values.is_complex() or values.dtype == torch.bool)


def _wrong(label: str, template: str, **facts: object) -> ComparisonFailed:
    return ComparisonFailed(label, template.format(label=label, **facts))


def _said(template: str, label: str, band: Band, scores: list[float]) -> str:
    """Fill in a sentence about the band; scores are rounded down, so that none that missed looks as if it had not."""
    return template.format(
        label=label,
        low=_shown(band.threshold),
        high=_shown(math.ceil(band.maximum * _DIGITS) / _DIGITS),
        scores=messages.ACCURACY_AND.join(map(_shown, scores)),
        count=len(scores),
        once=int(1 / band.false_fail),
    )


def _shown(share: float) -> str:
    """Return a share with at most three digits, rounded down; what was rounded before stays as it is."""
    return f"{math.floor(share * _DIGITS + 1e-9) / _DIGITS:g}"


def _not_calibrated(exercise: Exercise, problem: str) -> CourseError:
    name = exercise.course.short_name(exercise.slug)
    return CourseError(messages.CALIBRATE_FIRST.format(problem=problem, name=name))
