"""Gates on what was run: right answers earn everything, wrong ones fail as they say, empty ones earn nothing.

Pure: what came back in, gates out. Owns no rule of naming (`diagnosis.lookup` does) and runs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from grader import messages
from grader.author.gate import Gate, Problem
from grader.author.runs import AloneSeen, Everything, Seen, every_run
from grader.diagnosis.evidence import Evidence, Nearness, nearness
from grader.results import CheckResult, Outcome
from grader.score import number

_FINE = (Outcome.PASSED, Outcome.PENDING)
_UNWRITTEN = (Outcome.TODO, Outcome.BLOCKED, Outcome.PENDING)


def settled_gate(everything: Everything, suite: str) -> Gate:
    """No run ended in a failure of ours: then the other gates would speak about nothing."""
    problems = [
        Problem(suite, _place(check), messages.VERIFY_NOT_SETTLED.format(name=name, outcome=check.outcome))
        for name, seen in every_run(everything)
        for check in seen.result.our_failures
    ]
    return Gate("settled", messages.VERIFY_SETTLED, everything.runs, messages.VERIFY_SETTLED_ADVICE, tuple(problems))


def reference_gate(reference: Mapping[int, Seen], file: str) -> Gate:
    """The reference earns everything, whatever the seed."""
    seeds: dict[tuple[str, Outcome], list[int]] = {}
    for seed, seen in reference.items():
        for check in _not_passed(seen):
            seeds.setdefault((_place(check), check.outcome), []).append(seed)
    problems = [
        Problem(file, check, messages.VERIFY_REFERENCE_FAILS.format(outcome=outcome, seeds=", ".join(map(str, at))))
        for (check, outcome), at in seeds.items()
    ]
    title = messages.VERIFY_REFERENCE.format(count=len(reference))
    return Gate("reference", title, len(reference), messages.VERIFY_REFERENCE_ADVICE, tuple(problems))


def stub_gate(stub: Seen, file: str) -> Gate:
    """As shipped, every check is todo or waits for one that is."""
    problems = [
        Problem(file, _place(check), messages.VERIFY_STUB_OUTCOME.format(outcome=check.outcome))
        for check in stub.result.checks
        if check.outcome not in _UNWRITTEN
    ]
    if stub.result.score:
        problems.append(Problem(file, "", messages.VERIFY_STUB_EARNS.format(score=number(stub.result.score))))
    return Gate("stub", messages.VERIFY_STUB, len(stub.result.checks), messages.VERIFY_STUB_ADVICE, tuple(problems))


def equivalents_gate(equivalent: Mapping[str, Seen]) -> Gate:
    """A correct answer that is written differently earns everything."""
    problems = [
        Problem(file, _place(check), messages.VERIFY_EQUIVALENT_FAILS.format(outcome=check.outcome, said=check.message))
        for file, seen in equivalent.items()
        for check in _not_passed(seen)
    ]
    title, advice = messages.VERIFY_EQUIVALENTS, messages.VERIFY_EQUIVALENTS_ADVICE
    return Gate("equivalents", title, len(equivalent), advice, tuple(problems))


def points_gate(everything: Everything, declared: float, file: str) -> Gate:
    """What the checks are worth together is what exercise.toml says."""
    worth = {planned.id: planned.max_points for planned in everything.plan}
    total = math.fsum(worth.values())
    said = messages.VERIFY_POINTS_DIFFER.format(declared=number(declared), total=number(total))
    problems = () if math.isclose(total, declared) else (Problem(file, "", said),)
    return Gate("points", messages.VERIFY_POINTS, len(worth), messages.VERIFY_POINTS_ADVICE, problems)


def vacuity_gate(hollow: Mapping[str, Seen], suite: str) -> Gate:
    """Nothing that knows only the form of an answer passes a check that carries points."""
    kinds: dict[str, list[str]] = {}
    for kind, seen in hollow.items():
        for check in seen.result.checks:
            if check.points > 0:
                kinds.setdefault(_place(check), []).append(kind)
    problems = [
        Problem(suite, check, messages.VERIFY_VACUOUS.format(kinds=", ".join(passing)))
        for check, passing in kinds.items()
    ]
    return Gate("vacuity", messages.VERIFY_VACUITY, len(hollow), messages.VERIFY_VACUITY_ADVICE, tuple(problems))


def caught_gate(everything: Everything) -> Gate:
    """Every wrong answer fails exactly the checks that its header names; every check is failed by some wrong answer."""
    ids = {planned.id for planned in everything.plan}
    problems = []
    for wrong in everything.wrong:
        promised, failed = dict.fromkeys(wrong.misconception.fails), wrong.seen.record.failures()
        for check in promised:
            if check not in ids:
                problems.append(Problem(wrong.file, check, messages.VERIFY_NO_SUCH_CHECK))
            elif check not in failed:
                outcome = wrong.seen.record.outcomes.get(check, Outcome.PENDING)  # a check for a GPU only has none
                problems.append(Problem(wrong.file, check, messages.VERIFY_NOT_CAUGHT.format(outcome=outcome)))
        problems += [
            Problem(wrong.file, check, messages.VERIFY_NOT_PROMISED.format(outcome=outcome))
            for check, outcome in failed.items()
            if check not in promised
        ]
    # A check that nobody has seen fail may be weaker than it looks; that is worth knowing and no mistake as such.
    failing = {check for wrong in everything.wrong for check in wrong.seen.record.failures()}
    notes = [messages.VERIFY_NEVER_FAILED.format(check=check) for check in sorted(ids - failing)]
    count, advice = len(everything.wrong), messages.VERIFY_CAUGHT_ADVICE
    return Gate("caught", messages.VERIFY_CAUGHT, count, advice, tuple(problems), tuple(notes))


def alone_gate(alone: Iterable[AloneSeen]) -> Gate:
    """A check ends alone as it ends in the whole suite, and at the same value."""
    compared = list(alone)
    problems = []
    for pair in compared:
        one, other = _outcome(pair.alone, pair.check), _outcome(pair.whole, pair.check)
        if one != other:
            said = messages.VERIFY_ALONE_OUTCOME.format(alone=one, whole=other)
            problems.append(Problem(pair.file, pair.check, said))
        elif not same_evidence(pair.alone.evidence.get(pair.check), pair.whole.evidence.get(pair.check)):
            problems.append(Problem(pair.file, pair.check, messages.VERIFY_ALONE_VALUE))
    return Gate("alone", messages.VERIFY_ALONE, len(compared), messages.VERIFY_ALONE_ADVICE, tuple(problems))


def same_evidence(one: Evidence | None, other: Evidence | None) -> bool:
    """Whether two runs of a check brought the same to it; nothing is the same as nothing."""
    if one is None or other is None:
        return one is other
    return nearness(one, other) is Nearness.SAME


def _outcome(seen: Seen, id: str) -> str:
    check = seen.check(id)
    return check.outcome if check is not None else messages.VERIFY_MISSING


def _not_passed(seen: Seen) -> list[CheckResult]:
    return [check for check in seen.result.checks if check.outcome not in _FINE]


def _place(check: CheckResult) -> str:
    return check.id if check.device == "cpu" else f"{check.id} ({check.device})"
