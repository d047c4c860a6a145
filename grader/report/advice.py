"""What to do next: the first sentence of a page, why its first thing to fix comes first, what the outcomes mean.

Owns the wording for whole results; knows neither markup nor single failures.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader import messages
from grader.place import place_of
from grader.report.causes import Cause, Sorted
from grader.results import Outcome
from grader.score import number


def next_sentence(placed: Sorted) -> str:
    """Return the first sentence of the page: what to do now."""
    if not placed.causes:
        return _nothing_to_fix(placed)
    first = placed.causes[0]
    gain = _gain(first)
    if first.check.outcome is Outcome.REJECTED and len(placed.causes) == 1:
        return messages.REPORT_NEXT_REJECTED
    if first.check.outcome is Outcome.TODO and first.check.frames:
        what = messages.REPORT_WHAT_FUNCTION.format(function=first.check.frames[-1].function)
        nothing_yet = not placed.passed and all_unwritten(placed.causes)
        form = messages.REPORT_NEXT_UNWRITTEN if nothing_yet else messages.REPORT_NEXT_WRITE
        return form.format(what=what, gain=gain)
    if len(first.items) > 1 and len(first.items) == len(placed.items):
        return messages.REPORT_NEXT_ALL.format(checks=checks(len(first.items)))
    return messages.REPORT_NEXT_FIX.format(what=_what(first), gain=gain)


def _what(cause: Cause) -> str:
    """Name a cause: a known mistake stands below, a line that several checks end at has a place, a check a title."""
    check = cause.check
    if check.diagnosis:
        return messages.REPORT_WHAT_MISTAKE
    if len(cause.items) > 1 and check.frames:
        return place_of(check.frames[-1])
    return messages.REPORT_WHAT_CHECK.format(title=(check.title or check.id).rstrip(".。"))


def _nothing_to_fix(placed: Sorted) -> str:
    ours = [item for item in placed.open if item.outcome is not Outcome.PENDING]
    if ours:
        return messages.REPORT_NEXT_OURS.format(checks=checks(len(ours)))
    return messages.REPORT_NEXT_PENDING if placed.open else messages.REPORT_NEXT_DONE


def _gain(cause: Cause) -> str:
    """Say what a cause costs and holds back."""
    lost, held, waiting = points(cause.lost), points(cause.held), checks(len(cause.waiting))
    if cause.held and cause.lost:
        return messages.REPORT_GAIN_HOLDS.format(points=lost, checks=waiting, held=held)
    if cause.held:
        return messages.REPORT_GAIN_ONLY_HOLDS.format(checks=waiting, held=held)
    return messages.REPORT_GAIN.format(points=lost) if cause.lost else messages.REPORT_GAIN_NOTHING


def side_of_first(cause: Cause) -> list[str]:
    """Return why the first thing to fix comes first: what it is worth and what waits for it."""
    sentences = [messages.REPORT_FIRST_WORTH.format(points=points(cause.lost))] if cause.lost else []
    if len(cause.waiting) == 1:
        sentences.append(messages.REPORT_FIRST_HOLDS_ONE.format(held=points(cause.held)))
    elif cause.waiting:
        sentences.append(messages.REPORT_FIRST_HOLDS.format(checks=checks(len(cause.waiting)), held=points(cause.held)))
    return sentences


def all_unwritten(causes: Iterable[Cause]) -> bool:
    """Whether there are causes and each of them is a function that is still to be written."""
    return {cause.check.outcome for cause in causes} == {Outcome.TODO}


def meaning(outcome: Outcome) -> str:
    """Return the one sentence that says what an outcome is."""
    return {
        Outcome.PASSED: messages.OUTCOME_PASSED,
        Outcome.FAILED: messages.OUTCOME_FAILED,
        Outcome.RAISED: messages.OUTCOME_RAISED,
        Outcome.FORBIDDEN: messages.OUTCOME_FORBIDDEN,
        Outcome.TODO: messages.OUTCOME_TODO,
        Outcome.TIMEOUT: messages.OUTCOME_TIMEOUT,
        Outcome.MEMORY: messages.OUTCOME_MEMORY,
        Outcome.OUTPUT: messages.OUTCOME_OUTPUT,
        Outcome.CRASHED: messages.OUTCOME_CRASHED,
        Outcome.PROTOCOL: messages.OUTCOME_PROTOCOL,
        Outcome.REJECTED: messages.OUTCOME_REJECTED,
        Outcome.BLOCKED: messages.OUTCOME_BLOCKED,
        Outcome.PENDING: messages.OUTCOME_PENDING,
        Outcome.NOT_RUN: messages.OUTCOME_NOT_RUN,
        Outcome.ERROR: messages.OUTCOME_ERROR,
    }[outcome]


def checks(count: int) -> str:
    """Return "1 check" or "3 checks"."""
    return messages.REPORT_CHECK if count == 1 else messages.REPORT_CHECKS.format(count=count)


def points(value: float) -> str:
    """Return "1 point" or "2.5 points"."""
    return messages.REPORT_POINT if value == 1 else messages.REPORT_POINTS.format(points=number(value))
