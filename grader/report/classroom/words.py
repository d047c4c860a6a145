"""How a class report says small things: an exercise, a time, a share, how late somebody was.

Owns these forms only. Everything that is said comes from `messages`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from grader import messages
from grader.classroom.view import Standing
from grader.course import Exercise
from grader.score import number

_MIN_S, _HOUR_S, _DAY_S = 60, 3600, 86400


def count_of(count: int, one: str, many: str) -> str:
    """Return "1 student" or "42 students"."""
    return one if count == 1 else many.format(count=count)


def students(count: int) -> str:
    """Return "1 student" or "42 students"."""
    return count_of(count, messages.CLASS_STUDENT, messages.CLASS_STUDENTS)


def results(count: int) -> str:
    """Return "1 result" or "42 results"."""
    return count_of(count, messages.CLASS_RESULT, messages.CLASS_RESULTS)


def label(exercise: Exercise, shown: str) -> str:
    """Return "1 Backpropagation by hand"."""
    return messages.CLASS_LABEL.format(number=shown, title=exercise.title)


def listed(parts: Sequence[str]) -> str:
    """Return "4", "4 and 5" or "3, 4 and 5"."""
    if len(parts) < 2:
        return "".join(parts)
    return messages.CLASS_AND.format(first=", ".join(parts[:-1]), last=parts[-1])


def in_exercises(numbers: Sequence[str]) -> str:
    """Return "Exercise 4" or "Exercises 4 and 5"."""
    if len(numbers) == 1:
        return messages.CLASS_IN_EXERCISE_FIRST.format(number=numbers[0])
    return messages.CLASS_IN_EXERCISES_FIRST.format(numbers=listed(numbers))


def percent(share: float) -> str:
    """Return 0.225 as "22 %"."""
    return messages.CLASS_PERCENT.format(percent=100 * share)


def took(wall_s: float) -> str:
    """Return a time in the unit that suits it."""
    if wall_s < 1:
        return messages.CLASS_MS.format(ms=1000 * wall_s)
    if wall_s < 10 * _MIN_S and wall_s < 100:
        return messages.CLASS_S.format(s=wall_s)
    return messages.CLASS_MIN.format(minutes=int(wall_s // _MIN_S), seconds=int(wall_s % _MIN_S))


def moment(at: datetime) -> str:
    """Return a time in UTC, to the minute; one without a zone is taken as it is."""
    if at.tzinfo is None:
        return at.strftime("%Y-%m-%d %H:%M")
    return messages.CLASS_TIME.format(when=at.astimezone(UTC).strftime("%Y-%m-%d %H:%M"))


def lateness(late_s: float) -> str:
    """Return "40 min", "6 h" or "1 d 4 h"; begun minutes and hours count."""
    minutes = -int(-late_s // _MIN_S)
    if minutes < 60:
        return messages.CLASS_LATE_MIN.format(minutes=minutes)
    days, rest = divmod(int(late_s), _DAY_S)
    hours = rest // _HOUR_S
    if not days:
        return messages.CLASS_LATE_H.format(hours=hours)
    return (messages.CLASS_LATE_D_H if hours else messages.CLASS_LATE_D).format(days=days, hours=hours)


def late_entry(standing: Standing, shown: str) -> str:
    """Return "ex. 3, 6 h", or without the time where nobody knows it."""
    late_s = standing.lateness.late_s
    if not late_s:
        return messages.CLASS_LATE_ENTRY_MARKED.format(number=shown)
    return messages.CLASS_LATE_ENTRY.format(number=shown, late=lateness(late_s))


def bare_statement(statement: str) -> str:
    """Return what stands behind "Your code" in a statement: "lets the gradient through closed units."; or ""."""
    for form in (messages.DIAGNOSIS, messages.DIAGNOSIS_HERE, messages.DIAGNOSIS_IN_SOME):
        pattern = re.escape(form).replace(r"\{statement\}", "(.*)").replace(r"\{count\}", r"\d+")
        if found := re.fullmatch(pattern, statement, re.DOTALL):
            return found[1]
    return ""


def plain_statement(statement: str) -> str:
    """Return what a statement says of code, without saying whose: "Lets the gradient through closed units."."""
    bare = bare_statement(statement)
    return bare[:1].upper() + bare[1:] if bare else statement


def points_share(score: float, whole: float) -> float:
    """Return a score as percent of a bar, within it."""
    return round(min(max(100 * score / whole, 0.0), 100.0), 1) if whole > 0 else 0.0


def score_of(score: float | None) -> str:
    """Return a score, or a dash where there is none."""
    return messages.CLASS_DASH if score is None else number(score)
