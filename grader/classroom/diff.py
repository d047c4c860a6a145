"""Two runs of a class compared: who moved, by how much, which checks changed, and why.

Pure functions on plain data; `store` makes the snapshots, whoever shows a `Difference` owns the words for its reasons.
Invariant: what moved has at least one reason, and what did not move is only counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from grader.classroom.view import RunInfo
from grader.results import Outcome

Key = tuple[str, str]
"""A student's id and the slug of an exercise."""


class Why(StrEnum):
    """Why a student stands differently in an exercise."""

    NEW = "new"  # nothing was handed in, or nothing judged, at the earlier run
    SUBMISSION = "submission"  # other files were handed in
    SUITE = "suite"  # the suite, or what it judges by, was changed
    POINTS = "points"  # checks are worth something else; nothing was judged again
    SEED = "seed"
    RETRY = "retry"  # a failure of ours, judged again
    TIMEOUT = "timeout"  # judged again, alone
    OVERRIDE = "override"  # a person gave other points
    ENVIRONMENT = "environment"  # another grader, Python, torch, device, language or fence


@dataclass(frozen=True)
class CheckThen:
    """A check at one run: of several devices the worst outcome, and the points it earned of those it could earn."""

    outcome: Outcome
    points: float
    max_points: float


@dataclass(frozen=True)
class Snapshot:
    """How a student stood in an exercise at the end of a run.

    `score` is with overrides, None where the result is open. `judgement` is the store's number of what stood then,
    `files`, `suite`, `seed` are what it was judged with; `suite` ignores points. `why` is the attempt's.
    """

    score: float | None
    checks: Mapping[str, CheckThen] = field(default_factory=dict)
    judgement: int = 0
    files: str = ""
    suite: str = ""
    seed: int = 0
    why: str = ""
    overrides: tuple[tuple[str, float], ...] = ()  # check (empty: the exercise) and points, sorted


@dataclass(frozen=True)
class CheckChange:
    """A check that ended differently or earned something else; None for one that was not there."""

    check: str
    before: CheckThen | None
    after: CheckThen | None


@dataclass(frozen=True)
class Move:
    """One student in one exercise, then and now. A score is None where the result was open or nothing was judged."""

    student: str
    exercise: str
    before: float | None
    after: float | None
    why: tuple[Why, ...]
    checks: tuple[CheckChange, ...]

    @property
    def by(self) -> float | None:
        """How many points it went up; None where there is no number on one side."""
        return None if self.before is None or self.after is None else round(self.after - self.before, 6)


@dataclass(frozen=True)
class Difference:
    """Two runs of one store. `moves` in the order of students, then exercises; `unchanged` counts all others."""

    before: RunInfo
    after: RunInfo
    moves: tuple[Move, ...]
    unchanged: int


def compare(before: RunInfo, after: RunInfo, then: Mapping[Key, Snapshot], now: Mapping[Key, Snapshot]) -> Difference:
    """Return what differs. Whoever is in neither, or in both alike, has not moved."""
    moves = [move for key in _keys(then, now) if (move := _move(key, then.get(key), now.get(key))) is not None]
    return Difference(before, after, tuple(moves), len({*then, *now}) - len(moves))


def _keys(then: Mapping[Key, Snapshot], now: Mapping[Key, Snapshot]) -> list[Key]:
    return [*now, *(key for key in then if key not in now)]


def _move(key: Key, then: Snapshot | None, now: Snapshot | None) -> Move | None:
    changes = tuple(_changes(then.checks if then else {}, now.checks if now else {}))
    before, after = then.score if then else None, now.score if now else None
    if not changes and before == after and (then is None) == (now is None):
        return None
    return Move(*key, before, after, tuple(_reasons(then, now)) or (Why.ENVIRONMENT,), changes)


def _changes(then: Mapping[str, CheckThen], now: Mapping[str, CheckThen]) -> Iterator[CheckChange]:
    for check in [*now, *(check for check in then if check not in now)]:
        if then.get(check) != now.get(check):
            yield CheckChange(check, then.get(check), now.get(check))


def _reasons(then: Snapshot | None, now: Snapshot | None) -> Iterator[Why]:
    if then is None or now is None or not then.judgement or not now.judgement:
        yield Why.NEW
    elif then.judgement != now.judgement:
        yield from _why_judged_again(then, now)
    elif {id: one.max_points for id, one in then.checks.items()} != {
        id: one.max_points for id, one in now.checks.items()
    }:
        yield Why.POINTS
    if then is not None and now is not None and then.overrides != now.overrides:
        yield Why.OVERRIDE


def _why_judged_again(then: Snapshot, now: Snapshot) -> Iterator[Why]:
    """Yield everything that differs; what was judged again with all the same was a retry of one kind or the other."""
    differs = {
        Why.SUBMISSION: then.files != now.files,
        Why.SUITE: then.suite != now.suite,
        Why.SEED: then.seed != now.seed,
    }
    reasons = [why for why, is_so in differs.items() if is_so]
    if not reasons:
        reasons = [Why(now.why) if now.why in (Why.RETRY, Why.TIMEOUT) else Why.ENVIRONMENT]
    yield from reasons
