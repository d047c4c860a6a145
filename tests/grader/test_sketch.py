"""What a value that holds no numbers leaves for diagnosis: enough to tell two mistakes apart."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.suite.sketch import sketch_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["Linear-1 [6, 4] 12"], ["Linear-1 [6, 4] 16"]),
        (["fc1.weight"], ["fc1.bias"]),
        ({"total": 5}, {"total": 31}),
        (("a", 1), ("a", 2)),
        ([True], [False]),
    ],
)
def test_names_and_counts_tell_lists_and_dicts_apart(one: Any, other: Any) -> None:
    """Two lists of the same length and types are not the same answer."""
    assert sketch_of(one) != sketch_of(other)
    assert sketch_of(one) == sketch_of(type(one)(one))


def test_numbers_with_digits_are_told_by_their_type() -> None:
    """They differ in the last digit from machine to machine, so a list of them says what it consists of."""
    assert sketch_of([0.1, torch.ones(2)]) == sketch_of([0.2, torch.zeros(3)])
    assert sketch_of([0.1]).text == "float"
