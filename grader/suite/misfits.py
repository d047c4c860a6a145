"""From the place where a trace leaves a pattern to a sentence in the words of a training loop.

Owns what is said of each fact. Pure, on events. Says what was left out where that explains the event, else what was
due instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from grader import messages
from grader.suite.patterns import Event, Misfit, Wanted, due_now, left_out


class Trace(NamedTuple):
    """All events, and the places among them of those that a pattern speaks of."""

    events: Sequence[Event]
    relevant: Sequence[int]

    def before(self, place: int) -> Sequence[Event]:
        """Return everything that happened before the relevant event at this place."""
        return self.events[: self.relevant[place]]

    def until(self, place: int) -> Sequence[Event]:
        """Return everything up to the relevant event before this place, which still was as it should be."""
        return self.events[: self.relevant[place - 1] + 1] if place else ()


def sentence(label: str, trace: Trace, found: Misfit) -> str:
    """Say what is wrong with a trace at the place where it leaves its pattern."""
    if not trace.relevant and not found.place:
        return messages.TRACE_NOTHING.format(label=label)
    previous = trace.events[trace.relevant[found.place - 1]] if found.place else None
    due = _listed([_word(wanted.kind) for wanted in due_now(found.due)], messages.TRACE_OR)
    facts = {"label": label, "before": _word(previous.kind) if previous else "", "due": due}
    if found.place == len(trace.relevant):
        return messages.TRACE_ENDED.format(where=_where(trace.events), **facts)
    event, earlier = trace.events[trace.relevant[found.place]], trace.before(found.place)
    alike = [wanted for wanted in due_now(found.due) if wanted.kind == event.kind]
    if alike:
        wanted = min(alike, key=lambda one: len(one.differing(event)))
        where, how = _where([*earlier, event]), _how(wanted, event, earlier)
        return messages.TRACE_OTHERWISE.format(label=label, where=where, how=how)
    facts |= {"where": _where(trace.until(found.place)), "event": _word(event.kind)}
    facts |= {"again": messages.TRACE_AGAIN if previous and previous.kind == event.kind else ""}
    if missing := [_word(wanted.kind) for wanted in left_out(found.due, event)]:
        form = messages.TRACE_LEFT_OUT if previous else messages.TRACE_BEGINS_LATE
        return form.format(missing=_listed(missing, messages.TRACE_OR), **facts)
    if not due:
        return messages.TRACE_TOO_MUCH.format(**facts)
    return (messages.TRACE_NOT_DUE if previous else messages.TRACE_BEGINS_WRONG).format(**facts)


def held(events: Sequence[Event]) -> list[Event]:
    """Return the backward passes whose gradients are there after these events."""
    found: list[Event] = []
    for event in events:
        if event.kind == "zero_grad" and fact(event, "clear"):
            found = []
        elif event.kind == "backward":
            found.append(event)
    return found


def fact(event: Event, name: str) -> Any:
    """Return a fact of an event, None where it has none of that name."""
    return (event.facts or {}).get(name)


# --- what was otherwise ----------------------------------------------------------------------------------------------


class _Otherwise(NamedTuple):
    """An event of the right kind of which one fact is not as it should be."""

    name: str
    wanted: Any
    event: Event
    earlier: Sequence[Event]

    @property
    def got(self) -> Any:
        """The fact as it was."""
        return fact(self.event, self.name)


def _how(wanted: Wanted, event: Event, earlier: Sequence[Event]) -> str:
    """Say how an event differs; of several facts the one that explains most."""
    name = min(wanted.differing(event), key=lambda one: [*_SAID, one].index(one))
    return _SAID.get(name, _any_fact)(_Otherwise(name, dict(wanted.facts)[name], event, earlier))


def _training(case: _Otherwise) -> str:
    return messages.TRACE_NOT_TRAINING if case.wanted else messages.TRACE_TRAINING


def _grad(case: _Otherwise) -> str:
    return messages.TRACE_NO_GRAD if case.wanted else messages.TRACE_GRAD


def _device(case: _Otherwise) -> str:
    return messages.TRACE_DEVICE.format(got=case.got, wanted=case.wanted)


def _data(case: _Otherwise) -> str:
    if case.got is None:
        return messages.TRACE_NO_BATCH.format(event=_word(case.event.kind))
    return messages.TRACE_DATA.format(got=case.got, wanted=case.wanted)


def _batch(case: _Otherwise) -> str:
    event = _word(case.event.kind)
    if case.got is None:
        return messages.TRACE_NO_BATCH.format(event=event)
    form = messages.TRACE_OTHER_BATCH if case.name == "batch" else messages.TRACE_OTHER_EPOCH
    return form.format(event=event, got=case.got, wanted=case.wanted)


def _holds(case: _Otherwise) -> str:
    """Say what is wrong with the gradients that are there: before a backward pass, or when a step uses them."""
    if case.event.kind == "backward":
        if case.got < case.wanted:
            return messages.TRACE_CLEARED_EARLY
        named = [_batch_name(one, case.event) for one in held(case.earlier)[case.wanted :]]
        return messages.TRACE_STILL_THERE.format(earlier=_listed([*dict.fromkeys(named)], messages.TRACE_AND))
    if case.got:
        form = messages.TRACE_STEP_EARLY if case.got < case.wanted else messages.TRACE_STEP_LATE
        return form.format(got=case.got, wanted=case.wanted)
    since_step = [event.kind for event in case.earlier]
    since_step = since_step[len(since_step) - since_step[::-1].index("step") :] if "step" in since_step else since_step
    return messages.TRACE_ERASED if "backward" in since_step else messages.TRACE_NO_GRADIENT


def _moved(case: _Otherwise) -> str:
    return messages.TRACE_UNMOVED if case.wanted else _any_fact(case)


def _clear(case: _Otherwise) -> str:
    return messages.TRACE_NOT_CLEAR if case.wanted else _any_fact(case)


def _rate(case: _Otherwise) -> str:
    return messages.TRACE_RATE.format(event=_word(case.event.kind))


def _any_fact(case: _Otherwise) -> str:
    return messages.TRACE_FACT.format(event=_word(case.event.kind), fact=case.name, got=case.got)


# In this order: what comes first explains what follows from it.
_SAID: Mapping[str, Callable[[_Otherwise], str]] = {
    "device": _device,
    "training": _training,
    "grad": _grad,
    "data": _data,
    "epoch": _batch,
    "batch": _batch,
    "holds": _holds,
    "moved": _moved,
    "clear": _clear,
    "lr": _rate,
}


# --- words -----------------------------------------------------------------------------------------------------------


def _word(kind: str) -> str:
    """Return what a student calls an event: mostly the name of the method."""
    if kind == "scheduler":
        return "scheduler.step"
    return {"update": messages.TRACE_UPDATE, "optimizer": messages.TRACE_OPTIMIZER}.get(kind, kind)


def _listed(words: Sequence[str], last: str) -> str:
    """Return "a, b or c"."""
    words = [*dict.fromkeys(words)]
    return last.join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _batch_name(event: Event, now: Event) -> str:
    batch, epoch = fact(event, "batch"), fact(event, "epoch")
    if batch is None:
        return messages.TRACE_EARLIER
    if epoch == fact(now, "epoch"):
        return messages.TRACE_BATCH.format(batch=batch)
    return messages.TRACE_BATCH_OF_EPOCH.format(batch=batch, epoch=epoch)


def _where(events: Sequence[Event]) -> str:
    """Say in which batch the last of these events happened; the epoch is named once there was a second one."""
    with_batch = [event for event in events if fact(event, "batch") is not None]
    if not with_batch:
        return ""
    batch, epoch = fact(with_batch[-1], "batch"), fact(with_batch[-1], "epoch")
    if epoch == 1:
        return messages.TRACE_IN_BATCH.format(batch=batch)
    return messages.TRACE_IN_EPOCH.format(batch=batch, epoch=epoch)
