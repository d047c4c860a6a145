"""From a judged submission to a result that names its mistakes.

Owns which checks may carry a name: never a passed one, and of hidden checks only those whose feedback level shows more
than the outcome.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from grader import messages
from grader.diagnosis.evidence import UNNAMED_DEVICES, Evidence
from grader.diagnosis.lookup import Known, Match, Record, diagnose
from grader.diagnosis.misconception import Misconception
from grader.policy import Feedback
from grader.results import CheckResult, Diagnosis, ExerciseResult, Outcome

# Of one check's entries on several devices the one that says most speaks for all.
_SAYS_LESS = {Outcome.BLOCKED: 1, Outcome.PASSED: 2, Outcome.PENDING: 3}


class JudgementLike(Protocol):
    """What naming needs of `grade.Judgement`."""

    @property
    def result(self) -> ExerciseResult: ...  # noqa: D102 - the real one documents it
    @property
    def evidence(self) -> Mapping[str, Evidence]: ...  # noqa: D102


def record_of(judgement: JudgementLike) -> Record:
    """Return outcomes and evidence by check id; of several devices the first counts on which it did not pass.

    That is the one whose evidence was kept; a mistake with devices shows on no other than the accelerator. Devices that
    leave no evidence do not count.
    """
    checks = [check for check in judgement.result.checks if check.device not in UNNAMED_DEVICES]
    outcomes: dict[str, Outcome] = {}
    for check in sorted(checks, key=lambda check: _SAYS_LESS.get(check.outcome, 0)):
        outcomes.setdefault(check.id, check.outcome)
    return Record({check.id: outcomes[check.id] for check in checks}, judgement.evidence)


def with_names(
    judgement: JudgementLike,
    atlas: Sequence[Known],
    misconceptions: Mapping[str, Misconception],
    feedback: Feedback,
    language: str,
) -> ExerciseResult:
    """Return the result with a diagnosis on every check whose mistake is known.

    Args:
        misconceptions: By id; an entry of the atlas without one is never named.
    """
    may = {check.id for check in judgement.result.checks if _may_be_named(check, feedback)}
    found = diagnose(record_of(judgement), atlas)
    matches = {id: match for id, match in found.items() if id in may and match.id in misconceptions}
    counts = Counter(match.id for match in matches.values())
    said = {id: _said(match, counts[match.id], misconceptions[match.id], language) for id, match in matches.items()}
    checks = [
        check if check.outcome is Outcome.PASSED else msgspec.structs.replace(check, diagnosis=said.get(check.id))
        for check in judgement.result.checks
    ]
    return msgspec.structs.replace(judgement.result, checks=checks)


def _may_be_named(check: CheckResult, feedback: Feedback) -> bool:
    return check.visibility == "public" or feedback.hidden != "outcome"


def _said(match: Match, count: int, misconception: Misconception, language: str) -> Diagnosis:
    """Return what is said of a mistake that shows in `count` checks, and perhaps not in all that failed."""
    statement, hints = misconception.said_in(language)
    if match.explains_all:
        text = messages.DIAGNOSIS.format(statement=statement)
    elif count == 1:
        text = messages.DIAGNOSIS_HERE.format(statement=statement)
    else:
        text = messages.DIAGNOSIS_IN_SOME.format(statement=statement, count=count)
    return Diagnosis(match.id, text, "\n".join(hints))
