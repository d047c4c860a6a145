"""Moodle's offline grading worksheet, filled in: the grade and a comment, in the rows we are sure of.

Owns what a worksheet's columns are called in the languages we know and what Moodle allows to be changed there. Source:
Moodle's grading table and its importer (github.com/moodle/moodle, mod/assign/gradingtable.php and
mod/assign/feedback/offline/importgradeslib.php) and its language packs.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

from grader import messages
from grader.classroom.export.amounts import amount, has_decimal_comma, written
from grader.classroom.export.exported import Exported
from grader.classroom.export.filling import Filling, notes_on, open_template
from grader.classroom.export.matching import NAME, Index, Row, identifiers, index_of, match, names, same
from grader.classroom.export.sheet import Sheet
from grader.classroom.export.unfinished import points_of
from grader.classroom.export.writing import write_file
from grader.classroom.view import ClassView, Standing
from grader.enumeration import enumerated
from grader.errors import UsageError
from grader.terminal import printable

LANGUAGES = ("English", "Deutsch", "Español", "Français", "简体中文")
# By language, in that order; several where a pack has changed its mind.
_CALLED = {
    "identifier": ("Identifier", "ID", "Identificador", "Identifiant", "标识符", "编号"),
    "name": ("Full name", "Vollständiger Name", "Nombre completo", "Nom complet", "全名", "姓名"),
    "email": ("Email address", "E-Mail-Adresse", "Dirección de correo", "Dirección Email", "Correo electrónico",
              "Adresse de courriel", "Adresse e-mail", "电子邮件地址", "Email地址", "电子邮件"),
    "number": ("ID number", "ID-Nummer", "Número de ID", "Número ID", "Numéro d'identification",
               "Numéro d’identification", "ID号", "学号", "ID 号"),
    "grade": ("Grade", "Bewertung", "Calificación", "Note", "成绩"),
    "maximum": ("Maximum Grade", "Bestwertung", "Calificación máxima", "Note maximale", "最高分"),
    "scale": ("Scale", "Skala", "Escala", "Barème", "量表", "等级"),
    "allowed": ("Grade can be changed", "Bewertung kann geändert werden", "La calificación puede ser cambiada",
                "La calificación puede cambiarse", "La note peut être modifiée", "允许更改成绩"),
    "changed": ("Last modified (grade)", "Zuletzt geändert (Bewertung)", "Última modificación (calificación)",
                "Dernière modification (note)", "上次修改（评分）", "最后修改（教师）"),
    "comment": ("Feedback comments", "Feedback als Kommentar", "Comentarios de retroalimentación",
                "Feedback par commentaires", "评语反馈"),
}  # fmt: skip
_ROLES = {same(called): role for role, names_of_role in _CALLED.items() for called in names_of_role}
_YES = {same(word) for word in ("Yes", "Ja", "Sí", "Si", "Oui", "是")}
_NEEDED = {"identifier", "grade", "changed"}  # without these Moodle takes no worksheet
_PARTICIPANT = re.compile(
    r"\D*?(\d+)\s*"
)  # the word for "participant" is in Moodle's language, with or without a blank
_UPLOAD = re.compile(r"_(\d+)_assignsubmission_")
_PARTICIPANT_ID, _KEY = "participant", "key"


@dataclass(frozen=True)
class _Worksheet:
    """The file, the row of the header, the column of each role that is there, the rows of the participants."""

    file: str
    sheet: Sheet
    header: int
    columns: dict[str, int]

    @property
    def participants(self) -> list[int]:
        return [row for row in range(self.header + 1, len(self.sheet.rows)) if self.said(row, "identifier")]

    def said(self, row: int, role: str) -> str:
        return self.sheet.text(row, self.columns[role]) if role in self.columns else ""


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Fill grades and comments of one exercise into a worksheet that Moodle gave; every other byte stays as it is.

    Raises:
        UsageError: there is no template, it is no worksheet, it is for a scale or for other points, or the class has
            more than one exercise.
    """
    if template is None:
        how = messages.GRADEBOOK_HOW_MOODLE
        raise UsageError(messages.GRADEBOOK_NEEDS_TEMPLATE.format(name="moodle", how=how))
    if len(view.exercises) != 1:
        raise UsageError(messages.MOODLE_ONE_EXERCISE.format(count=len(view.exercises)))
    slug = view.exercises[0].slug
    work = _opened(template, slug, view.max_scores[slug])
    numbers = [work.said(row, role) for row in work.participants for role in ("grade", "maximum")]
    filling = Filling(work.sheet, has_decimal_comma(numbers, otherwise=False))
    matched = match([_row(work, row) for row in work.participants], _indexes(view, slug))
    notes = _fill(view, filling, work, slug, dict(matched.students))
    write_file(out, work.sheet.with_texts(filling.texts))
    return Exported((out,), (*notes, *notes_on(view, filling, matched)))


