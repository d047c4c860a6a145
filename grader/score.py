"""The score of a result, and what it means for the caller: points, completeness, exit code. Pure.

Points belong to a check's id: on several devices it earns the least of what it earned on those where it was judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from grader.errors import InfrastructureError
from grader.results import OUR_FAILURES, CheckResult, ExerciseResult, Outcome

_OPEN_OUTCOMES = (Outcome.PENDING, *OUR_FAILURES)


def score(checks: Iterable[CheckResult]) -> float:
    """Return the points earned: of every id the least that it earned on the devices where it was judged."""
    return _rounded([_earned(entries) for entries in _by_id(checks)])


def max_score(checks: Iterable[CheckResult]) -> float:
    """Return the points that can be earned; an id counts once, on however many devices it is judged."""
    return _rounded([entries[0].max_points for entries in _by_id(checks)])


def is_complete(checks: Iterable[CheckResult]) -> bool:
    """Whether nothing is left that could change the score: an id that no device has judged, or our own failure."""
    return all(
        any(entry.outcome not in _OPEN_OUTCOMES for entry in entries)
        and not any(entry.outcome in OUR_FAILURES for entry in entries)
        for entries in _by_id(checks)
    )


def exit_code(result: ExerciseResult) -> int:
    """Return 0 if every judged check passed, 1 if one did not, 4 if one could not be judged for a reason of ours."""
    outcomes = {check.outcome for check in result.checks} - {Outcome.PENDING}
    if outcomes.intersection(OUR_FAILURES):
        return InfrastructureError.exit_code
    return 0 if outcomes <= {Outcome.PASSED} else 1


def _by_id(checks: Iterable[CheckResult]) -> list[list[CheckResult]]:
    grouped: dict[str, list[CheckResult]] = {}
    for check in checks:
        grouped.setdefault(check.id, []).append(check)
    return list(grouped.values())


def _earned(entries: list[CheckResult]) -> float:
    return min((entry.points for entry in entries if entry.outcome is not Outcome.PENDING), default=0.0)


def _rounded(points: list[float]) -> float:
    # Thirds of points must add up to whole ones.
    return round(math.fsum(points), 6)
