from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy
import pytest
import torch
from torch import Tensor

from grader.errors import CourseError, StudentRaised
from grader.results import Outcome
from grader.sandbox.remote import Remote
from grader.sandbox.wire import HandleRef
from grader.suite import context
from grader.suite.expect import (
    TOLERANCES,
    ComparisonFailed,
    expect_close,
    expect_equal,
    expect_raises,
    expect_stages,
)

D = torch.float64


def message_of(compare: Callable[..., object], *args: object, **more: object) -> str:
    """Return the message of a comparison that must fail."""
    with pytest.raises(ComparisonFailed, match=r"\S") as caught:
        compare(*args, **more)
    return caught.value.message


def remote(type_name: str) -> Remote:
    """Something that stayed on the student's side."""
    return Remote(None, HandleRef(3, type_name))  # type: ignore[arg-type]


def numbers(*shape: int, dtype: torch.dtype = D) -> Tensor:
    """Draw numbers around 1."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=D).to(dtype)


@contextlib.contextmanager
def a_check() -> Iterator[context.Check]:
    """Be inside a check, as comparisons in a suite are."""
    check = context.Check("test_a", "cpu", 7, None, lambda: ModuleType("none"))  # type: ignore[arg-type]
    context.begin(check)
    try:
        yield check
    finally:
        context.end()


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_the_tolerance_is_relative_to_the_largest_value_and_depends_on_the_dtype(dtype: torch.dtype) -> None:
    """Half the tolerance passes and ten times the tolerance fails, for every floating point dtype."""
    rtol, _ = TOLERANCES[dtype]
    # Powers of two, so that nothing but the deviation itself is rounded.
    expected = torch.tensor([256.0, 1.0], dtype=dtype)
    eps = torch.finfo(dtype).eps
    inside, outside = 256 * max(rtol / 2, 0.0), 256 * 10 * rtol
    expect_close(expected + torch.tensor([0.0, inside], dtype=dtype), expected)
    assert outside > eps
    assert "1 of 2 values" in message_of(expect_close, expected + torch.tensor([0.0, outside], dtype=dtype), expected)


def test_the_tolerance_is_norm_wise() -> None:
    """A tiny value beside a large one may be off by more than itself; alone it may not."""
    expect_close(torch.tensor([1.0, 2e-10], dtype=D), torch.tensor([1.0, 1e-10], dtype=D))
    message_of(expect_close, torch.tensor([2e-10], dtype=D), torch.tensor([1e-10], dtype=D))


def test_rounding_noise_passes_where_zero_is_expected() -> None:
    """The floor is for values around 1 that cancel; `scale` raises it for larger ones."""
    zero = torch.zeros(2, dtype=D)
    expect_close(zero + 1e-15, zero)
    message_of(expect_close, zero + 1e-12, zero)
    expect_close(zero + 1e-12, zero, scale=1.0)


def test_rtol_replaces_the_tolerance_of_the_dtype() -> None:
    """An author who knows better says so."""
    expect_close(numbers(3) * 1.0001, numbers(3), rtol=1e-3)
    message_of(expect_close, numbers(3) * 1.01, numbers(3), rtol=1e-3)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [((7, 1), (7,)), ((7,), (7, 1)), ((), (1,)), ((1,), ()), ((5, 7), (7, 5)), ((1, 7), (7, 7)), ((0,), ())],
)
def test_nothing_broadcasts(actual: tuple[int, ...], expected: tuple[int, ...]) -> None:
    """(N, 1) against (N,) is a mistake, even where all values agree."""
    message = message_of(expect_close, torch.ones(actual), torch.ones(expected), label="dW1")
    assert message.startswith(f"dW1: expected shape {expected}, got {actual}.")


def test_a_transposed_result_is_hinted_at() -> None:
    """As many values in another arrangement are nearly always one transpose or reshape away."""
    assert "transpose" in message_of(expect_close, torch.ones(5, 6), torch.ones(6, 5))
    assert "transpose" not in message_of(expect_close, torch.ones(5, 6), torch.ones(5, 7))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_never_passes(bad: float) -> None:
    """Not even with an infinite tolerance."""
    actual = torch.tensor([1.0, bad, bad])
    message = message_of(expect_close, actual, torch.ones(3), rtol=math.inf, label="L")
    assert message.startswith(f"L: contains 2 {'NaN' if math.isnan(bad) else 'infinite'} among 3 values.")


def test_an_expected_infinity_must_stand_in_its_place() -> None:
    """A mask of minus infinities can be compared; the sign and the place count."""
    mask = torch.tensor([0.0, -math.inf])
    expect_close(mask.clone(), mask)
    message_of(expect_close, torch.tensor([0.0, math.inf]), mask)
    assert "1 of 2 values are wrong" in message_of(expect_close, torch.tensor([0.0, -1e30]), mask)


def test_an_expected_nan_is_the_suites_mistake() -> None:
    """NaN equals nothing, so no student could pass."""
    with pytest.raises(CourseError, match="expected value contains NaN"):
        expect_close(torch.ones(1), torch.tensor([math.nan]))


@pytest.mark.parametrize(
    ("actual", "named"),
    [(3.0, "float"), ([1.0], "list"), ("a", "str"), (numpy.ones(1), "array"), (remote("set"), "set"), (True, "bool")],
)
def test_a_value_of_another_type_is_named(actual: object, named: str) -> None:
    """Also one that stayed on the student's side."""
    assert message_of(expect_close, actual, torch.ones(1), label="y") == f"y: expected a tensor, got {named}."


