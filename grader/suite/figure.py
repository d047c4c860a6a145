"""From two tensors that differ to a figure of a public check: numbers beside the expected ones, cut to a part.

Runs in the judge, where expected values are. Invariant: of a hidden check no figure is made, at no feedback level.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from grader.events import Visibility
from grader.figure import window
from grader.results import SHOWN, Cell, Figure
from grader.suite.expect import ComparisonFailed, Differs


def figures_of(failure: BaseException | None, visibility: Visibility) -> tuple[Figure, ...]:
    """Return what a check that ended with `failure` may show of the values that differ.

    There is none where something else was wrong before any value (type, shape, dtype), and none of complex numbers.
    """
    if visibility != "public" or not isinstance(failure, ComparisonFailed) or failure.differs is None:
        return ()
    if failure.differs.got.is_complex() or not bool(failure.differs.wrong.any()):
        return ()
    return (_figure(failure.label, failure.differs),)


def _figure(label: str, differs: Differs) -> Figure:
    """Return the part around the entry that is furthest off: of more than two axes, the last two at its place."""
    shape = tuple(differs.got.shape)
    axes = (1,) * (2 - len(shape)) + shape
    *leading, row, column = map(int, np.unravel_index(_furthest(differs), axes))
    matrices = [value.reshape(axes)[tuple(leading)] for value in differs]
    top, bottom = window(row, matrices[0].shape[0], SHOWN)
    left, right = window(column, matrices[0].shape[1], SHOWN)
    got, expected, wrong = ([*map(tuple, matrix[top:bottom, left:right].tolist())] for matrix in matrices)
    return Figure(
        label=label,
        dtype=str(differs.got.dtype).removeprefix("torch."),
        shape=shape,
        got=_cells(got),
        expected=_cells(expected),
        difference=tuple(
            tuple(_cell(_difference(a, b)) for a, b in zip(*rows, strict=True))
            for rows in zip(got, expected, strict=True)
        ),
        wrong=tuple(wrong),
        slice=tuple(leading),
        first_row=top,
        first_column=left,
    )


def _furthest(differs: Differs) -> int:
    """Return the place, counted through, of the wrong entry that is furthest off; one that is no number is."""
    distance = (differs.got.to(torch.float64) - differs.wanted.to(torch.float64)).abs()
    distance = torch.where(torch.isnan(distance), math.inf, distance)
    return int(torch.where(differs.wrong, distance, -1.0).argmax())


def _cells(rows: list[tuple[float, ...]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(map(_cell, row)) for row in rows)


def _cell(value: float) -> Cell:
    if isinstance(value, bool):
        return value
    number = float(value)
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    return number


def _difference(got: float, expected: float) -> float:
    """Return got - expected: exactly for integers, and 0 for two equal infinities."""
    return 0.0 if got == expected else got - expected
