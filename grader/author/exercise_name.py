"""How a new exercise is called: its number, the name of its folder and of its file, and why it cannot be called so.

Looks at which exercises the course has. Writes nothing.
"""

from __future__ import annotations

import difflib
import keyword
import re
import sys
from dataclasses import dataclass

from grader import messages
from grader.course import Course
from grader.errors import UsageError

# As long as it is sensible to type; a file system takes about four times as much.
_SLUG = re.compile(r"exercise(0|[1-9][0-9]{0,3})_([a-z][a-z0-9_]{0,59})")
_NAME = re.compile(r"(?!exercise[0-9]*(_|$))[a-z][a-z0-9_]{0,59}")
_NUMBERED = re.compile(r"(?:exercise)?_?([0-9]{1,4})_(.+)")
# Names this much alike are one exercise, typed twice or with a slip; attention and self_attention are two.
_NEARLY = 0.85
# The file is called like the exercise, and students import these.
_TAKEN = sys.stdlib_module_names | {"grader", "numpy", "pytest", "torch"}
_EXAMPLE = "attention"


@dataclass(frozen=True)
class ExerciseName:
    """The number of a new exercise and its name, which is that of its file too: exercise6_attention, attention.py."""

    number: int
    name: str

    @property
    def slug(self) -> str:
        """The name of its folders."""
        return f"exercise{self.number}_{self.name}"

    @property
    def title(self) -> str:
        """A title to begin with."""
        return self.name.replace("_", " ").strip().capitalize()


def name_exercise(course: Course, asked: str) -> ExerciseName:
    """Return what a new exercise is called: `attention` gets the next number, `exercise6_attention` says its own.

    Raises:
        UsageError: it is no name, its file would hide a module, its number is taken, or one is nearly called so.
    """
    numbered = _SLUG.fullmatch(asked)
    name = numbered[2] if numbered else asked
    if not _NAME.fullmatch(name):
        raise UsageError(messages.NEW_NO_NAME.format(asked=asked, example=_allowed(asked)))
    if name in _TAKEN or keyword.iskeyword(name) or name.startswith("test_") or name == "conftest":
        other = f"the_{name}" if name.startswith("test_") else f"{name}_by_hand"
        raise UsageError(messages.NEW_NAME_TAKEN.format(name=name, other=other))
    if numbered:
        return _require_free_number(course, ExerciseName(int(numbered[1]), name))
    return _require_far_name(course, ExerciseName(_next_number(course), name))


def _require_free_number(course: Course, wanted: ExerciseName) -> ExerciseName:
    for slug in course.slugs():
        # One that is called just so is told by what lies there, when it is to be written.
        if slug != wanted.slug and re.match(rf"exercise0*{wanted.number}(_|$)", slug):
            free = ExerciseName(_next_number(course), wanted.name).slug
            raise UsageError(messages.NEW_NUMBER_TAKEN.format(slug=wanted.slug, other=slug, free=free))
    return wanted


def _require_far_name(course: Course, wanted: ExerciseName) -> ExerciseName:
    """Whoever says no number may have forgotten that the exercise is there already."""
    names = {slug.partition("_")[2]: slug for slug in course.slugs()}
    if near := difflib.get_close_matches(wanted.name, names, 1, _NEARLY):
        said = messages.NEW_NAME_NEAR.format(name=wanted.name, other=names[near[0]], slug=wanted.slug)
        raise UsageError(said)
    return wanted


def _next_number(course: Course) -> int:
    numbers = [int(match[1]) for slug in course.slugs() if (match := re.match(r"exercise([0-9]+)(?:_|$)", slug))]
    return max(numbers, default=0) + 1


def _allowed(asked: str) -> str:
    """Return what may have been meant, or an example."""
    plain = re.sub(r"[^a-z0-9]+", "_", asked.lower()).strip("_")
    if (match := _NUMBERED.fullmatch(plain)) and _NAME.fullmatch(match[2]):
        return ExerciseName(int(match[1]), match[2]).slug
    return plain if _NAME.fullmatch(plain) else _EXAMPLE
