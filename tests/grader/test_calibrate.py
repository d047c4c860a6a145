"""`grader calibrate`: from many trainings of the reference to a threshold that is fair, and a file that says so."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from grader.author.bands import FAIR, missed_at_most, threshold
from grader.author.calibrate import calibrate
from grader.calibration import Band, Calibration, calibration_path, read_calibration, write_calibration
from grader.cli import main
from grader.course import Exercise
from grader.errors import CourseError, UsageError
from grader.events import PlannedCheck
from grader.grade import Grader
from grader.results import CheckResult, Curves, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission

from .tiny_course import SLUG, make_course

RUNS = 30  # the fewest that can be fair with four attempts


def quiet(done: int, total: int) -> None:
    """Nobody watches."""


# A "training" that draws how well it does: 100 predictions, of which `skill` are right but for a few drawn ones.
WORK = """
import torch

def predict(t):
    wrong = int(torch.randint(0, 5, ()).item()) + {missed}
    return torch.cat([1 - t[:wrong], t[wrong:]])

def double(x):
    return 2 * x
"""
SUITE = '''
    import torch
    from grader.suite import calibrated, expect_accuracy, expect_close, needs, points

    @calibrated()
    @points(1)
    @needs("test_double")
    def test_accuracy(submission, rng):
        """Most predictions are right."""
        def run():
            labels = torch.randint(0, 2, (100,), generator=rng)
            return submission.predict(labels), labels  # a stand-in: real suites send no labels
        expect_accuracy(run, "share of right ones")

    @points(1)
    def test_double(submission):
        """Doubles."""
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2))
'''


def reference(missed: int = 0) -> str:
    """Return work.py; `missed` predictions are wrong besides those that are drawn."""
    return WORK.format(missed=missed)


def course(root: Path, suite: str = SUITE, text: str | None = None) -> Exercise:
    """Write a course with one calibrated check."""
    return make_course(root, suite, points=2, files={f"solutions/{SLUG}/work.py": text or reference()})


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Exercise:
    """A course whose bands were written by few runs."""
    made = course(tmp_path_factory.mktemp("course"))
    calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)
    return made


@pytest.fixture(scope="module")
def grader(exercise: Exercise, zygote: Zygote) -> Iterator[Grader]:
    """A grader of that course."""
    with Grader(exercise, Tier.NONE, zygote) as started:
        yield started


def judged(grader: Grader, text: str, seed: int = 7) -> CheckResult:
    """Judge a submission; return what came of the calibrated check."""
    result = grader.grade(Submission("", (SourceFile("work.py", text),)), seed=seed)
    return next(check for check in result.checks if check.id == "test_accuracy")


# --- the statistics --------------------------------------------------------------------------------------------------


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    """Known values: no miss among 20, 2 among 100 (rank 3), and the rule that 64 clean runs certify 4.6 %."""
    assert missed_at_most(1, 20) == pytest.approx(1 - 0.05 ** (1 / 20), abs=1e-9)
    assert missed_at_most(3, 100) == pytest.approx(0.0616, abs=5e-5)
    assert missed_at_most(1, 64) == pytest.approx(0.0457, abs=5e-5)


@pytest.mark.parametrize("shape", ["normal", "skewed", "few values"])
def test_the_bound_holds_whatever_the_scores_look_like(shape: str) -> None:
    """In at least 95 % of calibrations the true share below the threshold is at most the bound."""
    draw = random.Random(3)
    forms = {
        "normal": lambda: draw.gauss(0.95, 0.01),
        "skewed": lambda: 0.96 - draw.expovariate(1 / 0.01),
        "few values": lambda: draw.choice([0.9, 0.95, 0.96, 0.97]),
    }
    population = sorted(forms[shape]() for _ in range(20_000))
    kept = 0
    for _ in range(200):
        found = threshold([draw.choice(population) for _ in range(100)], attempts=1)
        missed = sum(score < found.threshold for score in population) / len(population)
        kept += missed <= found.false_fail
    assert kept >= 190


def test_the_threshold_is_the_lower_of_two() -> None:
    """Two standard deviations below the mean, or the score that 3 % do not exceed; rounded down."""
    even = threshold([0.9 + 0.0001 * (place % 2) for place in range(100)], 4)
    assert even.quantile == 0.9
    assert even.threshold == 0.899  # the mean less two deviations is 0.89995
    outliers = threshold([0.5, 0.5, 0.5] + [0.95] * 97, 4)
    assert outliers.threshold == 0.5
    assert (outliers.minimum, outliers.maximum) == (0.5, 0.95)
    assert even.false_fail == missed_at_most(3, 100) ** 4 < FAIR


def test_one_score_alone_is_no_calibration() -> None:
    """Its spread is unknown, and the bound says so."""
    assert threshold([0.9], 4).false_fail > 0.5


# --- the file --------------------------------------------------------------------------------------------------------


def test_what_is_written_is_what_was_measured(exercise: Exercise) -> None:
    """One band with the counts and digests, readable, and equal when read back and written again."""
    (band,) = read_calibration(exercise).band
    assert (band.check, band.label, band.device) == ("test_accuracy", "share of right ones", "cpu")
    assert (band.runs, band.attempts) == (RUNS, 4)
    assert 0.96 <= band.minimum <= band.quantile <= band.mean <= band.maximum <= 1.0
    assert band.threshold <= band.quantile
    assert band.false_fail <= FAIR
    text = calibration_path(exercise).read_text()
    write_calibration(exercise, read_calibration(exercise))
    assert calibration_path(exercise).read_text() == text
    assert text.startswith("# How well right solutions score.")


def test_a_damaged_file_is_the_courses_mistake(tmp_path: Path) -> None:
    """A key that is no number is named with the file."""
    made = course(tmp_path)
    calibration_path(made).write_text('schema = "grader.calibration/1"\n[[band]]\ncheck = 3\n')
    with pytest.raises(CourseError, match=r"tests/hidden/exercise1_tiny/calibration\.toml.*check"):
        read_calibration(made)


def test_calibrating_again_gives_the_same_file(exercise: Exercise, zygote: Zygote) -> None:
    """Seeds decide all."""
    text = calibration_path(exercise).read_text()
    calibrate(exercise, Tier.NONE, RUNS, None, quiet, zygote)
    assert calibration_path(exercise).read_text() == text


def test_bands_of_other_devices_are_kept_and_those_of_deleted_checks_are_not(
    exercise: Exercise, tmp_path: Path, zygote: Zygote
) -> None:
    """A band of a device that is not there stays for the machine that has it."""
    made = make_course(
        tmp_path,
        SUITE,
        points=2,
        files={f"solutions/{SLUG}/work.py": reference()},
        more='[devices]\nrun = ["cpu", "cuda"]\n',
    )
    (band,) = read_calibration(exercise).band
    others = (_copy(band, device="cuda"), _copy(band, check="test_gone"), _copy(band, mean=0.1))
    write_calibration(made, Calibration(band=others))
    calibrate(made, Tier.NONE, RUNS, ["cpu"], quiet, zygote)
    assert {(one.check, one.device, one.mean) for one in read_calibration(made).band} == {
        ("test_accuracy", "cpu", band.mean),
        ("test_accuracy", "cuda", band.mean),
    }


def _copy(band: Band, **changes: object) -> Band:
    return msgspec.structs.replace(band, **changes)  # type: ignore[type-var]


# --- learning curves -------------------------------------------------------------------------------------------------

LEARNS = reference().replace(
    "return torch.cat([1 - t[:wrong], t[wrong:]])",
    """losses = [2.0 / (epoch + 1) + 0.01 * wrong for epoch in range(EPOCHS)]
    return torch.cat([1 - t[:wrong], t[wrong:]]), {"training loss": losses}""",
)
TOLD = SUITE.replace("return submission.predict(labels), labels ", "told = submission.predict(labels)\n        "
                     "    return told[0], labels, told[1] ")  # fmt: skip


@pytest.mark.parametrize(("epochs", "kept"), [(3, [1, 2, 3]), (100, [1, 3, 4, 98, 100])])
def test_what_the_reference_did_on_the_way_is_kept_and_shown(
    tmp_path: Path, zygote: Zygote, epochs: int, kept: list[int]
) -> None:
    """Lowest, mean and highest of each epoch, on one line each; a submission's own curve is shown beside them."""
    text = LEARNS.replace("EPOCHS", str(epochs))
    made = course(tmp_path, TOLD, text)
    calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)
    (band,) = read_calibration(made).band
    right = band.curve["training loss"]
    assert [epoch for epoch in right.epochs if epoch < 5 or epoch > 97] == kept
    assert len(right.epochs) == min(epochs, 64)
    assert right.low[:2] == (2.0, float(f"{2 / kept[1]:.4g}"))  # in some run nothing was wrong
    assert right.high[0] == 2.04
    assert all(low < mean < high for low, mean, high in zip(right.low, right.mean, right.high, strict=True))
    written = calibration_path(made).read_text()
    assert '\n[band.curve."training loss"]\nepochs = [1, ' in written
    assert re.search(r"^mean = \[[\d., ]+\]$", written, re.MULTILINE)
    write_calibration(made, read_calibration(made))
    assert calibration_path(made).read_text() == written
    with Grader(made, Tier.NONE, zygote) as grader:
        passed, failed = judged(grader, text), judged(grader, text.replace("+ 0", "+ 30"))
        broken = judged(grader, text.replace("}", ", 'x': 1}").replace("losses}", "None}").replace("losses,", "None,"))
    for check, outcome, trainings in ((passed, Outcome.PASSED, 1), (failed, Outcome.FAILED, 4)):
        assert (check.visibility, check.outcome) == ("hidden", outcome)
        (figure,) = check.figures
        assert isinstance(figure, Curves)
        (curve,) = figure.curves
        assert (curve.name, curve.right, len(curve.trainings)) == ("training loss", right, trainings)
    assert failed.figures[0].curves[0].trainings[0].values[0] > 2.29  # type: ignore[union-attr]
    assert (broken.outcome, broken.figures) == (Outcome.PASSED, [])
    assert "The learning curves are not shown: “training loss” is no list" in broken.message