def test_a_forgotten_return_is_recognised() -> None:
    """None is what a function without return gives."""
    message = message_of(expect_close, None, torch.ones(1), label="y")
    assert message == "y: expected a tensor, but your function returned nothing; did you forget `return`?"


def test_another_dtype_is_named() -> None:
    """float32 for float64 is a finding of its own, not a small deviation."""
    message = message_of(expect_close, numbers(2, dtype=torch.float32), numbers(2), label="y")
    assert message == "y: expected dtype float64, got float32."


def test_integers_and_booleans_are_compared_exactly() -> None:
    """No tolerance makes class 3 class 4."""
    expect_close(torch.tensor([1, 2]), torch.tensor([1, 2]))
    assert "compared exactly" in message_of(expect_close, torch.tensor([10**9 + 1]), torch.tensor([10**9]))
    message_of(expect_close, torch.tensor([True]), torch.tensor([False]))


def test_a_wrong_truth_value_is_told_with_the_right_one() -> None:
    """There are only two, so the sentence may name both; 1 is neither."""
    expect_equal(True, True, label="whether w is a leaf")
    said = message_of(expect_equal, False, True, label="whether w is a leaf")
    assert said == "whether w is a leaf: should be True, is False."
    assert "expected a bool, got int" in message_of(expect_equal, 1, True)


@pytest.mark.parametrize("expected", [2.0, 2, 1j])
def test_numbers_are_compared_as_numbers(expected: complex) -> None:
    """A loss that should be a Python number must be one; a bool or a tensor is not."""
    expect_close(expected, expected)
    message_of(expect_close, expected + 1, expected)
    assert "expected a number, got tensor" in message_of(expect_close, torch.tensor(2.0), expected)
    assert "expected a number, got bool" in message_of(expect_close, True, expected)
    assert "infinite" in message_of(expect_close, 10**400, 2.0)


def test_arrays_are_compared_as_arrays() -> None:
    """A numpy exercise gets the same comparisons, whatever the memory layout."""
    expected = numpy.arange(6.0).reshape(2, 3)
    expect_close(expected.T.copy().T[:, ::-1], expected[:, ::-1])
    assert "expected an array, got tensor" in message_of(expect_close, torch.ones(2), expected)
    assert "got ()" in message_of(expect_close, numpy.ones(()), expected)


def test_a_suite_cannot_compare_what_has_no_tolerance() -> None:
    """A list as expected value is the author's mistake."""
    with pytest.raises(CourseError, match="compares tensors, arrays and numbers; the expected value is a list"):
        expect_close([1.0], [1.0])


def test_a_gradient_graph_does_not_hinder_a_comparison() -> None:
    """Both sides may require gradients."""
    x = numbers(3).requires_grad_()
    expect_close(x * 2, x + x)


def test_no_message_tells_a_number_of_the_expected_value() -> None:
    """Hidden checks use the same sentences: counts, shapes and types only."""
    secret = 123.456
    expected = torch.tensor([secret, 2.0], dtype=D)
    wrong = [None, 3.0, torch.ones(2), torch.ones(3, dtype=D), torch.ones(2, dtype=D), expected * math.nan]
    texts = [message_of(expect_close, value, expected) for value in wrong]
    texts += [
        message_of(expect_equal, value, {"a": [secret]}) for value in (None, {"a": [1.0]}, {"a": 1}, {}, {"a": []})
    ]
    texts += [message_of(expect_equal, "mine", "secret123")]
    assert not [text for text in texts if "123" in text]


