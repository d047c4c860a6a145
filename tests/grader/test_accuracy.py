"""`expect_accuracy` itself: what it counts, how often it trains, and what it refuses."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from grader.calibration import Band, Origin, data_digest, suite_digest
from grader.course import Exercise
from grader.errors import CourseError
from grader.events import Score
from grader.report.render import student_report
from grader.suite import context
from grader.suite.accuracy import Bands, expect_accuracy
from grader.suite.datasets import digits
from grader.suite.expect import ComparisonFailed

from . import report_samples
from .test_architecture import imports_of, roots
from .test_expect import a_check
from .tiny_course import FakeSession, collect, make_course

ROOT = Path(__file__).resolve().parents[2]
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 1])


def band(threshold: float = 0.8, data: str = "") -> Band:
    """Return a band whose other numbers do not matter."""
    return Band(
        check="test_a", label="accuracy", device="cpu", runs=100, mean=0.9, sd=0.05, minimum=threshold,
        quantile=threshold, maximum=0.98, threshold=threshold, attempts=3, false_fail=1 / 70_000, torch="",
        origin=Origin("s", "r", data),
    )  # fmt: skip


@contextlib.contextmanager
def calibrated(root: Path, known: Band | None = None, *, measuring: bool = False) -> Iterator[context.Check]:
    """Be inside a check with these bands and a session that can be seeded."""
    exercise = make_course(root, public="def test_b():\n    '''B.'''\n")
    with a_check() as check:
        check.session = FakeSession({})
        check.bands = Bands(exercise, 3, "s", "r", {known.label: known} if known else {}, measuring)
        yield check


def predicting(*shares: int) -> Callable[[], tuple[torch.Tensor, torch.Tensor]]:
    """Return trainings of which each gets so many of the ten right, one after the other."""
    left = list(shares)

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        right = left.pop(0)
        return torch.cat([LABELS[:right], LABELS[right:] + 1]), LABELS

    return run


@pytest.mark.parametrize(
    ("shares", "said"), [((9,), "0.9"), ((8,), "0.8"), ((3, 8), "0.3, 0.8"), ((7, 7, 10), "0.7, 0.7, 1")]
)
def test_one_training_at_the_threshold_is_enough(tmp_path: Path, shares: tuple[int, ...], said: str) -> None:
    """It passes as soon as one reaches it, and trains no further."""
    with calibrated(tmp_path, band()) as check:
        expect_accuracy(predicting(*shares))
    assert check.notes == [f"accuracy: correct solutions score 0.8 to 0.98; yours {said}."]


def test_missing_it_every_time_fails_with_all_scores(tmp_path: Path) -> None:
    """As often as allowed and no more."""
    with calibrated(tmp_path, band()), pytest.raises(ComparisonFailed) as failed:
        expect_accuracy(predicting(7, 6, 7))
    assert failed.value.message == (
        "accuracy: correct solutions score 0.8 to 0.98; yours 0.7, 0.6, 0.7. These are 3 trainings with different "
        "draws: a correct solution misses in all of them less than once in 70,000 gradings."
    )


def test_a_score_that_missed_never_looks_as_if_it_had_not(tmp_path: Path) -> None:
    """Scores are rounded down: 0.94199 is not shown as the 0.942 that was needed."""
    labels = torch.arange(100_000)
    predictions = torch.where(labels < 94_199, labels, labels + 1)
    with (
        calibrated(tmp_path, band(0.942)),
        pytest.raises(ComparisonFailed, match=r"score 0\.942 to 0\.98; yours 0\.941,"),
    ):
        expect_accuracy(lambda: (predictions, labels))


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (None, "accuracy: expected a tensor of class numbers, got NoneType"),
        ([0, 1], "accuracy: expected a tensor of class numbers, got list"),
        (LABELS.double(), r"accuracy: expected whole class numbers, got dtype float64\. Take the class"),
        (LABELS > 0, "got dtype bool"),
        (LABELS[:, None], r"accuracy: expected shape \(10,\), got \(10, 1\)"),
        (LABELS[:5], r"accuracy: expected shape \(10,\), got \(5,\)"),
        (torch.tensor(1), r"accuracy: expected shape \(10,\), got \(\)"),
    ],
)
def test_predictions_must_be_class_numbers(tmp_path: Path, predictions: Any, said: str) -> None:
    """Nothing broadcasts and nothing is rounded; the first training is enough to say so."""
    calls = []

    def run() -> tuple[Any, torch.Tensor]:
        calls.append(1)
        return predictions, LABELS

    with calibrated(tmp_path, band()), pytest.raises(ComparisonFailed, match=said):
        expect_accuracy(run)
    assert len(calls) == 1


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
def test_every_whole_dtype_counts(tmp_path: Path, dtype: torch.dtype) -> None:
    """Also as arrays, on either side."""
    with calibrated(tmp_path, band()) as check:
        expect_accuracy(lambda: (LABELS.to(dtype), LABELS))
        expect_accuracy(lambda: (numpy.asarray(LABELS), numpy.asarray(LABELS, dtype="uint8")))
    assert len(check.notes) == 2


@pytest.mark.parametrize("labels", [LABELS.double(), LABELS[:, None], LABELS[:0], LABELS > 0])
def test_wrong_labels_are_the_courses_mistake(tmp_path: Path, labels: torch.Tensor) -> None:
    """They are ours."""
    with calibrated(tmp_path, band()), pytest.raises(CourseError, match="labels must be whole numbers of shape"):
        expect_accuracy(lambda: (LABELS, labels))


def test_nothing_is_recorded_for_diagnosis(tmp_path: Path) -> None:
    """An accuracy names no mistake: two mistakes may have the same."""
    with calibrated(tmp_path, band()) as check:
        with pytest.raises(ComparisonFailed):
            expect_accuracy(predicting(1, 1, 1))
        with pytest.raises(ComparisonFailed):
            expect_accuracy(lambda: (None, LABELS))
    assert check.comparisons == []


def drawn(root: Path, before: int) -> tuple[list[float], float, list[int]]:
    """Return what three attempts draw, what is drawn after them, and the guest's seeds; `before` draws come first."""
    found: list[float] = []
    with calibrated(root, band(0.5)) as check:
        torch.rand(before, generator=check.rng)

        def run() -> tuple[torch.Tensor, torch.Tensor]:
            found.append(float(torch.rand((), generator=check.rng)))
            return (LABELS if len(found) == 3 else LABELS + 1), LABELS

        expect_accuracy(run)
        after = float(torch.rand((), generator=check.rng))
        session = check.session
        assert isinstance(session, FakeSession)
        return found, after, session.seeds


