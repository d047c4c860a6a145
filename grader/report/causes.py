"""What stands between a student and full points: checks of one id together, and failures with one cause together.

Owns which failure is shown first. Makes no sentence and no markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from grader import messages
from grader.results import CheckResult, Outcome
from grader.score import earned

_OPEN = (Outcome.PENDING, Outcome.NOT_RUN, Outcome.ERROR)

# Of one check's entries on several devices the lowest speaks for all; what is not here can be fixed and comes first.
_RANKS = {Outcome.BLOCKED: 1, Outcome.ERROR: 2, Outcome.NOT_RUN: 2, Outcome.PASSED: 3, Outcome.PENDING: 4}


def is_silent(check: CheckResult) -> bool:
    """Whether nothing is said of why a check did not pass, as with hidden checks of which only the outcome is shown."""
    return check.message.strip() in ("", messages.OUTCOME_ONLY)


@dataclass(frozen=True)
class Item:
    """One check with its entries for all devices; points belong to the check, not to a device."""

    index: int
    entries: tuple[CheckResult, ...]

    @cached_property
    def check(self) -> CheckResult:
        """The entry that says most: one that did not pass, then one that did, then one that waits for a device."""

        return min(self.entries, key=lambda entry: _RANKS.get(entry.outcome, 0))

    @property
    def others(self) -> list[CheckResult]:
        """Further entries that did not pass and say something else than the first."""
        said = self.check.outcome, self.check.message
        quiet = (Outcome.PASSED, Outcome.PENDING)
        return [one for one in self.entries if one.outcome not in quiet and (one.outcome, one.message) != said]

    @property
    def outcome(self) -> Outcome:
        """How the check ended, over all devices."""
        return self.check.outcome

    @property
    def max_points(self) -> float:
        """What the check is worth, once, on however many devices it is judged."""
        return self.entries[0].max_points

    @property
    def points(self) -> float:
        """What was earned on every device that judged it."""
        return earned(self.entries)

    @property
    def lost(self) -> float:
        """What is still to be had."""
        return max(0.0, self.max_points - self.points)


@dataclass(frozen=True)
class Cause:
    """Checks that ended for one and the same reason, and those that wait for one of them."""

    items: tuple[Item, ...]
    waiting: tuple[Item, ...]

    @property
    def check(self) -> CheckResult:
        """The check that speaks for all."""
        return self.items[0].check

    @property
    def lost(self) -> float:
        """The points it costs itself."""
        return _total(item.lost for item in self.items)

    @property
    def held(self) -> float:
        """The points that wait for it."""
        return _total(item.lost for item in self.waiting)


@dataclass(frozen=True)
class Sorted:
    """All checks of a result, each in exactly one place."""

    causes: tuple[Cause, ...]
    """What to fix: the most rewarding, then the others in the order of the suite, then what is not written yet."""
    blocked: tuple[Item, ...]
    open: tuple[Item, ...]
    passed: tuple[Item, ...]

    @property
    def items(self) -> list[Item]:
        """All checks in the order of the page."""
        return [item for cause in self.causes for item in cause.items] + [*self.blocked, *self.open, *self.passed]


def sort_checks(checks: Iterable[CheckResult]) -> Sorted:
    """Put every check where it belongs on the page."""
    items = _items(checks)
    blocked = tuple(item for item in items if item.outcome is Outcome.BLOCKED)
    unjudged = tuple(item for item in items if item.outcome in _OPEN)
    passed = tuple(item for item in items if item.outcome is Outcome.PASSED)
    placed = {item.index for item in (*blocked, *unjudged, *passed)}
    causes = _causes([item for item in items if item.index not in placed], blocked)
    return Sorted(tuple(_in_order(causes)), blocked, unjudged, passed)


def _items(checks: Iterable[CheckResult]) -> list[Item]:
    by_id: dict[str, list[CheckResult]] = {}
    for check in checks:
        by_id.setdefault(check.id, []).append(check)
    return [Item(index, tuple(entries)) for index, entries in enumerate(by_id.values())]


def _causes(failing: list[Item], blocked: tuple[Item, ...]) -> list[Cause]:
    groups: dict[object, list[Item]] = {}
    for item in failing:
        groups.setdefault(_reason(item), []).append(item)
    roots = _roots(blocked)
    causes = []
    for items in groups.values():
        names = {name for item in items for name in _names(item)}
        causes.append(Cause(tuple(items), tuple(item for item in blocked if roots[item.index] in names)))
    return causes


def _reason(item: Item) -> object:
    """Return what is equal for checks that ended for one reason; an unknown wrong value is always one of its own."""
    check = item.check
    if check.diagnosis:
        return check.diagnosis.misconception
    if check.outcome is Outcome.FAILED or is_silent(check) or item.others:
        return item.index
    if check.outcome is Outcome.TIMEOUT:  # where a loop happened to stand says nothing; who was called does
        return check.outcome, check.message, tuple(frame.function for frame in check.frames[:1])
    return check.outcome, check.message, tuple(check.frames[-1:])  # the line itself; how it was reached may differ


def _roots(blocked: tuple[Item, ...]) -> dict[int, str]:
    """Return, by index, the name of the check at the end of each chain of waiting ones."""
    waits = {name: item.check.blocked_by or "" for item in blocked for name in _names(item)}
    roots = {}
    for item in blocked:
        name, seen = item.check.blocked_by or "", set[str]()
        while name in waits and name not in seen:
            seen.add(name)
            name = waits[name]
        roots[item.index] = name
    return roots


def _names(item: Item) -> tuple[str, str]:
    """Return the names by which others may need a check: its id, and its function without the parameters."""
    return item.check.id, item.check.id.partition("[")[0]


def _in_order(causes: list[Cause]) -> list[Cause]:
    """Put what is wrong before what is not written; a stub is written from its top, whatever that earns."""
    unwritten = [cause for cause in causes if cause.check.outcome is Outcome.TODO]
    wrong = [cause for cause in causes if cause.check.outcome is not Outcome.TODO]
    first = max(wrong, key=_reward, default=None)
    return [*sorted(wrong, key=lambda cause: cause is not first), *sorted(unwritten, key=_place)]


def _place(cause: Cause) -> tuple[str, int]:
    frames = cause.check.frames
    return (frames[-1].file, frames[-1].line) if frames else ("", 0)


def _reward(cause: Cause) -> tuple[float, bool]:
    """Prefer what unblocks the most points, and of equals what we can say something about."""
    return cause.lost + cause.held, not is_silent(cause.check)


def _total(points: Iterable[float]) -> float:
    return round(math.fsum(points), 6)
