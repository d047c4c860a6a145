"""Axes of a chart: which numbers they span, where few and round ticks stand, and where a value lies.

Pure arithmetic. Values may be any finite floats a student's code produced: nothing here overflows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.figure import short

_MOST_TICKS, _MOST_EPOCH_TICKS = 5, 7
_LARGEST, _SMALLEST = 1e300, 1e-300
_LOGARITHMIC = 100.0  # largest to smallest: below, a linear axis shows both


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, with (value, text) of each tick; of a logarithmic one all these are exponents of ten."""

    low: float
    high: float
    ticks: list[tuple[float, str]]
    is_logarithmic: bool = False

    def share(self, value: float) -> float:
        """Return where a finite value lies: 0 at the low end, 1 at the high end."""
        place = _exponent(value) if self.is_logarithmic else _clipped(value)
        return (place - self.low) / (self.high - self.low)


def value_axis(values: Iterable[float]) -> Axis:
    """Return an axis on which all finite values lie: logarithmic if they are positive and of very different sizes."""
    finite = [_clipped(value) for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    if low > 0 and high >= _LOGARITHMIC * low:
        return _logarithmic(math.floor(_exponent(low)), math.ceil(_exponent(high)))
    if high - low <= 1e-9 * max(abs(low), abs(high), _SMALLEST):
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    step = _step(low, high, _MOST_TICKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    return Axis(first * step, last * step, [(k * step, _text(k, step)) for k in range(first, last + 1)])


def epoch_axis(last: int) -> Axis:
    """Return the axis of epochs, from the first to the last; the first has a tick, and round ones do."""
    if last == 1:
        return Axis(0.0, 2.0, [(1.0, "1")])
    step = max(1, round(_step(0.0, float(last), _MOST_EPOCH_TICKS)))
    ticks = [1, *(epoch for epoch in range(step, last + 1, step) if epoch > 1 + step // 3)]
    return Axis(1.0, float(last), [(float(epoch), str(epoch)) for epoch in ticks])


def _logarithmic(low: int, high: int) -> Axis:
    step = -(-(high - low) // (_MOST_TICKS - 1))
    return Axis(low, high, [(float(k), short(10.0**k)) for k in range(low, high + 1, step)], is_logarithmic=True)


def _step(low: float, high: float, most: int) -> float:
    """Return the smallest of 1, 2, 5, 10, … by which at most so many ticks span all."""
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    steps: Sequence[float] = [factor * size for factor in (1, 2, 5, 10, 20)]
    return next((step for step in steps if math.ceil(high / step) - math.floor(low / step) < most), steps[-1])


def _text(count: int, step: float) -> str:
    """Return a tick as text, without what rounding added to it."""
    return short(float(f"{count * step:.12g}"))


def _clipped(value: float) -> float:
    """Return a value with which arithmetic neither overflows nor vanishes; nobody sees the difference."""
    return 0.0 if abs(value) < _SMALLEST else max(-_LARGEST, min(_LARGEST, value))


def _exponent(value: float) -> float:
    return math.log10(max(_SMALLEST, _clipped(value)))
