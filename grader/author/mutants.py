"""`grader verify --mutants`: judge every small change of the reference and say which ones no check notices.

Owns how mutants are judged: cheapest checks first, no further than the first that fails, in five times the reference's
time. How mutants are made is `mutate`'s, what follows from their fates `mutant_gate`'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from grader.author.explained import read_explanations
from grader.author.gate import Gate, MutantCounts, Verified
from grader.author.mutant_gate import Fate, Ran, counts, mutant_gate, reference_fails_gate
from grader.author.mutate import Mutant, make_mutants
from grader.author.own_files import read_own
from grader.author.verify import course_gate, require_solutions
from grader.course import Exercise
from grader.errors import CourseError
from grader.events import PlannedCheck, Trial
from grader.grade import Grader
from grader.pool import OnProgress, Pool
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.submission import Submission, made_submission

TIMES_REFERENCE = 5
# The reference of a small exercise takes milliseconds; a machine that is busy for that long must not kill a mutant.
_LEAST_LIMIT_S = 1.0
# What says nothing against a submission: a blocked check waits for one that failed, or for one that was left out.
_SILENT = (Outcome.PASSED, Outcome.BLOCKED, Outcome.PENDING)


def verify_mutants(exercise: Exercise, tier: Tier, on_progress: OnProgress) -> Verified:
    """Return what the gate on mutants says of an exercise.

    Args:
        on_progress: Called with how many mutants have been judged, and of how many.
    Raises:
        UsageError: there is no reference, or cosmic-ray is not installed.
        InfrastructureError: something of ours failed.
    """
    require_solutions(exercise)
    began = time.monotonic()
    counted: MutantCounts | None = None
    try:
        gate, counted = _run(exercise, tier, on_progress)
    except CourseError as error:
        gate = course_gate(exercise, error)
    took_s = round(time.monotonic() - began, 3)
    runs = counted.judged if counted is not None else 0
    return Verified(exercise.slug, exercise.course.seed, (gate,), runs, 0, took_s, counted)


def takes_part(check: PlannedCheck) -> bool:
    """Whether mutants are judged by this check.

    Calibrated ones do not: they train for long, and an accuracy notices little. A check that needs one that is left out
    is blocked, which kills no mutant.
    """
    return not check.pending and not check.calibrated


def _run(exercise: Exercise, tier: Tier, on_progress: OnProgress) -> tuple[Gate, MutantCounts | None]:
    explanations, reference = read_explanations(exercise), read_own(exercise, exercise.solution_folder)
    made = make_mutants({source.name: source.text for source in reference.sources})
    with Pool(exercise, tier) as pool:
        trial, failing = _measured(pool, reference)
        if failing:
            return reference_fails_gate(exercise, failing), None
        began = time.monotonic()
        fates = _judged(pool, reference, made.mutants, trial, on_progress)
        ran = Ran(fates, made.skipped, trial.wall_s, time.monotonic() - began, pool.workers)
    return mutant_gate(exercise, ran, explanations), counts(ran, explanations)


def _measured(pool: Pool, reference: Submission) -> tuple[Trial, list[CheckResult]]:
    """Judge the reference with every worker at once, as mutants will be; return how to judge these, and what it fails.

    Side by side, or a machine with fewer free cores than it seems to have would kill mutants by the limit.
    """
    timed = [*pool.map(_timed, [reference] * pool.workers)]
    plan = next(pool.map(lambda grader, _: grader.plan, [None]))
    costs = [min(result.checks[place].wall_s for result, _ in timed) for place in range(len(plan))]
    order = sorted((place for place, check in enumerate(plan) if takes_part(check)), key=lambda place: costs[place])
    limit_s = max(_LEAST_LIMIT_S, TIMES_REFERENCE * max(wall_s - _left_out_s(result, plan) for result, wall_s in timed))
    # By their ids: what one worker's run fails the others' fail too.
    failing = {check.id: check for result, _ in timed for check in result.checks if _is_against(check)}
    return Trial(tuple(order), limit_s), [*failing.values()]


def _left_out_s(result: ExerciseResult, plan: Sequence[PlannedCheck]) -> float:
    """Return how long the checks took by which mutants are not judged."""
    return sum(check.wall_s for check, planned in zip(result.checks, plan, strict=True) if not takes_part(planned))


def _timed(grader: Grader, submission: Submission) -> tuple[ExerciseResult, float]:
    began = time.monotonic()
    return grader.grade(submission), time.monotonic() - began


def _judged(
    pool: Pool, reference: Submission, mutants: Sequence[Mutant], trial: Trial, on_progress: OnProgress
) -> list[Fate]:
    def judged(grader: Grader, mutant: Mutant) -> Fate:
        try:
            result = grader.judge(_changed(reference, mutant), trial=trial).result
        except CourseError as error:  # a suite that no reference breaks, but this one does
            return Fate(mutant, None, str(error))
        return Fate(mutant, _noticed_by([result.checks[place] for place in trial.order]))

    on_progress(0, len(mutants))
    fates: list[Fate] = []
    for fate in pool.map(judged, mutants):
        fates.append(fate)
        on_progress(len(fates), len(mutants))
    return fates


def _changed(reference: Submission, mutant: Mutant) -> Submission:
    texts = {source.name: source.text for source in reference.sources} | {mutant.file: mutant.text}
    return made_submission(texts)


def _noticed_by(checks: Sequence[CheckResult]) -> CheckResult | None:
    """Return the check that did not pass; one that was not run counts only where no other one says why."""
    against = [check for check in checks if _is_against(check)]
    return next((check for check in against if check.outcome is not Outcome.NOT_RUN), next(iter(against), None))


def _is_against(check: CheckResult) -> bool:
    return check.outcome not in _SILENT
