"""Figures: the values of a public check beside the expected ones. Bounded, and never there for a hidden check."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy
import pytest
import torch

from grader.policy import FeedbackLevel
from grader.results import SHOWN, CheckResult, Figure, Outcome
from grader.suite.expect import Awarded, ComparisonFailed, expect_close, expect_equal, expect_stages
from grader.suite.figure import figures_of

from .test_expect import a_check
from .tiny_course import FakeSession, judge_events, make_course, results

D = torch.float64
ROW = torch.tensor([1.0, 2.0, 3.0], dtype=D)


def failing(compare: Callable[..., object], *arguments: object, **more: object) -> ComparisonFailed:
    """Return how a comparison fails."""
    with a_check(), pytest.raises(ComparisonFailed, match=r"\w") as caught:
        compare(*arguments, **more)
    return caught.value


def figure(compare: Callable[..., object], *arguments: object, **more: object) -> Figure:
    """Return the figure of a comparison that fails in a public check."""
    (made,) = figures_of(failing(compare, *arguments, **more), "public")
    return made


# --- what is shown --------------------------------------------------------------------------------------------------


def test_a_figure_holds_both_values_and_their_difference() -> None:
    """Entry by entry, with the label, the shape, the dtype, and which entries the comparison found wrong."""
    got, expected = torch.tensor([[1.0, 2.0], [3.0, 5.0]], dtype=D), torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=D)
    assert figure(expect_close, got, expected, label="dw1") == Figure(
        label="dw1",
        dtype="float64",
        shape=(2, 2),
        got=((1.0, 2.0), (3.0, 5.0)),
        expected=((1.0, 2.0), (3.0, 4.0)),
        difference=((0.0, 0.0), (0.0, 1.0)),
        wrong=((False, False), (False, True)),
    )


def test_what_is_wrong_is_what_the_comparison_says() -> None:
    """Within its tolerance an entry differs and is not wrong."""
    made = figure(expect_close, ROW * torch.tensor([1.0, 1.001, 1.5], dtype=D), ROW, rtol=0.01)
    assert made.wrong == ((False, False, True),)
    assert made.difference[0][1] == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("got", "expected", "shape"),
    [
        (torch.tensor(5.0), torch.tensor(4.0), ()),
        (5.0, 4.0, ()),
        (numpy.array([5.0]), numpy.array([4.0]), (1,)),
        (torch.tensor([[5.0]]), torch.tensor([[4.0]]), (1, 1)),
    ],
)
def test_a_number_is_one_cell(got: object, expected: object, shape: tuple[int, ...]) -> None:
    """Whether it comes as a number, an array or a tensor."""
    made = figure(expect_close, got, expected)
    assert (made.shape, made.got, made.expected, made.difference) == (shape, ((5.0,),), ((4.0,),), ((1.0,),))


@pytest.mark.parametrize(
    ("got", "expected", "cells"),
    [
        (torch.tensor([True, False]), torch.tensor([True, True]), ((True, False), (True, True), (0.0, -1.0))),
        (torch.tensor([2, 7]), torch.tensor([2, 9]), ((2.0, 7.0), (2.0, 9.0), (0.0, -2.0))),
        (torch.tensor([1.0, 3.0]).half(), torch.tensor([1.0, 2.0]).half(), ((1.0, 3.0), (1.0, 2.0), (0.0, 1.0))),
        (torch.tensor([1, 3]).bfloat16(), torch.tensor([1, 2]).bfloat16(), ((1.0, 3.0), (1.0, 2.0), (0.0, 1.0))),
    ],
    ids=["bool", "int64", "float16", "bfloat16"],
)
def test_every_dtype_can_be_shown(got: torch.Tensor, expected: torch.Tensor, cells: object) -> None:
    """True and False stay what they are; every other number is a float."""
    made = figure(expect_equal, got, expected)
    assert (made.got[0], made.expected[0], made.difference[0]) == cells
    assert [type(cell) for cell in made.got[0]] == [type(cell) for cell in cells[0]]  # type: ignore[index]
    assert made.dtype == str(got.dtype).removeprefix("torch.")


def test_the_first_stage_that_differs_has_the_figure() -> None:
    """Its own name, its own values."""
    made = figure(expect_stages, {"a": ROW, "h": 2 * ROW, "z": 3 * ROW}, {"a": ROW, "h": ROW, "z": ROW})
    assert (made.label, made.got) == ("h", ((2.0, 4.0, 6.0),))


def test_values_inside_a_dict_have_a_figure_too() -> None:
    """That of the place where they differ."""
    made = figure(expect_equal, {"n": 3, "w": 2 * ROW}, {"n": 3, "w": ROW}, label="out")
    assert (made.label, made.shape) == ("out", (3,))
    assert figure(expect_equal, [1, 2, 4], [1, 2, 3]).got == ((4.0,),)


NOTHING = {
    "another shape": (expect_close, ROW[:2], ROW),
    "another dtype": (expect_close, ROW.float() * 2, ROW),
    "another type": (expect_close, None, ROW),
    "another text": (expect_equal, "a", "b"),
    "another number of values": (expect_equal, [1], [1, 2]),
    "other keys": (expect_equal, {}, {"a": 1}),
    "complex numbers": (expect_close, torch.tensor([1j]), torch.tensor([2j])),
    "a complex number": (expect_close, 1j, 2j),
    "a missing stage": (expect_stages, {}, {"a": ROW}),
}


@pytest.mark.parametrize("name", NOTHING)
def test_where_no_two_numbers_differ_there_is_no_figure(name: str) -> None:
    """What was wrong before any value is told in words."""
    assert figures_of(failing(*NOTHING[name]), "public") == ()


@pytest.mark.parametrize("failure", [None, AssertionError("x"), ValueError("x"), Awarded("a", "b", 0.5)], ids=repr)
def test_whatever_else_ends_a_check_has_none(failure: BaseException | None) -> None:
    """Only a comparison knows two values."""
    assert figures_of(failure, "public") == ()


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_what_is_not_finite_is_spelled_out() -> None:
    """NaN and infinities are words, an infinity where one is expected is right, and 1e308 twice over is infinite."""
    got = torch.tensor([math.nan, math.inf, -math.inf, math.inf, 1e308], dtype=D)
    expected = torch.tensor([1.0, 1.0, 1.0, math.inf, -1e308], dtype=D)
    made = figure(expect_close, got, expected)
    assert made.got == (("nan", "inf", "-inf", "inf", 1e308),)
    assert made.expected == ((1.0, 1.0, 1.0, "inf", -1e308),)
    assert made.difference == (("nan", "inf", "-inf", 0.0, "inf"),)
    assert made.wrong == ((True, True, True, False, True),)


def test_the_difference_of_integers_is_exact() -> None:
    """Also where floats could not tell them apart, and beyond 64 bits."""
    most = 2**63 - 1
    made = figure(expect_equal, torch.tensor([most, 2**53 + 1]), torch.tensor([-most - 1, 2**53]))
    assert made.difference == ((float(2**64 - 1), 1.0),)
    assert made.wrong == ((True, True),)


@pytest.mark.parametrize(
    ("shape", "worst", "part"),
    [
        ((64, 100), (37, 5), ((), 32, 0)),
        ((64, 100), (63, 99), ((), 48, 84)),
        ((20, 3), (3, 1), ((), 0, 0)),
        ((5, 20), (0, 17), ((), 0, 4)),
        ((100000,), (99990,), ((), 0, 99984)),
        ((2, 3, 4), (1, 2, 3), ((1,), 0, 0)),
        ((3, 2, 40, 50), (2, 1, 30, 31), ((2, 1), 16, 16)),
    ],
)
def test_a_large_value_is_cut_around_what_is_furthest_off(
    shape: tuple[int, ...], worst: tuple[int, ...], part: tuple[tuple[int, ...], int, int]
) -> None:
    """At most 16 by 16 of the last two axes, at indices that are told, with the worst entry of all in it."""
    expected = torch.zeros(shape, dtype=D)
    got = torch.full(shape, 1.0, dtype=D)
    got[worst] = -9.0
    made = figure(expect_close, got, expected)
    assert (made.shape, (made.slice, made.first_row, made.first_column)) == (shape, part)
    rows, columns = (min(SHOWN, length) for length in (1, *shape)[-2:])
    assert [len(line) for line in made.got] == [columns] * rows
    *_, row, column = (0, *worst)
    assert made.got[row - made.first_row][column - made.first_column] == -9.0


def test_nan_is_further_off_than_any_number() -> None:
    """It is what a student should see first."""
    got = torch.ones(50, dtype=D)
    got[3], got[40] = 1e300, math.nan
    assert "nan" in figure(expect_close, got, torch.zeros(50, dtype=D)).got[0]


def test_a_figure_stays_small() -> None:
    """However large the tensors and long the numbers: what a student can put into a result has a limit."""
    got = torch.full((1000, 1000), -1.7976931348623157e308, dtype=D)
    made = figure(expect_close, got, torch.full((1000, 1000), 1 / 3, dtype=D))
    assert len(msgspec.json.encode(made)) < 25_000


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"got": ((1.0,) * 17,)}, "length <= 16"),
        ({"wrong": ((True,),) * 17}, "length <= 16"),
        ({"got": (("none",),)}, "Invalid enum value 'none'"),
        ({"got": ((1.0, 2.0),)}, "the same rows and columns"),
        ({"got": ((),), "expected": ((),), "difference": ((),), "wrong": ((),)}, "the same rows and columns"),
        ({"slice": (1,)}, "its slice the other axes"),
        ({"kind": "curves"}, "Invalid value 'curves'"),
    ],
)
def test_a_figure_of_another_form_cannot_be_read(change: dict[str, object], problem: str) -> None:
    """A result that somebody else wrote is no way around the limits."""
    made = figure(expect_close, torch.ones(1, dtype=D), torch.zeros(1, dtype=D))
    data = msgspec.to_builtins(made) | change
    with pytest.raises(msgspec.ValidationError, match=problem):
        msgspec.convert(data, Figure)


# --- hidden checks --------------------------------------------------------------------------------------------------

SUITE = """
    import torch
    from grader.suite import *

    TWO = torch.full((2,), 7.25)

    @points(1)
    def test_{name}_close(submission):
        '''Compares.'''
        expect_close(submission.double(1), TWO, label="y")

    @points(1)
    def test_{name}_equal(submission):
        '''Compares exactly.'''
        expect_equal(submission.double(1), TWO, label="y")

    @points(1)
    def test_{name}_stages(submission):
        '''Compares stages.'''
        expect_stages({{"y": submission.double(1)}}, {{"y": TWO}})

    def shared(submission):
        return once("shared", lambda: expect_close(submission.double(1), TWO, label="y"))
