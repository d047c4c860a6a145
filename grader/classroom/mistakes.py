"""What many students of a class got wrong: the mistakes that have a name, and wrong results that agree without one.

Owns grouping and ranking. Knows no sentences and no markup; whether two results agree is `diagnosis.evidence`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.classroom.statistics import judged
from grader.classroom.view import ClassView, Standing
from grader.diagnosis.evidence import Evidence, Nearness, nearness, reach
from grader.results import CheckResult, Diagnosis, Outcome

LEAST_SHARED = 2
"""A wrong result of one student alone is no candidate for a wrong answer of its own."""
_NOT_WRONG = (Outcome.PASSED, Outcome.PENDING, Outcome.BLOCKED)


@dataclass(frozen=True)
class Mistake:
    """A misconception in one exercise, with everybody who has it."""

    exercise: str
    misconception: str
    diagnosis: Diagnosis
    students: tuple[str, ...]
    of: int
    """How many students were judged."""
    points_lost: float
    check: str
    """The id of the check in which most of them meet it first."""


@dataclass(frozen=True)
class Cluster:
    """Students whose wrong results agree within tolerance, though no known mistake explains them.

    `checks` are all in which these same students agree, the first one of the suite first.
    """

    exercise: str
    checks: tuple[str, ...]
    evidence: Evidence
    students: tuple[str, ...]
    points_lost: float


@dataclass
class _Named:
    diagnoses: Counter[tuple[str, str]] = field(default_factory=Counter)
    students: list[str] = field(default_factory=list)
    firsts: Counter[str] = field(default_factory=Counter)
    lost: float = 0.0


def known_mistakes(view: ClassView) -> list[Mistake]:
    """Return the named mistakes of all exercises: by number of students, then by points lost."""
    found: list[Mistake] = []
    for exercise in view.exercises:
        standings = judged(view, exercise.slug)
        groups: dict[str, _Named] = {}
        for standing in standings:
            _add_named(groups, standing)
        found += [_mistake(exercise.slug, name, group, len(standings)) for name, group in groups.items()]
    order = {exercise.slug: place for place, exercise in enumerate(view.exercises)}
    return sorted(found, key=lambda one: (-len(one.students), -one.points_lost, order[one.exercise], one.misconception))


def _add_named(groups: dict[str, _Named], standing: Standing) -> None:
    mine: dict[str, dict[str, CheckResult]] = {}
    for check in standing.result.checks if standing.result else ():
        if check.diagnosis:
            mine.setdefault(check.diagnosis.misconception, {}).setdefault(check.id, check)
    for name, checks in mine.items():
        group = groups.setdefault(name, _Named())
        group.students.append(standing.student.id)
        group.firsts[next(iter(checks))] += 1
        group.lost += sum(check.max_points - check.points for check in checks.values())
        group.diagnoses.update(
            (one.diagnosis.statement, one.diagnosis.hint) for one in checks.values() if one.diagnosis
        )


def _mistake(slug: str, name: str, group: _Named, of: int) -> Mistake:
    (statement, hint), _ = group.diagnoses.most_common(1)[0]
    return Mistake(
        slug,
        name,
        Diagnosis(name, statement, hint),
        tuple(group.students),
        of,
        round(group.lost, 6),
        group.firsts.most_common(1)[0][0],
    )


# --- without a name --------------------------------------------------------------------------------------------------


@dataclass
class _Group:
    evidence: Evidence
    students: list[str]
    lost: float


def unknown_clusters(view: ClassView) -> list[Cluster]:
    """Return wrong results that several students share and nothing known explains, the most frequent first."""
    found: list[Cluster] = []
    for exercise in view.exercises:
        found += _clusters_of(exercise.slug, judged(view, exercise.slug))
    return sorted(found, key=lambda one: (-len(one.students), -one.points_lost))


def _clusters_of(slug: str, standings: list[Standing]) -> Iterable[Cluster]:
    """Yield the clusters of one exercise; students who agree in several checks are one cluster, not several."""
    merged: dict[tuple[str, ...], list[tuple[str, _Group]]] = {}
    for id, unexplained in _unexplained(standings).items():
        for group in _agreeing(unexplained):
            if len(group.students) >= LEAST_SHARED:
                merged.setdefault(tuple(sorted(group.students)), []).append((id, group))
    for students, groups in merged.items():
        ids = tuple(id for id, _ in groups)
        yield Cluster(slug, ids, groups[0][1].evidence, students, round(sum(one.lost for _, one in groups), 6))


def _unexplained(standings: list[Standing]) -> dict[str, list[tuple[Evidence, str, float]]]:
    """Return (evidence, student, points lost) of every failure without a name, by check."""
    found: dict[str, list[tuple[Evidence, str, float]]] = {}
    for standing in standings:
        named = {check.id for check in standing.result.checks if check.diagnosis} if standing.result else set()
        seen: set[str] = set()
        for check in standing.result.checks if standing.result else ():
            evidence = standing.evidence.get(check.id)
            if evidence is None or check.id in named | seen or check.outcome in _NOT_WRONG:
                continue
            seen.add(check.id)
            found.setdefault(check.id, []).append((evidence, standing.student.id, check.max_points - check.points))
    return found


def _agreeing(found: list[tuple[Evidence, str, float]]) -> list[_Group]:
    """Group what agrees with the first of its group.

    Equal evidence is put together first, then neighbours in the order of their largest entry are compared as far as
    they can agree at all: a thousand different answers take a thousand comparisons, not a million.
    """
    equal: dict[Evidence, _Group] = {}
    for evidence, student, lost in found:
        group = equal.setdefault(evidence, _Group(evidence, [], 0.0))
        group.students.append(student)
        group.lost += lost
    groups: list[_Group] = []
    for one in sorted(equal.values(), key=lambda group: _peak(group.evidence)):
        same = _near(groups, one.evidence)
        if same is None:
            groups.append(one)
        else:
            same.students += one.students
            same.lost += one.lost
    return groups


def _near(groups: list[_Group], evidence: Evidence) -> _Group | None:
    lowest = _peak(evidence) - reach(evidence)
    for group in reversed(groups):
        if _peak(group.evidence) < lowest:
            return None
        if nearness(group.evidence, evidence) is Nearness.SAME:
            return group
    return None


def _peak(evidence: Evidence) -> float:
    return evidence.sketch.peak if evidence.sketch else 0.0
