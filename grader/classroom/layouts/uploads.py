"""What every layout gives: the hand-ins of people, and what is none; and the few steps that several share.

Plain data. Knows the form of no layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from grader import messages
from grader.classroom.handin import Unplaced
from grader.classroom.names import bare, key
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reading:
    """What a layout found."""

    uploads: tuple[Upload, ...]
    unplaced: tuple[Unplaced, ...] = ()
    ignored: tuple[str, ...] = ()
    people: tuple[Who, ...] = ()  # who is there without a file


def most(names: Iterable[str], fits: Callable[[str], object]) -> str:
    """Return what a layout says if more than half of the names have its form."""
    listed = list(names)
    fitting = [name for name in listed if fits(name)]
    if 2 * len(fitting) <= len(listed):
        return ""
    return messages.LAYOUT_WHY.format(count=len(fitting), total=len(listed), example=fitting[0][:80])


def outside(entries: Iterable[Entry]) -> tuple[Unplaced, ...]:
    """Return files that lie beside the hand-ins."""
    return tuple(Unplaced(entry.origin, messages.UNPLACED_OUTSIDE) for entry in entries)


def grouped(pairs: Iterable[tuple[_T, Entry]]) -> dict[_T, list[Entry]]:
    """Return entries by what they belong to, in the order in which they came."""
    found: dict[_T, list[Entry]] = {}
    for owner, entry in pairs:
        found.setdefault(owner, []).append(entry)
    return found


def first_names(tree: Tree) -> list[str]:
    """Return the names at the first level, of files and folders."""
    tops = tree.tops()
    return [entry.name for entry in tops.pop("", [])] + list(tops)


def student_and_exercise(stem: str, catalogue: Catalogue) -> tuple[str, str]:
    """Split `ada_exercise1_backprop` into the student and what names the exercise, which may be nothing.

    Names of an exercise and of its files are taken off both ends, where a separator sets them apart. With something
    added behind (`ada_backprop (1)`) they are looked for without it; a student's own name stays as it is.
    """
    for text in (stem, bare(stem)):
        rest, words = _taken_off(text, catalogue)
        if words:
            # A file's name says more than an exercise's: with several files it tells which one.
            return rest, next((word for word in words if key(word) in catalogue.files), words[0])
    return stem, ""


def _taken_off(text: str, catalogue: Catalogue) -> tuple[str, list[str]]:
    either = "|".join(re.escape(word) for word in sorted(catalogue.words, key=len, reverse=True))
    if re.fullmatch(either, text, re.IGNORECASE):
        return "", [text]
    found: list[str] = []
    forms = (rf"(?P<rest>.*[^\W_].*?)[_\-. ]+(?P<word>{either})", rf"(?P<word>{either})[_\-. ]+(?P<rest>.+)")
    while match := next((match for form in forms if (match := re.fullmatch(form, text, re.IGNORECASE))), None):
        text = match["rest"]
        found.append(match["word"])
    return ("", [*found, text]) if re.fullmatch(either, text, re.IGNORECASE) else (text, found)
