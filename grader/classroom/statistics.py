"""The numbers of a class: scores, how hard each check is and how well it tells students apart, how reliable all are.

Pure, on a `ClassView`; the standard library's `statistics` does the sums. What is open, or was never handed in, is
left out of everything that is said of checks; a total counts what was not handed in as 0. A number that too few
students support is None, never a guess.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

from grader.classroom.view import ClassView, Standing
from grader.results import OUR_FAILURES, CheckResult, Outcome
from grader.score import earned, entries_by_id, outcome_of

LEAST_STUDENTS = 10
"""Below this, discrimination and alpha are accidents."""
LEAST_ITEMS = 2
LOW_DISCRIMINATION = 0.2
MOST_BINS = 12
_EPS = 1e-9
_Id = TypeVar("_Id")


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some numbers."""

    count: int
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram: from `low` to under `high`; the last one includes its upper end."""

    low: float
    high: float
    count: int


class Mark(NamedTuple):
    """How one student ended in one check, over all devices that judged it."""

    outcome: Outcome
    points: float
    max_points: float
    wall_s: float

    @property
    def passed(self) -> bool:
        """Whether it passed wherever it was judged."""
        return self.outcome is Outcome.PASSED

    @property
    def judged(self) -> bool:
        """Whether it says something of the submission."""
        return self.outcome is not Outcome.PENDING and self.outcome not in OUR_FAILURES


@dataclass(frozen=True)
class Item:
    """One check over the class."""

    exercise: str
    id: str
    title: str
    visibility: str
    max_points: float
    outcomes: Mapping[Outcome, int]
    wall_s: float
    """The median over the class, in seconds."""
    discrimination: float | None
    mistakes: tuple[tuple[str, int], ...]
    """(misconception, students) of those named in this check, the most frequent first."""

    @property
    def judged(self) -> int:
        """How many students were judged."""
        return sum(self.outcomes.values())

    @property
    def difficulty(self) -> float | None:
        """The share of judged students who passed; None where nobody was judged."""
        return self.outcomes.get(Outcome.PASSED, 0) / self.judged if self.judged else None

    @property
    def is_weak(self) -> bool:
        """Whether passing it says little about the rest of the exercise."""
        return self.discrimination is not None and self.discrimination < LOW_DISCRIMINATION


@dataclass(frozen=True)
class ExerciseNumbers:
    """One exercise over the class."""

    slug: str
    max_score: float
    submitted: int
    scores: tuple[float, ...]
    items: tuple[Item, ...]
    alpha: float | None

    @cached_property
    def spread(self) -> Spread | None:
        """Median and quartiles of the scores."""
        return spread(self.scores)

    @property
    def full(self) -> int:
        """How many have full marks."""
        return sum(score >= self.max_score - _EPS for score in self.scores) if self.max_score > 0 else 0


@dataclass(frozen=True)
class Total:
    """The sum of one student's scores; `open` where one of them is still missing for a reason of ours.

    `counted` is None where nobody knows how late some of it was.
    """

    student: str
    score: float
    counted: float | None
    open: bool


def spread(values: Iterable[float]) -> Spread | None:
    """Return median and quartiles (between the numbers that are there); None of nothing."""
    found = sorted(values)
    if not found:
        return None
    if len(found) == 1:
        return Spread(1, found[0], found[0], found[0])
    low, median, high = statistics.quantiles(found, n=4, method="inclusive")
    return Spread(len(found), median, low, high)


def histogram(values: Iterable[float], top: float) -> list[Bin]:
    """Count numbers in at most twelve round steps from 0 to `top`; what lies beyond stands in the first or last."""
    step = _round_step(top if top > 0 else 1.0)
    bins = max(1, math.ceil((top if top > 0 else 1.0) / step - _EPS))
    places = Counter(min(max(int(value / step + _EPS), 0), bins - 1) for value in values)
    return [Bin(place * step, (place + 1) * step, places[place]) for place in range(bins)]


def _round_step(top: float) -> float:
    """Return the smallest of 1, 2, 5, 10, … (or tenths of these) of which twelve reach the top."""
    size = 10.0 ** math.floor(math.log10(top / MOST_BINS))
    return next(step for factor in (1, 2, 5, 10, 20) if (step := factor * size) * MOST_BINS >= top * (1 - _EPS))


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return Pearson's correlation; None where one of the two does not vary."""
    if len(xs) < LEAST_STUDENTS or min(xs) == max(xs) or max(ys) - min(ys) < _EPS:
        return None
    return statistics.correlation(xs, ys)


def discrimination(passed: Sequence[bool], points: Sequence[float], totals: Sequence[float]) -> float | None:
    """Return the corrected point-biserial correlation of passing a check with the rest of its exercise.

    The check's own points are taken out of the total, or it would correlate with itself. None below ten students, and
    where all pass or none.

    Source: R. P. Guilford and B. Fruchter, Fundamental Statistics in Psychology and Education (item-rest correlation).
    """
    rest = [round(total - own, 6) for total, own in zip(totals, points, strict=True)]
    return correlation([float(one) for one in passed], rest)


def cronbach_alpha(rows: Sequence[Sequence[float]]) -> float | None:
    """Return Cronbach's alpha of students' points; None below two checks or ten students, or if all totals agree.

    Shapes:
        rows: (students, checks).

    Source: L. J. Cronbach, Coefficient alpha and the internal structure of tests, Psychometrika 16 (1951).
    """
    count = len(rows[0]) if rows else 0
    if len(rows) < LEAST_STUDENTS or count < LEAST_ITEMS:
        return None
    whole = statistics.variance([math.fsum(row) for row in rows])
    if whole < _EPS:
        return None
    parts = math.fsum(statistics.variance(column) for column in zip(*rows, strict=True))
    return count / (count - 1) * (1 - parts / whole)


