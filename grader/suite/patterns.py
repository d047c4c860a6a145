"""Patterns of events: what may happen in which order, and the first event of a trace that may not.

Pure: no torch, no sentences. A pattern is a regular expression over events, matched by derivatives: after each event
there is a pattern of what may still come, so that where a trace goes wrong, what would have been right is known.
Source: J. A. Brzozowski, Derivatives of Regular Expressions, J. ACM 11 (1964); interleaving (shuffle) as usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, TypeAlias


class Event(NamedTuple):
    """Something that happened; of one whose `facts` are None only the kind is known, and every pattern of it fits."""

    kind: str
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Wanted:
    """One event of a kind, with at least these facts."""

    kind: str
    facts: tuple[tuple[str, Any], ...] = ()

    def differing(self, event: Event) -> list[str]:
        """Return the facts that an event of the kind has otherwise."""
        if event.facts is None:
            return []
        return [name for name, value in self.facts if not _same(event.facts.get(name), value)]


@dataclass(frozen=True)
class Joined:
    """One part after the other."""

    parts: tuple[Pattern, ...]


@dataclass(frozen=True)
class Choice:
    """One of the parts."""

    parts: tuple[Pattern, ...]


@dataclass(frozen=True)
class Repeated:
    """A part any number of times, also never."""

    part: Pattern


@dataclass(frozen=True)
class Mixed:
    """All parts, each in its own order, their events mixed in any way."""

    parts: tuple[Pattern, ...]


Pattern: TypeAlias = Wanted | Joined | Choice | Repeated | Mixed
Part: TypeAlias = Pattern | str
# Each is there once: `is` finds them.
END: Pattern = Joined(())
NOTHING: Pattern = Choice(())


# --- what patterns are written with ---------------------------------------------------------------------------------


def event(kind: str, **facts: Any) -> Pattern:
    """One event, such as `event("forward", training=True)`; a plain "forward" stands for one with any facts."""
    return Wanted(kind, tuple(sorted(facts.items())))


def in_order(*parts: Part) -> Pattern:
    """One after the other."""
    return reduce(lambda after, part: _then(_pattern(part), _parts(after)), reversed(parts), END)


def in_any_order(*parts: Part) -> Pattern:
    """All of them, mixed in any way."""
    return _mixed(map(_pattern, parts))


def either(*parts: Part) -> Pattern:
    """One of them."""
    return _one_of(map(_pattern, parts))


def maybe(part: Part) -> Pattern:
    """It, or nothing."""
    return _one_of((_pattern(part), END))


def times(count: int, part: Part) -> Pattern:
    """It, as often as that."""
    return in_order(*[part] * count)


def any_number(part: Part) -> Pattern:
    """It again and again, or never."""
    return Repeated(_pattern(part))


def some(part: Part) -> Pattern:
    """It once or more."""
    return in_order(part, any_number(part))


# --- matching --------------------------------------------------------------------------------------------------------


class Misfit(NamedTuple):
    """Where a trace leaves a pattern: the event's place (its length: the trace ended too early) and what was due."""

    place: int
    due: Pattern


def misfit(events: Sequence[Event], pattern: Pattern) -> Misfit | None:
    """Return where the events first leave the pattern, None if they are one of its orders."""
    due = pattern
    for place, happened in enumerate(events):
        following = _after(due, happened)
        if following is NOTHING:
            return Misfit(place, due)
        due = following
    return None if _may_end(due) else Misfit(len(events), due)


def due_now(pattern: Pattern) -> list[Wanted]:
    """Return the events with which a pattern may begin, each once."""
    match pattern:
        case Wanted():
            return [pattern]
        case Repeated(part):
            return due_now(part)
        case Joined():
            return _unique(wanted for _, part in _open(pattern) for wanted in due_now(part))
        case Choice(parts) | Mixed(parts):
            return _unique(wanted for part in parts for wanted in due_now(part))


