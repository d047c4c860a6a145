"""Learning curves: what is kept of a history, what is refused, and that nothing hangs on them."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy
import pytest
import torch

from grader import language
from grader.curves import curves, envelopes, kept_epochs, left_out, sentences, training
from grader.errors import CourseError
from grader.policy import Feedback, withheld
from grader.results import EPOCHS, CheckResult, Curves, Envelope, Outcome, Training
from grader.side_by_side import figure_lines
from grader.suite.accuracy import expect_accuracy
from grader.suite.expect import ComparisonFailed
from grader.suite.history import EPOCHS_READ, NoHistory, history_of

from .report_samples import SAMPLES, curve, figure
from .test_accuracy import LABELS, band, calibrated

RIGHT = Envelope((1, 2), (2.0, 0.2), (2.2, 0.25), (2.4, 0.31))
SMALL = Curves("accuracy", (curve("loss", [2.3, 1.5, 0.9, 0.6, 0.4, 0.351], right=[2.2, 0.25]),))


# --- which epochs, which numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 100, 127, 128, 9_999])
def test_few_epochs_are_all_kept_and_many_are_thinned_evenly(count: int) -> None:
    """The first and the last are always there, none twice, and gaps differ by one at most."""
    kept = kept_epochs(count)
    assert (kept[0], kept[-1], len(kept)) == (1, count, min(count, EPOCHS))
    gaps = {later - earlier for earlier, later in itertools.pairwise(kept)}
    assert min(gaps, default=1) >= 1
    assert max(gaps, default=1) - min(gaps, default=1) <= 1


def test_what_is_not_finite_is_spelled_out_and_other_numbers_are_rounded() -> None:
    """JSON has no number for it."""
    assert training([1 / 3, math.nan, math.inf, -math.inf]) == Training((1, 2, 3, 4), (0.333333, "nan", "inf", "-inf"))


def test_right_trainings_become_their_lowest_mean_and_highest() -> None:
    """Epoch by epoch, with four digits; what not all of them tell of is left out, and so are epochs not all reached."""
    histories = [{"loss": (2.0, 0.123456, 9.0), "lr": (1.0,)}, {"loss": (4.0, 0.2), "time": (3.0,)}]
    assert envelopes(histories) == {"loss": Envelope((1, 2), (2.0, 0.1235), (3.0, 0.1617), (4.0, 0.2))}
    assert envelopes([]) == {}
    with pytest.raises(ValueError, match="not finite"):
        envelopes([{"loss": (math.nan,)}])


def test_the_calibration_decides_which_curves_are_shown() -> None:
    """In its order; where it knows none, what the last training tells of, and no more than four."""
    told = [{"b": [1.0], "a": [2.0]}, {"a": [3.0]}]
    shown = curves("accuracy", told, {"a": RIGHT, "gone": RIGHT})
    assert shown is not None
    assert [(one.name, [line.values for line in one.trainings]) for one in shown.curves] == [("a", [(2.0,), (3.0,)])]
    many = curves("accuracy", [{str(place): [1.0] for place in range(9)}], {})
    assert many is not None
    assert [one.name for one in many.curves] == ["0", "1", "2", "3"]
    assert curves("accuracy", [], {"a": RIGHT}) is None
    assert curves("accuracy", [{"a": [1.0]}], {"b": RIGHT}) is None


def test_of_many_trainings_the_last_ten_are_shown() -> None:
    """The last is the one that counted."""
    shown = curves("accuracy", [{"a": [float(place)]} for place in range(12)], {})
    assert shown is not None
    assert [line.values for line in shown.curves[0].trainings] == [(float(place),) for place in range(2, 12)]


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (lambda: Training((1, 2), (1.0,)), "one number for each epoch"),
        (lambda: Training((2, 1), (1.0, 1.0)), "epochs must ascend"),
        (lambda: Envelope((1,), (1.0,), (1.0, 2.0), (1.0,)), "one number for each epoch"),
    ],
)
def test_a_curve_with_missing_numbers_cannot_be_made(made: Callable[[], object], problem: str) -> None:
    """Nor one that goes back in time."""
    with pytest.raises(ValueError, match=problem):
        made()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("curves",), [], "length >= 1"),
        (("curves",), [msgspec.to_builtins(SMALL.curves[0])] * 5, "length <= 4"),
        (("curves", 0, "trainings"), [], "length >= 1"),
        (("curves", 0, "trainings", 0), {"epochs": [*range(1, 66)], "values": [0.0] * 65}, "length <= 64"),
        (("curves", 0, "trainings", 0), {"epochs": [0], "values": [1.0]}, "int` >= 1"),
        (("curves", 0, "trainings", 0), {"epochs": [1], "values": ["none"]}, "Invalid enum value 'none'"),
        (("curves", 0, "right", "low"), [], "length >= 1"),
        (("kind",), "values", "Invalid value 'values'"),
    ],
)
def test_curves_of_another_form_cannot_be_read(path: tuple[Any, ...], value: Any, problem: str) -> None:
    """A result that somebody else wrote is no way around the limits."""
    data = place = json.loads(msgspec.json.encode(SMALL))
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(msgspec.ValidationError, match=problem):
        msgspec.convert(data, Curves)


# --- what student code returned -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        [1, 2.5],
        (1.0, torch.tensor(2.5)),
        torch.tensor([1.0, 2.5]),
        numpy.array([1.0, 2.5], dtype="float32"),
        [torch.tensor([1.0], requires_grad=True), numpy.float64(2.5)],
    ],
    ids=["numbers", "a tensor of one number", "tensor", "array", "with a graph"],
)
def test_every_way_to_keep_numbers_can_be_read(line: Any) -> None:
    """A list of floats is what an exercise asks for; a student who kept tensors is shown a curve as well."""
    assert history_of({"loss": line}, {}) == {"loss": (1.0, 2.5)}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (None, "a dict with one list of numbers for each name, and this is NoneType"),
        ([1.0], "and this is list"),
        ({}, "has no list called loss"),
        ({"lr": [1.0]}, "has no list called loss"),
        ({3: [1.0]}, "has no list called loss"),
        ({"loss": 1.0}, "“loss” is no list with one number per epoch"),
        ({"loss": "12"}, "“loss” is no list"),
        ({"loss": ["1"]}, "“loss” is no list"),
        ({"loss": [True]}, "“loss” is no list"),
        ({"loss": [None]}, "“loss” is no list"),
        ({"loss": [1j]}, "“loss” is no list"),
        ({"loss": [torch.ones(2)]}, "“loss” is no list"),
        ({"loss": [torch.tensor(True)]}, "“loss” is no list"),
        ({"loss": [numpy.array(["a"])]}, "“loss” is no list"),
        ({"loss": torch.ones(2, 2)}, "“loss” is no list"),
        ({"loss": torch.tensor(1.0)}, "“loss” is no list"),
        ({"loss": []}, "“loss” has 0 entries"),
        ({"loss": torch.ones(EPOCHS_READ + 1)}, "“loss” has 10,001 entries; from 1 to 10,000"),
    ],
)
def test_whatever_is_no_history_is_told_in_a_sentence(given: Any, problem: str) -> None:
    """Wrong type, not numbers, empty, endless, another name."""
    with pytest.raises(NoHistory, match=problem):
        history_of(given, {"loss": RIGHT})


def test_what_nobody_asked_for_is_not_read() -> None:
    """A further entry of a student's own does no harm, whatever it is; a very long name has no place."""
    assert history_of({"loss": [1.0], "notes": "x"}, {"loss": RIGHT, "accuracy": RIGHT}) == {"loss": (1.0,)}
    assert history_of({"x" * 41: [1.0], "loss": [1.0]}, {}) == {"loss": (1.0,)}