def test_a_calibration_without_curves_is_as_good_as_ever(exercise: Exercise, grader: Grader) -> None:
    """Its file has no word of them, and checks have no figure."""
    assert "curve" not in calibration_path(exercise).read_text()
    assert judged(grader, reference()).figures == []


def test_a_reference_whose_history_is_none_is_the_courses_mistake(tmp_path: Path, zygote: Zygote) -> None:
    """It is told when the course is calibrated, where somebody can do something about it."""
    made = course(tmp_path, TOLD, LEARNS.replace("EPOCHS", "0"))
    with pytest.raises(CourseError, match=r"test_accuracy: the history that the reference returned is none: “training"):
        calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)


# --- what it refuses -------------------------------------------------------------------------------------------------


def test_too_few_runs_are_no_fair_threshold(tmp_path: Path, zygote: Zygote) -> None:
    """The message says how certain it is, what is asked for, and what to do; nothing is written."""
    made = course(tmp_path)
    with pytest.raises(
        CourseError, match=r"with 5 runs and 4 attempts .* once in 10,000 is asked for. Use more --seeds"
    ):
        calibrate(made, Tier.NONE, 5, None, quiet, zygote)
    assert not calibration_path(made).exists()


def test_a_reference_that_gives_no_accuracy_stops_it(tmp_path: Path, zygote: Zygote) -> None:
    """The first seed with which it fails is told."""
    made = course(tmp_path, text=reference().replace("return torch.cat", "return float"))
    with pytest.raises(
        CourseError, match=r"no accuracy in test_accuracy on cpu with seed 0: raised\. Your code raised"
    ):
        calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)
    made = course(tmp_path, text=reference().replace("2 * x", "3 * x"))
    with pytest.raises(CourseError, match=r"test_accuracy on cpu with seed 0: blocked"):
        calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)