def _opened(template: Path, slug: str, max_score: float) -> _Worksheet:
    said = messages.MOODLE_NOT_A_WORKSHEET.replace("{languages}", ", ".join(LANGUAGES))
    sheet, header = open_template(template, lambda texts: _roles(texts).keys() >= _NEEDED, said)
    work = _Worksheet(printable(template.name), sheet, header, _roles(sheet.texts(header)))
    if "scale" in work.columns:
        raise UsageError(messages.MOODLE_SCALE.format(file=work.file))
    for row in work.participants:
        there = amount(work.said(row, "maximum"))
        if there is not None and written(there) != written(max_score):
            column = printable(sheet.text(header, work.columns["maximum"]))
            facts = {"file": work.file, "column": column, "there": written(there), "ours": written(max_score)}
            raise UsageError(messages.GRADEBOOK_OTHER_POINTS.format(slug=slug, **facts))
    return work


def _roles(texts: list[str]) -> dict[str, int]:
    """Return the column of each role; of two with the same name the first, which is the one Moodle itself wrote."""
    found: dict[str, int] = {}
    for column, text in enumerate(texts):
        if role := _ROLES.get(same(text)):
            found.setdefault(role, column)
    return found


def _row(work: _Worksheet, row: int) -> Row:
    """Return who a row speaks of. With blind marking that is the participant's number alone."""
    identifier = work.said(row, "identifier")
    number = _PARTICIPANT.fullmatch(identifier)
    clues = [
        (_PARTICIPANT_ID, number[1] if number else ""),
        (_KEY, identifier),
        (_KEY, work.said(row, "number")),
        (_KEY, work.said(row, "email")),
        (NAME, work.said(row, "name")),
    ]
    return Row(row, work.said(row, "name") or identifier, tuple(clues))


def _indexes(view: ClassView, slug: str) -> dict[str, Index]:
    """Return whom a cell means. A participant's number is the assignment's: only what was downloaded from it has it.

    A number that several students share is their group's, and then all numbers of the assignment are groups'.
    """
    found = index_of(
        (upload[1], one.student.id) for one in view.in_exercise(slug) if (upload := _UPLOAD.search(one.origin))
    )
    participants = {} if any(len(ids) > 1 for ids in found.values()) else found
    return {_PARTICIPANT_ID: participants, _KEY: identifiers(view.students), NAME: names(view.students)}


def _fill(view: ClassView, filling: Filling, work: _Worksheet, slug: str, students: dict[int, str]) -> list[str]:
    """Put points and comments into the rows, and say how that went."""
    grade, max_score = work.columns["grade"], view.max_scores[slug]
    locked, kept = [], []
    filled = 0
    for row, id in students.items():
        standing = view.of(id, slug)
        points = points_of(standing)
        if points is None:
            continue
        if "allowed" in work.columns and same(work.said(row, "allowed")) not in _YES:
            locked.append(id)
            continue
        filling.put_points(row, grade, points)
        filled += (row, grade) in filling.texts
        if "comment" in work.columns and not _comment(filling, work, row, comment_of(standing, max_score)):
            kept.append(id)
    facts = {"slug": slug, "column": printable(work.sheet.text(work.header, grade))}
    notes = [messages.GRADES_FILLED.format(filled=filled, already=filling.already, **facts)]
    if locked:
        notes.append(messages.MOODLE_LOCKED.format(slug=slug, count=len(locked), who=enumerated(locked)))
    if kept:
        notes.append(messages.MOODLE_COMMENTS_KEPT.format(count=len(kept), who=enumerated(kept)))
    return notes if "comment" in work.columns else [*notes, messages.MOODLE_NO_COMMENTS]


def _comment(filling: Filling, work: _Worksheet, row: int, text: str) -> bool:
    """Put a comment where there is none; return False where somebody else's stands."""
    there = work.said(row, "comment")
    if not there:
        filling.put(row, work.columns["comment"], text)
    return there in ("", text)


def comment_of(standing: Standing, max_score: float) -> str:
    """Return what a student reads beside the grade, as HTML: points, what being late costs, what a person wrote."""
    late, counted = standing.lateness, standing.counted or 0.0
    said = [messages.HANDED_BACK_POINTS.format(counted=written(counted), max_score=written(max_score))]
    if late.factor != 1.0:
        percent, score = written(late.factor * 100), written(standing.score or 0.0)
        said.append(messages.HANDED_BACK_LATE.format(score=score, percent=percent))
    if late.days_used:
        said.append(messages.HANDED_BACK_DAYS.format(days=written(late.days_used)))
    lines = [line for comment in standing.comments for line in comment.text.splitlines()]
    return "<br>".join(html.escape(printable(line), quote=False) for line in (*said, *lines))
