"""A figure as pictures: three maps of coloured squares on two scales, and the same numbers as a table.

Owns geometry, tints and what is said beside the maps. Colour only repeats what numbers, outlines and hatching say.
Knows no markup.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader import messages
from grader.figure import all_wrong, long, part_of, place_of, short, value_of, worst
from grader.results import Cell, Figure

# A square that holds a number is as wide as six of its digits; where a row has more of them, colour must do.
_WITH_NUMBERS = 6
_NUMBERED, _BARE = (42, 28), (15, 15)
_TOP, _DIGIT = 16, 6
_LABEL_EVERY = 5  # squares without numbers are too narrow for a label each
DEEPEST_TINT = 0.6  # text keeps a contrast of 4.8 on it
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True)
class Square:
    """One entry: where it lies, what is written in it, how deep its colour is."""

    x: int
    y: int
    text: str
    tone: str
    """pos, neg, odd (not finite), or nothing for zero."""
    tint: str
    is_outlined: bool


@dataclass(frozen=True)
class Map:
    """One picture; all of a figure have the same size and labels."""

    name: str
    title: str
    squares: list[Square]


@dataclass(frozen=True)
class Label:
    """The index of a row or a column, beside the map."""

    x: int
    y: int
    text: str


@dataclass(frozen=True)
class Scale:
    """What the deepest tints stand for."""

    name: str
    low: str
    high: str


@dataclass(frozen=True)
class Entry:
    """One line of the table."""

    place: str
    numbers: tuple[str, str, str]
    is_wrong: bool


@dataclass(frozen=True)
class Heatmap:
    """Everything that is shown of a figure. Of a single number that is one sentence, `worst`."""

    caption: str
    maps: list[Map]
    labels: list[Label]
    square: tuple[int, int]
    size: tuple[int, int]
    scales: list[Scale]
    notes: list[str]
    worst: str
    entries: list[Entry]


def heatmap(figure: Figure) -> Heatmap:
    """Lay a figure out."""
    is_number = math.prod(figure.shape) == 1
    columns = len(figure.got[0])
    square = _NUMBERED if columns <= _WITH_NUMBERS else _BARE
    left = _margin(figure)
    return Heatmap(
        caption=messages.FIGURE_CAPTION.format(label=figure.label),
        maps=[] if is_number else list(_maps(figure, left, square)),
        labels=list(_labels(figure, left, square)),
        square=square,
        size=(left + columns * square[0] + 1, _TOP + len(figure.got) * square[1] + 1),
        scales=[] if is_number else list(_scales(figure)),
        notes=[] if is_number else list(_notes(figure)),
        worst=_number(figure) if is_number else _worst(figure),
        entries=list(_entries(figure)),
    )


def _margin(figure: Figure) -> int:
    """Return the room that the row's labels take: none for a vector, which is one row."""
    if len(figure.shape) < 2:
        return 1
    return 8 + _DIGIT * len(str(figure.first_row + len(figure.got)))


# --- pictures -------------------------------------------------------------------------------------------------------


def _maps(figure: Figure, left: int, square: tuple[int, int]) -> Iterator[Map]:
    values, differences = _peak(figure.got, figure.expected), _peak(figure.difference)
    outlines = not all_wrong(figure)
    for name, cells, peak in (
        (messages.FIGURE_YOURS, figure.got, values),
        (messages.FIGURE_EXPECTED, figure.expected, values),
        (messages.FIGURE_DIFFERENCE, figure.difference, differences),
    ):
        negligible = _NEGLIGIBLE * differences if cells is figure.difference else 0.0
        squares = [
            Square(
                x=left + column * square[0],
                y=_TOP + row * square[1],
                text=_text(cell, negligible, is_wrong) if square is _NUMBERED else "",
                tone=_tone(cell),
                tint=_tint(cell, peak),
                is_outlined=outlines and is_wrong,
            )
            for row, (line, marks) in enumerate(zip(cells, figure.wrong, strict=True))
            for column, (cell, is_wrong) in enumerate(zip(line, marks, strict=True))
        ]
        facts = {"name": name, "label": figure.label, "rows": len(cells), "columns": len(cells[0])}
        yield Map(name, messages.FIGURE_MAP.format(**facts), squares)