@pytest.mark.parametrize(
    ("actual", "expected"),
    [(1, 1.0), (True, 1), ((1,), [1]), ([1], [1, 2]), ({"a": 1}, {"b": 1}), ({"a": 1, "b": 2}, {"a": 1}), ("a", "b"),
     (math.nan, math.nan), ([1, [2, 3]], [1, [2, 4]]), (None, 0), (0, None), (remote("set"), {1})],
)  # fmt: skip
def test_equality_is_of_type_and_value(actual: object, expected: object) -> None:
    """1, 1.0 and True are three values, and NaN equals nothing."""
    message_of(expect_equal, actual, expected)


@pytest.mark.parametrize("value", [1, "a", None, [1, (2, {"a": True})], {}, b"x", torch.tensor([1, 2])])
def test_equal_values_are_equal(value: object) -> None:
    """Also nested, and tensors."""
    expect_equal(value, value)


def test_the_place_of_a_difference_in_a_nested_value_is_named() -> None:
    """A list of lists is not searched by eye."""
    message = message_of(expect_equal, {"sizes": [1, 2]}, {"sizes": [1, 3]}, label="out")
    assert message == "out['sizes'][1]: the value is wrong; its type int is right."


def test_equal_tensors_must_agree_in_everything() -> None:
    """expect_equal on tensors has no tolerance."""
    message_of(expect_equal, torch.ones(2), torch.ones(2, dtype=D))
    message_of(expect_equal, torch.ones(2, 1), torch.ones(2))
    message_of(expect_equal, torch.ones(2) + 1e-6, torch.ones(2))


def raising(error: BaseException) -> Callable[[], None]:
    """Make a function that raises this."""

    def function() -> None:
        raise error

    return function


def test_an_expected_exception_may_be_a_subclass() -> None:
    """The names of all its classes travel."""
    raised = StudentRaised("KeyError", ("KeyError", "LookupError", "Exception"), "k")
    assert expect_raises("LookupError", raising(raised)) is raised


def test_another_exception_is_named_with_its_text() -> None:
    """What was raised instead tells the student where to look."""
    message = message_of(
        expect_raises, "ValueError", raising(StudentRaised("TypeError", ("TypeError",), "no")), label="f"
    )
    assert message == "f: expected ValueError to be raised, got TypeError: no"


def test_a_call_that_returns_has_not_raised() -> None:
    """The claim was that it raises."""
    assert message_of(expect_raises, "ValueError", lambda: 3, label="f").endswith("but the call returned.")


def test_todo_is_not_the_exception_that_was_expected() -> None:
    """NotImplementedError is a RuntimeError, but an unwritten function has not refused anything."""
    todo = StudentRaised("NotImplementedError", ("NotImplementedError", "RuntimeError"), "", (), Outcome.TODO)
    with pytest.raises(StudentRaised, match="NotImplementedError"):
        expect_raises("RuntimeError", raising(todo))


def test_the_first_diverging_stage_is_named_with_those_before() -> None:
    """Everything after it is wrong for the same reason."""
    expected = {"z1": numbers(2), "h": numbers(3), "z2": numbers(4)}
    actual = {**expected, "h": numbers(3) + 1, "z2": numbers(4) + 1}
    message = message_of(expect_stages, actual, expected)
    assert message.startswith("h: 3 of 3 values are wrong")
    assert message.endswith("The stages before it are right: z1.")
    expect_stages(expected, expected)


@pytest.mark.parametrize(
    ("actual", "text"),
    [({"z": 1}, "z1: this stage is missing; yours are: z."), ([1], "stages: expected a dict, got list.")],
)
def test_stages_that_are_missing_are_said(actual: object, text: str) -> None:
    """A wrong key or no dict at all."""
    assert message_of(expect_stages, actual, {"z1": numbers(2)}) == text


def test_every_comparison_is_recorded_before_it_is_judged() -> None:
    """Label, place and what was received, also of the one that failed."""
    with a_check() as check:
        expect_close(1.0, 1.0, label="L")
        expect_equal("a", "a")
        with contextlib.suppress(ComparisonFailed):
            expect_close(None, 1.0)
    recorded = [(made.label, made.index, made.actual) for made in check.comparisons]
    assert recorded == [("L", 0, 1.0), ("comparison 2", 1, "a"), ("comparison 3", 2, None)]
