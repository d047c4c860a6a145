"""What must not be handed back yet: standings that a person has to settle first, and why. Pure.

Owns when points may leave the house. Invariant: what is unfinished is never exported as a number, least of all as 0.
"""

from __future__ import annotations

from grader import messages
from grader.classroom.view import ClassView, Standing
from grader.enumeration import enumerated
from grader.results import Outcome

_CHECKS_SHOWN = 3  # of what could not be judged: mostly all have one cause


def points_of(standing: Standing) -> float | None:
    """Return the points to hand back; None where there are none yet, or nothing was handed in."""
    return None if why_unfinished(standing) else standing.counted


def why_unfinished(standing: Standing) -> str:
    """Return what has to be settled before these points are handed back; "" if nothing has."""
    if standing.open or (standing.handed_in and standing.score is None):
        return _ours(standing)
    if standing.lateness.unsettled:
        return messages.UNFINISHED_LATENESS
    if waiting := _pending(standing):
        return messages.UNFINISHED_PENDING.format(checks=enumerated(waiting))
    return ""


def unfinished(view: ClassView) -> list[tuple[Standing, str]]:
    """Return who is not finished, and why, in the order of exercises and students."""
    return [(one, why) for one in view.everybody() if (why := why_unfinished(one))]


def left_as_they_were(view: ClassView) -> list[str]:
    """Return what an export says of those it wrote nothing for: who is not finished, who handed in nothing."""
    waiting = [f"{one.student.id} ({one.exercise})" for one, _ in unfinished(view)]
    absent = [
        f"{one.student.id} ({one.exercise})"
        for one in view.everybody()
        if points_of(one) is None and not why_unfinished(one)
    ]
    said = ((messages.GRADES_NOT_FINISHED, waiting), (messages.GRADES_NOTHING_HANDED_IN, absent))
    return [sentence.format(count=len(who), who=enumerated(who)) for sentence, who in said if who]


def _ours(standing: Standing) -> str:
    checks = standing.result.our_failures if standing.result else []
    ours = sorted({f"{check.id} ({check.outcome})" for check in checks})
    return (
        messages.UNFINISHED_OURS.format(checks=enumerated(ours, _CHECKS_SHOWN))
        if ours
        else messages.UNFINISHED_NOT_JUDGED
    )


def _pending(standing: Standing) -> list[str]:
    """Return the checks with points that no device has judged and no person has given points for."""
    given = {override.check for override in standing.overrides}
    if standing.result is None or "" in given:
        return []
    worth = {check.id for check in standing.result.checks if check.max_points > 0}
    return sorted(id for id in worth - given if standing.outcome(id) is Outcome.PENDING)
