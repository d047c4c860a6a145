"""The gate on mutants: every change of the reference is noticed by a check, or explained by the author.

Pure: what became of the mutants in, gate and counts out. Runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader import messages
from grader.author.explained import Explanation, explains, explanations_path
from grader.author.gate import Gate, MutantCounts, Problem
from grader.author.mutate import Mutant
from grader.course import Exercise
from grader.results import OUR_FAILURES, CheckResult, Outcome


@dataclass(frozen=True)
class Fate:
    """A mutant and the check that noticed it, or that ended in a failure of ours; None if there was neither.

    `broken` is what the suite said where the mutant made it contradict itself.
    """

    mutant: Mutant
    check: CheckResult | None
    broken: str = ""

    @property
    def survived(self) -> bool:
        """Whether no check noticed it."""
        return self.check is None and not self.broken

    @property
    def killed(self) -> bool:
        """Whether a check noticed it."""
        return self.check is not None and self.check.outcome not in OUR_FAILURES


@dataclass(frozen=True)
class Ran:
    """Everything that was run: what became of each mutant, in `wall_s`, by `workers` at once, each within `limit_s`.

    `skipped` were not worth running, by reason.
    """

    fates: Sequence[Fate]
    skipped: Mapping[str, int]
    limit_s: float
    wall_s: float
    workers: int


def mutant_gate(exercise: Exercise, ran: Ran, explanations: Sequence[Explanation]) -> Gate:
    """Every mutant is noticed by a check or explained, and every explanation is about one that is not."""
    problems = [
        *(_survivor(exercise, fate) for fate in ran.fates if fate.survived and not explained(fate, explanations)),
        *(_unsettled(exercise, fate) for fate in ran.fates if not fate.survived and not fate.killed),
        *(_stale(exercise, entry, ran.fates) for entry in explanations if _is_stale(entry, ran.fates)),
    ]
    advice = messages.MUTANTS_ADVICE.format(file=_explanations_file(exercise))
    return Gate("mutants", messages.MUTANTS_TITLE, len(ran.fates), advice, tuple(problems))


def explained(fate: Fate, explanations: Sequence[Explanation]) -> bool:
    """Whether the author says why no check can notice this mutant."""
    return any(explains(entry, fate.mutant) for entry in explanations)


def reference_fails_gate(exercise: Exercise, failing: Sequence[CheckResult]) -> Gate:
    """Return the gate that fails because the reference itself does, which makes every mutant look killed."""
    shown = str(exercise.solution_folder.relative_to(exercise.course.root))
    problems = [
        Problem(shown, check.id, messages.MUTANTS_REFERENCE_FAILS.format(outcome=check.outcome)) for check in failing
    ]
    return Gate("mutants", messages.MUTANTS_TITLE, 0, messages.VERIFY_REFERENCE_ADVICE, tuple(problems))


def counts(ran: Ran, explanations: Sequence[Explanation]) -> MutantCounts:
    """Return how the mutants fared as numbers."""
    killed = [fate.check.outcome for fate in ran.fates if fate.check and fate.killed]
    survived = [fate for fate in ran.fates if fate.survived]
    judged = len(ran.fates)
    return MutantCounts(
        judged=judged,
        killed=len(killed),
        killed_by_time=killed.count(Outcome.TIMEOUT),
        survived=len(survived),
        explained=sum(explained(fate, explanations) for fate in survived),
        unsettled=judged - len(killed) - len(survived),
        skipped=dict(ran.skipped),
        kill_rate=round(len(killed) / judged, 4) if judged else 1.0,
        limit_s=round(ran.limit_s, 3),
        per_s=round(judged / ran.wall_s, 3) if judged else 0.0,
        workers=ran.workers,
    )


def _survivor(exercise: Exercise, fate: Fate) -> Problem:
    return Problem(_place(exercise, fate.mutant), "", messages.MUTANTS_SURVIVOR.format(diff=fate.mutant.diff))


def _unsettled(exercise: Exercise, fate: Fate) -> Problem:
    ended = fate.check.outcome if fate.check else fate.broken.rstrip(".")
    said = messages.MUTANTS_NOT_SETTLED.format(ended=ended, diff=fate.mutant.diff)
    return Problem(_place(exercise, fate.mutant), fate.check.id if fate.check else "", said)


def _is_stale(entry: Explanation, fates: Sequence[Fate]) -> bool:
    """Whether an entry is needed by no mutant. One that a failure of ours has kept from being judged may need it."""
    return all(fate.killed for fate in fates if explains(entry, fate.mutant))


def _stale(exercise: Exercise, entry: Explanation, fates: Sequence[Fate]) -> Problem:
    checks = [fate.check.id for fate in fates if fate.check and explains(entry, fate.mutant)]
    sentence = messages.MUTANTS_STALE_KILLED if checks else messages.MUTANTS_STALE
    place = messages.MUTANTS_ENTRY.format(now=entry.now.strip(), function=entry.function)
    return Problem(_explanations_file(exercise), "", place + sentence.format(checks=", ".join(checks)))


def _place(exercise: Exercise, mutant: Mutant) -> str:
    return f"{(exercise.solution_folder / mutant.file).relative_to(exercise.course.root)}:{mutant.line}"


def _explanations_file(exercise: Exercise) -> str:
    return str(explanations_path(exercise).relative_to(exercise.course.root))