def test_a_course_without_accuracies_has_nothing_to_calibrate(tmp_path: Path, zygote: Zygote) -> None:
    """Nor has a student's copy, which has no reference."""
    made = course(tmp_path, SUITE.replace("@calibrated()", "").replace("expect_accuracy(run", "(lambda *_: 0)(run"))
    with pytest.raises(CourseError, match=r"exercise1_tiny has nothing to calibrate"):
        calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)
    for path in made.solution_folder.iterdir():
        path.unlink()
    made.solution_folder.rmdir()
    with pytest.raises(UsageError, match="the reference is what is calibrated with"):
        calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)


# --- judging with it -------------------------------------------------------------------------------------------------


def test_right_solutions_pass_and_read_where_they_stand(grader: Grader) -> None:
    """With any seed; the band and the score are in the message of the passed check."""
    for seed in (0, 7, 99, 12345):
        check = judged(grader, reference(), seed)
        assert check.outcome is Outcome.PASSED
        said = r"share of right ones: correct solutions score 0\.9\d+ to (1|0\.\d+); yours (1|0\.\d\d)(, 0\.\d\d)*\."
        assert re.fullmatch(said, check.message), check.message


def test_a_solution_that_misses_is_told_the_band_and_all_its_scores(grader: Grader) -> None:
    """Four trainings, each below; how seldom that happens to a right one."""
    check = judged(grader, reference(30))
    assert check.outcome is Outcome.FAILED
    assert check.comparison == "share of right ones"
    found = re.fullmatch(
        r"share of right ones: correct solutions score (\S+) to (\S+); yours (\S+), (\S+), (\S+), (\S+)\. These are 4 "
        r"trainings with different draws: a correct solution misses in all of them less than once in [\d,]+ gradings\.",
        check.message,
    )
    assert found, check.message
    low, high, *scores = map(float, found.groups())
    assert max(scores) < low < high
    assert len(set(scores)) > 1  # each attempt draws anew


