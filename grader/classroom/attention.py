"""Who needs what: results that a person has to settle, and students whom somebody should talk to.

Owns the rules. Says nothing in words; a rule's name and its facts are turned into sentences elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from grader.classroom.handin import Unplaced
from grader.classroom.statistics import Total, is_open, marks, totals
from grader.classroom.view import ClassView, Standing
from grader.results import OUR_FAILURES, CheckResult, Flag, Outcome

LOW_SHARE = 0.3
"""Of all points: below it a student is listed, whatever else is the matter."""
MISSING = 2
"""Exercises that were not handed in: one may be a choice."""


class Why(Enum):
    """Why something waits for a person, in the order in which it is shown."""

    OURS = "ours"
    NOT_JUDGED = "not judged"
    UNREADABLE = "unreadable"
    UNPLACED = "unplaced"
    UNSETTLED = "unsettled"
    FLAG = "flag"
    PENDING = "pending"


@dataclass(frozen=True)
class Matter:
    """One thing that waits for a person; which fields are filled depends on `why`."""

    why: Why
    standing: Standing | None = None
    checks: tuple[CheckResult, ...] = ()
    flag: Flag | None = None
    unplaced: Unplaced | None = None
    exercise: str = ""
    devices: tuple[str, ...] = ()
    count: int = 0


def needs_person(view: ClassView) -> list[Matter]:
    """Return everything that has to be settled by hand, the most urgent kind first."""
    found = [matter for standing in _standings(view) for matter in _matters(standing)]
    found += [Matter(Why.UNPLACED, unplaced=one) for one in view.unplaced]
    found += _pending(view)
    order = list(Why)
    return sorted(found, key=lambda one: order.index(one.why))


def _standings(view: ClassView) -> Iterator[Standing]:
    for student in view.students:
        for exercise in view.exercises:
            yield view.of(student.id, exercise.slug)


def _matters(standing: Standing) -> Iterator[Matter]:
    checks = standing.result.checks if standing.result else []
    if standing.open:
        yield Matter(Why.OURS, standing, tuple(one for one in checks if one.outcome in OUR_FAILURES))
    elif is_unreadable(standing):
        yield Matter(Why.UNREADABLE, standing, tuple(one for one in checks if one.outcome is Outcome.REJECTED)[:1])
    elif is_open(standing):
        yield Matter(Why.NOT_JUDGED, standing)
    if standing.lateness.unsettled:
        yield Matter(Why.UNSETTLED, standing)
    for flag in standing.result.flags if standing.result else ():
        yield Matter(Why.FLAG, standing, flag=flag)


def is_unreadable(standing: Standing) -> bool:
    """Whether something was handed in of which nothing could be read."""
    if standing.result is None:
        return standing.handed_in and bool(standing.problem)
    return bool(standing.result.checks) and all(one.outcome is Outcome.REJECTED for one in standing.result.checks)


def _pending(view: ClassView) -> Iterator[Matter]:
    """Yield one matter for each exercise of which checks wait for a device, not one for each student."""
    for exercise in view.exercises:
        waiting: dict[str, set[str]] = {}
        for standing in view.in_exercise(exercise.slug):
            for check in standing.result.checks if standing.result else ():
                if check.outcome is Outcome.PENDING:
                    waiting.setdefault(standing.student.id, set()).add(check.device)
        if waiting:
            devices = tuple(sorted(set().union(*waiting.values())))
            yield Matter(Why.PENDING, exercise=exercise.slug, devices=devices, count=len(waiting))


# --- students --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Help:
    """A student to talk to, and every reason that holds."""

    student: str
    nothing: bool = False
    missing: tuple[str, ...] = ()
    todo: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    total: Total | None = None
    """Where it is low."""
    scores: tuple[float, ...] = ()
    """What they reached in what they handed in."""


@dataclass(frozen=True)
class OneShort:
    """A result in which all checks but one passed."""

    student: str
    exercise: str
    check: str
    title: str


def needs_help(view: ClassView) -> list[Help]:
    """Return the students to talk to: nothing handed in, much missing, a stub handed in, unreadable, few points."""
    found = [_help(view, total) for total in totals(view)]
    listed = [one for one in found if one is not None]
    return sorted(listed, key=lambda one: (not one.nothing, not one.missing, not one.todo, not one.unreadable))


def _help(view: ClassView, total: Total) -> Help | None:
    standings = [view.of(total.student, exercise.slug) for exercise in view.exercises]
    there = [one for one in standings if one.handed_in]
    missing = tuple(one.exercise for one in standings if not one.handed_in)
    top = sum(view.max_scores.get(one.exercise, 0.0) for one in standings)
    help = Help(
        total.student,
        nothing=not there,
        missing=missing if there and len(missing) >= MISSING else (),
        todo=tuple(one.exercise for one in there if is_all_todo(one)),
        unreadable=tuple(one.exercise for one in there if is_unreadable(one)),
        total=total if there and not total.open and total.score < LOW_SHARE * top else None,
        scores=tuple(one.score for one in there if one.score is not None),
    )
    return help if help.nothing or help.missing or help.todo or help.unreadable or help.total else None


def is_all_todo(standing: Standing) -> bool:
    """Whether a stub was handed in as it is: what could be judged is unwritten, or waits for what is."""
    outcomes = {one.outcome for one in marks(standing).values()} - {Outcome.PENDING}
    return Outcome.TODO in outcomes and outcomes <= {Outcome.TODO, Outcome.BLOCKED}


def one_short(view: ClassView) -> list[OneShort]:
    """Return the results that one check separates from full marks."""
    found = []
    for standing in _standings(view):
        if standing.result is None or standing.open:
            continue
        short = [id for id, mark in marks(standing).items() if not mark.passed and mark.outcome is not Outcome.PENDING]
        if len(short) == 1 and len(standing.result.checks) > 1:
            check = next(one for one in standing.result.checks if one.id == short[0])
            found.append(OneShort(standing.student.id, standing.exercise, check.id, check.title or check.id))
    return found
