"""A figure as lines for a terminal: the student's values beside the expected ones, or above where that is too wide.
A learning curve is one sentence.

Pure, and as wide as it is told. A wrong entry has a star, so colour adds nothing; all signs are ASCII.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.text import Text

from grader import messages
from grader.curves import sentences
from grader.figure import all_wrong, cut, long, part_of, place_of, short, worst
from grader.results import Cell, Curves, Figure

_MOST = 8  # rows, and columns: more are for the page
_BETWEEN = 4
_WRONG = "red"


def figure_lines(figure: Figure | Curves, width: int) -> Iterator[Text | str]:
    """Yield blocks of numbers as `Text` that fits into `width`, and sentences, which are to be wrapped, as `str`."""
    if isinstance(figure, Curves):
        yield from sentences(figure)
        return
    if math.prod(figure.shape) == 1:
        got, expected = long(figure.got[0][0]), long(figure.expected[0][0])
        yield messages.FIGURE_NUMBER.format(label=figure.label, got=got, expected=expected)
        return
    longest = max(len(short(cell)) for part in (figure.got, figure.expected) for line in part for cell in line)
    shown = cut(figure, _MOST, max(1, min(_MOST, width // (longest + 2))))
    unmarked = tuple((False,) * len(line) for line in shown.wrong)
    ours = _block(messages.FIGURE_YOURS, shown.got, unmarked if all_wrong(shown) else shown.wrong, longest)
    theirs = _block(messages.FIGURE_EXPECTED, shown.expected, unmarked, longest)
    if ours[0].cell_len + _BETWEEN + theirs[0].cell_len <= width:
        lines = [Text.assemble(left, " " * _BETWEEN, right) for left, right in zip(ours, theirs, strict=True)]
    else:
        lines = [*ours, *theirs]
    for line in lines:
        line.rstrip()
        yield line
    yield " ".join(_sentences(shown))


def _block(
    heading: str, cells: tuple[tuple[Cell, ...], ...], wrong: tuple[tuple[bool, ...], ...], longest: int
) -> list[Text]:
    """Return a heading and the rows below it, all equally wide: each number with room for its star and a blank."""
    block = [Text(heading)]
    for line, marks in zip(cells, wrong, strict=True):
        numbers = [
            Text(f"{short(cell).rjust(longest)}{'*' if is_wrong else ' '} ", _WRONG if is_wrong else "")
            for cell, is_wrong in zip(line, marks, strict=True)
        ]
        block.append(Text().join(numbers))
    columns = max(line.cell_len for line in block)
    for text in block:
        text.pad_right(columns - text.cell_len)
    return block


def _sentences(shown: Figure) -> Iterator[str]:
    if part := part_of(shown):
        yield messages.FIGURE_PART.format(part=part, shape=shown.shape)
    yield messages.FIGURE_ALL_WRONG if all_wrong(shown) else messages.FIGURE_STARRED
    row, column = worst(shown)
    got, expected = (long(cells[row][column]) for cells in (shown.got, shown.expected))
    yield messages.FIGURE_WORST.format(place=place_of(shown, row, column), got=got, expected=expected)
