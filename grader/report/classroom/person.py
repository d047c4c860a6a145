"""What must be settled first, as rows: whose it is, what is the matter, what to do about it.

Owns the wording of each kind. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.classroom.attention import Matter, Why
from grader.classroom.view import Standing
from grader.report.advice import checks as count_checks
from grader.report.advice import meaning
from grader.report.classroom import words
from grader.report.classroom.findings import Findings

SHOWN = 12
"""Rows before the others fold away."""
_MESSAGE_CHARS = 400


@dataclass(frozen=True)
class Row:
    """One matter. `code` is a place in a file, or the file that belongs to nobody."""

    kind: str
    icon: str
    family: str
    text: str
    next: str
    student: str = ""
    exercise: str = ""
    """Where it is, as "exercise 5"."""
    slug: str = ""
    code: str = ""
    candidates: tuple[str, ...] = ()


def rows(found: Findings) -> list[Row]:
    """Return everything that waits for a person."""
    return [_row(found, matter) for matter in found.matters]


def _row(found: Findings, matter: Matter) -> Row:
    if matter.unplaced is not None:
        return _unplaced(found, matter)
    if matter.why is Why.PENDING or matter.standing is None:
        return _pending(found, matter)
    if matter.why is Why.FLAG:
        return _flag(found, matter, matter.standing)
    kind, icon, family, text, next = {
        Why.OURS: (messages.CLASS_PERSON_OURS, "person", "failed", _ours, messages.CLASS_PERSON_OURS_NEXT),
        Why.NOT_JUDGED: (
            messages.CLASS_PERSON_NOT_JUDGED, "person", "failed", _not_judged, messages.CLASS_PERSON_NOT_JUDGED_NEXT,
        ),
        Why.UNREADABLE: (
            messages.CLASS_PERSON_UNREADABLE, "rejected", "rejected", _unreadable,
            messages.CLASS_PERSON_UNREADABLE_NEXT,
        ),
        Why.UNSETTLED: (
            messages.CLASS_PERSON_UNSETTLED, "late", "timeout", _unsettled, messages.CLASS_PERSON_UNSETTLED_NEXT,
        ),
    }[matter.why]  # fmt: skip
    return Row(kind, icon, family, text(matter), next, *_whose(found, matter.standing))


def _whose(found: Findings, standing: Standing) -> tuple[str, str, str]:
    where = messages.CLASS_IN_EXERCISE.format(number=found.shown(standing.exercise))
    return standing.student.id, where, standing.exercise


def _ours(matter: Matter) -> str:
    if matter.standing is not None and matter.standing.trouble:
        return _short(matter.standing.trouble)
    if len(matter.checks) == 1:
        check = matter.checks[0]
        message = _short(check.message) or meaning(check.outcome)
        return messages.CLASS_PERSON_OURS_ONE.format(title=(check.title or check.id).rstrip("."), message=message)
    return messages.CLASS_PERSON_OURS_TEXT.format(checks=count_checks(len(matter.checks)))


def _not_judged(matter: Matter) -> str:
    return messages.CLASS_PERSON_NOT_JUDGED_TEXT


def _unreadable(matter: Matter) -> str:
    said = matter.checks[0].message if matter.checks else matter.standing.problem if matter.standing else ""
    return _short(said) or messages.CLASS_PERSON_UNREADABLE_TEXT


def _unsettled(matter: Matter) -> str:
    return messages.CLASS_PERSON_UNSETTLED_TEXT


def _short(message: str) -> str:
    first = message.strip().partition("\n\n")[0]
    return first[:_MESSAGE_CHARS]


def _flag(found: Findings, matter: Matter, standing: Standing) -> Row:
    assert matter.flag is not None
    place = messages.CLASS_PERSON_FLAG_LINE.format(file=matter.flag.file, line=matter.flag.line)
    return Row(
        messages.CLASS_PERSON_FLAG,
        "flag",
        "timeout",
        matter.flag.message,
        messages.CLASS_PERSON_FLAG_NEXT,
        *_whose(found, standing),
        code=place,
    )


def _unplaced(found: Findings, matter: Matter) -> Row:
    one = matter.unplaced
    assert one is not None
    return Row(
        messages.CLASS_PERSON_AMBIGUOUS if one.candidates else messages.CLASS_PERSON_UNPLACED,
        "flag",
        "timeout",
        messages.CLASS_PERSON_UNPLACED_TEXT.format(why=one.why),
        messages.CLASS_PERSON_UNPLACED_NEXT,
        code=one.origin,
        candidates=one.candidates,
    )


def _pending(found: Findings, matter: Matter) -> Row:
    text = messages.CLASS_PERSON_PENDING_TEXT.format(
        results=words.results(matter.count), devices=words.listed(matter.devices)
    )
    where = messages.CLASS_IN_EXERCISE_FIRST.format(number=found.shown(matter.exercise))
    kind = messages.CLASS_PERSON_PENDING
    return Row(kind, "pending", "pending", text, messages.CLASS_PERSON_PENDING_NEXT, exercise=where)
