"""The roster: who is in the class, and which of them a platform means. Never guesses.

Owns the reading of the CSV file, under the headers that people and platforms use, and the matching of names by exact
keys. More than one student that fits is an answer of its own. Knows no layout and no exercise.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader import messages
from grader.classroom.handin import Student
from grader.classroom.names import compact, key, name_keys
from grader.errors import UsageError

# Headers by what they mean, as keys: ours, those of Canvas, Moodle and Gradescope, and what people type.
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "student id", "student_id", "studentid", "sid", "student number", "id number", "matriculation number",
           "matrikelnummer", "matrikel-nr.", "número de id", "número de identificación", "学号", "编号"),
    "login": ("username", "user name", "login", "login id", "netid", "sis user id", "sis login id", "integration id",
              "anmeldename", "nombre de usuario", "用户名", "github", "github username"),
    "email": ("email", "e-mail", "email address", "e-mail address", "mail", "e-mail-adresse",
              "dirección de correo", "dirección email", "correo electrónico", "电子邮件", "电子邮件地址", "邮箱"),
    "name": ("name", "full name", "student", "student name", "fullname", "vollständiger name", "nombre completo",
             "姓名", "全名"),
    "first": ("first name", "firstname", "first_name", "given name", "vorname", "nombre", "名"),
    "last": ("last name", "lastname", "last_name", "surname", "family name", "nachname", "apellido", "apellidos",
             "apellido(s)", "姓"),
    "section": ("section", "sections", "group", "groups", "gruppe", "gruppen", "grupo", "grupos", "tutorial", "小组"),
    "aliases": ("aliases", "alias", "other names", "also known as", "keys"),
}  # fmt: skip
_MEANING = {header: meaning for meaning, headers in _HEADERS.items() for header in headers}
_DELIMITERS = ",;\t"
MAX_ROSTER_BYTES = 16 << 20


@dataclass(frozen=True)
class Who:
    """A person as a platform calls them. `name` is a name in any order, or with `sortable` Canvas's letters of one."""

    id: str
    name: str = ""
    email: str = ""
    keys: tuple[str, ...] = ()
    sortable: bool = False

    @property
    def said(self) -> str:
        """What to call them in a sentence."""
        return self.name if not self.name or self.name == self.id else f"{self.name} ({self.id})"


@dataclass(frozen=True)
class Fits:
    """The students of a roster that may be meant, by id. `sure` if it was an id or address and not a name."""

    students: tuple[str, ...]
    sure: bool


class Roster:
    """The students of a class, found by what platforms call them."""

    def __init__(self, students: Iterable[Student]) -> None:
        self.students = tuple(students)
        self._sure = _index((key(one), student.id) for student in self.students for one in _sure_keys(student))
        self._names = _index((one, student.id) for student in self.students for one in _spoken_keys(student))
        self._compact = _index((compact(one), id) for one, ids in self._names.items() for id in ids)

    def find(self, who: Who) -> Fits:
        """Return who is meant: one student, none, or all that fit where that does not decide it.

        An id that is one student's and a name that is another's fit both: nobody can tell which is wrong.
        """
        sure = self._found(self._sure, [who.id, who.email, *who.keys])
        named = self._named(who)
        if sure and named and not sure & named:
            return Fits(tuple(sorted(sure | named)), False)
        return Fits(tuple(sorted(sure or named)), bool(sure))

    def _named(self, who: Who) -> set[str]:
        if who.sortable:
            return self._compact.get(compact(who.name), set()) if compact(who.name) else set()
        return {id for one in (who.name, who.id) for turned in name_keys(one) for id in self._names.get(turned, ())}

    @staticmethod
    def _found(index: Mapping[str, set[str]], spoken: Iterable[str]) -> set[str]:
        return {id for one in spoken if one for id in index.get(key(one), ())}


