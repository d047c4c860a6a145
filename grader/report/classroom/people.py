"""Students as rows: whom to talk to, who is one check short, and everybody.

Owns what a row says. Knows no markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader import messages
from grader.classroom.attention import Help
from grader.classroom.handin import Student
from grader.classroom.statistics import is_late, is_open
from grader.classroom.view import Standing
from grader.report.classroom import words
from grader.report.classroom.findings import Findings
from grader.score import number

FOLDED_ABOVE, SHOWN = 200, 100
"""A longer table shows its first rows only until something is searched, where there is a script."""
HELP_SHOWN, SHORT_SHOWN = 20, 8


@dataclass(frozen=True)
class Cell:
    """One exercise of one student: a score with a bar, a word, or nothing handed in."""

    text: str
    value: str
    share: float | None
    is_open: bool = False
    is_late: bool = False
    is_missing: bool = False


@dataclass(frozen=True)
class StudentRow:
    """One line of the table of students."""

    id: str
    name: str
    score: float
    score_text: str
    share: float
    counted: str
    differs: bool
    cells: list[Cell]
    late: list[str]
    tags: str
    note: str
    by_hand: str
    mistakes: list[str]


@dataclass(frozen=True)
class HelpRow:
    """A student to talk to: the first reason, and what else there is to it."""

    student: str
    why: str
    more: list[str]


def help_rows(found: Findings) -> list[HelpRow]:
    """Return the students to talk to."""
    return [_help(found, one) for one in found.helps]


def _help(found: Findings, help: Help) -> HelpRow:
    def said(slugs: Sequence[str], form: str) -> str:
        return form.format(exercises=words.in_exercises([found.shown(slug) for slug in slugs]))

    reasons: list[str] = []
    if help.nothing:
        reasons.append(messages.CLASS_HELP_NOTHING)
    if help.missing:
        reasons.append(said(help.missing, messages.CLASS_HELP_MISSING))
    if help.todo:
        reasons.append(said(help.todo, messages.CLASS_HELP_TODO))
    if help.unreadable:
        reasons.append(said(help.unreadable, messages.CLASS_HELP_UNREADABLE))
    if help.total:
        low = messages.CLASS_HELP_LOW.format(score=number(help.total.score), whole=number(found.whole))
        reasons.append(low)
    if help.todo and reasons[0] != messages.CLASS_HELP_NOTHING:
        reasons.append(messages.CLASS_HELP_TODO_NOTE)
    if help.missing and help.scores:
        reasons.append(messages.CLASS_HELP_SCORES.format(scores=", ".join(map(number, help.scores))))
    return HelpRow(help.student, reasons[0], reasons[1:])


def student_rows(found: Findings) -> list[StudentRow]:
    """Return everybody, in the order of the class."""
    waiting = {one.standing.student.id for one in found.matters if one.standing}
    waiting |= {id for one in found.matters if one.unplaced for id in one.unplaced.candidates}
    helped = {one.student for one in found.helps}
    places = {name: place for place, name in enumerate(sections(found))}
    return [_row(found, one, one.id in waiting, one.id in helped, places) for one in found.view.students]


def sections(found: Findings) -> list[str]:
    """Return the sections of the class, where there are several."""
    names = sorted({one.section for one in found.view.students if one.section})
    return names if len(names) > 1 else []


def _row(found: Findings, student: Student, waits: bool, needs_help: bool, sections: dict[str, int]) -> StudentRow:
    standings = [found.view.of(student.id, one.slug) for one in found.view.exercises]
    total = found.totals[student.id]
    late = [one for one in standings if is_late(one)]
    tags = {
        "person": waits,
        "help": needs_help,
        "late": bool(late),
        "incomplete": any(not one.handed_in for one in standings),
        f"s{sections.get(student.section)}": student.section in sections,
    }
    by_hand = any(one.overrides for one in standings)
    note = messages.CLASS_SHOW_PERSON if waits else messages.CLASS_SHOW_HELP if needs_help else ""
    return StudentRow(
        student.id,
        student.own_name,
        total.score,
        number(total.score) + (f" {messages.CLASS_SO_FAR}" if total.open else ""),
        words.points_share(total.score, found.whole),
        words.score_of(total.counted),
        total.counted is None or abs(total.counted - total.score) > 1e-9,
        [_cell(found, one) for one in standings],
        [words.late_entry(one, found.shown(one.exercise)) for one in late],
        " ".join(name for name, holds in tags.items() if holds),
        note,
        messages.CLASS_NOTE_OVERRIDDEN if by_hand else "",
        found.mistakes_of.get(student.id, []),
    )


def _cell(found: Findings, standing: Standing) -> Cell:
    if not standing.handed_in:
        return Cell("", "", None, is_missing=True)
    if is_open(standing) or standing.score is None:
        return Cell(messages.CLASS_OPEN, "", None, is_open=True, is_late=is_late(standing))
    share = words.points_share(standing.score, found.view.max_scores.get(standing.exercise, 0.0))
    return Cell(number(standing.score), number(standing.score), share, is_late=is_late(standing))
