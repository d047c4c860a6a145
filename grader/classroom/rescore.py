"""Points without judging: stored entries under today's points, and under the points that a person gave instead.

Pure functions on results. Invariant: an entry keeps its share of its check's points, whatever they are worth today.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from grader.classroom.view import Override
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.score import max_score, score


def rescored(result: ExerciseResult, worth: Mapping[str, float]) -> ExerciseResult:
    """Return the result with its checks worth this, by id; one that is not named keeps its points."""
    checks = [_worth(check, worth.get(check.id, check.max_points)) for check in result.checks]
    if checks == result.checks:
        return result
    return replace(result, checks=checks, score=score(checks), max_score=max_score(checks))


def _worth(check: CheckResult, max_points: float) -> CheckResult:
    if max_points == check.max_points:
        return check
    # What was worth nothing has no share to keep; such checks are judged again, see `identity`.
    passed = float(check.outcome is Outcome.PASSED)
    share = check.points / check.max_points if check.max_points > 0 else passed
    return replace(check, points=round(share * max_points, 6), max_points=max_points)


def standing_overrides(overrides: Iterable[Override]) -> tuple[Override, ...]:
    """Return the last override of every check, and of the whole exercise."""
    return tuple({one.check: one for one in overrides}.values())


def score_of(result: ExerciseResult | None, overrides: Iterable[Override]) -> float | None:
    """Return the score with overrides; None where it is open, or where there is nothing and nobody gave points.

    Points for the whole exercise are the last word on it; points for a check settle what is open in it.
    """
    given = {one.check: one.points for one in standing_overrides(overrides)}
    if "" in given:
        return given[""]
    if result is None or any(check.id not in given for check in result.our_failures):
        return None
    judged = [check for check in result.checks if check.id not in given]
    ids = {check.id for check in result.checks}
    return round(math.fsum([score(judged), *(points for id, points in given.items() if id in ids)]), 6)
