"""From the rows of a store to the class as it stands: today's points, overrides, the late policy, what is open.

Owns what a standing says. Reads rows through the store and knows no SQL; judges nothing and runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from grader import messages
from grader.classroom.cells import Cells, in_cells
from grader.classroom.diff import CheckThen, Difference, Snapshot, compare
from grader.classroom.handin import Student
from grader.classroom.rescore import rescored, score_of, standing_overrides
from grader.classroom.rows import AttemptRow, HandinRow, JudgementRow, PlanRow
from grader.classroom.view import Attempt, ClassView, Comment, Lateness, Override, RunInfo, Standing
from grader.course import Course, load_exercise
from grader.errors import UsageError
from grader.results import ExerciseResult, Outcome
from grader.submission import Submission

if TYPE_CHECKING:
    from grader.classroom.store import Store

Key = tuple[str, str]
Late = Callable[[ClassView], ClassView]
"""Puts lateness and counted points into every standing."""


def class_view(store: Store, course: Course, late: Late | None) -> ClassView:
    """Return the class as it stands now.

    Raises:
        UsageError: nothing was graded yet.
    """
    run = store.last_run()
    if run is None:
        raise UsageError(messages.STORE_EMPTY.format(folder=store.folder))
    plans = _Plans(store.plans())
    handins = {(row.student, row.exercise): row for row in store.handins()}
    graded = {exercise for _, exercise in handins}
    exercises = tuple(load_exercise(course, slug) for slug in course.slugs() if slug in graded)
    students = tuple(store.students())
    maker = _Maker(store, plans, handins)
    standings = {
        (student.id, exercise.slug): maker.standing(student, exercise.slug)
        for exercise in exercises
        for student in students
    }
    maxima = {exercise.slug: plans.max_score(exercise.slug) or exercise.points for exercise in exercises}
    unplaced = tuple(store.unplaced())
    view = ClassView(course, exercises, students, standings, maxima, run, unplaced, store.layout())
    return late(view) if late is not None else view


def attempts_of(store: Store, student: str, exercise: str) -> list[Attempt]:
    """Return everything that was ever judged of a student in an exercise, under today's points, the oldest first."""
    plans, made = _Plans(store.plans()), []
    for row in store.attempts(student, exercise):
        judgement = store.judgement(row.judgement)
        result = in_cells(plans.applied(judgement), _cells_of(store, row, judgement))
        at = datetime.fromisoformat(judgement.at)
        made.append(Attempt(row.number, row.run, at, judgement.wall_s, result, row.why))
    return made


def stored_submission(store: Store, student: str, exercise: str) -> Submission | str | None:
    """Return what a student handed in last: its files, the sentence why they cannot be read, or None for nothing."""
    row = _last_handin(store, student, exercise)
    if row is None:
        return None
    return store.submissions()[row.submission] if row.submission is not None else row.rest.problem


def stored_cells(store: Store, student: str, exercise: str) -> Cells:
    """Return where the lines of these files came from in notebooks."""
    row = _last_handin(store, student, exercise)
    return row.rest.cells if row else {}


def _last_handin(store: Store, student: str, exercise: str) -> HandinRow | None:
    rows = [row for row in store.handins() if (row.student, row.exercise) == (student, exercise)]
    return rows[-1] if rows else None


def _cells_of(store: Store, attempt: AttemptRow, judgement: JudgementRow) -> Cells:
    """Return the map of the notebooks that were judged then; what was handed in since may be others."""
    row = store.handin_of(attempt.student, attempt.exercise, judgement.files)
    return row.rest.cells if row else {}


def difference(store: Store, before: RunInfo, after: RunInfo) -> Difference:
    """Compare two runs. The newest one is taken as it is now, with the overrides given since."""
    last = store.last_run()
    return compare(
        before,
        after,
        snapshots(store, before),
        snapshots(store, None if last is not None and after.id == last.id else after),
    )


def snapshots(store: Store, run: RunInfo | None) -> dict[Key, Snapshot]:
    """Return how everybody stood at the end of a run, with the points and overrides of then; None means now."""
    id, end = (run.id, run.ended_at) if run is not None else (None, None)
    plans = _Plans(store.plans(id))
    given: dict[Key, list[Override]] = {}
    for one in store.overrides(end):
        given.setdefault((one.student, one.exercise), []).append(one)
    standing = store.standing(id)
    order = [*standing, *(key for key in given if key not in standing)]
    return {key: _snapshot(store, plans, standing.get(key), given.get(key, [])) for key in order}


