"""Cut the piece of a student's file that a person needs to see.

Works on lines, by their indentation: the file may be hostile or no Python at all, so nothing here parses it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from grader.report.text import clipped_line

_MAX_FUNCTION_LINES = 26
_MAX_DEFINITION_LINES = 100  # also what keeps a hostile file of a megabyte from taking long
_BEFORE, _AFTER = 8, 4
_HEAD = re.compile(r"\s*(?:async\s+)?(?:def|class)\s")
_NAMED = re.compile(r"(?:async\s+)?(?:def|class)\s+([^\W\d]\w*)")


@dataclass(frozen=True)
class Line:
    """One line of a file; `is_marked` if it is the one that something is said about."""

    number: int
    text: str
    is_marked: bool = False


@dataclass(frozen=True)
class Excerpt:
    """Consecutive lines of one file; `name` if they are a definition of that name."""

    file: str
    lines: tuple[Line, ...]
    name: str = ""

    @property
    def marked(self) -> int | None:
        """The number of the marked line, if one is."""
        return next((line.number for line in self.lines if line.is_marked), None)


def around(file: str, text: str, number: int) -> Excerpt | None:
    """Return line `number`, marked, with the function it stands in, or with its neighbours if that is long."""
    lines = text.split("\n")
    if not 1 <= number <= len(lines):
        return None
    start, end = _function_around(lines, number - 1)
    if end - start > _MAX_FUNCTION_LINES:
        start, end = max(start, number - 1 - _BEFORE), min(end, number + _AFTER)
    return _excerpt(file, lines, start, end, number)


def definition(file: str, text: str, name: str) -> Excerpt | None:
    """Return the whole top-level function or class `name`, nothing marked."""
    lines = text.split("\n")
    for index, line in enumerate(lines):
        found = _NAMED.match(line)
        if found and found[1] == name:
            return replace(_excerpt(file, lines, index, _end_of(lines, index), 0), name=name)
    return None


def defined_names(text: str) -> list[str]:
    """Return the names of the functions and classes at the top level of a file."""
    return [found[1] for line in text.split("\n") if (found := _NAMED.match(line))]


def _excerpt(file: str, lines: list[str], start: int, end: int, marked: int) -> Excerpt:
    while start + 1 < marked and not lines[start].strip():
        start += 1
    while end > start + 1 and end > marked and not lines[end - 1].strip():
        end -= 1
    shown = (Line(index + 1, clipped_line(lines[index]), index + 1 == marked) for index in range(start, end))
    return Excerpt(file, tuple(shown))


def _function_around(lines: list[str], index: int) -> tuple[int, int]:
    """Return the range of the innermost function that holds line `index`; outside of one, its neighbours."""
    inside = _indent(lines[index])
    for above in range(index, max(-1, index - _MAX_DEFINITION_LINES), -1):
        if not _HEAD.match(lines[above]):
            continue
        if above == index or (_indent(lines[above]) < inside and _end_of(lines, above) > index):
            return above, _end_of(lines, above)
    return max(0, index - _BEFORE), min(len(lines), index + 1 + _AFTER)


def _end_of(lines: list[str], head: int) -> int:
    """Return the index behind the last line that belongs to the definition at `head`."""
    depth, last = _indent(lines[head]), head
    for index in range(head + 1, min(len(lines), head + _MAX_DEFINITION_LINES)):
        start = lines[index].lstrip()[:1]
        if start and (_indent(lines[index]) > depth or start == ")"):
            last = index
        elif start not in ("", "#"):  # a remark may stand anywhere without ending anything
            break
    return last + 1


def _indent(line: str) -> int:
    return len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
