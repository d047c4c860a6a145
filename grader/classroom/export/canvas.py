"""Canvas' own gradebook, filled in: the column of each exercise, in the rows of the students that we are sure of.

Owns what Canvas' CSV means. Never writes a title, a student or a total: an unknown title would make a new assignment.
Source: what Canvas' gradebook importer reads (github.com/instructure/canvas-lms, lib/gradebook_importer.rb).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grader import messages
from grader.classroom.export.amounts import amount, has_decimal_comma, written
from grader.classroom.export.exported import Exported
from grader.classroom.export.filling import Filling, notes_on, open_template
from grader.classroom.export.matching import NAME, Index, Row, identifiers, index_of, match, names, same
from grader.classroom.export.sheet import Sheet
from grader.classroom.export.unfinished import points_of
from grader.classroom.export.writing import write_file
from grader.classroom.view import ClassView
from grader.course import Exercise, slug_named
from grader.enumeration import enumerated
from grader.errors import UsageError
from grader.terminal import printable

_ASSIGNMENT = re.compile(r"(?P<title>.*)\s\((?P<number>\d+)\)", re.DOTALL)
_UPLOAD = re.compile(r"(?:^|/)[^/]+?_(?:LATE_)?(\d+)_\d+_[^/]+")  # the first number is the user's
_POINTS_POSSIBLE, _READ_ONLY = "points possible", re.compile(r"read\s+only", re.IGNORECASE)
_NO_STUDENT = re.compile(r"\s*(Muted|Manual Posting.*)?\s*", re.IGNORECASE)
_TEST_STUDENTS = ("Student, Test", "Test Student")
_RESPECTED = ("EX", "N/A")
_POINTS_WITHIN = 4  # rows below the header
_CANVAS_ID, _KEY = "canvas id", "key"


@dataclass(frozen=True)
class _Gradebook:
    """The file, the rows of header and points, and the column of each exercise that has one."""

    file: str
    sheet: Sheet
    header: int
    points: int
    columns: dict[str, int] = field(default_factory=dict)

    def called(self, column: int) -> str:
        return printable(self.sheet.text(self.header, column))

    def students(self) -> Iterator[int]:
        """Yield the rows that are a student's."""
        for row in range(self.points + 1, len(self.sheet.rows)):
            if not all(_NO_STUDENT.fullmatch(text) for text in self.sheet.texts(row)):
                yield row


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Fill the exercises' columns in a gradebook that Canvas exported; every other byte stays as it is.

    Raises:
        UsageError: there is no template, it is no such file, a column is missing, read only or of other points.
        CourseError: course.toml names an exercise that there is not.
    """
    if template is None:
        how = messages.GRADEBOOK_HOW_CANVAS
        raise UsageError(messages.GRADEBOOK_NEEDS_TEMPLATE.format(name="canvas", how=how))
    book = _opened(view, template)
    comma = has_decimal_comma(_numbers(book), otherwise=book.sheet.delimiter == b";")
    filling = Filling(book.sheet, comma)
    matched = match([_row(book, row) for row in book.students()], _indexes(view))
    notes = []
    for slug, column in book.columns.items():
        notes += _fill(view, filling, book, slug, column, dict(matched.students))
    notes += notes_on(view, filling, matched, _TEST_STUDENTS)
    if without := [exercise.slug for exercise in view.exercises if exercise.slug not in book.columns]:
        notes.append(messages.GRADES_NO_COLUMN.format(count=len(without), who=enumerated(without)))
    write_file(out, book.sheet.with_texts(filling.texts))
    return Exported((out,), tuple(notes))


def _opened(view: ClassView, template: Path) -> _Gradebook:
    sheet, header = open_template(template, _is_header, messages.CANVAS_NOT_A_GRADEBOOK)
    below = range(header + 1, min(header + 1 + _POINTS_WITHIN, len(sheet.rows)))
    points = next((row for row in below if _POINTS_POSSIBLE in sheet.text(row, 0).lower()), None)
    file = printable(template.name)
    if points is None:
        raise UsageError(messages.CANVAS_NOT_A_GRADEBOOK.format(file=file))
    book = _Gradebook(file, sheet, header, points)
    _find_columns(view, book)
    for slug, column in book.columns.items():
        _require_writable(book, slug, column, view.max_scores[slug])
    return book


def _is_header(texts: list[str]) -> bool:
    return texts[:1] in (["Student"], ["LastName"]) and "ID" in texts and "Section" in texts


def _find_columns(view: ClassView, book: _Gradebook) -> None:
    wanted = {slug_named(view.course, name, "course.toml", f"canvas.{name}"): str(said)
              for name, said in view.course.canvas.items()}  # fmt: skip
    for exercise in view.exercises:
        column = _column(book, exercise, wanted.get(exercise.slug))
        if column is None:
            continue
        for other, taken in book.columns.items():
            if taken == column:
                facts = {"first": other, "second": exercise.slug, "column": book.called(column), "file": book.file}
                raise UsageError(messages.CANVAS_SAME_COLUMN.format(**facts))
        book.columns[exercise.slug] = column
    if not book.columns:
        raise UsageError(messages.CANVAS_NO_COLUMNS.format(file=book.file, columns=_all_columns(book)))


def _column(book: _Gradebook, exercise: Exercise, wanted: str | None) -> int | None:
    """Return the column that is wanted for an exercise; if none is named, the one called like it, if there is one."""
    own = {
        same(name)
        for name in (exercise.title, *exercise.titles, exercise.slug, exercise.course.short_name(exercise.slug))
    }
    found = []
    for column, header, title, number in _assignments(book):
        fits = same(title) in own if wanted is None else wanted.strip() in (header, title, number)
        found += [column] if fits else []
    facts = {"file": book.file, "slug": exercise.slug}
    if len(found) > 1:
        raise UsageError(messages.CANVAS_TWO_COLUMNS.format(columns=enumerated(map(book.called, found)), **facts))
    if wanted is not None and not found:
        raise UsageError(messages.CANVAS_NO_COLUMN.format(wanted=wanted, columns=_all_columns(book), **facts))
    return found[0] if found else None


def _assignments(book: _Gradebook) -> Iterator[tuple[int, str, str, str]]:
    """Yield column, header, title and number of every assignment."""
    for column, text in enumerate(book.sheet.texts(book.header)):
        if assignment := _ASSIGNMENT.fullmatch(text.strip()):
            yield column, text.strip(), assignment["title"].strip(), assignment["number"]


def _all_columns(book: _Gradebook) -> str:
    return enumerated(header for _, header, _, _ in _assignments(book)) or "–"


def _require_writable(book: _Gradebook, slug: str, column: int, max_score: float) -> None:
    said = book.sheet.text(book.points, column)
    if _READ_ONLY.search(said):
        raise UsageError(messages.CANVAS_READ_ONLY.format(file=book.file, column=book.called(column)))
    there = amount(said)
    if there is not None and written(there) != written(max_score):
        facts = {"file": book.file, "column": book.called(column), "slug": slug}
        raise UsageError(messages.GRADEBOOK_OTHER_POINTS.format(there=written(there), ours=written(max_score), **facts))


def _numbers(book: _Gradebook) -> Iterator[str]:
    """Yield what assignments' columns say, points included: what shows how this file writes decimals."""
    columns = [column for column, *_ in _assignments(book)]
    for row in range(book.points, len(book.sheet.rows)):
        yield from (book.sheet.text(row, column) for column in columns)


