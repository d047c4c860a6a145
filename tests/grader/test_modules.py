"""`expect_shapes`: which tensors a module has; the first difference is said, all of them are recorded."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from grader.suite.expect import ComparisonFailed
from grader.suite.modules import expect_shapes

from .test_expect import a_check, message_of, remote

WANTED = {"fc1.weight": (4, 3), "fc1.bias": (4,)}
RIGHT = {name: torch.zeros(shape) for name, shape in WANTED.items()}


def test_the_same_names_and_shapes_pass_in_any_order() -> None:
    """Only names and shapes count; a shape may be a list or a torch.Size as well."""
    expect_shapes(dict(reversed(RIGHT.items())), WANTED)
    expect_shapes(RIGHT, {name: list(shape) for name, shape in WANTED.items()})
    expect_shapes(RIGHT, {name: value.shape for name, value in RIGHT.items()})
    expect_shapes({}, {})


@pytest.mark.parametrize(
    ("actual", "said"),
    [
        ({}, "Net lacks fc1.weight, fc1.bias. What it has: none."),
        ({"fc1.weight": torch.zeros(4, 3)}, "Net lacks fc1.bias. What it has: fc1.weight."),
        (RIGHT | {"fc2.bias": torch.zeros(1)}, "Net has fc2.bias, which should not be there."),
        (RIGHT | {"fc1.weight": torch.zeros(3, 4)}, "Net: fc1.weight should have the shape (4, 3) and has (3, 4)."),
        (RIGHT | {"fc1.bias": None}, "Net: fc1.bias should have the shape (4,) and has NoneType."),
        (RIGHT | {"fc1.bias": remote("Net")}, "Net: fc1.bias should have the shape (4,) and has Net."),
        (None, "Net: expected a dict, got NoneType."),
        (torch.zeros(4, 3), "Net: expected a dict, got tensor."),
    ],
)
def test_the_first_difference_is_said(actual: Any, said: str) -> None:
    """What is missing comes before what is too much, and that before shapes."""
    assert message_of(expect_shapes, actual, WANTED, label="Net") == said


def test_what_is_recorded_tells_mistakes_apart() -> None:
    """Two states with the same first difference leave different evidence."""
    records = []
    for extra in ({}, {"other": torch.zeros(2)}):
        with a_check() as check, pytest.raises(ComparisonFailed, match="lacks fc1"):
            expect_shapes(extra, WANTED, label="Net")
        records.append(check.comparisons[-1])
    assert [record.label for record in records] == ["Net", "Net"]
    assert records[0].actual != records[1].actual
    assert re.fullmatch(r"-fc1\.weight -fc1\.bias \+other", str(records[1].actual))