def test_each_attempt_draws_anew_and_always_the_same(tmp_path: Path) -> None:
    """What was drawn before changes neither what an attempt draws nor what the rest of the check does."""
    (found, after, seeds), (again, after_again, _) = drawn(tmp_path / "one", 0), drawn(tmp_path / "two", 5)
    assert found == again
    assert after == after_again
    assert len({*found, after}) == 4
    assert len(set(seeds)) == 4


def test_while_measuring_one_training_is_told_and_nothing_compared(tmp_path: Path) -> None:
    """However bad it is; with what it depends on."""
    with calibrated(tmp_path, measuring=True) as check:
        expect_accuracy(predicting(1))
    assert check.scores == [Score("accuracy", 0.1, Origin("s", "r", ""))]


def test_a_check_without_the_mark_or_without_a_band_is_the_courses_mistake(tmp_path: Path) -> None:
    """Another label has no band either."""
    with a_check(), pytest.raises(CourseError, match=r"test_a compares an accuracy and so needs the mark @calibrated"):
        expect_accuracy(predicting(1))
    with (
        calibrated(tmp_path, band()),
        pytest.raises(CourseError, match=r"“digits” has no calibration\. Run `grader calibrate exercise1`"),
    ):
        expect_accuracy(predicting(9), "digits")


def test_other_data_make_a_calibration_stale(tmp_path: Path) -> None:
    """What was read is known by its contents, whichever part of it is trained on."""
    course = make_course(tmp_path, public="def test_b():\n    '''B.'''\n")
    sha256 = digits_of(course, None).sha256

    def run() -> tuple[torch.Tensor, torch.Tensor]:
        digits(torch.Generator().manual_seed(3))
        return LABELS, LABELS

    for known, stale in ((band(data=data_digest([sha256])), False), (band(), True), (band(data="other"), True)):
        with calibrated(tmp_path, known) as check:
            check.exercise = course
            with pytest.raises(CourseError, match="made with other data") if stale else contextlib.nullcontext():
                expect_accuracy(run)


