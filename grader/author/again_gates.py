"""Gates on answers judged a second time: written in another way, or with the last check first, nothing changes.

Pure. A second run speaks for the checks that were run again; for all others the whole suite's word stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from grader import messages
from grader.author.gate import Gate, Problem
from grader.author.gates import same_evidence
from grader.author.naming_gates import atlas_of, names_given
from grader.author.runs import AgainSeen, WrongSeen
from grader.diagnosis.lookup import Known, Record


def layouts_gate(layouts: Sequence[AgainSeen], wrong: Sequence[WrongSeen]) -> Gate:
    """A wrong answer under another layout ends its checks as before and keeps its name."""
    atlas = atlas_of(wrong)
    problems = [problem for pair in layouts for problem in (*_other_outcomes(pair), *_other_names(pair, atlas))]
    title, advice = messages.VERIFY_LAYOUTS, messages.VERIFY_LAYOUTS_ADVICE
    return Gate("layouts", title, len(layouts), advice, tuple(problems))


def reversed_gate(backwards: Sequence[AgainSeen], wrong: Sequence[WrongSeen]) -> Gate:
    """With the last check first all ends as before: same outcomes, same values, same names."""
    atlas = atlas_of(wrong)
    problems = [
        problem
        for pair in backwards
        for problem in (*_other_outcomes(pair), *_other_values(pair), *_other_names(pair, atlas))
    ]
    title, advice = messages.VERIFY_REVERSED, messages.VERIFY_REVERSED_ADVICE
    return Gate("reversed", title, len(backwards), advice, tuple(problems))


def _other_outcomes(pair: AgainSeen) -> Iterator[Problem]:
    before = pair.whole.record.outcomes
    for check, outcome in pair.again.record.outcomes.items():
        if outcome is not before[check]:
            text = messages.VERIFY_AGAIN_OUTCOME.format(again=outcome, whole=before[check])
            yield Problem(pair.file, check, text)


def _other_values(pair: AgainSeen) -> Iterator[Problem]:
    before = pair.whole.record
    for check, outcome in pair.again.record.outcomes.items():
        mine, theirs = pair.again.evidence.get(check), before.evidence.get(check)
        if outcome is before.outcomes[check] and not same_evidence(mine, theirs):
            yield Problem(pair.file, check, messages.VERIFY_AGAIN_VALUE)


def _other_names(pair: AgainSeen, atlas: Sequence[Known]) -> Iterator[Problem]:
    before, after = names_given(pair.whole.record, atlas), names_given(_together(pair), atlas)
    for check in pair.again.record.outcomes:
        if before.get(check) != after.get(check):
            named = {
                "again": after.get(check, messages.VERIFY_UNNAMED),
                "whole": before.get(check, messages.VERIFY_UNNAMED),
            }
            yield Problem(pair.file, check, messages.VERIFY_AGAIN_NAME.format(**named))


def _together(pair: AgainSeen) -> Record:
    """Return what the second run says, and what the whole suite says of the checks that were not run again."""
    again, whole = pair.again.record, pair.whole.record
    evidence = {check: value for check, value in whole.evidence.items() if check not in again.outcomes}
    return Record({**whole.outcomes, **again.outcomes}, {**evidence, **again.evidence})
