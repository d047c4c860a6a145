"""What student code says of its own training, read as numbers: evidence for a picture, which decides nothing.

Whatever is no history is told in a sentence and never an error of the check: points hang on the accuracy alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy
from torch import Tensor

from grader import messages
from grader.results import CURVES
from grader.suite.expect import type_name

EPOCHS_READ = 10_000
_NAME_CHARS = 40


class NoHistory(ValueError):
    """What was received cannot be drawn; the text says why, and is safe to show."""


def history_of(given: Any, wanted: Mapping[str, object]) -> dict[str, tuple[float, ...]]:
    """Return one number per epoch for each name that is wanted; where none is, for the first few that are there.

    Raises:
        NoHistory: it is no dict of lists of numbers, or one of them is empty or endless, or none of the names is there.
    """
    if not isinstance(given, dict):
        raise NoHistory(messages.HISTORY_TYPE.format(type=type_name(given)))
    names = [name for name in (wanted or given) if isinstance(name, str) and len(name) <= _NAME_CHARS and name in given]
    if not names:
        raise NoHistory(messages.HISTORY_LACKS.format(names=messages.ACCURACY_AND.join(wanted) or "loss"))
    return {name: _numbers(name, given[name]) for name in names[:CURVES]}


def _numbers(name: str, line: Any) -> tuple[float, ...]:
    if not isinstance(line, list | tuple | Tensor | numpy.ndarray) or getattr(line, "ndim", 1) != 1:
        raise NoHistory(messages.HISTORY_NUMBERS.format(name=name))
    if not 0 < len(line) <= EPOCHS_READ:
        raise NoHistory(messages.HISTORY_LENGTH.format(name=name, count=len(line), limit=EPOCHS_READ))
    return tuple(_number(name, value) for value in line)


def _number(name: str, value: Any) -> float:
    """Return one entry of a list; a loss that was kept as a tensor of one number counts as that number."""
    is_tensor = isinstance(value, Tensor)
    if is_tensor or isinstance(value, numpy.generic | numpy.ndarray):
        value = value.item() if (value.numel() if is_tensor else value.size) == 1 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NoHistory(messages.HISTORY_NUMBERS.format(name=name))
    try:
        return float(value)
    except OverflowError:  # a whole number that is larger than any float
        return float("inf") if value > 0 else float("-inf")
