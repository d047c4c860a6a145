"""The marks of a check and how they are read back: points, needs, limits, devices.

Owns their spelling and the sentences for a wrong one. Functions, not `pytest.mark.x`, so that editors know them.
"""

from __future__ import annotations

from typing import Any

import pytest

from grader import messages
from grader.errors import CourseError
from grader.events import Visibility
from grader.language import titles
from grader.suite.plan import SuiteCheck

DESCRIPTIONS = (
    "points(n): what the check is worth; for a parametrised check the total of all its parameters",
    "needs(*names): test functions that must have passed, with all their parameters, or the check is blocked",
    "limits(check_wall_s=…): a deadline of the check's own",
    "devices(*names): where the check runs, if not on every device of exercise.toml",
    "calibrated(attempts=4): the check compares an accuracy; `grader calibrate` says with what",
)
_REFUSED = ("skip", "skipif", "xfail")


def points(n: float) -> pytest.MarkDecorator:
    """Say what a check is worth; a parametrised check shares it among its parameters. Without it: 0."""
    return pytest.mark.points(n)


def needs(*names: str) -> pytest.MarkDecorator:
    """Name test functions that must have passed before, or this check is blocked."""
    return pytest.mark.needs(*names)


def limits(*, check_wall_s: float) -> pytest.MarkDecorator:
    """Give a check a deadline of its own, in seconds."""
    return pytest.mark.limits(check_wall_s=check_wall_s)


def devices(*names: str) -> pytest.MarkDecorator:
    """Say where a check runs; without it on every device that exercise.toml lists."""
    return pytest.mark.devices(*names)


def calibrated(*, attempts: int = 4) -> pytest.MarkDecorator:
    """Say that a check trains and compares an accuracy: judged last, in no mutant run, with a calibrated threshold.

    Args:
        attempts: How often it may train; one that reaches the threshold is enough.
    """
    return pytest.mark.calibrated(attempts=attempts)


def describe(item: pytest.Item, visibility: Visibility, where: str) -> SuiteCheck:
    """Read one collected test function.

    Raises:
        CourseError: no docstring, a skip or xfail, or a mark used wrongly; the message begins with `where`.
    """
    if not isinstance(item, pytest.Function):
        raise CourseError(messages.CHECK_NOT_A_FUNCTION.format(where=where, id=item.name))
    for name in _REFUSED:
        if item.get_closest_marker(name):
            raise CourseError(messages.CHECK_SKIPPED.format(where=where, id=item.name, how=name))
    title, twins = titles(item.function.__doc__ or "")
    if not title:
        raise CourseError(messages.CHECK_WITHOUT_TITLE.format(where=where, id=item.name))
    return SuiteCheck(
        id=item.name,
        function=item.originalname,
        title=title,
        visibility=visibility,
        where=where,
        points=_number(item, "points", where, default=0.0),
        needs=_names(item, "needs", where),
        check_wall_s=_number(item, "limits", where, key="check_wall_s", default=None),
        devices=_names(item, "devices", where) or None,
        attempts=_attempts(item, visibility, where),
        twins=twins,
    )


def _number(item: pytest.Item, name: str, where: str, default: Any, key: str | None = None) -> Any:
    mark = item.get_closest_marker(name)
    if mark is None:
        return default
    given = list(mark.args) if key is None else [value for word, value in mark.kwargs.items() if word == key]
    complete = len(mark.args) + len(mark.kwargs) == len(given) == 1
    if not complete or isinstance(given[0], bool) or not isinstance(given[0], int | float) or not given[0] >= 0:
        wanted = "one number" if key is None else f"{key}=seconds"
        raise CourseError(messages.MARK_WRONG.format(where=where, mark=name, wanted=wanted))
    return float(given[0])


def _attempts(item: pytest.Item, visibility: Visibility, where: str) -> int:
    if item.get_closest_marker("calibrated") is None:
        return 0
    attempts = _number(item, "calibrated", where, key="attempts", default=0)
    if attempts < 1 or attempts != int(attempts):
        raise CourseError(messages.MARK_WRONG.format(where=where, mark="calibrated", wanted="attempts=1 or more"))
    if visibility == "public":
        raise CourseError(messages.CALIBRATED_PUBLIC.format(where=where, id=item.name))
    return int(attempts)


def _names(item: pytest.Item, name: str, where: str) -> tuple[str, ...]:
    found: list[str] = []
    for mark in item.iter_markers(name):
        if mark.kwargs or not mark.args or not all(isinstance(word, str) for word in mark.args):
            raise CourseError(messages.MARK_WRONG.format(where=where, mark=name, wanted="names as strings"))
        found += mark.args
    return tuple(dict.fromkeys(found))
