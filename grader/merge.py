"""Two results of one submission made into one: what this machine could not judge, another one did.

Owns when two results belong together and what is taken from the earlier one. A pure function on results: reads no
file, judges nothing. Invariant: only pending entries are replaced, so no merge can undo what was judged here.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from grader import messages
from grader.course import DEVICES
from grader.diagnosis.evidence import UNNAMED_DEVICES
from grader.errors import UsageError
from grader.results import OUR_FAILURES, CheckResult, Environment, ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.score import is_complete, max_score, score

_NAMELESS = (Outcome.PASSED, Outcome.PENDING, Outcome.BLOCKED, *OUR_FAILURES)
_WEAKEST_FIRST = (Tier.NONE.value, Tier.LANDLOCK.value, Tier.NAMESPACES.value)


def merge(result: ExerciseResult, earlier: ExerciseResult) -> ExerciseResult:
    """Return `result` with its pending entries replaced by what `earlier` says of them, and the score of that.

    Raises:
        UsageError: the two do not belong together; the message says what differs.
    """
    if differences := list(_differences(result, earlier)):
        raise UsageError(messages.MERGE_REFUSED.format(why=" ".join(differences)))
    judged = {(check.id, check.device): check for check in earlier.checks if check.outcome is not Outcome.PENDING}
    checks = _with_names([_taken(check, judged.get((check.id, check.device))) for check in result.checks])
    return replace(
        result,
        checks=checks,
        score=score(checks),
        max_score=max_score(checks),
        complete=is_complete(checks),
        environment=_environment(result.environment, earlier.environment),
        flags=result.flags + [flag for flag in earlier.flags if flag not in result.flags],
    )


def _differences(result: ExerciseResult, earlier: ExerciseResult) -> Iterator[str]:
    if result.exercise != earlier.exercise:
        yield messages.MERGE_EXERCISE.format(earlier=earlier.exercise, now=result.exercise)
        return
    if not result.submission.sha256:  # nothing was read, so nothing says that both are about the same files
        yield messages.MERGE_NOTHING_READ
    elif result.submission.sha256 != earlier.submission.sha256:
        yield messages.MERGE_SUBMISSION
    if result.suite_sha256 != earlier.suite_sha256:
        yield messages.MERGE_SUITE
    if result.seed != earlier.seed:
        yield messages.MERGE_SEED.format(earlier=earlier.seed, now=result.seed)


def _taken(check: CheckResult, judged: CheckResult | None) -> CheckResult:
    """Return what is known of a check; its title and its worth stay those of the plan that was used here."""
    if check.outcome is not Outcome.PENDING or judged is None:
        return check
    points = min(judged.points, check.max_points)
    return replace(judged, title=check.title, visibility=check.visibility, points=points, max_points=check.max_points)


def _with_names(checks: list[CheckResult]) -> list[CheckResult]:
    """Give what failed on a device that names nothing the name that the same check has on another one."""
    names = {check.id: check.diagnosis for check in checks if check.diagnosis is not None}
    return [replace(check, diagnosis=names.get(check.id)) if _waits_for_a_name(check) else check for check in checks]


def _waits_for_a_name(check: CheckResult) -> bool:
    return check.device in UNNAMED_DEVICES and check.diagnosis is None and check.outcome not in _NAMELESS


def _environment(here: Environment, there: Environment) -> Environment:
    """Return both devices, and the weaker fence: a result promises no more than its weakest part."""
    devices = [device for device in DEVICES if device in {*here.devices, *there.devices}]
    fence = min(here.fence, there.fence, key=lambda tier: _WEAKEST_FIRST.index(tier) if tier in _WEAKEST_FIRST else 0)
    return replace(here, devices=devices, fence=fence)