def left_out(due: Pattern, happened: Event) -> list[Wanted]:
    """Return the events of which one must have been left out, if that alone explains an event that was not due."""
    known_by_kind = Event(happened.kind)

    def explains(wanted: Wanted) -> bool:
        return _after(_after(due, Event(wanted.kind, dict(wanted.facts))), known_by_kind) is not NOTHING

    return [wanted for wanted in due_now(due) if explains(wanted)]


def facts_by_kind(pattern: Pattern) -> dict[str, set[str]]:
    """Return the kinds of events that a pattern speaks of, each with the names of the facts that it asks for."""
    found: dict[str, set[str]] = {}
    for wanted in _leaves(pattern):
        found.setdefault(wanted.kind, set()).update(name for name, _ in wanted.facts)
    return found


def _may_end(pattern: Pattern) -> bool:
    """Whether nothing more needs to happen."""
    match pattern:
        case Wanted():
            return False
        case Repeated():
            return True
        case Choice(parts):
            return any(map(_may_end, parts))
        case Joined(parts) | Mixed(parts):
            return all(map(_may_end, parts))


def _after(pattern: Pattern, event: Event) -> Pattern:
    """Return what may still happen after this event, NOTHING if the event may not happen now."""
    match pattern:
        case Wanted():
            return END if event.kind == pattern.kind and not pattern.differing(event) else NOTHING
        case Repeated(part):
            return _then(_after(part, event), (pattern,))
        case Choice(parts):
            return _one_of(_after(part, event) for part in parts)
        case Joined(parts):
            return _one_of(_then(_after(part, event), parts[place + 1 :]) for place, part in _open(pattern))
        case Mixed(parts):
            changed = [(*parts[:place], _after(part, event), *parts[place + 1 :]) for place, part in enumerate(parts)]
            return _one_of(map(_mixed, changed))


def _open(pattern: Joined) -> Iterator[tuple[int, Pattern]]:
    """Yield the parts that may come next: the first, and as long as those before may end, the following ones."""
    for place, part in enumerate(pattern.parts):
        yield place, part
        if not _may_end(part):
            return


def _leaves(pattern: Pattern) -> Iterator[Wanted]:
    match pattern:
        case Wanted():
            yield pattern
        case Repeated(part):
            yield from _leaves(part)
        case Joined(parts) | Choice(parts) | Mixed(parts):
            for part in parts:
                yield from _leaves(part)


def _same(got: object, wanted: object) -> bool:
    if isinstance(wanted, float) and isinstance(got, int | float):
        return math.isclose(got, wanted, rel_tol=1e-9)
    if isinstance(wanted, list | tuple) and isinstance(got, list | tuple):
        return len(got) == len(wanted) and all(map(_same, got, wanted))
    return type(got) is type(wanted) and got == wanted


# --- making patterns: without parts that are empty, impossible or there twice ----------------------------------------


def _pattern(part: Part) -> Pattern:
    return event(part) if isinstance(part, str) else part


def _then(first: Pattern, rest: tuple[Pattern, ...]) -> Pattern:
    if first is NOTHING:
        return NOTHING
    parts = _parts(first) + rest
    return (parts[0] if len(parts) == 1 else Joined(parts)) if parts else END


def _parts(pattern: Pattern) -> tuple[Pattern, ...]:
    return pattern.parts if isinstance(pattern, Joined) else (pattern,)


def _mixed(parts: Iterable[Pattern]) -> Pattern:
    kept = tuple(part for part in parts if part is not END)
    if any(part is NOTHING for part in kept):
        return NOTHING
    return Mixed(kept) if len(kept) > 1 else in_order(*kept)


def _one_of(parts: Iterable[Pattern]) -> Pattern:
    flat = [one for part in parts for one in (part.parts if isinstance(part, Choice) else (part,))]
    kept = tuple(one for place, one in enumerate(flat) if one not in flat[:place])
    return (kept[0] if len(kept) == 1 else Choice(kept)) if kept else NOTHING


def _unique(wanted: Iterable[Wanted]) -> list[Wanted]:
    found: list[Wanted] = []
    for one in wanted:
        found += [one] if one not in found else []
    return found
