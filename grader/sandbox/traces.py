"""A student's exceptions and frames, from what their guest says of them to what a person is shown.

Owns which frames are shown and where their lines come from: only frames of the submission's own files, and the source
line from our copy of them. Whatever a guest says is at worst a wrong line of the student's own file.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping
from typing import Any

from grader.errors import StudentRaised
from grader.results import Frame, Outcome

_MAX_FRAMES = 50
_MAX_FUNCTION, _MAX_CODE = 200, 500
_MAX_TEXT, _MAX_NAME, _MAX_CLASSES = 16 * 1024, 200, 20
_OUTCOMES = {outcome.value: outcome for outcome in (Outcome.RAISED, Outcome.TODO, Outcome.FORBIDDEN, Outcome.MEMORY)}
# As Python's faulthandler writes them, the innermost first.
_STACK_LINE = re.compile(r'^  File "([^"\n]*)", line (\d{1,9}) in (.*)$', re.MULTILINE)
STACK_BEGINS = "(most recent call first):"


def raised_of(facts: Mapping[Any, Any], texts: Mapping[str, str]) -> StudentRaised | None:
    """Return the exception that a guest reports; None if no guest code of ours can have written the report."""
    match facts:
        case {"type_name": str(name), "mro": list(mro), "text": str(text), "frames": list(rows), "outcome": str(how)}:
            outcome = _OUTCOMES.get(how)
            if outcome is not None and all(isinstance(kind, str) for kind in mro):
                frames = frames_of(rows, texts)
                return StudentRaised(name[:_MAX_NAME], tuple(mro[:_MAX_CLASSES]), text[:_MAX_TEXT], frames, outcome)
    return None


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
