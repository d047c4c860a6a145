"""A submission judged backwards, and in another dialect of torch: outcomes, values and names stay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.course import Exercise
from grader.diagnosis.atlas import WrongAnswer, wrong_answers
from grader.diagnosis.bench import atlas_of, entry_of
from grader.diagnosis.lookup import Known, Record, diagnose
from grader.grade import Grader
from grader.judgement import Judgement
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission

from .tiny_course import make_course

SUITE = '''
    import pytest
    import torch
    from grader.suite import expect_close, needs, points

    @pytest.fixture(scope="module")
    def shared():
        return torch.ones(2, dtype=torch.float64)

    @points(1)
    def test_double(submission, shared):
        """double(x) is 2 x."""
        expect_close(submission.double(shared), 2 * shared, label="y")

    @points(1)
    @needs("test_double")
    def test_noise(submission, rng):
        """double(x) is 2 x for noise."""
        x = torch.randn(5, generator=rng, dtype=torch.float64)
        expect_close(submission.double(x), 2 * x, label="y")

    @points(1)
    def test_dialect(submission):
        """The dialect is that of the processor."""
        expect_close(submission.dialect(), float(torch.backends.cpu.get_cpu_capability() == "DEFAULT"), label="dialect")

    @points(1)
    def test_old(submission):
        """The dialect is the oldest."""
        expect_close(submission.dialect(), 1.0, label="dialect")
'''
WORK = """
import torch

def double(x):
    return 2 * x

def dialect():
    return float(torch.backends.cpu.get_cpu_capability() == "DEFAULT")
"""


@pytest.fixture(scope="module")
def old() -> Iterator[Zygote]:
    """A zygote in which torch computes as on the oldest processor."""
    with Zygote.start("default") as started:
        started.wait_until_ready()
        yield started


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """An exercise of four checks."""
    return make_course(tmp_path_factory.mktemp("course"), SUITE, points=4)


def judged(grader: Grader, text: str, *, backwards: bool) -> tuple[list[str], Judgement]:
    """Return the checks in the order in which they ended, and what came of it."""
    ended: list[str] = []
    submission = Submission("", (SourceFile("work.py", text),))
    judgement = grader.judge(submission, on_check=lambda check: ended.append(check.id), backwards=backwards)
    return ended, judgement


def test_backwards_begins_with_the_last_check_that_waits_for_none(tiny: Exercise, zygote: Zygote) -> None:
    """A check still comes after those that it needs; result, draws and outcomes are those of the plan's order."""
    with Grader(tiny, Tier.NONE, zygote) as grader:
        _, forwards = judged(grader, WORK.replace("2 *", "3 *"), backwards=False)
        ended, backwards = judged(grader, WORK.replace("2 *", "3 *"), backwards=True)
    assert ended == ["test_old", "test_dialect", "test_double", "test_noise"]
    assert [check.id for check in backwards.result.checks] == [check.id for check in forwards.result.checks]
    assert [check.outcome for check in backwards.result.checks] == [check.outcome for check in forwards.result.checks]
    assert backwards.evidence == forwards.evidence
    assert forwards.result.checks[1].outcome is Outcome.BLOCKED


def test_the_dialect_reaches_suite_and_submission(tiny: Exercise, old: Zygote, strongest: Tier) -> None:
    """Where the zygote was told to compute as on the oldest processor, judge and fenced guest do."""
    with Grader(tiny, strongest, old) as grader:
        _, judgement = judged(grader, WORK, backwards=False)
    assert [check.outcome for check in judgement.result.checks] == [Outcome.PASSED] * 4


# One of each kind: a piece, a value that several functions pass on, an exception, a softmax, a batch axis.
HANDFUL = ("relu-mask-missing", "sigmoid-mirrored", "weights-not-transposed", "softmax-over-the-batch", "bias-averaged")


@pytest.fixture(scope="module")
def handful(exercise1: Exercise) -> list[WrongAnswer]:
    """A few wrong answers of exercise 1."""
    return [answer for answer in wrong_answers(exercise1) if answer.misconception.id in HANDFUL]


def names(record: Record, atlas: list[Known]) -> dict[str, str]:
    """Return what each failing check calls the mistake."""
    return {check: match.id for check, match in diagnose(record, atlas).items()}


def test_another_dialect_gives_the_same_names(
    exercise1: Exercise, handful: list[WrongAnswer], zygote: Zygote, old: Zygote
) -> None:
    """Wrong answers judged where torch computes as on the oldest processor are found in an atlas made here."""
    assert len(handful) == len(HANDFUL)
    with Grader(exercise1, Tier.NONE, zygote) as here, Grader(exercise1, Tier.NONE, old) as there:
        atlas = atlas_of(here, handful, seed=7)
        for answer, known in zip(handful, atlas, strict=True):
            entry = entry_of(there, answer, 7)
            assert entry.outcomes == known.record.outcomes
            found = names(Record(entry.outcomes, entry.evidence), atlas)
            assert found == names(known.record, atlas)
            assert set(found.values()) == {answer.misconception.id}
