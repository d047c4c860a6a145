"""The key of an exercise's hidden draws: a file beside its hidden suite that no student has.

What a hidden check draws follows from the run's seed, the check and this key, so that nobody who knows seed and suite's
rules can draw it again in advance or inside the check. Must not know how the draws are made; `suite.context` does.
"""

from __future__ import annotations

import re
import secrets

from grader import messages
from grader.course import Exercise
from grader.errors import CourseError

FILE = "draws.key"
NONE = ""
"""The key of public checks, which everybody may draw again, and of suites that have no file."""

_BYTES = 32
_KEY = re.compile(r"[0-9a-f]{64}")


def new_draws_key() -> str:
    """Return the text of a new file."""
    return f"{secrets.token_hex(_BYTES)}\n"


def read_draws_key(exercise: Exercise) -> str:
    """Return the key of an exercise, `NONE` where it has no file.

    Raises:
        CourseError: the file is no key.
    """
    path = exercise.hidden_folder / FILE
    try:
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return NONE
    except (OSError, UnicodeDecodeError):
        key = ""
    if not _KEY.fullmatch(key):
        raise CourseError(messages.DRAWS_KEY_UNREADABLE.format(file=path.relative_to(exercise.course.root)))
    return key
