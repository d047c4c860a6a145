"""Where the pages of a class report are, and how they lead to each other: files of a folder, or places in one file.

Owns file names. What a student is called never becomes a name as it is: names hold letters, digits, points and dashes
only, and no two agree, also where a file system does not tell capitals.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.classroom.view import ClassView

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # names that Windows keeps for itself
_KEPT = 40


def safe_names(ids: Iterable[str]) -> dict[str, str]:
    """Return a file name (without an ending) for every id."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for id in ids:
        plain = _PLAIN.fullmatch(id) and not _DEVICES.fullmatch(id) and not id.endswith(".")
        name = id if plain and id.lower() not in taken else _marked(id)
        taken.add(name.lower())
        names[id] = name
    return names


def _marked(id: str) -> str:
    """Return what is plain of an id with a digest of all of it, which no other id has."""
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_NOT_PLAIN.sub('-', id).strip('.-')[:_KEPT] or 'student'}-{digest}"


@dataclass(frozen=True)
class Links:
    """Addresses, seen from one page. `up` leads from it to the folder of the report."""

    students: dict[str, str]
    exercises: dict[str, str]
    single_file: bool = False
    up: str = ""
    numbers: dict[str, str] = field(default_factory=dict)
    """What an exercise is called in a narrow place, by slug."""

    def home(self, section: str = "") -> str:
        """Return the address of the class's own page, or of a section of it."""
        if self.single_file:
            return f"#{section or 'class'}"
        return f"{self.up}index.html" + (f"#{section}" if section else "")

    def student(self, id: str) -> str:
        """Return the address of a student's page."""
        return f"#student-{self.students[id]}" if self.single_file else f"{self.up}students/{self.students[id]}.html"

    def student_exercise(self, id: str, slug: str) -> str:
        """Return the address of one exercise on a student's page."""
        if self.single_file:
            return f"#{self.anchor(id, slug)}"
        return f"{self.student(id)}#{self.anchor(id, slug)}"

    def anchor(self, id: str, slug: str) -> str:
        """Return the name of the place of an exercise on a student's page; no other place is called so."""
        own = self.exercises[slug]
        return f"student-{self.students[id]}/{own}" if self.single_file else own  # no name has a slash

    def exercise(self, slug: str) -> str:
        """Return the address of an exercise's page."""
        return (
            f"#exercise-{self.exercises[slug]}"
            if self.single_file
            else f"{self.up}exercises/{self.exercises[slug]}.html"
        )


def links_of(view: ClassView, *, single_file: bool) -> Links:
    """Return the addresses as the class's own page sees them."""
    numbers = {one.slug: one.number or str(place) for place, one in enumerate(view.exercises, start=1)}
    if len(set(numbers.values())) < len(numbers):
        numbers = {one.slug: str(place) for place, one in enumerate(view.exercises, start=1)}
    return Links(
        safe_names(student.id for student in view.students),
        safe_names(exercise.slug for exercise in view.exercises),
        single_file,
        numbers=numbers,
    )
