"""The score of a result, and what it means for the caller: points, completeness, exit code. Pure.

Points belong to a check's id: on several devices it earns the least of what it earned on those where it was judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from grader.errors import InfrastructureError
from grader.results import OUR_FAILURES, CheckResult, ExerciseResult, Outcome

_OPEN_OUTCOMES = (Outcome.PENDING, *OUR_FAILURES)


def number(value: float) -> str:
    """Return 3.0 as "3" and 2.5 as "2.5"; points are written to a hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def score(checks: Iterable[CheckResult]) -> float:
    """Return the points earned: of every id the least that it earned on the devices where it was judged."""
    return _rounded([earned(entries) for entries in entries_by_id(checks).values()])


def max_score(checks: Iterable[CheckResult]) -> float:
    """Return the points that can be earned; an id counts once, on however many devices it is judged."""
    return _rounded([entries[0].max_points for entries in entries_by_id(checks).values()])


def is_complete(checks: Iterable[CheckResult]) -> bool:
    """Whether nothing is left that could change the score: an id that no device has judged, or our own failure."""
    return all(
        any(entry.outcome not in _OPEN_OUTCOMES for entry in entries)
        and not any(entry.outcome in OUR_FAILURES for entry in entries)
        for entries in entries_by_id(checks).values()
    )


def entries_by_id(checks: Iterable[CheckResult]) -> dict[str, list[CheckResult]]:
    """Return the entries of every check for all its devices, in the order of the checks."""
    grouped: dict[str, list[CheckResult]] = {}
    for check in checks:
        grouped.setdefault(check.id, []).append(check)
    return grouped


def outcome_of(entries: Sequence[CheckResult]) -> Outcome:
    """Return how a check ended, given its entries: as on the first device that judged it and where it did not pass."""
    judged = [entry for entry in entries if entry.outcome is not Outcome.PENDING] or entries
    return next((entry.outcome for entry in judged if entry.outcome is not Outcome.PASSED), judged[0].outcome)


def earned(entries: Iterable[CheckResult]) -> float:
    """Return the points of a check, given its entries: the least that it earned where it was judged."""
    return min((entry.points for entry in entries if entry.outcome is not Outcome.PENDING), default=0.0)


def exit_code(result: ExerciseResult) -> int:
    """Return 0 if every judged check passed, 1 if one did not, 4 if one could not be judged for a reason of ours."""
    outcomes = {check.outcome for check in result.checks} - {Outcome.PENDING}
    if outcomes.intersection(OUR_FAILURES):
        return InfrastructureError.exit_code
    return 0 if outcomes <= {Outcome.PASSED} else 1


def _rounded(points: list[float]) -> float:
    # Thirds of points must add up to whole ones.
    return round(math.fsum(points), 6)