def judged(view: ClassView, exercise: str) -> list[Standing]:
    """Return the standings that statistics speak of: handed in, judged, and not open."""
    return [one for one in view.in_exercise(exercise) if one.result is not None and one.handed_in and not one.open]


def marks(standing: Standing) -> dict[str, Mark]:
    """Return how a student ended in every check, by id, in the order of the suite."""
    entries = entries_by_id(standing.result.checks if standing.result else ())
    return {id: _mark(found) for id, found in entries.items()}


def _mark(entries: list[CheckResult]) -> Mark:
    wall_s = sum(one.wall_s for one in entries if one.outcome is not Outcome.PENDING)
    return Mark(outcome_of(entries), earned(entries), entries[0].max_points, wall_s)


def exercise_numbers(view: ClassView, slug: str) -> ExerciseNumbers:
    """Return everything that is counted of one exercise."""
    found = judged(view, slug)
    by_student = [marks(one) for one in found]
    return ExerciseNumbers(
        slug=slug,
        max_score=view.max_scores.get(slug, 0.0),
        submitted=sum(one.handed_in for one in view.in_exercise(slug)),
        scores=tuple(one.score for one in found if one.score is not None),
        items=tuple(_items(slug, found, by_student)),
        alpha=cronbach_alpha(point_rows(by_student)),
    )


def class_alpha(view: ClassView) -> float | None:
    """Return alpha over all checks of all exercises, of the students whom every exercise has judged."""
    found = {slug: {one.student.id: marks(one) for one in judged(view, slug)} for slug in _slugs(view)}
    everywhere = [one.id for one in view.students if all(one.id in by for by in found.values())]
    joined = [{(slug, id): mark for slug in found for id, mark in found[slug][one].items()} for one in everywhere]
    return cronbach_alpha(point_rows(joined))


def point_rows(by_student: Sequence[Mapping[_Id, Mark]]) -> list[list[float]]:
    """Return a row of points for each student whom every check that counts has judged.

    A check that nobody was judged in (its device is missing) and one without points are no columns.
    """
    columns = list(
        dict.fromkeys(id for one in by_student for id, mark in one.items() if mark.judged and mark.max_points > 0)
    )
    return [
        [one[id].points for id in columns]
        for one in by_student
        if all(id in one and one[id].judged for id in columns) and columns
    ]


def totals(view: ClassView) -> list[Total]:
    """Return every student's total; what was not handed in counts 0."""
    return [_total(student.id, [view.of(student.id, slug) for slug in _slugs(view)]) for student in view.students]


def _total(student: str, standings: Sequence[Standing]) -> Total:
    unsettled = any(one.score is not None and one.counted is None for one in standings)
    return Total(
        student,
        score=round(math.fsum(one.score or 0.0 for one in standings), 6),
        counted=None if unsettled else round(math.fsum(one.counted or 0.0 for one in standings), 6),
        open=any(is_open(one) for one in standings),
    )


def is_open(standing: Standing) -> bool:
    """Whether something was handed in and has no score yet."""
    return standing.open or (standing.handed_in and standing.score is None)


def is_late(standing: Standing) -> bool:
    """Whether it came late, by the clock or by the platform's word."""
    late_s = standing.lateness.late_s
    return standing.lateness.marked or standing.lateness.unsettled or (late_s is not None and late_s > 0)


def _slugs(view: ClassView) -> list[str]:
    return [exercise.slug for exercise in view.exercises]


# --- checks ----------------------------------------------------------------------------------------------------------


def _items(slug: str, found: Sequence[Standing], by_student: Sequence[Mapping[str, Mark]]) -> Iterable[Item]:
    seen: dict[str, CheckResult] = {}
    named: dict[str, Counter[str]] = {}
    for standing in found:
        for check in standing.result.checks if standing.result else ():
            seen.setdefault(check.id, check)
        for id, mistake in {(one.id, one.diagnosis.misconception) for one in _diagnosed(standing) if one.diagnosis}:
            named.setdefault(id, Counter())[mistake] += 1
    totals = [math.fsum(mark.points for mark in one.values()) for one in by_student]
    for id, check in seen.items():
        frequent = sorted(named.get(id, Counter()).items(), key=lambda one: (-one[1], one[0]))
        yield _item(slug, check, [one.get(id) for one in by_student], totals, tuple(frequent))


def _diagnosed(standing: Standing) -> list[CheckResult]:
    return [check for check in standing.result.checks if check.diagnosis] if standing.result else []


def _item(
    slug: str,
    check: CheckResult,
    column: Sequence[Mark | None],
    totals: Sequence[float],
    mistakes: tuple[tuple[str, int], ...],
) -> Item:
    pairs = [(mark, total) for mark, total in zip(column, totals, strict=True) if mark is not None and mark.judged]
    those = [mark for mark, _ in pairs]
    return Item(
        exercise=slug,
        id=check.id,
        title=check.title or check.id,
        visibility=check.visibility,
        max_points=check.max_points,
        outcomes=Counter(mark.outcome for mark in those),
        wall_s=statistics.median(mark.wall_s for mark in those) if those else 0.0,
        discrimination=discrimination(
            [mark.passed for mark in those], [mark.points for mark in those], [total for _, total in pairs]
        ),
        mistakes=mistakes,
    )
