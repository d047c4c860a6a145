"""From a judged submission to a result that names its mistakes.

Owns which checks may carry a name: never a passed one, and of hidden checks only those whose feedback level shows more
than the outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from grader import messages
from grader.diagnosis.evidence import Evidence
from grader.diagnosis.lookup import Known, Match, Record, diagnose
from grader.diagnosis.misconception import Misconception
from grader.policy import Feedback
from grader.results import CheckResult, Diagnosis, ExerciseResult


class JudgementLike(Protocol):
    """What naming needs of `grade.Judgement`."""

    @property
    def result(self) -> ExerciseResult: ...  # noqa: D102 - the real one documents it
    @property
    def evidence(self) -> Mapping[str, Evidence]: ...  # noqa: D102


def record_of(judgement: JudgementLike) -> Record:
    """Return outcomes and evidence by check id; of several devices the first one counts, which is the cpu."""
    outcomes = {check.id: check.outcome for check in reversed(judgement.result.checks)}
    return Record(outcomes, judgement.evidence)


def with_names(
    judgement: JudgementLike,
    atlas: Sequence[Known],
    misconceptions: Mapping[str, Misconception],
    feedback: Feedback,
    language: str,
) -> ExerciseResult:
    """Return the result with a diagnosis on every check whose mistake is known.

    Args:
        misconceptions: By id; one for every entry of the atlas.
    """
    matches = diagnose(record_of(judgement), atlas)
    checks = [
        _named(check, matches.get(check.id), misconceptions, language) if _may_be_named(check, feedback) else check
        for check in judgement.result.checks
    ]
    return msgspec.structs.replace(judgement.result, checks=checks)


def _may_be_named(check: CheckResult, feedback: Feedback) -> bool:
    return check.visibility == "public" or feedback.hidden != "outcome"


def _named(
    check: CheckResult, match: Match | None, misconceptions: Mapping[str, Misconception], language: str
) -> CheckResult:
    if match is None:
        return check
    statement, hints = misconceptions[match.id].said_in(language)
    template = messages.DIAGNOSIS if match.explains_all else messages.DIAGNOSIS_HERE
    named = Diagnosis(match.id, template.format(statement=statement), "\n".join(hints))
    return msgspec.structs.replace(check, diagnosis=named)
