"""What the public checks alone say of our own answers, found out in a copy of the course that is a student's already.

Owns that nothing hidden can have a part in it: there is neither a hidden suite nor a solution where it is judged. So
it also proves that the copy works: our solution passes there, the stub earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.author.own_files import read_own, shown
from grader.course import Exercise
from grader.diagnosis.atlas import Entry, WrongAnswer, wrong_answers
from grader.diagnosis.bench import atlas_of, entry_of
from grader.diagnosis.compiled import CompiledAtlas, compiled
from grader.errors import CourseError, InfrastructureError
from grader.grade import Grader
from grader.pool import OnProgress
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.workers import Launcher

_OPEN = (Outcome.ERROR, Outcome.NOT_RUN)


@dataclass(frozen=True)
class Tried:
    """The atlas of the public checks, and what these are worth."""

    atlas: CompiledAtlas
    points: float
    checks: int


def try_copy(exercise: Exercise, copy: Exercise, tier: Tier, launcher: Launcher, on_progress: OnProgress) -> Tried:
    """Judge our own answers in a student's copy of an exercise.

    Args:
        exercise: Where the answers are.
        copy: The same exercise, without them and without its hidden suite.
        on_progress: Called with how many wrong answers have been judged, and of how many.
    Raises:
        CourseError: a public check needs what students do not have, the stub earns points, or a header is broken.
        InfrastructureError: something of ours failed.
    """
    answers = wrong_answers(exercise)
    with Grader(copy, tier, launcher) as grader:
        reference = grader.grade(read_own(exercise, exercise.solution_folder))
        _require_passed(exercise, reference)
        stub = grader.grade(read_own(exercise, exercise.stub_folder))
        if stub.score > 0:
            file = shown(exercise, exercise.stub_folder / exercise.files[0])
            raise CourseError(messages.RELEASE_STUB_EARNS.format(file=file, points=stub.score))
        seed = copy.course.seed
        atlas = atlas_of(grader, answers, seed, on_progress, by="public", enter=_whole_entry)
        said = {answer.misconception.id: answer.misconception for answer in answers}
        made = compiled(copy, grader.circumstances, atlas, said)
    return Tried(made, reference.max_score, len({check.id for check in reference.checks}))


def _require_passed(exercise: Exercise, result: ExerciseResult) -> None:
    for check in result.checks:
        if check.outcome not in (Outcome.PASSED, Outcome.PENDING):
            facts = {"suite": shown(exercise, exercise.public_suite), "check": check.id, "problem": check.message}
            raise CourseError(messages.RELEASE_REFERENCE_FAILS.format(**facts))


def _whole_entry(grader: Grader, answer: WrongAnswer, seed: int) -> Entry:
    """Judge a wrong answer by all checks that there are; a failure of ours must not be kept as its outcome."""
    entry = entry_of(grader, answer, seed, keyword="")
    for check, outcome in entry.outcomes.items():
        if outcome in _OPEN:
            raise InfrastructureError(messages.RELEASE_NOT_JUDGED.format(check=check, file=answer.path.name))
    return entry
