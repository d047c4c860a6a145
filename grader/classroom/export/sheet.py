"""A CSV file as its own bytes: where each cell begins and ends, so that some can be replaced and no other byte moves.

Owns quoting, delimiters, byte-order mark and line ends. Knows nothing of gradebooks. Python's csv reads texts, not
places, and writes files anew: after it nobody can say that only the grades have changed.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_QUOTE, _LF, _CR = b'"', b"\n", b"\r"
_DELIMITERS = (b",", b";", b"\t")
_PLAIN = {delimiter: re.compile(rb"[^\r\n" + delimiter + rb"]*") for delimiter in _DELIMITERS}


class NotASheet(ValueError):
    """The bytes cannot be read as CSV; `line` counts from 1, `why` is "quote", "after" or "encoding"."""

    def __init__(self, why: str, line: int) -> None:
        super().__init__(f"{why} in line {line}")
        self.why, self.line = why, line


@dataclass(frozen=True)
class Cell:
    """One cell: its bytes are `data[start:end]`, quotes included, and `text` is what they say."""

    start: int
    end: int
    text: str
    quoted: bool


@dataclass(frozen=True)
class Sheet:
    """A CSV file and its cells by row. An empty line is a row without cells."""

    data: bytes
    delimiter: bytes
    rows: tuple[tuple[Cell, ...], ...]

    def texts(self, row: int) -> list[str]:
        """Return what the cells of a row say."""
        return [cell.text for cell in self.rows[row]]

    def text(self, row: int, column: int) -> str:
        """Return what a cell says, without blanks around it; "" where the row is too short to have it."""
        cells = self.rows[row]
        return cells[column].text.strip() if column < len(cells) else ""

    def line(self, row: int) -> int:
        """Return the line of the file, from 1, on which a row begins, as an editor shows it."""
        start = self.rows[row][0].start if self.rows[row] else 0
        return len(self.data[:start].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))

    def with_texts(self, texts: Mapping[tuple[int, int], str]) -> bytes:
        """Return the bytes with these cells, by row and column, saying something else; all others stay as they are.

        A cell that says it already stays as it is, one that was quoted stays quoted, another is quoted if it must be.
        """
        parts, at = [], 0
        for (row, column), text in sorted(texts.items()):
            cell = self.rows[row][column]
            if text == cell.text:
                continue
            parts += [self.data[at : cell.start], self._written(text, cell.quoted)]
            at = cell.end
        return b"".join([*parts, self.data[at:]])

    def _written(self, text: str, quoted: bool) -> bytes:
        written = text.encode()
        special = any(mark in written for mark in (_QUOTE, _LF, _CR, self.delimiter))
        if not (quoted or special or text != text.strip()):
            return written
        return _QUOTE + written.replace(_QUOTE, 2 * _QUOTE) + _QUOTE


def read_sheet(data: bytes, delimiter: bytes) -> Sheet:
    """Find the cells of a CSV file in UTF-8, with or without a byte-order mark.

    Raises:
        NotASheet: it is not UTF-8, a quote is never closed, or something stands behind a closing quote.
    """
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise NotASheet("encoding", data.count(_LF, 0, error.start) + 1) from None
    return Sheet(data, delimiter, tuple(_rows(data, delimiter)))


def candidates(data: bytes) -> Iterator[Sheet]:
    """Yield the file as read with each delimiter that it could have.

    Raises:
        NotASheet: it can be read with none.
    """
    problem: NotASheet | None = None
    readable = False
    for delimiter in _DELIMITERS:
        try:
            sheet = read_sheet(data, delimiter)
        except NotASheet as error:
            problem = problem or error
        else:
            readable = True
            yield sheet
    if problem and not readable:
        raise problem


def _rows(data: bytes, delimiter: bytes) -> Iterator[tuple[Cell, ...]]:
    at = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    cells: list[Cell] = []
    while at < len(data) or cells:
        end_of_line = _line_end(data, at)
        if not cells and end_of_line:
            yield ()
            at += end_of_line
            continue
        cell = _quoted(data, at) if data[at : at + 1] == _QUOTE else _plain(data, at, delimiter)
        cells.append(cell)
        at = cell.end
        if data[at : at + 1] == delimiter:
            at += 1
            continue
        end_of_line = _line_end(data, at)
        if at < len(data) and not end_of_line:
            raise NotASheet("after", data.count(_LF, 0, at) + 1)
        yield tuple(cells)
        cells = []
        at += end_of_line


def _line_end(data: bytes, at: int) -> int:
    """Return how many bytes of a line's end stand here."""
    if data[at : at + 2] == _CR + _LF:
        return 2
    return int(data[at : at + 1] in (_LF, _CR))


def _plain(data: bytes, at: int, delimiter: bytes) -> Cell:
    found = _PLAIN[delimiter].match(data, at)
    end = found.end() if found else at
    return Cell(at, end, data[at:end].decode(), quoted=False)


def _quoted(data: bytes, at: int) -> Cell:
    place = at + 1
    while True:
        place = data.find(_QUOTE, place)
        if place < 0:
            raise NotASheet("quote", data.count(_LF, 0, at) + 1)
        if data[place + 1 : place + 2] != _QUOTE:
            break
        place += 2
    text = data[at + 1 : place].replace(2 * _QUOTE, _QUOTE).decode()
    return Cell(at, place + 1, text, quoted=True)
