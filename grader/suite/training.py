"""Judging training loops: what happened at each step, and the numbers that came of it.

Owns the comparison of recorded events and trajectories. What was recorded on the student's side could be forged there;
the numbers could not, unless the work was done: a suite compares both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from grader import messages
from grader.sandbox.remote import GuestTools
from grader.suite import context
from grader.suite.expect import ComparisonFailed, check_and_record, expect_close, fail_received, on_cuda
from grader.suite.misfits import Trace, fact, sentence
from grader.suite.patterns import Event, Part, Pattern, event, facts_by_kind, in_order, misfit
from grader.suite.recorder import MAX_EVENTS, Recorder

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line

_PROBE = Path(__file__).with_name("recorder.py")
_SHOWN_CHARS, _NAME_CHARS = 160, 100
# float64 drifts 8e-11 in 500 steps between right ways to write a loop; a wrong one is off in the first digits.
_RTOL = 1e-8
# Sums in other orders, and operators that have no deterministic way there.
_CUDA_RTOL = 1e-6


def recorder(guest: GuestTools | None = None) -> Any:
    """Return what makes models, loaders, losses and optimisers that note what a loop does with them.

    Args:
        guest: The fixture of that name, for the student's loop; None makes one here, for the reference's. Both draw
            alike: the same calls give the same weights and the same batches.
    """
    check = context.current()
    seed = check.seed("recorder") if check else 0
    return Recorder(seed) if guest is None else guest.load(_PROBE).Recorder(seed)


def training_step(*, clip: bool = False, accumulate: int = 1, **facts: Any) -> Pattern:
    """What has to happen for one step of an optimiser, in every legal order of zero_grad.

    Args:
        clip: Whether the gradient is clipped between backward and step.
        accumulate: How many batches' gradients add up.
        facts: What else must hold of each forward pass, such as device="sim".
    """
    parts: list[Part] = []
    for before in range(accumulate):
        parts += [event("forward", training=True, grad=True, **facts), event("backward", holds=before)]
    return in_order(*parts, *(["clip"] if clip else []), event("step", holds=accumulate, moved=True))


def evaluation_step(**facts: Any) -> Pattern:
    """One batch on which nothing is learned: in evaluation mode, without gradients."""
    return event("forward", training=False, grad=False, **facts)


def expect_trace(actual: Any, pattern: Part, label: str | None = None) -> None:
    """Compare the events of a training loop with a pattern; the first one that is not legal is told.

    Events of kinds that the pattern does not speak of are passed over. What is recorded for diagnosis are the others.

    Args:
        actual: What the recorder's `events()` returned.
    Raises:
        ComparisonFailed: something happened that was not due, or not in the way it should, or something did not.
    """
    pattern = in_order(pattern)
    events = _with_gradients(_events(label or "loop", actual))
    asked = facts_by_kind(pattern)
    places = [place for place, one in enumerate(events) if one.kind in asked]
    relevant = [events[place] for place in places]
    label = check_and_record(label or "loop", _told(relevant, asked))
    if len(actual) > MAX_EVENTS:
        raise ComparisonFailed(label, messages.TRACE_TOO_LONG.format(label=label, limit=MAX_EVENTS))
    found = misfit(relevant, pattern)
    if found is not None:
        raise ComparisonFailed(label, sentence(label, Trace(events, places), found))


def expect_trajectory(actual: Any, expected: Any, rtol: float | None = None, label: str | None = None) -> None:
    """Compare loss, learning rate, parameters and buffers after each step; the first that differs is told.

    Args:
        actual, expected: What `trajectory()` of two recorders returned. What `expected` lacks is not compared.
        rtol: Norm-wise, for each tensor, on every device; None means 1e-8, in a check that is judged on cuda 1e-6.
    Raises:
        ComparisonFailed: a number differs, or there are more or fewer steps.
    """
    label = label or "training"
    if rtol is None:
        rtol = _CUDA_RTOL if on_cuda() else _RTOL
    columns = {name: _column(label, actual, name) for name in expected}
    for step, rows in enumerate(zip(*expected.values(), strict=True), start=1):
        if any(len(column) < step for column in columns.values()):
            break
        for (name, column), row in zip(columns.items(), rows, strict=True):
            _expect_step(f"{label}: {name}", column[step - 1], row, step, rtol)
    got, steps = (len(next(iter(table.values()), ())) for table in (columns, expected))
    label = check_and_record(f"{label}: steps", got, steps)
    if got != steps:
        raise ComparisonFailed(label, messages.TRAJECTORY_STEPS.format(label=label, got=got, expected=steps))


# --- events ----------------------------------------------------------------------------------------------------------


def _events(label: str, actual: Any) -> list[Event]:
    """Return what was received as events; it is whatever the other side says it is."""
    found = []
    for row in actual if isinstance(actual, list) else [None]:
        match row:
            case [str() as kind, dict() as facts] if all(map(_is_plain, [kind, *facts, *facts.values()])):
                found.append(Event(kind, facts))
            case _:
                fail_received(label, actual, messages.TRACE_UNREADABLE)
    return found


def _is_plain(value: Any) -> bool:
    """Whether a fact can be compared and shown without a second thought."""
    if isinstance(value, list):
        return all(isinstance(one, int | float) for one in value)
    return value is None or isinstance(value, int | float) or (isinstance(value, str) and len(value) <= _NAME_CHARS)


def _with_gradients(events: Sequence[Event]) -> list[Event]:
    """Return the events with how many gradients were there: before a backward pass, and when a step uses them.

    So a pattern need not say where zero_grad stands: what counts is what it does.
    """
    count, found = 0, []
    for one in events:
        if one.kind == "zero_grad" and fact(one, "clear"):
            count = 0
        found.append(Event(one.kind, {**(one.facts or {}), "holds": count}))
        count += one.kind == "backward"
    return found


def _told(events: Sequence[Event], asked: Mapping[str, set[str]]) -> str:
    """Return events as a text by which two loops are the same or are not: its digest, and how it begins."""
    told = " ".join(_one_told(one, asked[one.kind]) for one in events)
    return f"{hashlib.sha256(told.encode()).hexdigest()[:16]} {told[:_SHOWN_CHARS]}"


def _one_told(one: Event, names: set[str]) -> str:
    # Without a gradient, whether anything moved depends on how it was cleared, which is the same mistake.
    told = names - {"moved"} if fact(one, "holds") == 0 else names
    facts = [f"{name}={_fact_told(fact(one, name))}" for name in sorted(told)]
    return f"{one.kind}({', '.join(facts)})" if facts else one.kind


def _fact_told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(_fact_told, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


# --- trajectories ----------------------------------------------------------------------------------------------------


def _column(label: str, actual: Any, name: str) -> list[Any]:
    """Return one kind of numbers, step by step; what was received is whatever the other side says it is."""
    column = actual.get(name) if isinstance(actual, dict) else None
    if not isinstance(column, list):
        fail_received(label, actual, messages.TRACE_UNREADABLE)
    return column


def _expect_step(label: str, got: Any, wanted: Any, step: int, rtol: float) -> None:
    """Compare what one step left: a number, several, or tensors by name."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            part = got.get(name) if isinstance(got, dict) else None
            _expect_step(f"{label} {name}", part, value, step, rtol)
        return
    if wanted is None:
        return
    label = f"{label} after step {step}"
    if got is None:
        fail_received(label, None, messages.TRAJECTORY_LACKS)
    try:
        expect_close(_numbers(got), _numbers(wanted), rtol, label)
    except ComparisonFailed as failed:
        before = messages.TRAJECTORY_BEFORE if step > 2 else messages.TRAJECTORY_BEFORE_ONE if step == 2 else ""
        raise ComparisonFailed(failed.label, failed.message + before.format(count=step - 1), failed.differs) from None


def _numbers(value: Any) -> Any:
    """Return a list of numbers, such as the learning rates of all groups, as a tensor."""
    is_list = isinstance(value, list) and all(isinstance(one, int | float) for one in value)
    return torch.tensor(value, dtype=torch.float64) if is_list else value
