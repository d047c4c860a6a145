"""What terminal and page need of a figure: how its numbers are written, which entry is furthest off, a smaller part.

Pure, on plain data. Knows neither tensors (`suite.figure` makes figures of them) nor markup.
"""

from __future__ import annotations

import math

import msgspec

from grader.results import Cell, Figure

_SHORT, _DIGITS = 6, 4
_LONG_DIGITS = 6
_SMALL = 1e-3


def value_of(cell: Cell) -> float:
    """Return a cell as a number."""
    return float(cell)


def short(cell: Cell) -> str:
    """Return a number in at most six characters (seven where its exponent needs them): as many digits as fit."""
    if isinstance(cell, bool | str) or cell == 0:
        return _plain(cell)
    fitting = (text for digits in range(_DIGITS, 1, -1) if len(text := _written(cell, digits)) <= _SHORT)
    return next(fitting, _written(cell, 1))


def long(cell: Cell) -> str:
    """Return a number with six digits."""
    return _plain(cell) if isinstance(cell, bool | str) or cell == 0 else _tidy(f"{cell:.{_LONG_DIGITS}g}")


def worst(figure: Figure) -> tuple[int, int]:
    """Return row and column, within the part, of the wrong entry that is furthest off; what is no number is."""
    sizes = {
        (row, column): _size(cell)
        for row, (cells, marks) in enumerate(zip(figure.difference, figure.wrong, strict=True))
        for column, (cell, is_wrong) in enumerate(zip(cells, marks, strict=True))
        if is_wrong
    }
    return max(sizes, key=lambda place: sizes[place], default=(0, 0))


def all_wrong(figure: Figure) -> bool:
    """Whether every entry is wrong: then marking them says nothing."""
    return all(map(all, figure.wrong))


def place_of(figure: Figure, row: int, column: int) -> str:
    """Return the index of an entry of the part in the whole value, such as [3, 0]."""
    indices = [*figure.slice, figure.first_row + row, figure.first_column + column]
    return str(indices[len(indices) - len(figure.shape) :])


def part_of(figure: Figure) -> str:
    """Return the part in Python's words, such as [2, 0:16, 32:48]; nothing where the whole value is there."""
    rows, columns = len(figure.got), len(figure.got[0])
    if math.prod(figure.shape) == rows * columns:
        return ""
    spans = [f"{first}:{first + count}" for first, count in ((figure.first_row, rows), (figure.first_column, columns))]
    return "[" + ", ".join([*map(str, figure.slice), *spans][-len(figure.shape) :]) + "]"


def window(place: int, count: int, room: int) -> tuple[int, int]:
    """Return where a part of at most `room` of `count` places begins and ends that has `place` in it.

    It begins at 0 if that will do, else at a multiple of `room`, and is as long as it can be.
    """
    first = min(place // room * room, max(0, count - room))
    return first, min(first + room, count)


def cut(figure: Figure, rows: int, columns: int) -> Figure:
    """Return a part of the part, no larger than this, with the entry that is furthest off."""
    row, column = worst(figure)
    top, bottom = window(row, len(figure.got), rows)
    left, right = window(column, len(figure.got[0]), columns)

    def kept(cells: tuple[tuple[Cell, ...], ...]) -> tuple[tuple[Cell, ...], ...]:
        return tuple(line[left:right] for line in cells[top:bottom])

    return msgspec.structs.replace(
        figure,
        got=kept(figure.got),
        expected=kept(figure.expected),
        difference=kept(figure.difference),
        wrong=tuple(line[left:right] for line in figure.wrong[top:bottom]),
        first_row=figure.first_row + top,
        first_column=figure.first_column + left,
    )


def _plain(cell: Cell) -> str:
    return "0" if cell == 0 and not isinstance(cell, bool) else str(cell)


def _size(cell: Cell) -> float:
    value = abs(value_of(cell))
    return math.inf if math.isnan(value) else value


def _written(cell: float, digits: int) -> str:
    form = f".{digits - 1}e" if abs(cell) < _SMALL else f".{digits}g"
    return _tidy(f"{cell:{form}}")


def _tidy(text: str) -> str:
    """Return 1.50e-05 as 1.5e-5 and 3e+08 as 3e8."""
    mantissa, e, exponent = text.partition("e")
    if not e:
        return text
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent)}"