def _labels(figure: Figure, left: int, square: tuple[int, int]) -> Iterator[Label]:
    step = 1 if square is _NUMBERED else _LABEL_EVERY
    for column in range(0, len(figure.got[0]), step):
        yield Label(left + column * square[0] + square[0] // 2, _TOP - 5, str(figure.first_column + column))
    if len(figure.shape) > 1:
        for row in range(0, len(figure.got), step):
            yield Label((left - 4) // 2, _TOP + row * square[1] + square[1] // 2 + 4, str(figure.first_row + row))


def _peak(*blocks: Iterable[Iterable[Cell]]) -> float:
    """Return the largest size of a finite number."""
    sizes = (abs(value_of(cell)) for block in blocks for line in block for cell in line)
    return max((size for size in sizes if math.isfinite(size)), default=0.0)


def _tone(cell: Cell) -> str:
    value = value_of(cell)
    if not math.isfinite(value):
        return "odd"
    return "" if value == 0 else "pos" if value > 0 else "neg"


def _tint(cell: Cell, peak: float) -> str:
    value = value_of(cell)
    share = abs(value) / peak if math.isfinite(value) and peak else 0.0
    return f"{DEEPEST_TINT * share:.2f}"


def _text(cell: Cell, negligible: float, is_wrong: bool) -> str:
    """Return a number as it is written into its square; a bare 0 is exactly 0."""
    if not is_wrong and 0 < abs(value_of(cell)) < negligible:
        return "≈0"
    return _written(short(cell))


def _written(text: str) -> str:
    """Return a number with a real minus, and signs for what is not finite."""
    return {"nan": "NaN", "inf": "∞", "-inf": "−∞"}.get(text, text.replace("-", "−"))


# --- words ----------------------------------------------------------------------------------------------------------


def _scales(figure: Figure) -> Iterator[Scale]:
    peaks = _peak(figure.got, figure.expected), _peak(figure.difference)
    for name, peak in zip((messages.FIGURE_SCALE_VALUES, messages.FIGURE_SCALE_DIFFERENCE), peaks, strict=True):
        if peak:
            yield Scale(name, "−" + _written(short(peak)), _written(short(peak)))


def _notes(figure: Figure) -> Iterator[str]:
    if part := part_of(figure):
        yield messages.FIGURE_PART.format(part=f"`{part}`", shape=figure.shape)
    yield messages.FIGURE_ALL_WRONG if all_wrong(figure) else messages.FIGURE_OUTLINED
    if any(_tone(cell) == "odd" for block in (figure.got, figure.expected) for line in block for cell in line):
        yield messages.FIGURE_HATCHED


def _number(figure: Figure) -> str:
    got, expected = (_written(long(cells[0][0])) for cells in (figure.got, figure.expected))
    return messages.FIGURE_NUMBER.format(label=f"`{figure.label}`", got=got, expected=expected)


def _worst(figure: Figure) -> str:
    row, column = worst(figure)
    got, expected = (_written(long(cells[row][column])) for cells in (figure.got, figure.expected))
    return messages.FIGURE_WORST.format(place=f"`{place_of(figure, row, column)}`", got=got, expected=expected)


def _entries(figure: Figure) -> Iterator[Entry]:
    for row, lines in enumerate(zip(figure.got, figure.expected, figure.difference, figure.wrong, strict=True)):
        for column, (got, expected, difference, is_wrong) in enumerate(zip(*lines, strict=True)):
            numbers = (_written(long(got)), _written(long(expected)), _written(long(difference)))
            yield Entry(place_of(figure, row, column), numbers, is_wrong)
