"""Learning curves as pictures: a panel for each quantity, the student's trainings over what right solutions did.

Owns geometry and what is said beside the panels. Shading, dashes and words tell the lines apart; colour repeats it.
Knows no markup.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grader import messages
from grader.curves import brief, ends, left_out, lines_of
from grader.figure import long, value_of
from grader.report.axes import Axis, epoch_axis, value_axis
from grader.results import Curve, Curves, Envelope, Point, Training

WIDTH, HEIGHT = 288, 176  # as wide as a phone of 320 pixels has room for
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 80, 12, 24
_CROSS = 3
_APART = 13  # between the baselines of two labels

Place = Callable[[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Tick:
    """A value on an axis: where its text is and what it says."""

    at: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One quantity: paths in pixels, as SVG writes them, and labels."""

    name: str
    said: str
    rows: list[Tick]
    columns: list[Tick]
    band: str
    mean: str
    earlier: list[str]
    last: str
    end: tuple[float, float] | None
    """The last finite point of the last training."""
    crosses: list[tuple[float, float]]
    yours: Tick
    right: Tick | None
    table: Table


@dataclass(frozen=True)
class Table:
    """The numbers of a panel, one row for each epoch."""

    head: list[str]
    rows: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Chart:
    """Everything that is shown of learning curves."""

    caption: str
    panels: list[Panel]
    notes: list[str]
    size: tuple[int, int] = (WIDTH, HEIGHT)
    frame: tuple[int, int, int, int] = (_LEFT, _TOP, WIDTH - _RIGHT, HEIGHT - _BOTTOM)
    """Left, top, right and bottom of where curves are drawn."""


def chart(figure: Curves) -> Chart:
    """Lay learning curves out."""
    caption = messages.CURVE_CAPTION.format(label=figure.label)
    return Chart(caption, [_panel(curve) for curve in figure.curves], list(_notes(figure)))


def _panel(curve: Curve) -> Panel:
    *earlier, last = curve.trainings
    x = epoch_axis(max(line.epochs[-1] for line in lines_of(curve)))
    y = value_axis(_values(curve))
    place = _placing(x, y)
    points = _points(last, place)
    found = [point for point in points if point is not None]
    yours, right = _labels(curve, y)
    form = messages.CURVE_PANEL_LOG if y.is_logarithmic else messages.CURVE_PANEL
    return Panel(
        name=form.format(name=curve.name),
        said=_said(curve),
        rows=[Tick(_row(y, value, is_tick=True), _written(text)) for value, text in y.ticks],
        columns=[Tick(place(value, 0.0)[0], text) for value, text in x.ticks],
        band=_band(curve.right, place) if curve.right else "",
        mean=_path(_drawn(curve.right.epochs, curve.right.mean, place)) if curve.right else "",
        earlier=[_path(_points(one, place)) for one in earlier],
        last=_path(points),
        end=found[-1] if found else None,
        crosses=[_cross(epoch, value, x) for epoch, value in zip(last.epochs, last.values, strict=True) if _odd(value)],
        yours=yours,
        right=right,
        table=_table(curve),
    )


def _values(curve: Curve) -> Iterator[float]:
    for one in curve.trainings:
        yield from map(value_of, one.values)
    if curve.right:
        yield from (*curve.right.low, *curve.right.high)


# --- geometry -------------------------------------------------------------------------------------------------------


def _placing(x: Axis, y: Axis) -> Place:
    def place(epoch: float, value: float) -> tuple[float, float]:
        return round(_LEFT + x.share(epoch) * (WIDTH - _RIGHT - _LEFT), 1), _row(y, value)

    return place


def _row(y: Axis, value: float, *, is_tick: bool = False) -> float:
    share = (value - y.low) / (y.high - y.low) if is_tick else y.share(value)
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP), 1)


def _odd(value: Point) -> bool:
    return not math.isfinite(value_of(value))


def _points(one: Training, place: Place) -> list[tuple[float, float] | None]:
    return _drawn(one.epochs, [value_of(value) for value in one.values], place)


