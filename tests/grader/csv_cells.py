"""A second reader of CSV, written unlike the package's: a machine that goes through the text character by character.

It knows where cells are, so that "nothing but these cells has changed" can be said of every other character.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Found:
    row: int
    column: int
    start: int
    end: int
    text: str


def cells(text: str, delimiter: str) -> list[Found]:  # noqa: C901 (a machine is read in one piece)
    """Return every cell with the characters it takes, quotes included; lines without a character have none."""
    found: list[Found] = []
    row = column = start = place = 0
    said, state, begun = "", "start", False

    def close(end: int) -> None:
        nonlocal said, state, column
        found.append(Found(row, column, start, end, said))
        said, state, column = "", "start", column + 1

    while place < len(text):
        char = text[place]
        if state == "inside":
            if char != '"':
                said += char
            elif text[place + 1 : place + 2] == '"':
                said += '"'
                place += 1
            else:
                state = "behind"
        elif char == delimiter:
            close(place)
            start, begun = place + 1, True
        elif char in "\r\n":
            if begun:
                close(place)
            place += text[place : place + 2] == "\r\n"
            row, column, start, begun = row + 1, 0, place + 1, False
        elif char == '"' and state == "start":
            state, begun = "inside", True
        else:
            assert state != "behind", f"something behind a quote at {place}"
            said, state, begun = said + char, "plain", True
        place += 1
    assert state != "inside", "a quote is open at the end"
    if begun:
        close(place)
    return found


def as_table(found: Iterable[Found]) -> list[list[str]]:
    """Return the cells' texts by row, without empty lines."""
    rows: dict[int, list[str]] = {}
    for cell in found:
        rows.setdefault(cell.row, []).append(cell.text)
    return [rows[row] for row in sorted(rows)]


def as_python_reads(text: str, delimiter: str) -> list[list[str]]:
    """Return what Python's csv makes of it, without empty lines."""
    return [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]


def changed(before: bytes, after: bytes, delimiter: str) -> dict[tuple[int, int], tuple[str, str]]:
    """Return what changed by row and column, having made sure that all bytes outside of these cells are the same."""
    texts = before.decode().removeprefix("\ufeff"), after.decode().removeprefix("\ufeff")
    assert before.startswith(b"\xef\xbb\xbf") == after.startswith(b"\xef\xbb\xbf")
    old, new = (cells(text, delimiter) for text in texts)
    for text, found in zip(texts, (old, new), strict=True):
        assert as_table(found) == as_python_reads(text, delimiter)
    assert [(cell.row, cell.column) for cell in old] == [(cell.row, cell.column) for cell in new]
    other = {(a.row, a.column): (a.text, b.text) for a, b in zip(old, new, strict=True) if a.text != b.text}
    remaining = [_without(text, found, other) for text, found in zip(texts, (old, new), strict=True)]
    assert remaining[0] == remaining[1]
    return other


def _without(text: str, found: list[Found], dropped: Iterable[tuple[int, int]]) -> str:
    gone = set(dropped)
    at, parts = 0, []
    for cell in found:
        if (cell.row, cell.column) in gone:
            parts.append(text[at : cell.start])
            at = cell.end
    return "\0".join([*parts, text[at:]])
