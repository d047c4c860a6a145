"""Who handed in: from what a platform calls people to the students of the class.

Owns what is said where that is not certain. Without a roster everybody is who the platform says; with one, whoever is
not exactly one of its students is nobody, and is reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader import messages
from grader.classroom.handin import Student, Unplaced
from grader.classroom.layouts.uploads import Reading
from grader.classroom.names import key
from grader.classroom.placing import Upload
from grader.classroom.roster import Fits, Roster, Who


@dataclass(frozen=True)
class People:
    """The students, and which of them is meant by what the platform calls them."""

    students: tuple[Student, ...]
    unplaced: tuple[Unplaced, ...]
    ids: Mapping[Who, str]

    def of(self, upload: Upload) -> tuple[str, ...]:
        """Return the students who handed something in, by id; whoever is unknown is left out."""
        return tuple(dict.fromkeys(self.ids[who] for who in upload.who if who in self.ids))


def identified(reading: Reading, roster: Roster | None) -> People:
    """Say which students are meant in what a layout found."""
    met = list(dict.fromkeys([*(who for upload in reading.uploads for who in upload.who), *reading.people]))
    named = [who for who in met if who.id]
    ids, problems = _in_roster(named, roster) if roster else (_as_said(named), {})
    students = roster.students if roster else _students(named, ids)
    return People(students, tuple(_unplaced(reading, ids, problems)), ids)


def _as_said(met: Iterable[Who]) -> dict[Who, str]:
    """Return an id for everybody; one person who is met in two spellings is one."""
    first: dict[str, str] = {}
    return {who: first.setdefault(key(who.id), who.id) for who in met}


def _students(met: Iterable[Who], ids: Mapping[Who, str]) -> tuple[Student, ...]:
    found: dict[str, Student] = {}
    for who in met:
        found.setdefault(ids[who], Student(ids[who], who.name or who.id, who.email, keys=who.keys))
    return tuple(found[id] for id in sorted(found, key=lambda id: (key(id), id)))


def _in_roster(met: Iterable[Who], roster: Roster) -> tuple[dict[Who, str], dict[Who, Unplaced]]:
    """Match everybody, and take back names that two people of the platform claim."""
    fits = {who: roster.find(who) for who in met}
    problems = {who: _problem(who, found) for who, found in fits.items() if len(found.students) != 1}
    claims: dict[str, list[Who]] = {}
    for who, found in fits.items():
        if who not in problems:
            claims.setdefault(found.students[0], []).append(who)
    ids: dict[Who, str] = {}
    for student, claimants in claims.items():
        for who in claimants:
            if len(claimants) == 1 or fits[who].sure:
                ids[who] = student
            else:
                problems[who] = Unplaced("", messages.UNPLACED_CLAIMED.format(who=who.said), (student,))
    return ids, problems


def _problem(who: Who, found: Fits) -> Unplaced:
    sentence = messages.UNPLACED_STUDENTS if found.students else messages.UNPLACED_STUDENT
    return Unplaced("", sentence.format(who=who.said or who.id), found.students)


def _unplaced(reading: Reading, ids: Mapping[Who, str], problems: Mapping[Who, Unplaced]) -> Iterable[Unplaced]:
    for upload in reading.uploads:
        for who in upload.who:
            if who in problems:
                yield Unplaced(upload.origin or who.said, problems[who].why, problems[who].candidates)
            elif who not in ids:
                yield Unplaced(upload.origin, messages.UNPLACED_NOBODY)
    for who in reading.people:
        if who in problems:
            yield Unplaced(who.id, problems[who].why, problems[who].candidates)
