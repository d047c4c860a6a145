"""What is said of a wrong value: measured relations, the simplest first, and nothing where none holds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from grader import messages
from grader.suite.context import Comparison
from grader.suite.sketch import evidence_of
from grader.suite.structure import structure_of

WANTED = torch.randn(4, 6, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
OTHER = torch.randn(4, 6, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
ROW = torch.tensor([[0.5], [2.0], [3.0], [-1.0]], dtype=torch.float64)


def except_at(*places: tuple[int, int], value: float = 9.0) -> Tensor:
    """Return the expected value with some entries replaced."""
    changed = WANTED.clone()
    for place in places:
        changed[place] = value
    return changed


@pytest.mark.parametrize(
    ("got", "sentence"),
    [
        (7 * WANTED, messages.STRUCTURE_MULTIPLE.format(ratio="7")),
        (WANTED / 7, messages.STRUCTURE_MULTIPLE.format(ratio="1/7")),
        (WANTED * -0.3, messages.STRUCTURE_MULTIPLE.format(ratio="-0.3")),
        (-WANTED, messages.STRUCTURE_SIGN),
        (WANTED.T.contiguous(), messages.STRUCTURE_TRANSPOSED),
        (WANTED[None], messages.STRUCTURE_AXES),
        (WANTED.reshape(8, 3), messages.STRUCTURE_REARRANGED),
        (torch.stack([OTHER, WANTED - OTHER]), messages.STRUCTURE_NOT_SUMMED.format(axis=0, count=2)),
        (torch.zeros_like(WANTED), messages.STRUCTURE_ZERO),
        (torch.full_like(WANTED, 3.0), messages.STRUCTURE_CONSTANT),
        (WANTED.half().double(), messages.STRUCTURE_ROUNDED.format(dtype="float16")),
        (WANTED.round(decimals=4), messages.STRUCTURE_DIGITS),
        (WANTED + 2.5, messages.STRUCTURE_OFFSET),
        (WANTED * ROW, messages.STRUCTURE_ROWS),
        ((WANTED.T * torch.arange(1.0, 7.0, dtype=torch.float64)[:, None]).T, messages.STRUCTURE_COLUMNS),
        (WANTED.float(), messages.STRUCTURE_RIGHT_VALUES),
        (
            except_at((1, 0), (1, 3)),
            messages.STRUCTURE_EXCEPT.format(wrong=2, count=24, where=messages.STRUCTURE_WHERE_ROWS.format(places="1")),
        ),
        (
            except_at((0, 2), (1, 4), (3, 5), value=0.0),
            messages.STRUCTURE_EXCEPT.format(wrong=3, count=24, where=messages.STRUCTURE_WHERE_YOURS_ZERO),
        ),
        (OTHER, ""),
        (WANTED * float("nan"), ""),
    ],
)
def test_a_relation_is_said_where_it_holds(got: Tensor, sentence: str) -> None:
    """Each relation by itself; two unrelated values, and NaN, have none."""
    assert structure_of(got, WANTED) == sentence


@pytest.mark.parametrize(
    ("factor", "sentence"),
    [
        (7.0, messages.STRUCTURE_MULTIPLE_OF_ONE.format(ratio="7")),
        (1 / 7, messages.STRUCTURE_MULTIPLE_OF_ONE.format(ratio="1/7")),
        (-2.0, messages.STRUCTURE_MULTIPLE_OF_ONE.format(ratio="-2")),
        (-1.0, messages.STRUCTURE_SIGN),
        (0.0, messages.STRUCTURE_ZERO_OF_ONE),
        (0.3, ""),
        (1e-9, ""),
        (123456789.0, ""),
    ],
)
def test_of_a_single_number_only_a_simple_factor_is_said(factor: float, sentence: str) -> None:
    """Any number is a multiple of any other; sums for means and forgotten halves are whole numbers."""
    wanted = torch.tensor(1.7, dtype=torch.float64)
    assert structure_of(factor * wanted, wanted) == sentence


@pytest.mark.parametrize("dtype", [torch.int64, torch.float64])
@pytest.mark.parametrize("got", [1, 2, 7, -3])
def test_of_a_single_whole_number_no_factor_is_said(got: int, dtype: torch.dtype) -> None:
    """Every whole number is a simple multiple of 1: the sentence would say what was expected."""
    assert structure_of(torch.tensor(got, dtype=dtype), torch.tensor(42, dtype=dtype)) == ""


def test_a_tiny_factor_is_not_taken_for_a_divisor() -> None:
    """One over a huge float is near a whole number always: its digits are not shown."""
    assert structure_of(WANTED * 2.34567891e-9, WANTED) == messages.STRUCTURE_MULTIPLE.format(ratio="2.346e-09")


def test_entries_that_should_be_zero_are_named() -> None:
    """The forgotten mask of a ReLU: right wherever the unit is open."""
    mask = torch.tensor([[True, False, True, True, True, False]] * 4)
    sentence = messages.STRUCTURE_EXCEPT.format(wrong=8, count=24, where=messages.STRUCTURE_WHERE_ZERO)
    assert structure_of(WANTED, WANTED * mask) == sentence


def test_a_square_value_can_be_transposed_too() -> None:
    """The shape does not tell; the values do."""
    square = WANTED[:, :4]
    assert structure_of(square.T.contiguous(), square) == messages.STRUCTURE_TRANSPOSED


@pytest.mark.parametrize("pair", [(None, WANTED), (WANTED, None), (WANTED[:0], WANTED[:0])])
def test_nothing_is_said_where_there_is_nothing_to_measure(pair: tuple[Tensor | None, Tensor | None]) -> None:
    """No value, no expectation, no entries."""
    assert structure_of(*pair) == ""


def test_a_truth_value_is_no_multiple_of_another() -> None:
    """False is not told as 0 times True; as numbers the two are."""
    assert evidence_of(Comparison("a leaf", 0, False, True)).structure == ""
    assert evidence_of(Comparison("a number", 0, 0, 1)).structure == messages.STRUCTURE_ZERO_OF_ONE