def _drawn(epochs: Sequence[int], values: Sequence[float], place: Place) -> list[tuple[float, float] | None]:
    """Return the points of a line; none where a number is not finite."""
    return [place(epoch, value) if math.isfinite(value) else None for epoch, value in zip(epochs, values, strict=True)]


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """Return a line through the points, with a gap where there is none; a point between gaps is a dot."""
    parts, pen = [], "M"
    for place, point in enumerate(points):
        if point is None:
            pen = "M"
            continue
        is_alone = pen == "M" and (place + 1 == len(points) or points[place + 1] is None)
        parts.append(f"{pen}{point[0]:g} {point[1]:g}" + ("h0" if is_alone else ""))
        pen = "L"
    return "".join(parts)


def _band(right: Envelope, place: Place) -> str:
    there = [place(epoch, value) for epoch, value in zip(right.epochs, right.high, strict=True)]
    back = [place(epoch, value) for epoch, value in zip(right.epochs, right.low, strict=True)]
    return _path([*there, *reversed(back)]) + "Z"


def _cross(epoch: int, value: Point, x: Axis) -> tuple[float, float]:
    """Return where to mark what is not finite: above, or below for minus infinity."""
    row = HEIGHT - _BOTTOM - _CROSS if value == "-inf" else _TOP + _CROSS
    return round(_LEFT + x.share(epoch) * (WIDTH - _RIGHT - _LEFT), 1), row


def _labels(curve: Curve, y: Axis) -> tuple[Tick, Tick | None]:
    """Return what stands at the ends of the lines: yours, and correct ones, moved apart if they would touch."""
    value = curve.trainings[-1].values[-1]
    text = messages.CURVE_YOURS.format(value=_written(brief(value)))
    ours = _row(y, value_of(value)) if not _odd(value) else _TOP if value != "-inf" else HEIGHT - _BOTTOM
    if curve.right is None:
        return Tick(ours, text), None
    theirs = _row(y, curve.right.mean[-1])
    missing = max(0.0, _APART - abs(ours - theirs)) / 2
    ours, theirs = (ours - missing, theirs + missing) if ours <= theirs else (ours + missing, theirs - missing)
    over = min(ours, theirs) - _TOP, HEIGHT - _BOTTOM - max(ours, theirs)
    shift = -min(over[0], 0.0) + min(over[1], 0.0)
    return Tick(round(ours + shift, 1), text), Tick(round(theirs + shift, 1), messages.CURVE_RIGHT)


# --- words ----------------------------------------------------------------------------------------------------------


def _said(curve: Curve) -> str:
    value = _written(brief(curve.trainings[-1].values[-1]))
    if curve.right is None:
        return messages.CURVE_ALONE.format(value=value)
    return messages.CURVE_BESIDE.format(value=value, ends=_written(ends(curve.right)))


def _notes(figure: Curves) -> Iterator[str]:
    if any(curve.right for curve in figure.curves):
        yield messages.CURVE_SHADED
    if any(len(curve.trainings) > 1 for curve in figure.curves):
        yield messages.CURVE_EARLIER
    if any(_odd(value) for curve in figure.curves for value in curve.trainings[-1].values):
        yield messages.CURVE_NOT_FINITE
    if count := left_out(figure):
        shown = max(len(line.epochs) for curve in figure.curves for line in lines_of(curve))
        yield messages.CURVE_THINNED.format(count=count, shown=shown)


def _table(curve: Curve) -> Table:
    head = [messages.CURVE_TRAINING.format(number=place + 1) for place in range(len(curve.trainings))]
    columns = [dict(zip(one.epochs, one.values, strict=True)) for one in curve.trainings]
    if right := curve.right:
        head += [messages.CURVE_LOW, messages.CURVE_MEAN, messages.CURVE_HIGH]
        columns += [dict(zip(right.epochs, line, strict=True)) for line in (right.low, right.mean, right.high)]
    epochs = sorted({epoch for column in columns for epoch in column})
    rows = [
        (str(epoch), [_written(long(column[epoch])) if epoch in column else "" for column in columns])
        for epoch in epochs
    ]
    return Table([messages.CURVE_COLUMN_EPOCH, *head], rows)


def _written(text: str) -> str:
    """Return a number with a real minus, and signs for what is not finite."""
    return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}.get(text, text.replace("-", "−"))
