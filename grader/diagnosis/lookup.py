"""Which known mistake a failing check shows, or none. Pure: outcomes and evidence in, names out.

Owns the rules of naming. A candidate must have failed the same check at the same comparison with the same value, and
every check that it fails must be failed by the submission too: one value alone misnames, because different mistakes can
agree at one comparison, and even a small example on which they agree must not speak for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.diagnosis.evidence import Evidence, Nearness, nearness
from grader.results import Outcome

_NOT_JUDGED = (Outcome.BLOCKED, Outcome.PENDING, Outcome.NOT_RUN, Outcome.ERROR)
_FINE = (Outcome.PASSED, *_NOT_JUDGED)


@dataclass(frozen=True)
class Record:
    """How one submission fared: the outcome of every check by id, and the evidence of those that failed."""

    outcomes: Mapping[str, Outcome]
    evidence: Mapping[str, Evidence]

    def failures(self) -> dict[str, Outcome]:
        """Return how the checks ended that were judged and not passed; which were blocked follows from them."""
        return {id: outcome for id, outcome in self.outcomes.items() if outcome not in _FINE}

    def failed(self) -> frozenset[str]:
        """Return the checks that were judged and not passed."""
        return frozenset(self.failures())

    def not_passed(self) -> frozenset[str]:
        """Return the checks that were not passed, also those that could not be judged because of another one."""
        return frozenset(id for id, outcome in self.outcomes.items() if outcome is not Outcome.PASSED)


@dataclass(frozen=True)
class Known:
    """A wrong answer of the atlas, by the id of its misconception."""

    id: str
    record: Record


@dataclass(frozen=True)
class Match:
    """The mistake that a check shows; `explains_all` if it shows in every check that failed."""

    id: str
    explains_all: bool


def diagnose(submission: Record, atlas: Sequence[Known]) -> dict[str, Match]:
    """Return the known mistake behind each failed check; a check without an entry is none of those we know."""
    contained = [known for known in atlas if known.record.failed() <= submission.not_passed()]
    candidates = {check: _candidates(check, submission, contained) for check in sorted(submission.failed())}
    shown = _checks_by_candidate(candidates)
    borne_out = {known.id for known in contained if _is_borne_out(known, submission, shown.get(known.id, set()))}
    matches = {}
    for check, known in candidates.items():
        best = _decided([id for id in known if id in borne_out], shown)
        if best is not None:
            matches[check] = Match(best, shown[best] == submission.failed())
    return matches


def _candidates(check: str, submission: Record, atlas: Sequence[Known]) -> list[str]:
    """Return the wrong answers that bring the same to this check; none where one comes too near to be told apart."""
    mine = submission.evidence.get(check)
    if mine is None:
        return []
    found = []
    for known in atlas:
        theirs = known.record.evidence.get(check)
        near = nearness(mine, theirs) if theirs is not None else Nearness.OTHER
        if near is Nearness.UNCLEAR:
            return []
        # An exception's text says little: it names a mistake only where everything else agrees too.
        if near is Nearness.SAME and (mine.raised is None or known.record.failures() == submission.failures()):
            found.append(known.id)
    return found


def _is_borne_out(known: Known, submission: Record, shown: set[str]) -> bool:
    """Whether a candidate shows in at least half of the checks where both left something to compare.

    Two mistakes of one kind can agree on a small example and nowhere else; one that comes with another still shows in
    most of the checks that it breaks.
    """
    comparable = known.record.evidence.keys() & submission.evidence.keys()
    return 2 * len(shown) >= len(comparable)


def _checks_by_candidate(candidates: Mapping[str, list[str]]) -> dict[str, set[str]]:
    shown: dict[str, set[str]] = {}
    for check, known in candidates.items():
        for id in known:
            shown.setdefault(id, set()).add(check)
    return shown


def _decided(known: Sequence[str], shown: Mapping[str, set[str]]) -> str | None:
    """Return the candidate that shows in more checks than every other one; None if there is no such."""
    ranked = sorted(known, key=lambda id: len(shown[id]), reverse=True)
    if not ranked or (len(ranked) > 1 and len(shown[ranked[0]]) == len(shown[ranked[1]])):
        return None
    return ranked[0]