def digits_of(course: Exercise, generator: torch.Generator | None) -> Any:
    """Put the digits into a course and read them as a check does."""
    course.course.data_folder.mkdir(parents=True)
    for path in (ROOT / "exercises" / "data").glob("*.gz"):
        (course.course.data_folder / path.name).write_bytes(path.read_bytes())
    with a_check() as check:
        check.exercise = course
        return digits(generator)


def suite(head: str, needs: str = "") -> str:
    """Return a suite with a calibrated check between two others."""
    return f"""
        from grader.suite import calibrated, needs, points
        @points(1)
        def test_first(submission):
            '''A.'''
        {head}
        def test_trained(submission):
            '''B.'''
        {needs}
        def test_last(submission):
            '''C.'''
    """


def order(root: Path, text: str) -> list[str]:
    """Return the checks of a hidden suite in the order of the plan."""
    found: list[str] = []
    exercise = make_course(root, text)
    collect(exercise, root / "private", lambda suite: found.extend(step.check.id for step in suite.steps))
    return found


def test_calibrated_checks_come_last_unless_another_needs_them(tmp_path: Path) -> None:
    """They train for long; what can be said without them is said first."""
    assert order(tmp_path / "a", suite("@calibrated()")) == ["test_first", "test_last", "test_trained"]
    assert order(tmp_path / "b", suite("")) == ["test_first", "test_trained", "test_last"]
    needed = suite("@calibrated()", "@needs('test_trained')")
    assert order(tmp_path / "c", needed) == ["test_first", "test_trained", "test_last"]


@pytest.mark.parametrize("mark", ["@calibrated(attempts=0)", "@calibrated(attempts=1.5)", "@calibrated(attempts='x')"])
def test_a_mark_used_wrongly_is_the_courses_mistake(tmp_path: Path, mark: str) -> None:
    """With file and line."""
    with pytest.raises(CourseError, match=r"test_hidden\.py:\d+: .*calibrated"):
        order(tmp_path, suite(mark))


def test_a_public_check_cannot_be_calibrated(tmp_path: Path) -> None:
    """A student's copy has no calibration to compare with."""
    exercise = make_course(tmp_path, public=suite("@calibrated()"))
    with pytest.raises(CourseError, match="test_trained is calibrated, so it belongs to the hidden suite"):
        collect(exercise, tmp_path / "private")


def test_the_digest_of_a_check_is_that_of_its_file_and_its_helpers(tmp_path: Path) -> None:
    """Other test files, caches, the calibration itself and what students read of a check do not count."""
    exercise = make_course(tmp_path, suite("@calibrated()"))
    folder = exercise.hidden_folder
    file = folder / "test_hidden.py"
    before = suite_digest(exercise, file)
    (folder / "test_other.py").write_text("A = 1\n")
    (folder / "calibration.toml").write_text("a = 1\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("")
    text = file.read_text()
    file.write_text(text.replace("'''B.'''", "'''B.\n\n    zh_CN: 乙。\n    '''"))
    assert file.read_text() != text
    assert suite_digest(exercise, file) == before
    file.write_text(text.replace("test_trained(submission)", "test_trained(submission, rng)"))
    assert suite_digest(exercise, file) != before
    file.write_text(text)
    (folder / "sub").mkdir()
    (folder / "sub" / "data.txt").write_text("1\n")
    with_data = suite_digest(exercise, file)
    (folder / "oracles.py").write_text("A = 1\n")
    assert len({before, with_data, suite_digest(exercise, file)}) == 3


def test_the_report_shows_the_band_of_a_check_that_passed() -> None:
    """Not only who missed it reads what right solutions score."""
    said = "digits: correct solutions score 0.94 to 0.97; yours 0.95."
    passed = report_samples.check(visibility="hidden", message=said)
    page = student_report(report_samples.result(passed), report_samples.exercise(), {})
    assert f"<p>{said}</p>" in page


def test_the_recorder_knows_nothing_of_ours() -> None:
    """It is sent to student code, where nothing of this package may be needed."""
    assert roots(imports_of("grader.suite.recorder")) & {"grader", "numpy", "pytest"} == set()