def test_a_number_larger_than_any_float_is_infinite() -> None:
    """It is drawn as what it is: not finite."""
    assert history_of({"loss": [10**400, -(10**400)]}, {}) == {"loss": (math.inf, -math.inf)}


# --- in a check -----------------------------------------------------------------------------------------------------


def predicting(right: int, *history: Any) -> Callable[[], Any]:
    """Return a training of which so many of ten predictions are right."""
    return lambda: (torch.cat([LABELS[:right], LABELS[right:] + 1]), LABELS, *history)


def with_curve() -> Any:
    """Return a band that knows how right losses go."""
    return msgspec.structs.replace(band(), curve={"loss": RIGHT})


def test_a_check_that_passes_shows_its_curve(tmp_path: Path) -> None:
    """Beside what right solutions did; the sentence is what it is without."""
    with calibrated(tmp_path, with_curve()) as check:
        expect_accuracy(predicting(9, {"loss": [2.0, 0.3]}))
    (shown,) = check.curves[0].curves
    assert (shown.name, shown.right, shown.trainings) == ("loss", RIGHT, (Training((1, 2), (2.0, 0.3)),))
    assert check.notes == ["accuracy: correct solutions score 0.8 to 0.98; yours 0.9."]


def test_every_attempt_has_its_line(tmp_path: Path) -> None:
    """In the order of the trainings, also where none of them was good enough."""
    losses = iter([[2.0, 1.0], [2.0, "x"], [2.0, 1.2]])
    with calibrated(tmp_path, with_curve()) as check, pytest.raises(ComparisonFailed, match=r"yours 0\.1") as failed:
        expect_accuracy(lambda: predicting(1, {"loss": next(losses)})())
    assert [line.values for line in check.curves[0].curves[0].trainings] == [(2.0, 1.0), (2.0, 1.2)]
    *_, note = failed.value.message.splitlines()
    assert note == (
        "The learning curves are not shown: “loss” is no list with one number per epoch. This costs no points."
    )


@pytest.mark.parametrize("given", [None, {"loss": [1.0] * 20_000}, [1.0], {"accuracy": [1.0]}, {"loss": object()}])
def test_a_history_that_is_none_costs_nothing(tmp_path: Path, given: Any) -> None:
    """The check passes, there is no figure, and one note says why."""
    with calibrated(tmp_path, with_curve()) as check:
        expect_accuracy(predicting(9, given))
    assert check.curves == []
    said, note = check.notes[0].splitlines()
    assert said.endswith("yours 0.9.")
    assert note.startswith("The learning curves are not shown: ")