def _row(book: _Gradebook, row: int) -> Row:
    """Return who a row speaks of: Canvas' own id, SIS id, login, name, in the order in which Canvas looks them up."""
    header = [text.strip() for text in book.sheet.texts(book.header)]

    def said(name: str) -> str:
        return book.sheet.text(row, header.index(name)) if name in header else ""

    called = said("Student") or f"{said('FirstName')} {said('LastName')}".strip()
    clues = [(_CANVAS_ID, said("ID")), (_KEY, said("SIS User ID")), (_KEY, said("SIS Login ID")), (NAME, called)]
    return Row(row, called, tuple(clues))


def _indexes(view: ClassView) -> dict[str, Index]:
    """Return whom a cell means. What was downloaded from Canvas names the user id; else a roster may have it."""
    keys = identifiers(view.students)
    uploads = [
        (upload[1], one.student.id)
        for one in view.standings.values()
        if "canvas" in view.layout.lower() and (upload := _UPLOAD.search(one.origin))
    ]
    return {_CANVAS_ID: index_of(uploads) or keys, _KEY: keys, NAME: names(view.students)}


def _fill(
    view: ClassView, filling: Filling, book: _Gradebook, slug: str, column: int, students: dict[int, str]
) -> list[str]:
    """Put the points of one exercise into its column, and say how that went."""
    already, filled, kept = filling.already, len(filling.texts), []
    for row, id in students.items():
        points = points_of(view.of(id, slug))
        if points is None:
            continue
        if book.sheet.text(row, column).upper() in _RESPECTED:
            kept.append(id)
        else:
            filling.put_points(row, column, points)
    facts = {"filled": len(filling.texts) - filled, "already": filling.already - already}
    notes = [messages.GRADES_FILLED.format(slug=slug, column=book.called(column), **facts)]
    if kept:
        marks = " / ".join(_RESPECTED)
        notes.append(messages.GRADES_KEPT.format(slug=slug, count=len(kept), marks=marks, who=enumerated(kept)))
    return notes
