"""What every comparison records for diagnosis, and what none of them lets pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from grader.errors import CourseError, StudentRaised
from grader.results import Outcome
from grader.suite import context
from grader.suite.expect import (
    Awarded,
    ComparisonFailed,
    award,
    expect_close,
    expect_equal,
    expect_raises,
    expect_stages,
    expect_tuple,
)
from grader.suite.gradients import expect_gradients, expect_vjp

from .test_expect import a_check, message_of, raising
from .tiny_course import FakeSession, judge_events, make_course

D = torch.float64
N = 5
ONES = torch.ones(N, dtype=D)
X = torch.linspace(-1, 2, N, dtype=D)
Compare = Callable[..., object]


def recorded(
    compare: Compare, *args: object, **more: object
) -> tuple[list[tuple[str, object]], ComparisonFailed | None]:
    """Return the (label, value) pairs that a comparison records, and how it failed if it did."""
    with a_check() as check:
        try:
            compare(*args, **more)
        except ComparisonFailed as failed:
            return [(made.label, made.actual) for made in check.comparisons], failed
    return [(made.label, made.actual) for made in check.comparisons], None


def test_gradients_record_the_analytic_gradient_of_each_input() -> None:
    """It is what a mistake can be recognised by; the differences are ours."""
    made, _ = recorded(expect_gradients, lambda x, y: (x * y).sum(), (X, ONES), label="f")
    assert [label for label, _ in made] == ["f of input 1", "f of input 2"]
    # The output is weighed with one random number, so each is a multiple of the other input.
    for (_, value), other in zip(made, (ONES, X), strict=True):
        assert isinstance(value, Tensor)
        expect_close(value / other, (value[0] / other[0]) * ONES)


def test_stages_record_each_stage_up_to_the_first_that_differs() -> None:
    """The failing comparison is the first diverging stage and its tensor."""
    wrong = X + 1
    made, failed = recorded(expect_stages, {"z": X, "h": wrong, "y": wrong}, {"z": X, "h": X, "y": X})
    assert [label for label, _ in made] == ["z", "h"]
    assert made[-1][1] is wrong
    assert failed is not None
    assert failed.label == "h"


def test_hand_written_gradients_are_recorded_as_received() -> None:
    """One comparison each, under the author's name for it."""
    made, _ = recorded(expect_vjp, {"dx": ONES * 2}, lambda x: 2 * x, {"dx": X}, ONES)
    assert [label for label, _ in made] == ["dx"]
    assert torch.equal(made[0][1], 2 * ONES)  # type: ignore[arg-type]


def test_an_expected_exception_is_recorded_by_type_and_text() -> None:
    """And a call that returned instead by what it returned."""
    raised = StudentRaised("KeyError", ("KeyError",), "'w1'")
    assert recorded(expect_raises, "KeyError", raising(raised), label="f")[0] == [("f", ("KeyError", "'w1'"))]
    assert recorded(expect_raises, "KeyError", lambda: 3, label="f")[0] == [("f", 3)]


def _cut(x: Tensor) -> Tensor:
    return x.detach() * 2


class _Changing:
    """A function whose second result has another shape."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x if self.calls == 1 else x[:2]


FAILING: list[tuple[Compare, tuple[Any, ...]]] = [
    (expect_close, (None, ONES)),
    (expect_close, (ONES.float(), ONES)),
    (expect_close, (X, ONES)),
    (expect_equal, ({"a": [1, 2]}, {"a": [1, 3]})),
    (expect_equal, ([1], [1, 2])),
    (expect_tuple, (None, 2)),
    (expect_tuple, ((1, 2, 3), 2)),
    (expect_raises, ("ValueError", lambda: 1)),
    (expect_raises, ("ValueError", raising(StudentRaised("KeyError", ("KeyError",), "")))),
    (expect_stages, (None, {"z": X})),
    (expect_stages, ({}, {"z": X})),
    (expect_stages, ({"z": ONES}, {"z": X})),
    (expect_gradients, (lambda x: None, (X,))),
    (expect_gradients, (lambda x: x.float(), (X,))),
    (expect_gradients, (_cut, (X,))),
    (expect_gradients, (torch.log, (X,))),
    (expect_gradients, (_Changing(), (X,))),
    (expect_vjp, (None, torch.sin, (X,), ONES)),
    (expect_vjp, (None, torch.sin, {"dx": X}, ONES)),
    (expect_vjp, ({}, torch.sin, {"dx": X}, ONES)),
    (expect_vjp, ((ONES, ONES), torch.sin, (X,), ONES)),
    (expect_vjp, (ONES, torch.sin, (X,), ONES)),
    (award, (0.5, "Half of it.")),
]


@pytest.mark.parametrize(("compare", "arguments"), FAILING)
def test_what_fails_is_the_last_that_was_recorded(compare: Compare, arguments: tuple[Any, ...]) -> None:
    """A diagnosis finds the failing comparison by its label; also where the value has a wrong type or is missing."""
    made, failed = recorded(compare, *arguments)
    assert failed is not None
    assert made[-1][0] == failed.label


COLUMN = X.reshape(N, 1)
HOLED = torch.where(X > 0, math.nan, X)


@pytest.mark.parametrize("wrong", [COLUMN, COLUMN.T, HOLED], ids=["(N, 1)", "(1, N)", "NaN"])
@pytest.mark.parametrize(
    "compare",
    [
        lambda value: expect_close(value, X, rtol=math.inf),
        lambda value: expect_equal(value, X),
        lambda value: expect_equal({"x": (value,)}, {"x": (X,)}),
        lambda value: expect_stages({"z": value}, {"z": X}, rtol=math.inf),
        lambda value: expect_vjp(value, lambda x: x**2 / 2, (X,), ONES, rtol=math.inf),
        lambda value: expect_vjp({"dx": value}, lambda x: x**2 / 2, {"dx": X}, ONES, rtol=math.inf),
    ],
    ids=["close", "equal", "nested", "stages", "vjp", "vjp by name"],
)
def test_no_comparison_broadcasts_or_lets_nan_pass(compare: Callable[[Tensor], None], wrong: Tensor) -> None:
    """(N, 1) is not (N,), in whichever comparison, and NaN is no value; the right one passes."""
    compare(X)
    message_of(compare, wrong)


def test_nan_equals_nothing_not_even_nan() -> None:
    """As a plain number, in a list and in a tensor."""
    message_of(expect_equal, [math.nan], [math.nan])
    message_of(expect_equal, HOLED, HOLED)
    with pytest.raises(CourseError, match="contains NaN"):
        expect_close(HOLED, HOLED)


def test_a_tuple_of_the_right_length_is_returned() -> None:
    """A list counts as well: nobody is asked for brackets."""
    assert expect_tuple((1, 2), 2) == expect_tuple([1, 2], 2) == (1, 2)


@pytest.mark.parametrize(
    ("actual", "text"),
    [
        (None, "dw: expected a tuple of 2 values, but your function returned nothing; did you forget `return`?"),
        (ONES, "dw: expected a tuple of 2 values, got tensor."),
        ((1,), "dw: expected 2 values, got 1."),
        ({"a": 1, "b": 2}, "dw: expected a tuple of 2 values, got dict."),
    ],
)
def test_what_is_no_such_tuple_is_said(actual: object, text: str) -> None:
    """Instead of Python's words for a line that the student does not see."""
    assert message_of(expect_tuple, actual, 2, label="dw") == text