def _snapshot(store: Store, plans: _Plans, attempt: AttemptRow | None, given: list[Override]) -> Snapshot:
    overrides = tuple(sorted((one.check, one.points) for one in given))
    if attempt is None:
        return Snapshot(score_of(None, given), overrides=overrides)
    judgement = store.judgement(attempt.judgement)
    result = plans.applied(judgement)
    about = (judgement.id, judgement.files, judgement.judging, judgement.seed, attempt.why)
    return Snapshot(score_of(result, given), _checks_then(result), *about, overrides=overrides)


def _checks_then(result: ExerciseResult) -> dict[str, CheckThen]:
    """Return every check as it ended; of several devices the first that did not pass."""
    then: dict[str, CheckThen] = {}
    for check in result.checks:
        known = then.get(check.id)
        if known is None or (known.outcome in (Outcome.PASSED, Outcome.PENDING) and check.outcome != Outcome.PENDING):
            then[check.id] = CheckThen(check.outcome, check.points, check.max_points)
    return then


class _Plans:
    """What checks are worth: the newest plan of each way of judging, and of each exercise."""

    def __init__(self, plans: Iterable[PlanRow]) -> None:
        in_order = list(plans)
        self._by_judging = {(plan.exercise, plan.judging): plan for plan in in_order}
        self._newest = {plan.exercise: plan for plan in in_order}

    def applied(self, judgement: JudgementRow) -> ExerciseResult:
        """Return a stored result under today's points, if today's suite still judges in the same way."""
        plan = self._by_judging.get((judgement.exercise, judgement.judging))
        return rescored(judgement.result, plan.worth) if plan else judgement.result

    def is_stale(self, judgement: JudgementRow) -> bool:
        """Whether another suite, or one that judges in another way, was in use after it."""
        newest = self._newest.get(judgement.exercise)
        return newest is not None and newest.judging != judgement.judging

    def max_score(self, exercise: str) -> float:
        """Return what can be earned in an exercise today."""
        plan = self._newest.get(exercise)
        return round(sum(plan.worth.values()), 6) if plan else 0.0


@dataclass
class _Said:
    """What people said about a student in an exercise."""

    overrides: list[Override]
    comments: list[Comment]


class _Maker:
    """Makes standings; reads what many of them need once."""

    def __init__(self, store: Store, plans: _Plans, handins: Mapping[Key, HandinRow]) -> None:
        self._store, self._plans, self._handins = store, plans, handins
        self._submissions, self._attempts = store.submissions(), store.standing()
        self._said: dict[Key, _Said] = {}
        for one in store.overrides():
            self._about((one.student, one.exercise)).overrides.append(one)
        for comment in store.comments():
            self._about((comment.student, comment.exercise)).comments.append(comment)

    def standing(self, student: Student, exercise: str) -> Standing:
        """Return how a student stands in an exercise."""
        handin, attempt = self._handins.get((student.id, exercise)), self._attempts.get((student.id, exercise))
        judgement = self._store.judgement(attempt.judgement) if attempt else None
        result = self._plans.applied(judgement) if judgement else None
        said = self._said.get((student.id, exercise), _Said([], []))
        overrides = standing_overrides(said.overrides)
        points = score_of(result, overrides)
        told = handin.rest if handin else None
        if attempt and judgement and result:
            is_newest = handin is not None and handin.submission == judgement.files
            result = in_cells(result, told.cells if told and is_newest else _cells_of(self._store, attempt, judgement))
        stale = (messages.STANDING_STALE,) if judgement and self._plans.is_stale(judgement) else ()
        return Standing(
            student,
            exercise,
            result=result,
            score=points,
            counted=points,
            open=result is not None and points is None,
            handed_in=handin is not None,
            origin=told.origin if told else "",
            problem=told.problem if told else "",
            submitted_at=told.submitted_at if told else None,
            times=told.times if told else 0,
            notes=told.notes if told else (),
            lateness=Lateness(marked=told.marked_late if told else False),
            evidence=judgement.evidence if judgement else {},
            overrides=overrides,
            comments=tuple(said.comments),
            sources=self._sources(handin),
            attempts=attempt.number if attempt else 0,
            trouble=_trouble(judgement, result, stale),
        )

    def _about(self, key: Key) -> _Said:
        return self._said.setdefault(key, _Said([], []))

    def _sources(self, handin: HandinRow | None) -> dict[str, str]:
        if handin is None or handin.submission is None:
            return {}
        return {source.name: source.text for source in self._submissions[handin.submission].sources}


def _trouble(judgement: JudgementRow | None, result: ExerciseResult | None, stale: tuple[str, ...]) -> str:
    """Return what an instructor should know of how this result came about."""
    if judgement is None or result is None:
        return ""
    ours = [judgement.trouble] if result.our_failures and judgement.trouble else []
    return " ".join([*ours, *stale])
