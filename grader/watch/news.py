"""What changed between two results of one exercise. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.results import CheckResult, ExerciseResult, Outcome
from grader.score import exit_code


@dataclass(frozen=True)
class News:
    """Titles of the checks that pass now and did not before, of those that did and do not, and points gained."""

    passes: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    points: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.passes or self.fails or self.points)


NOTHING_NEW = News()


def news(before: ExerciseResult | None, now: ExerciseResult) -> News:
    """Return what changed since the run before; nothing where either of them judged nothing or other checks."""
    if before is None or is_unread(before) or is_unread(now) or _places(before) != _places(now):
        return NOTHING_NEW
    pairs = list(zip(before.checks, now.checks, strict=True))
    return News(
        tuple(_title(new) for old, new in pairs if _passed(new) and not _passed(old)),
        tuple(_title(new) for old, new in pairs if _passed(old) and not _passed(new)),
        round(now.score - before.score, 6),
    )


def is_unread(result: ExerciseResult) -> bool:
    """Whether the files could not be read, so that nothing was found out about any check."""
    return any(check.outcome is Outcome.REJECTED for check in result.checks) and not any(map(_passed, result.checks))


def is_finished(checks: Sequence[CheckResult]) -> bool:
    """Whether everything passed that can be judged here."""
    outcomes = {check.outcome for check in checks} - {Outcome.PENDING}
    return outcomes == {Outcome.PASSED}


def code_of(result: ExerciseResult | None) -> int | None:
    """Return the exit code that says how a result is; None if there is none."""
    return None if result is None else exit_code(result)


def _passed(check: CheckResult) -> bool:
    return check.outcome is Outcome.PASSED


def _places(result: ExerciseResult) -> list[tuple[str, str]]:
    return [(check.id, check.device) for check in result.checks]


def _title(check: CheckResult) -> str:
    return check.title or check.id
