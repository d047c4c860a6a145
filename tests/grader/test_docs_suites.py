"""docs/suites.md is true: its examples are put together, judged, and what it says of them is what happens."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from grader import suite
from grader.author.calibrate import calibrate
from grader.course import load_course, load_exercise
from grader.grade import Grader
from grader.results import Curves, ExerciseResult, Outcome
from grader.sandbox.fence import strongest_tier
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission
from grader.suite.expect import TOLERANCES
from grader.suite.marks import DESCRIPTIONS

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs" / "suites.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
EXERCISE = "exercise1_line"


def files() -> dict[str, str]:
    """Return the files of the page: each block names its own in the first line, and adds to it."""
    contents: dict[str, str] = {}
    for language, block in BLOCKS:
        if language in ("python", "toml"):
            name, _, text = block.partition("\n")
            contents[name.removeprefix("# ")] = contents.get(name.removeprefix("# "), "") + text + "\n\n"
    return contents


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Grader]:
    """A grader for the page's exercise, behind the strongest fence there is."""
    root = tmp_path_factory.mktemp("page")
    for name, text in {**files(), "course.toml": 'name = "The page"\nseed = 1\n'}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    exercise = load_exercise(load_course(root), EXERCISE)
    shutil.copytree(REPOSITORY / "exercises" / "data", exercise.course.data_folder)
    # As an author would with `grader calibrate`; as few runs as are fair, of a training that takes no time.
    calibrate(exercise, strongest_tier(), 30, None, lambda done, total: None, zygote)
    with Grader(exercise, strongest_tier(), zygote) as started:
        yield started


def judge(grader: Grader, text: str, seed: int = 1) -> ExerciseResult:
    """Judge a text as line.py."""
    return grader.grade(Submission("0" * 64, (SourceFile("line.py", text),)), seed=seed)


def not_passed(result: ExerciseResult) -> dict[str, str]:
    """Return the messages of what did not pass, by check."""
    return {check.id: check.message for check in result.checks if check.outcome is not Outcome.PASSED}


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_the_reference_of_the_page_earns_everything(grader: Grader, seed: int) -> None:
    """Every example passes for the answer that the page gives."""
    result = judge(grader, files()[f"solutions/{EXERCISE}/line.py"], seed)
    assert not_passed(result) == {}, grader.log()
    assert (result.score, result.max_score, result.complete) == (24.0, 24.0, True)


def test_the_stub_of_the_page_is_todo(grader: Grader) -> None:
    """Nothing is written, nothing else is said."""
    outcomes = {check.outcome for check in judge(grader, files()[f"exercises/{EXERCISE}/line.py"]).checks}
    assert outcomes == {Outcome.TODO, Outcome.BLOCKED}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_wrong_answers_of_the_page_read_as_it_says(grader: Grader, place: int) -> None:
    """The message shown is the message a student gets."""
    shown = [block.strip() for language, block in BLOCKS if language == "text"][place]
    wrong, check = [
        ("wrong/error_reversed.py", "test_stages_lead_to_the_loss"),
        ("wrong/never_cleared.py", "test_each_batch_is_one_step"),
        ("wrong/waits_each_step.py", "test_the_device_is_kept_busy"),
    ][place]
    failed = not_passed(judge(grader, files()[f"solutions/{EXERCISE}/line.py"] + files()[wrong]))
    assert failed[check] == shown
    assert len(TEXT.split("```text")) == 4


WRONG_ANSWERS = {
    "test_line_is_w_x_plus_b": "def predict(x, w, b):\n    return (w * x + b)[:, None]\n",
    "test_slopes_are_those_of_the_loss": "def slopes(x, t, w, b):\n    return None\n",
    "test_a_line_is_found_again": "old = fit\ndef fit(x, t, steps):\n    return old(x, t, steps // 50)\n",
    "test_training_starts_at_the_loss_of_zero": "old = fit\ndef fit(x, t, steps):\n    return old(x, t, steps // 50)\n",
    "test_module_can_be_differentiated": "Line.forward = lambda self, x: (self.w * x + self.b).detach()\n",
    "test_inputs_are_left_alone": "def predict(x, w, b):\n    return x.mul_(w).add_(b)\n",
    "test_predict_stays_where_x_is": "old = predict\ndef predict(*given):\n    return old(*given).cpu()\n",
    "test_each_batch_is_one_step": "def train_epoch(model, loader, optimizer, loss_fn):\n    return 0.0\n",
    "test_training_gives_the_right_numbers": (
        "old = train_epoch\ndef train_epoch(*given):\n    return old(*given) * 20 / 3\n"
    ),
    "test_digits_are_recognised": "def classify(x, t, new):\n    return t[: len(new)], []\n",
    "test_the_device_is_kept_busy": "old = train_on\ndef train_on(*given):\n    return old(*given) * 1.5\n",
    "test_losses_fall": "old = fit\ndef fit(*given):\n    w, b, losses = old(*given)\n    return w, b, losses[::-1]\n",
}


@pytest.mark.parametrize("check", WRONG_ANSWERS)
def test_every_example_catches_something(grader: Grader, check: str) -> None:
    """An example that no wrong answer fails would teach a check that checks nothing."""
    text = files()[f"solutions/{EXERCISE}/line.py"] + WRONG_ANSWERS[check]
    failed = not_passed(judge(grader, text))
    assert check in failed
    assert failed[check]


def test_the_accuracy_of_the_page_shows_a_learning_curve(grader: Grader) -> None:
    """Of the loss, in a hidden check that passes, beside what the calibration has seen."""
    result = judge(grader, files()[f"solutions/{EXERCISE}/line.py"])
    figures = {check.device: check.figures for check in result.checks if check.id == "test_digits_are_recognised"}
    assert set(figures) == {"cpu", "sim"}
    for (figure,) in figures.values():
        assert isinstance(figure, Curves)
        (curve,) = figure.curves
        assert curve.name == "loss"
        assert curve.right is not None
        assert curve.right.epochs == curve.trainings[0].epochs == tuple(range(1, 31))


def test_the_page_names_everything_that_suites_are_written_with() -> None:
    """Nothing that can be imported goes unexplained, nor any mark."""
    unexplained = [name for name in suite.__all__ if f"`{name}" not in TEXT and f"`@{name}(" not in TEXT]
    assert unexplained == []
    assert [text for text in DESCRIPTIONS if f"`@{text.split('(')[0]}(" not in TEXT] == []


def test_the_tolerances_of_the_page_are_those_in_force() -> None:
    """The table is the code's."""
    rows = re.findall(r"^\| (\w+) \| ([\d.e-]+) \|$", TEXT, re.MULTILINE)
    assert {name: float(rtol) for name, rtol in rows} == {
        str(dtype).removeprefix("torch."): rtol
        for dtype, (rtol, _) in TOLERANCES.items()
        if dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    }


def test_the_page_is_in_plain_lines() -> None:
    """Every block is closed and of a known kind."""
    assert TEXT.count("```") == 2 * len(BLOCKS)
    assert {language for language, _ in BLOCKS} == {"python", "toml", "text", "console"}
    assert all(name.startswith(("exercises/", "solutions/", "tests/", "wrong/")) for name in files())
