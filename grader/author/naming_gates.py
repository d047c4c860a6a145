"""Gates on diagnosis: every wrong answer gets its own name, and never a neighbour's when its own is not known.

Pure. The atlas is made of the very runs that are judged here; the rules of naming are `diagnosis.lookup`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from grader import messages
from grader.author.gate import Gate, Problem
from grader.author.runs import WrongSeen
from grader.diagnosis.evidence import Nearness, nearness
from grader.diagnosis.lookup import Known, Record, diagnose
from grader.results import Outcome


def named_gate(wrong: Sequence[WrongSeen]) -> Gate:
    """Every wrong answer is named by at least one failing check, and no other name is given but that of a part.

    A wrong answer that only ever ends by an outcome of its own, such as forbidden or timeout, leaves nothing to name it
    by and needs no name: what the student reads about that outcome says what is wrong.
    """
    atlas, parts = atlas_of(wrong), _parts(wrong)
    problems = [*_header_problems(wrong)]
    outcomes = {one.file: _telling_outcomes(one) for one in wrong}
    alike = _collisions([one for one in wrong if not outcomes[one.file]])
    for one in wrong:
        own = one.misconception.id
        names = names_given(one.seen.record, atlas)
        problems += [
            Problem(one.file, check, messages.VERIFY_NAMED_AS.format(name=name))
            for check, name in names.items()
            if name != own and own not in parts.get(name, ())
        ]
        if own not in names.values() and one.file not in alike and not outcomes[one.file]:
            problems.append(Problem(one.file, "", messages.VERIFY_NOT_NAMED))
    problems += [
        Problem(file, "", messages.VERIFY_COLLISION.format(others=", ".join(others))) for file, others in alike.items()
    ]
    notes = tuple(
        messages.VERIFY_TOLD_BY_OUTCOME.format(file=file, outcomes=", ".join(told))
        for file, told in outcomes.items()
        if told
    )
    return Gate("named", messages.VERIFY_NAMED, len(wrong), messages.VERIFY_NAMED_ADVICE, tuple(problems), notes)


def neighbours_gate(wrong: Sequence[WrongSeen]) -> Gate:
    """With a wrong answer taken out of the atlas it is unknown, or a declared part of it is named."""
    atlas, parts = atlas_of(wrong), _parts(wrong)
    problems, notes, unknown, described = [], [], 0, 0
    for one in wrong:
        own = one.misconception.id
        names = names_given(one.seen.record, [known for known in atlas if known.id != own])
        confused = {check: name for check, name in names.items() if own not in parts.get(name, ())}
        problems += [
            Problem(one.file, check, messages.VERIFY_CONFUSED.format(name=name)) for check, name in confused.items()
        ]
        declared = sorted({name for check, name in names.items() if check not in confused})
        notes += [messages.VERIFY_PART.format(file=one.file, part=part) for part in declared]
        unknown += not names
        described += not names and any(evidence.structure for evidence in one.seen.evidence.values())
    summary = messages.VERIFY_UNKNOWN.format(unknown=unknown, count=len(wrong), described=described)
    title, advice = messages.VERIFY_NEIGHBOURS, messages.VERIFY_NEIGHBOURS_ADVICE
    return Gate("neighbours", title, len(wrong), advice, tuple(problems), (*notes, summary) if wrong else ())


def _telling_outcomes(one: WrongSeen) -> list[str]:
    """Return how the checks of a wrong answer ended if none came as far as a comparison; else nothing."""
    ended = set(one.seen.record.failures().values())
    return [] if ended & {Outcome.FAILED, Outcome.RAISED} else sorted(ended)


def names_given(record: Record, atlas: Sequence[Known]) -> dict[str, str]:
    """Return what the failing checks of a submission call its mistake, where they do."""
    return {check: match.id for check, match in diagnose(record, atlas).items()}


def atlas_of(wrong: Sequence[WrongSeen]) -> list[Known]:
    """Return the atlas that these runs make."""
    return [Known(one.misconception.id, one.seen.record) for one in wrong]


def _parts(wrong: Sequence[WrongSeen]) -> Mapping[str, tuple[str, ...]]:
    """Return for each misconception the ones that it is declared to be a part of."""
    return {one.misconception.id: one.misconception.part_of for one in wrong}


def _header_problems(wrong: Sequence[WrongSeen]) -> list[Problem]:
    counts = Counter(one.misconception.id for one in wrong)
    twice = [
        Problem(one.file, "", messages.VERIFY_NAME_TWICE.format(name=one.misconception.id))
        for one in wrong
        if counts[one.misconception.id] > 1
    ]
    nowhere = [
        Problem(one.file, "", messages.VERIFY_PART_UNKNOWN.format(name=name))
        for one in wrong
        for name in one.misconception.part_of
        if name not in counts
    ]
    return twice + nowhere


def _collisions(wrong: Sequence[WrongSeen]) -> dict[str, list[str]]:
    """Return the files that cannot be told apart, each with the others."""
    alike: dict[str, list[str]] = {}
    for one, other in combinations(wrong, 2):
        if _indistinct(one, other):
            alike.setdefault(one.file, []).append(other.file)
            alike.setdefault(other.file, []).append(one.file)
    return alike


def _indistinct(one: WrongSeen, other: WrongSeen) -> bool:
    """Whether two wrong answers fail the same checks and no value that reached one of these tells them apart."""
    mine, theirs = one.seen.record, other.seen.record
    if mine.failures() != theirs.failures():
        return False
    pairs = [(mine.evidence.get(check), theirs.evidence.get(check)) for check in mine.failures()]
    return all(
        a is b if a is None or b is None else nearness(a, b) is not Nearness.OTHER for a, b in pairs
    )  # fmt: skip
