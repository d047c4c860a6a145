"""Tables for a spreadsheet: a row for each student and exercise, and one for each check of these.

Owns what a cell may do: names and comments are other people's, and a spreadsheet runs what looks like a formula. For
files that a platform reads back see `canvas` and `moodle`, which change nothing but grades.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader import messages
from grader.classroom.export.exported import Exported
from grader.classroom.export.unfinished import left_as_they_were, points_of, why_unfinished
from grader.classroom.export.writing import write_file
from grader.classroom.view import ClassView, Standing
from grader.results import CheckResult
from grader.terminal import printable

# Source: owasp.org/www-community/attacks/CSV_Injection; blanks are skipped before a formula by some programs.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
Value = str | float | int | None

EXERCISE_COLUMNS = (
    "student", "name", "email", "section", "exercise", "status", "handed_in_at", "times", "raw_score", "score",
    "late_s", "late_days_used", "late_factor", "counted", "max_score", "overrides", "comments", "notes",
)  # fmt: skip
CHECK_COLUMNS = (
    "student", "name", "section", "exercise", "check", "title", "visibility", "device", "outcome", "points",
    "max_points", "override", "override_reason", "misconception", "wall_s",
)  # fmt: skip


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Write `exercises.csv` and `checks.csv` into a folder, in UTF-8 with the byte-order mark that Excel wants.

    Raises:
        UsageError: they cannot be written.
    """
    standings = view.everybody()
    files = out / "exercises.csv", out / "checks.csv"
    write_file(files[0], _table(EXERCISE_COLUMNS, (_exercise_row(one, view) for one in standings)))
    write_file(files[1], _table(CHECK_COLUMNS, (row for one in standings for row in _check_rows(one))))
    return Exported(files, tuple(left_as_they_were(view)))


def harmless(text: str) -> str:
    """Return text that a spreadsheet shows and does not run, in one line and without characters nobody sees."""
    line = " / ".join(printable(part) for part in text.splitlines())
    return f"'{line}" if text.startswith(_FORMULA) or line.lstrip().startswith(_FORMULA) else line


def _table(columns: tuple[str, ...], rows: Iterable[tuple[Value, ...]]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(columns)
    table.writerows([_cell(value) for value in row] for row in rows)
    return codecs.BOM_UTF8 + text.getvalue().encode()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return harmless(value)
    return repr(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def _exercise_row(one: Standing, view: ClassView) -> tuple[Value, ...]:
    student, late = one.student, one.lateness
    overrides = "\n".join(
        f"{override.check or one.exercise}: {override.points:g} ({override.by}: {override.reason})"
        for override in one.overrides
    )
    who = (student.id, student.name, student.email, student.section, one.exercise, _status(one))
    came = (one.submitted_at.isoformat() if one.submitted_at else "", one.times)
    points = (one.result.score if one.result else None, one.score)
    lateness = (late.late_s, late.days_used, None if late.unsettled else late.factor)
    counted = (points_of(one), view.max_scores[one.exercise])
    comments = "\n".join(comment.text for comment in one.comments)
    notes = "\n".join(text for text in (one.problem, *one.notes) if text)
    return (*who, *came, *points, *lateness, *counted, overrides, comments, notes)


def _status(one: Standing) -> str:
    if why := why_unfinished(one):
        return f"{messages.CSV_NOT_SETTLED}: {why}"
    return messages.CSV_GRADED if one.score is not None else messages.CSV_NOT_HANDED_IN


def _check_rows(one: Standing) -> Iterator[tuple[Value, ...]]:
    """Yield a row for each check and device. A whole exercise's override is not one of a check."""
    given = {override.check: override for override in one.overrides if override.check}
    for check in one.result.checks if one.result else []:
        override = given.get(check.id)
        more = (override.points, override.reason) if override else (None, "")
        misconception = check.diagnosis.misconception if check.diagnosis else ""
        who = (one.student.id, one.student.name, one.student.section, one.exercise)
        yield (*who, *_judged(check), *more, misconception, check.wall_s)


def _judged(check: CheckResult) -> tuple[Value, ...]:
    outcome = (check.visibility, check.device, str(check.outcome), check.points, check.max_points)
    return (check.id, check.title, *outcome)