def test_a_second_attempt_saves_who_missed_once(grader: Grader) -> None:
    """One training above the threshold is enough, and no more are run than it takes."""
    lucky = reference() + "\ncalls = 0\nright = predict\ndef predict(t):\n    global calls\n    calls += 1\n"
    lucky += "    return 1 - t if calls < 3 else right(t)\n"
    check = judged(grader, lucky)
    assert check.outcome is Outcome.PASSED
    assert re.search(r"yours 0, 0, (1|0\.\d+)\.$", check.message), check.message


def test_the_plan_says_which_checks_are_calibrated_and_judges_them_last(grader: Grader) -> None:
    """Written first in the file, judged last; whoever judges mutants can leave them out."""
    assert [(planned.id, planned.attempts, planned.calibrated) for planned in grader.plan] == [
        ("test_double", 0, False),
        ("test_accuracy", 4, True),
    ]
    assert not PlannedCheck("a", "a", "hidden", "cpu", 1.0).calibrated


def refused(exercise: Exercise, zygote: Zygote) -> str:
    """Return why a submission cannot be judged."""
    with Grader(exercise, Tier.NONE, zygote) as grader, pytest.raises(CourseError) as caught:
        judged(grader, reference())
    return str(caught.value)


def test_a_missing_or_stale_calibration_is_the_courses_mistake(tmp_path: Path, zygote: Zygote) -> None:
    """Whatever it depends on: file of the check, helper beside it, reference; and it says what to run."""
    made = course(tmp_path)
    assert refused(made, zygote) == "test_accuracy has no calibration on cpu. Run `grader calibrate exercise1`."
    calibrate(made, Tier.NONE, RUNS, None, quiet, zygote)
    solution, suite = made.solution_folder / "work.py", made.hidden_folder / "test_hidden.py"
    for path, said in ((solution, "the reference has changed"), (suite, "its file, or one beside it, has changed")):
        text = path.read_text()
        path.write_text(text + "\n# changed\n")
        assert said in refused(made, zygote)
        path.write_text(text)
    (made.hidden_folder / "helper.py").write_text("A = 1\n")
    assert "its file, or one beside it, has changed" in refused(made, zygote)
    (made.hidden_folder / "helper.py").unlink()
    # Another file of checks is none of its business.
    (made.hidden_folder / "test_more.py").write_text("def test_more(submission):\n    '''More.'''\n")
    with Grader(made, Tier.NONE, zygote) as grader:
        assert judged(grader, reference()).outcome is Outcome.PASSED


def test_calibrate_on_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command prints the band and where it was written; too few seeds are exit 3, an unlisted device 2."""
    course(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["calibrate", "1", "--seeds", str(RUNS), "--fence", "none"])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "exercise1_tiny: 30 runs of the reference" in said
    assert re.search(r"test_accuracy \(cpu\), share of right ones: right solutions score 0\.9\d\d to", said)
    assert "Written to tests/hidden/exercise1_tiny/calibration.toml." in said
    assert CliRunner().invoke(main, ["calibrate", "1", "--seeds", "3", "--fence", "none"]).exit_code == 3
    assert CliRunner().invoke(main, ["calibrate", "1", "--device", "cuda"]).exit_code == 2