"""
HIDDEN = """
    @points(1)
    def test_hidden_shared(submission):
        '''Compares once, for several checks.'''
        shared(submission)

    @points(1)
    def test_first(submission):
        '''Asks for it before any other check, and passes.'''
        try:
            shared(submission)
        except AssertionError:
            pass
"""
PUBLIC = """
    @points(1)
    @needs("test_first")
    def test_public_shared(submission):
        '''Compares once, for several checks.'''
        shared(submission)
"""


def judged(tmp_path: Path, level: FeedbackLevel) -> dict[str, CheckResult]:
    """Judge the same checks as hidden and as public ones; a hidden one asks first for what is shared."""
    hidden, public = SUITE.format(name="hidden") + HIDDEN, SUITE.format(name="public") + PUBLIC
    more = f'[feedback]\nhidden = "{level}"\n'
    exercise = make_course(tmp_path / "course", hidden, public, points=9, more=more)
    fake = FakeSession({"double": lambda x: torch.tensor([1.5, 2.5])})
    return results(judge_events(exercise, tmp_path / "private", fake))


@pytest.mark.parametrize("level", ["outcome", "hint", "full"])
def test_a_hidden_check_never_has_a_figure(tmp_path: Path, level: FeedbackLevel) -> None:
    """At no feedback level, by no comparison; the same checks as public ones have theirs."""
    found = judged(tmp_path, level)
    hidden = [check for check in found.values() if check.visibility == "hidden"]
    assert [check.outcome for check in hidden].count(Outcome.FAILED) == 4
    assert [check.figures for check in hidden] == [[]] * len(hidden)
    assert "7.25" not in "".join(map(str, hidden))
    for name in ("close", "equal", "stages"):
        (made,) = found[f"test_public_{name}"].figures
        assert (made.got, made.expected) == (((1.5, 2.5),), ((7.25, 7.25),))


@pytest.mark.parametrize("level", ["outcome", "hint", "full"])
def test_what_is_shared_carries_no_figure_out_of_a_hidden_check(tmp_path: Path, level: FeedbackLevel) -> None:
    """A public check that meets the failure of a hidden one, by `once`, does not show what that one expected."""
    shared = judged(tmp_path, level)["test_public_shared"]
    assert (shared.outcome, shared.comparison, shared.figures) == (Outcome.FAILED, "y", [])


def test_a_result_of_a_hidden_check_with_a_figure_cannot_be_made() -> None:
    """Not by our own code, not by changing one, not by reading a file."""
    made = figure(expect_close, 1.0, 2.0)
    facts = ("test_a", "A.", "hidden", "cpu", Outcome.FAILED, 0.0, 1.0)
    with pytest.raises(ValueError, match="test_a is hidden, so it must not have figures"):
        CheckResult(*facts, figures=[made])
    with pytest.raises(ValueError, match="must not have figures"):
        msgspec.structs.replace(CheckResult(*facts), figures=[made])
    public = CheckResult("test_a", "A.", "public", "cpu", Outcome.FAILED, 0.0, 1.0, figures=[made])
    told = msgspec.json.encode(public)
    assert msgspec.json.decode(told, type=CheckResult) == public
    with pytest.raises(msgspec.ValidationError, match="must not have figures"):
        msgspec.json.decode(told.replace(b'"public"', b'"hidden"'), type=CheckResult)