def test_a_device_is_compared_only_where_it_matters() -> None:
    """The tag of the frame says where a tensor was; its values always arrive on the CPU."""
    received = ONES.clone()
    received._guest_device = "cuda:0"  # type: ignore[attr-defined]
    expect_close(received, ONES)
    expect_close(received, ONES, device="cuda")
    assert message_of(expect_close, received, ONES, label="y", device="cpu") == (
        "y: expected a tensor on cpu, got one on cuda."
    )
    received._guest_device = "sim:0"  # type: ignore[attr-defined]
    expect_close(received, ONES, device="sim")
    assert message_of(expect_close, ONES, ONES, device="sim").endswith("expected a tensor on sim, got one on cpu.")


@pytest.mark.parametrize(
    ("fraction", "because"),
    [
        (1.5, "x"),
        (-0.1, "x"),
        (True, "x"),
        ("1", "x"),
        (0.5, ""),
        (0.5, " "),
        (math.inf, "x"),
        (None, "x"),
        (0.5, None),
    ],
)
def test_an_award_that_makes_no_sense_is_the_suites_mistake(fraction: Any, because: Any) -> None:
    """A share beyond everything or without a reason."""
    with pytest.raises(CourseError, match="award takes a share from 0 to 1 and a sentence"):
        award(fraction, because)


def test_a_whole_award_lets_the_check_go_on() -> None:
    """Only less than everything ends it."""
    award(1, "All of it.")
    award(1.0, "All of it.")
    with pytest.raises(Awarded, match="Most of it") as caught:
        award(0.75, "Most of it.")
    assert caught.value.share == 0.75


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<Net object at 0x7f01>", "<Net object at 0x7f9922>"),
        ("loss is 0.25000001", "loss is 0.24999999"),
        ("x.py, line 12:\n  bad", "x.py, line 120: bad "),
        ("-1.5e-07 < 0.1", "2.5E+3 < 0.2".replace("E", "e")),
    ],
)
def test_exceptions_of_one_mistake_are_recorded_alike(one: str, other: str) -> None:
    """Addresses, line numbers, rounding and white space differ between two submissions with one mistake."""
    first, second = (context.Raised.of(StudentRaised("E", ("E",), text)) for text in (one, other))
    assert first == second


def test_sizes_in_an_exception_are_kept() -> None:
    """They tell which of two matrices was transposed."""
    texts = ["shapes cannot be multiplied (7x5 and 6x5)", "shapes cannot be multiplied (5x7 and 6x5)"]
    first, second = (context.Raised.of(StudentRaised("RuntimeError", (), text)) for text in texts)
    assert first != second
    assert first == ("RuntimeError", texts[0])


def test_the_exception_that_ends_a_check_is_recorded_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a label of its own, after the comparisons that went well."""
    checks: list[context.Check] = []
    begin = context.begin
    monkeypatch.setattr(context, "begin", lambda check: (checks.append(check), begin(check)))
    text = """
        from grader.suite import *
        @points(1)
        def test_a(submission):
            '''A.'''
            expect_equal(1, 1, label="one")
            submission.double(1)
    """
    raised = StudentRaised("ValueError", ("ValueError",), "no", (), Outcome.RAISED)
    session = FakeSession({"double": lambda x: raising(raised)()})
    judge_events(make_course(tmp_path / "c", text), tmp_path / "p", session)
    made = [(each.label, each.index, each.actual) for each in checks[0].comparisons]
    assert made == [("one", 0, 1), (context.EXCEPTION_LABEL, 1, ("ValueError", "no"))]