def _index(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, id in pairs:
        if name:
            found.setdefault(name, set()).add(id)
    return found


def _sure_keys(student: Student) -> tuple[str, ...]:
    return (student.id, student.email, *student.keys)


def _spoken_keys(student: Student) -> frozenset[str]:
    """Return what a student is called: the name and any alias in every order, and the e-mail's name."""
    local = student.email.partition("@")[0] if "@" in student.email else ""
    named = [turned for one in (student.name, *student.keys) for turned in name_keys(one)]
    return frozenset([*named, key(local)])


# --- the file -----------------------------------------------------------------------------------------------------


def read_roster(path: Path) -> Roster:
    """Read a roster: a CSV file with a line of headers. Ids stay text, as they stand there.

    Raises:
        UsageError: it cannot be read, or does not say who is who; the message names the line.
    """
    try:
        with path.open("rb") as file:
            return Roster(_students(_text(file.read(MAX_ROSTER_BYTES))))
    except OSError as error:
        raise UsageError(messages.ROSTER_UNREADABLE.format(file=path.name, problem=error.strerror)) from error
    except (csv.Error, ValueError) as error:
        raise UsageError(messages.ROSTER_UNREADABLE.format(file=path.name, problem=error)) from error


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):  # "Unicode text" of a spreadsheet
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise ValueError(messages.ROSTER_NOT_UTF16) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(messages.ROSTER_NOT_UTF8.format(line=line)) from error


def _students(text: str) -> Iterator[Student]:
    """Yield the students of the table; a `ValueError` says what is wrong with it."""
    table = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
    header = next((row for row in table if any(cell.strip() for cell in row)), None)
    if header is None:
        raise ValueError(messages.ROSTER_EMPTY)
    meanings = [_MEANING.get(key(cell), "") for cell in header]
    told = next((one for one in ("id", "login", "email", "name", "last") if one in meanings), None)
    if told is None:
        raise ValueError(messages.ROSTER_WITHOUT_IDS.format(columns=", ".join(cell.strip() for cell in header)))
    lines: dict[str, int] = {}
    for row in table:
        cells = _cells(meanings, row)
        if not any(cells.values()) or _is_no_student(cells):
            continue
        student = _student(cells, told)
        if not student.id:
            raise ValueError(messages.ROSTER_WITHOUT_ID.format(line=table.line_num, column=told))
        if key(student.id) in lines:
            first = lines[key(student.id)]
            raise ValueError(messages.ROSTER_TWICE.format(id=student.id, first=first, line=table.line_num))
        lines[key(student.id)] = table.line_num
        yield student


def _delimiter(text: str) -> str:
    """Return the character that cuts the first line into the most headers that are known."""
    first = next((line for line in text.splitlines() if line.strip()), "")

    def known(delimiter: str) -> int:
        return sum(key(cell) in _MEANING for row in csv.reader([first], delimiter=delimiter) for cell in row)

    return max(_DELIMITERS, key=known)


def _cells(meanings: list[str], row: list[str]) -> dict[str, list[str]]:
    """Return the cells of a row by what their column means; `="007"` is how a spreadsheet keeps zeros."""
    found: dict[str, list[str]] = {}
    for meaning, cell in zip(meanings, row, strict=False):
        text = cell.strip()
        text = text[2:-1] if text.startswith('="') and text.endswith('"') else text
        if text:
            found.setdefault(meaning, []).append(text)
    found.pop("", None)
    return found


def _is_no_student(cells: Mapping[str, list[str]]) -> bool:
    """Whether it is one of the two lines that Canvas's own export has beside the students'."""
    return cells.get("name", [""])[0] in ("Points Possible", "Student, Test")


def _student(cells: Mapping[str, list[str]], told: str) -> Student:
    def first(meaning: str) -> str:
        return cells.get(meaning, [""])[0]

    name = first("name") or " ".join(part for part in (first("first"), first("last")) if part)
    id = name if told == "last" else first(told)
    aliases = [one.strip() for cell in cells.get("aliases", []) for one in cell.replace("|", ";").split(";")]
    others = [*cells.get("id", []), *cells.get("login", []), *aliases]
    keys = dict.fromkeys(one for one in others if one and one != id)
    return Student(id, name, first("email"), first("section"), tuple(keys))
