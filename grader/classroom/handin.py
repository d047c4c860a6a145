"""What a class handed in, as plain data: students, what each handed in for each exercise, what nobody understood.

Made by `intake`, kept by `store`, judged by `schedule`. Knows no folders, archives or formats of learning platforms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from grader.submission import Submission


@dataclass(frozen=True)
class Student:
    """One person of the class. Without a roster `id` is what the platform calls them.

    `keys` are further names by which platforms know this student: e-mail, login, number, aliases of the roster.
    """

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    keys: tuple[str, ...] = ()

    @property
    def own_name(self) -> str:
        """The name, where there is one that is not the id once more."""
        return self.name if self.name != self.id else ""


@dataclass(frozen=True)
class Handin:
    """What one student handed in for one exercise, the last time they did.

    `submission` is None where it cannot be read; `problem` then is the sentence that the student gets. `origin` names
    file or folder within what was given, made printable. `cells` maps a line of a file that was a notebook to the
    number of its cell, counted from 1, and the line in it. What a group handed in together stands here once for each of
    its students, with the others as `partners`.
    """

    student: str
    exercise: str
    submission: Submission | None
    origin: str
    problem: str = ""
    submitted_at: datetime | None = None
    marked_late: bool = False  # the platform says so, without saying how late
    times: int = 1  # how often it was handed in; this is the last one
    notes: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()  # other students of the same group, by id
    cells: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Unplaced:
    """A file or folder that belongs to no student or no exercise, and why. Nothing is guessed."""

    origin: str
    why: str
    candidates: tuple[str, ...] = ()  # students by id, where more than one fits


@dataclass(frozen=True)
class Intake:
    """All of it. Students of the roster who handed in nothing are in `students` too."""

    layout: str
    students: tuple[Student, ...]
    handins: tuple[Handin, ...]
    unplaced: tuple[Unplaced, ...] = ()
    ignored: tuple[str, ...] = ()  # harmless files beside, such as .DS_Store
    why: str = ""  # what told the layout
    exercises: tuple[str, ...] = ()  # the slugs that were looked for
