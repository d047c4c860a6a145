"""An exercise's page: its mistakes, scores and checks, and how every student stands in it.

Owns which columns its table of students has. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.classroom.attention import is_unreadable
from grader.classroom.statistics import is_late, is_open, marks
from grader.classroom.view import Standing
from grader.report.classroom import checks, mistakes, scores, words
from grader.report.classroom.checks import CheckRow
from grader.report.classroom.findings import Findings
from grader.report.classroom.mistakes import Ranked, Unknown
from grader.results import Outcome
from grader.score import number


@dataclass(frozen=True)
class ExerciseStudent:
    """One student in this exercise."""

    id: str
    name: str
    text: str
    value: str
    share: float | None
    is_missing: bool
    counted: str
    ends: list[tuple[Outcome, int]]
    """How many checks ended in which way, but for those that passed."""
    short: int
    late: str
    mistakes: list[str]
    wall_s: float
    time: str
    tags: str


@dataclass(frozen=True)
class ExercisePage:
    """What the template prints."""

    slug: str
    title: str
    heading: str
    anchor: str
    says: str
    alpha: str
    mistakes: list[Ranked]
    unknown: list[Unknown]
    histogram: scores.Histogram | None
    mix: list[scores.Mix]
    checks: list[CheckRow]
    students: list[ExerciseStudent]


def exercise_page(found: Findings, slug: str) -> ExercisePage:
    """Collect what is to be said of an exercise."""
    numbers, shown, exercise = found.numbers[slug], found.shown(slug), found.exercises[slug]
    mix = scores.mix_of(found, numbers)
    return ExercisePage(
        slug=slug,
        title=messages.CLASS_EXERCISE_TITLE.format(number=shown, course=found.view.course.name),
        heading=messages.CLASS_EXERCISE_HEADING.format(number=shown, title=exercise.title),
        anchor=f"exercise-{found.links.exercises[slug]}",
        says=messages.CLASS_EXERCISE_SAYS.format(
            submitted=numbers.submitted, students=words.students(len(found.view.students)), full=numbers.full
        ),
        alpha=scores.alpha_text(numbers.alpha),
        mistakes=mistakes.ranked(found, slug),
        unknown=mistakes.unknown(found, slug),
        histogram=scores.histogram_of(numbers.scores, numbers.max_score, is_total=False),
        mix=[mix] if mix else [],
        checks=checks.check_rows(found, slug),
        students=[_student(found, one) for one in found.view.in_exercise(slug)],
    )


def _student(found: Findings, standing: Standing) -> ExerciseStudent:
    by_id = marks(standing)
    ends: dict[Outcome, int] = {}
    for mark in by_id.values():
        if not mark.passed:
            ends[mark.outcome] = ends.get(mark.outcome, 0) + 1
    text, value, share = _score(found, standing)
    wall_s = sum(one.wall_s for one in by_id.values())
    named = [one.diagnosis.misconception for one in standing.result.checks if one.diagnosis] if standing.result else []
    return ExerciseStudent(
        standing.student.id,
        standing.student.own_name,
        text,
        value,
        share,
        not standing.handed_in,
        "" if standing.counted is None else number(standing.counted),
        sorted(ends.items(), key=lambda one: (-one[1], one[0])),
        sum(ends.values()),
        _late(standing),
        list(dict.fromkeys(named)),
        round(1000 * wall_s, 1),
        words.took(wall_s) if by_id else "",
        _tags(standing),
    )


def _score(found: Findings, standing: Standing) -> tuple[str, str, float | None]:
    if not standing.handed_in:
        return "", "", None
    if is_open(standing) or standing.score is None:
        return messages.CLASS_OPEN, "", None
    whole = found.view.max_scores.get(standing.exercise, 0.0)
    return number(standing.score), number(standing.score), words.points_share(standing.score, whole)


def _late(standing: Standing) -> str:
    if not is_late(standing):
        return ""
    late_s = standing.lateness.late_s
    return words.lateness(late_s) if late_s else messages.CLASS_LATE


def _tags(standing: Standing) -> str:
    flagged = bool(standing.result and standing.result.flags)
    tags = {
        "person": is_open(standing) or flagged or standing.lateness.unsettled or is_unreadable(standing),
        "late": is_late(standing),
        "incomplete": not standing.handed_in,
    }
    return " ".join(name for name, holds in tags.items() if holds)