def test_a_history_changes_no_outcome(tmp_path: Path) -> None:
    """However good the losses are that it tells of."""
    with calibrated(tmp_path, with_curve()), pytest.raises(ComparisonFailed, match=r"yours 0\.7, 0\.7, 0\.7"):
        expect_accuracy(predicting(7, {"loss": [0.0, 0.0]}))


def test_an_old_calibration_shows_the_students_curve_alone(tmp_path: Path) -> None:
    """It knows of no curve, and is as good as ever."""
    with calibrated(tmp_path, band()) as check:
        expect_accuracy(predicting(9, {"loss": [2.0, 0.3]}))
    assert check.curves == [Curves("accuracy", (curve("loss", [2.0, 0.3]),))]


def test_without_a_history_there_is_no_figure_and_no_note(tmp_path: Path) -> None:
    """The suite passes none on."""
    with calibrated(tmp_path, with_curve()) as check:
        expect_accuracy(predicting(9))
    assert (check.curves, len(check.notes[0].splitlines())) == ([], 1)


def test_while_measuring_the_history_is_told(tmp_path: Path) -> None:
    """One of the reference that is none is the course's mistake."""
    with calibrated(tmp_path, measuring=True) as check:
        expect_accuracy(predicting(1, {"loss": [2.0, 0.3]}))
    assert check.scores[0].history == {"loss": (2.0, 0.3)}
    for given, said in (({"loss": "x"}, "“loss” is no list"), ({"loss": [math.inf]}, "“loss” holds a number that is")):
        with (
            calibrated(tmp_path, measuring=True),
            pytest.raises(CourseError, match=f"reference returned is none: {said}"),
        ):
            expect_accuracy(predicting(1, given))


@pytest.mark.parametrize("returned", [None, (LABELS,), (LABELS, LABELS, {}, {}), [LABELS, LABELS]])
def test_a_run_that_returns_something_else_is_the_courses_mistake(tmp_path: Path, returned: Any) -> None:
    """Predictions and labels, and perhaps a history."""
    with calibrated(tmp_path, band()), pytest.raises(CourseError, match=r"must return \(predictions, labels\)"):
        expect_accuracy(lambda: returned)


# --- in a result ----------------------------------------------------------------------------------------------------


def test_a_hidden_check_may_have_curves_and_no_values() -> None:
    """Curves tell what the calibration says of right solutions; values would tell what was expected."""
    facts = ("test_a", "A.", "hidden", "cpu", Outcome.PASSED, 1.0, 1.0)
    made = CheckResult(*facts, figures=[SMALL])
    assert msgspec.json.decode(msgspec.json.encode(made), type=CheckResult) == made
    with pytest.raises(ValueError, match="test_a is hidden, so it must not have figures of values"):
        CheckResult(*facts, figures=[SMALL, figure([[1.0]], [[2.0]])])


def test_where_hidden_checks_show_outcomes_only_there_is_no_curve() -> None:
    """What is not in the result cannot be leaked by a report."""
    made = CheckResult("test_a", "A.", "hidden", "cpu", Outcome.PASSED, 1.0, 1.0, figures=[SMALL])
    assert withheld(made, Feedback("outcome")).figures == []
    assert withheld(made, Feedback("hint")).figures == [SMALL]


def test_curves_stay_small() -> None:
    """However long a training and its numbers: what a student can put into a result has a limit."""
    line = [-1.7976931348623157e308 / (place + 1) for place in range(10_000)]
    made = curves("accuracy", [{str(name): line for name in range(4)}] * 12, {})
    assert made is not None
    assert len(msgspec.json.encode(made)) < 60_000
    assert left_out(made) == 10_000
    assert left_out(SMALL) == 0


# --- on a terminal --------------------------------------------------------------------------------------------------


def test_a_terminal_says_it_in_a_line() -> None:
    """How it began, how it ended, and where right solutions end."""
    assert list(figure_lines(SMALL, 77)) == [
        "loss per epoch: 2.3 1.5 … 0.351 (correct solutions end at 0.227 to 0.273)"
    ]
    alone = Curves("a", (curve("loss", [1.0, 0.5]), curve("gap", [1.0], ["nan", 2.0])))
    assert list(sentences(alone)) == ["loss per epoch: 1 0.5", "gap per epoch, in the last of 2 trainings: nan 2"]


def test_a_line_speaks_chinese_too() -> None:
    """In the language of the course."""
    language.use("zh_CN")
    try:
        (line,) = sentences(SMALL)
    finally:
        language.use(language.ENGLISH)
    assert line == "每轮的 loss：2.3 1.5 … 0.351 (正确的解答最后为 0.227 到 0.273)"


def test_the_sample_has_curves_of_many_kinds() -> None:
    """What other tests draw could have been read from a file."""
    written = SAMPLES["trained"]().result
    assert type(written).from_json(written.to_json()) == written
