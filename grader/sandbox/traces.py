"""A student's frames, from what their guest says of them to what a person is shown.

Owns which frames are shown and where their lines come from: only frames of the submission's own files, and the source
line from our copy of them. Whatever a guest says is at worst a wrong line of the student's own file.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from grader.results import Frame

_MAX_FRAMES = 50
_MAX_FUNCTION, _MAX_CODE = 200, 500
# As Python's faulthandler writes them, the innermost first.
_STACK_LINE = re.compile(r'^  File "([^"\n]*)", line (\d{1,9}) in (.*)$', re.MULTILINE)
STACK_BEGINS = "(most recent call first):"


def frames_of(rows: Iterable[Any], texts: Mapping[str, str]) -> tuple[Frame, ...]:
    """Return the frames among `rows`, each [file, line, function]; `texts` are the submission's files by name."""
    found = (_frame(row, texts) for row in list(rows)[:_MAX_FRAMES])
    return tuple(frame for frame in found if frame is not None)


def frames_in(stack: str, texts: Mapping[str, str]) -> tuple[Frame, ...]:
    """Return the student's frames in a stack that a guest printed when it was asked where it stands."""
    own = [row for row in _STACK_LINE.findall(stack.rpartition(STACK_BEGINS)[2]) if row[0] in texts]
    return tuple(reversed(frames_of(([file, int(line), function] for file, line, function in own), texts)))


def _frame(row: Any, texts: Mapping[str, str]) -> Frame | None:
    match row:
        case [str() as file, int() as line, str() as function] if file in texts:
            lines = _lines(texts[file])
            code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
            return Frame(file, line, function[:_MAX_FUNCTION], code[:_MAX_CODE])
    return None


def _lines(text: str) -> list[str]:
    """Return the lines as Python's parser counts them: a form feed ends none."""
    return io.StringIO(text, newline=None).read().split("\n")
