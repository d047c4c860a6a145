"""Learning curves as plain data: which epochs are kept, how they become a figure, and what is said of one in a line.

Pure. Knows neither tensors (`suite.history` reads what student code returned) nor markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from grader import messages
from grader.figure import short
from grader.results import CURVES, EPOCHS, TRAININGS, Curve, Curves, Envelope, Point, Training

_DIGITS, _REFERENCE_DIGITS, _BRIEF_DIGITS = 6, 4, 3
_IN_FULL, _FIRST = 5, 2

History = Mapping[str, Sequence[float]]
"""One number per epoch by the name of what was measured."""


def kept_epochs(count: int) -> tuple[int, ...]:
    """Return which of so many epochs are kept, counted from 1: all, or evenly spread ones with the first and last."""
    if count <= EPOCHS:
        return tuple(range(1, count + 1))
    return tuple(round(1 + place * (count - 1) / (EPOCHS - 1)) for place in range(EPOCHS))


def training(values: Sequence[float]) -> Training:
    """Return a training's numbers as a figure holds them."""
    epochs = kept_epochs(len(values))
    return Training(epochs, tuple(_point(values[epoch - 1]) for epoch in epochs))


def envelopes(histories: Sequence[History]) -> dict[str, Envelope]:
    """Return what right trainings did, by name: what all of them tell of, as far as the shortest goes.

    Raises:
        ValueError: a number is not finite.
    """
    names = [name for name in histories[0] if all(name in history for history in histories)] if histories else []
    return {name: _envelope([history[name] for history in histories]) for name in names}


def curves(label: str, histories: Sequence[History], right: Mapping[str, Envelope]) -> Curves | None:
    """Return the figure of a student's trainings, in the order they were run; None if there is nothing to draw.

    What the calibration tells of is what is shown; where it tells of nothing, what the last training does.
    """
    names = list(right or (histories[-1] if histories else {}))[:CURVES]
    found = [
        Curve(name, tuple(training(history[name]) for history in told[-TRAININGS:]), right.get(name))
        for name in names
        if (told := [history for history in histories if name in history])
    ]
    return Curves(label, tuple(found)) if found else None


def left_out(figure: Curves) -> int:
    """Return of how many epochs only a part is there; 0 if all are."""
    lines = [line.epochs for curve in figure.curves for line in lines_of(curve)]
    return max((epochs[-1] for epochs in lines if epochs[-1] > len(epochs)), default=0)


def lines_of(curve: Curve) -> list[Training | Envelope]:
    """Return all that has epochs in a curve."""
    return [*curve.trainings, *([curve.right] if curve.right else [])]


def sentences(figure: Curves) -> Iterator[str]:
    """Yield a line for each curve: how the last training went, and where right ones ended."""
    for curve in figure.curves:
        *others, last = curve.trainings
        form = messages.CURVE_LAST_OF if others else messages.CURVE_LINE
        line = form.format(name=curve.name, values=_in_short(last.values), count=len(curve.trainings))
        yield line + (f" ({ends(curve.right)})" if curve.right else "")


def brief(value: Point) -> str:
    """Return a number with three digits: of a training, further ones say nothing."""
    return short(value if isinstance(value, str) else _rounded(value, _BRIEF_DIGITS))


def ends(right: Envelope) -> str:
    """Say where right trainings ended."""
    low, high = brief(right.low[-1]), brief(right.high[-1])
    return messages.CURVE_END.format(low=low) if low == high else messages.CURVE_ENDS.format(low=low, high=high)


def _in_short(values: Sequence[Point]) -> str:
    if len(values) <= _IN_FULL:
        return " ".join(map(brief, values))
    return " ".join([*map(brief, values[:_FIRST]), "…", brief(values[-1])])


def _envelope(lines: Sequence[Sequence[float]]) -> Envelope:
    epochs = kept_epochs(min(map(len, lines)))
    columns = [[float(line[epoch - 1]) for line in lines] for epoch in epochs]
    if not all(math.isfinite(value) for column in columns for value in column):
        raise ValueError("a number of a right training is not finite")

    def rounded(values: Iterator[float]) -> tuple[float, ...]:
        return tuple(_rounded(value, _REFERENCE_DIGITS) for value in values)

    means = (sum(column) / len(column) for column in columns)
    return Envelope(epochs, rounded(map(min, columns)), rounded(means), rounded(map(max, columns)))


def _point(value: float) -> Point:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return _rounded(value, _DIGITS)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
