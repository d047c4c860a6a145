"""`once`: an expensive result that several checks of one submission look at, computed by the first that asks.

Owns what may be shared (values) and what a shared failure means. Invariant: a check ends alike whether it computed the
result itself or found it there; so the draws inside depend on the key, and those after it on the check and the key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
from torch import Tensor

from grader import messages
from grader.errors import CourseError, GuestLost, ProxyMisuse, SubmissionError
from grader.sandbox import autograd
from grader.sandbox.remote import Remote
from grader.suite import context
from grader.suite.expect import ComparisonFailed

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line


def once(key: str, fn: Callable[[], Any]) -> Any:
    """Return what `fn` returned when a check of this submission first asked for `key` on this device.

    Shared are values (tensors without their graph, arrays, numbers, text, lists, tuples, dicts), copied for each check,
    and failures: an exception of the student's, a limit that was hit or a failed comparison inside `fn` is raised again
    in every check that asks. A public check and a hidden one do not share: they draw differently. The time counts for
    the check that asks first. After a judge was lost, the next one computes anew.

    Raises:
        CourseError: the result holds something that stays on the student's side, or an object of the suite's own.
        StudentRaised, GuestLost, ComparisonFailed: `fn` ended so, now or before.
    """
    check = context.required()
    place = (check.device, check.draws_key, key)
    if place in check.shared:
        for made in check.shared[place].comparisons:
            check.record(made.label, made.actual, made.expected)
    else:
        check.shared[place] = _computed(check, key, fn)
    shared = check.shared[place]
    if isinstance(shared.failure, GuestLost):
        check.session.lost = shared.failure  # sticks, as it did in the check in which it happened
        raise shared.failure
    check.draw_for(f"{check.id} after {key}")
    if shared.failure is not None:
        raise shared.failure.with_traceback(None)
    return _copied(key, shared.value)


def _computed(check: context.Check, key: str, fn: Callable[[], Any]) -> context.Shared:
    """Call `fn`; what is nobody's but our own fault is not shared, as it is tried again."""
    before = len(check.comparisons)
    value: object = None
    failure: BaseException | None = None
    try:
        check.draw_for(f"once {key}")
        value = _copied(key, fn())
    except ComparisonFailed as error:
        error.differs = None  # a public check that asks must not show what a hidden one that asked before expected
        failure = error
    except (SubmissionError, GuestLost) as error:
        failure = error
    except ProxyMisuse as error:
        if error.received is None:
            raise
        failure = error
    return context.Shared(value, failure, tuple(check.comparisons[before:]))


def _copied(key: str, value: object) -> Any:
    """Return a copy that no check can change for another.

    Raises:
        CourseError: there is something in it that is no value.
    """
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            return value
        case Tensor():
            copy = value.detach().clone()
            autograd.keep_device(copy, value)
            return copy
        case numpy.ndarray():
            return value.copy()
        case list():
            return [_copied(key, item) for item in value]
        case tuple():
            return tuple(_copied(key, item) for item in value)
        case dict():
            return {name: _copied(key, item) for name, item in value.items()}
        case Remote():
            # Where it is what the student returned, they returned something that no suite can read.
            text = messages.ONCE_SHARES_VALUES.format(key=key, type=value.type_name)
            raise ProxyMisuse(text, value.received_type)
    raise CourseError(messages.ONCE_SHARES_VALUES.format(key=key, type=type(value).__name__))
