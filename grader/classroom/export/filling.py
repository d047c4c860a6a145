"""A platform's own file, filled in: read from disk, cells replaced, written back, and what a person should know.

Owns what all such files share. Which cells are whose, and what may be written, is for `canvas` and `moodle`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader import messages
from grader.classroom.export.amounts import says, written
from grader.classroom.export.matching import Matched
from grader.classroom.export.sheet import NotASheet, Sheet, candidates
from grader.classroom.export.unfinished import left_as_they_were, points_of
from grader.classroom.view import ClassView
from grader.enumeration import enumerated
from grader.errors import UsageError
from grader.terminal import printable

_HEADER_WITHIN = 3  # rows: Canvas can write `sep=;` above its header


@dataclass
class Filling:
    """A sheet, what its cells shall say instead, and what was left alone."""

    sheet: Sheet
    decimal_comma: bool = False
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    already: int = 0
    short: list[int] = field(default_factory=list)

    def put_points(self, row: int, column: int, points: float) -> None:
        """Let a cell say these points, unless it does."""
        if says(self.sheet.text(row, column), points) and self._has(row, column):
            self.already += 1
        else:
            self.put(row, column, written(points, self.decimal_comma))

    def put(self, row: int, column: int, text: str) -> None:
        """Let a cell say this."""
        if self._has(row, column):
            self.texts[row, column] = text
        else:
            self.short.append(self.sheet.line(row))

    def _has(self, row: int, column: int) -> bool:
        return column < len(self.sheet.rows[row])


def open_template(file: Path, is_header: Callable[[list[str]], bool], otherwise: str) -> tuple[Sheet, int]:
    """Return a platform's file and the row of its header.

    Raises:
        UsageError: it cannot be read, or has no such row; `otherwise` says what was expected.
    """
    name = printable(str(file))
    try:
        data = file.read_bytes()
        for sheet in candidates(data):
            for row in range(min(_HEADER_WITHIN, len(sheet.rows))):
                if is_header([text.strip() for text in sheet.texts(row)]):
                    return sheet, row
    except OSError as error:
        raise UsageError(messages.GRADEBOOK_UNREADABLE.format(file=name, problem=error.strerror)) from error
    except NotASheet as error:
        raise UsageError(_why_not(error.why).format(file=name, line=error.line)) from error
    raise UsageError(otherwise.format(file=name))


def notes_on(view: ClassView, filling: Filling, matched: Matched, rows_of_nobody: Sequence[str] = ()) -> list[str]:
    """Return what a person should know of the rows: nobody's, ambiguous, missing, and what was left as it was."""
    notes = []
    for row, ids in matched.ambiguous:
        sentence = messages.GRADES_AMBIGUOUS if len(ids) > 1 else messages.GRADES_ANOTHER_ROW
        facts = {"line": filling.sheet.line(row.number), "called": printable(row.called)}
        notes.append(sentence.format(students=enumerated(ids), **facts))
    nobodys = [row.called for row in matched.unknown if row.called not in rows_of_nobody]
    if nobodys:
        notes.append(messages.GRADES_UNKNOWN_ROWS.format(count=len(nobodys), who=enumerated(nobodys)))
    if missing := _missing(view, matched):
        notes.append(messages.GRADES_MISSING_ROWS.format(count=len(missing), who=enumerated(missing)))
    if filling.short:
        lines = enumerated(str(line) for line in sorted(set(filling.short)))
        notes.append(messages.GRADES_SHORT_ROWS.format(count=len(set(filling.short)), lines=lines))
    return notes + left_as_they_were(view)


def _missing(view: ClassView, matched: Matched) -> list[str]:
    """Return who has points and no row, not even an ambiguous one."""
    there = {*matched.students.values(), *(id for _, ids in matched.ambiguous for id in ids)}
    slugs = [exercise.slug for exercise in view.exercises]
    return [
        student.id
        for student in view.students
        if student.id not in there and any(points_of(view.of(student.id, slug)) is not None for slug in slugs)
    ]


def _why_not(why: str) -> str:
    if why == "encoding":
        return messages.GRADEBOOK_NOT_UTF8
    return messages.GRADEBOOK_OPEN_QUOTE if why == "quote" else messages.GRADEBOOK_AFTER_QUOTE
