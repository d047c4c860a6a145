"""Naming the mistakes of a judged submission, with the atlas built first where it is not there yet.

Owns when the atlas is needed: only once something failed that left evidence, and only where the wrong answers are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from grader import language
from grader.course import Exercise
from grader.diagnosis.atlas import Entry, WrongAnswer, load_atlas, wrong_answers
from grader.diagnosis.cache import cache_folder
from grader.diagnosis.compiled import atlas_in, read_compiled
from grader.diagnosis.evidence import UNNAMED_DEVICES
from grader.diagnosis.lookup import Known
from grader.diagnosis.misconception import Misconception
from grader.diagnosis.naming import JudgementLike, record_of, with_names
from grader.grade import Grader
from grader.judgement import Judgement
from grader.pool import OnProgress, Pool
from grader.results import ExerciseResult
from grader.submission import read_submission


@dataclass(frozen=True)
class Names:
    """The known mistakes of an exercise for one seed, ready to be looked up in any number of judgements."""

    atlas: Sequence[Known]
    misconceptions: Mapping[str, Misconception]

    def applied(self, judgement: JudgementLike, exercise: Exercise) -> ExerciseResult:
        """Return the result with a diagnosis on every check whose mistake is known."""
        if not self.atlas or not judgement.evidence:
            return judgement.result
        return with_names(judgement, self.atlas, self.misconceptions, exercise.feedback, language.current())


def names_for(
    grader: Grader, seed: int, on_progress: OnProgress | None = None, on_pool: Callable[[Pool], None] | None = None
) -> Names:
    """Return the known mistakes of a grader's exercise, running the wrong answers that are not in the cache.

    A student's copy has no wrong answers; there it is what was compiled when it was made.

    Args:
        on_progress: Called with how many wrong answers have been run, and of how many.
        on_pool: Called with what runs them before that begins, for somebody who may want to interrupt it.
    Raises:
        CourseError: the header of a wrong answer is broken.
    """
    if not grader.exercise.solution_folder.is_dir():
        compiled = read_compiled(grader.exercise, grader.circumstances, seed)
        return Names([], {}) if compiled is None else Names(*atlas_in(compiled))
    answers = wrong_answers(grader.exercise)
    atlas = atlas_of(grader, answers, seed, on_progress, on_pool)
    return Names(atlas, {answer.misconception.id: answer.misconception for answer in answers})


def named(grader: Grader, judgement: Judgement, on_progress: OnProgress | None = None) -> ExerciseResult:
    """Return the result with a diagnosis on every check whose mistake is known; see `names_for`.

    A part of the suite is not enough: which other checks fail decides between mistakes that agree at one.
    """
    result = judgement.result
    if not judgement.evidence or len(result.checks) < len(grader.plan):
        return result
    return names_for(grader, result.seed, on_progress).applied(judgement, grader.exercise)


def atlas_of(
    grader: Grader,
    answers: list[WrongAnswer],
    seed: int,
    on_progress: OnProgress | None = None,
    on_pool: Callable[[Pool], None] | None = None,
    *,
    by: str = "by-header",
    enter: Callable[[Grader, WrongAnswer, int], Entry] | None = None,
) -> list[Known]:
    """Return the atlas of a grader's exercise for one seed, running what is not in the cache, several side by side.

    Args:
        by: What tells the entries of one way to make them from those of another in the cache.
        enter: That way; None means `entry_of`.
    """
    entered = enter or entry_of

    def run(missing: list[WrongAnswer]) -> Iterator[Entry]:
        pool = Pool(grader.exercise, grader.tier, zygote=grader.zygote)
        if on_pool is not None:
            on_pool(pool)
        with pool:
            entries = pool.map(lambda free, answer: entered(free, answer, seed), missing)
            for done, entry in enumerate(entries, start=1):
                if on_progress is not None:
                    on_progress(done, len(missing))
                yield entry

    return load_atlas(answers, grader.circumstances, seed, run, cache_folder() / by)


def entry_of(grader: Grader, answer: WrongAnswer, seed: int, keyword: str | None = None) -> Entry:
    """Judge a wrong answer by the checks that its header says it fails; return what the atlas keeps of it.

    That it fails these and no others is what `grader verify` proves, so the rest of the suite need not be run.

    Args:
        keyword: Other checks to judge it by, as for -k; "" means all.
    """
    submission = read_submission(grader.exercise, answer.path)
    devices = [device for device in grader.exercise.devices if device not in UNNAMED_DEVICES]
    chosen = answer.misconception.keyword if keyword is None else keyword
    judgement = grader.judge(submission, seed=seed, keyword=chosen, devices=devices)
    record = record_of(judgement)
    return Entry(dict(record.outcomes), dict(record.evidence))
