"""A student's page: every exercise with what did not pass, as the student reads it, and what only instructors see.

Owns what stands in full: the first thing to fix, as in the student's own report; the others are a line each.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.classroom.handin import Student
from grader.classroom.statistics import is_late, is_open
from grader.classroom.view import Comment, Override, Standing
from grader.place import place_of
from grader.report.advice import checks as count_checks
from grader.report.advice import next_sentence
from grader.report.article import Article, article, label
from grader.report.causes import Item, Sorted, sort_checks
from grader.report.classroom import footer, words
from grader.report.classroom.findings import Findings
from grader.report.text import clipped_line
from grader.results import OUR_FAILURES, Flag, Outcome
from grader.score import number

_MESSAGE_CHARS = 600
_HASH_CHARS = 12
_OPEN = (*OUR_FAILURES, Outcome.PENDING)


@dataclass(frozen=True)
class Line:
    """A check that did not pass and does not come first."""

    outcome: Outcome
    label: str
    title: str
    id: str
    points: str
    said: str
    place: str
    mistake: str


@dataclass(frozen=True)
class Segment:
    """One check of the strip."""

    outcome: Outcome
    label: str
    points: float


@dataclass(frozen=True)
class Part:
    """One exercise of one student."""

    slug: str
    label: str
    anchor: str
    handed_in: bool
    score: str
    counted: str
    tally: str
    next: str
    facts: list[str]
    notes: list[str]
    problem: str
    flags: list[tuple[str, str, str]]
    """(place, message, line of code)"""
    by_hand: list[str]
    strip: list[Segment]
    first: Article | None
    lines: list[Line]
    passed: list[tuple[str, str]]
    passed_summary: str
    replay: str


@dataclass(frozen=True)
class StudentPage:
    """All exercises of one student."""

    title: str
    id: str
    anchor: str
    who: list[str]
    total: str
    final: str
    parts: list[Part]


def student_page(found: Findings, student: Student) -> StudentPage:
    """Collect what is to be said of a student."""
    total = found.totals[student.id]
    form = messages.CLASS_STUDENT_TOTAL_OPEN if total.open else messages.CLASS_STUDENT_TOTAL
    section = messages.CLASS_STUDENT_SECTION.format(section=student.section) if student.section else ""
    differs = total.counted is not None and abs(total.counted - total.score) > 1e-9
    return StudentPage(
        title=messages.CLASS_STUDENT_TITLE.format(student=student.id, course=found.view.course.name),
        id=student.id,
        anchor=f"student-{found.links.students[student.id]}",
        who=[one for one in (student.own_name, student.email, section) if one],
        total=form.format(score=number(total.score), whole=number(found.whole)),
        final=messages.CLASS_STUDENT_FINAL.format(score=words.score_of(total.counted)) if differs else "",
        parts=[_part(found, found.view.of(student.id, one.slug)) for one in found.view.exercises],
    )


def _part(found: Findings, standing: Standing) -> Part:
    placed = sort_checks(standing.result.checks if standing.result else ())
    anchor = found.links.anchor(standing.student.id, standing.exercise)
    with_device = len({one.device for one in standing.result.checks}) > 1 if standing.result else False
    first = placed.causes[0] if placed.causes else None
    full = article(first, standing.sources, anchor=anchor, command="", with_device=with_device) if first else None
    return Part(
        slug=standing.exercise,
        label=found.label(standing.exercise),
        anchor=anchor,
        handed_in=standing.handed_in,
        score=_score(found, standing),
        counted=_counted(standing),
        tally=_tally(placed),
        next=next_sentence(placed) if placed.items else "",
        facts=_facts(standing),
        notes=list(standing.notes),
        problem=standing.problem,
        flags=[_flag(standing, flag) for flag in (standing.result.flags if standing.result else ())],
        by_hand=[*map(_override, standing.overrides), *map(_comment, standing.comments)],
        strip=[
            Segment(one.outcome, f"{one.check.title or one.check.id} {label(one.check, with_device)}", one.max_points)
            for one in placed.items
            if one.max_points > 0
        ],
        first=full,
        lines=_lines(placed, with_device),
        passed=[(one.check.title or one.check.id, one.check.id) for one in placed.passed],
        passed_summary=messages.CLASS_STUDENT_PASSED.format(count=len(placed.passed)),
        replay="" if found.anonymous or first is None else footer.replay(found, standing, first.check.id),
    )


def _score(found: Findings, standing: Standing) -> str:
    whole = number(found.view.max_scores.get(standing.exercise, 0.0))
    if not standing.handed_in:
        return messages.CLASS_NOT_SUBMITTED
    if standing.result is None and standing.score is None:
        return messages.CLASS_STUDENT_WAITS
    if is_open(standing) or standing.score is None:
        so_far = number(standing.result.score) if standing.result else messages.CLASS_DASH
        return messages.CLASS_STUDENT_OPEN.format(score=so_far, whole=whole)
    return messages.CLASS_STUDENT_SCORE.format(score=number(standing.score), whole=whole)


def _tally(placed: Sorted) -> str:
    if not placed.items:
        return ""
    return messages.CLASS_STUDENT_TALLY.format(passed=len(placed.passed), checks=count_checks(len(placed.items)))


def _counted(standing: Standing) -> str:
    score, counted = standing.score, standing.counted
    if score is None or counted is None or abs(score - counted) < 1e-9:
        return ""
    return messages.CLASS_STUDENT_COUNTED.format(score=number(counted))


def _facts(standing: Standing) -> list[str]:
    """Return what is known of how it came here and how it was judged."""
    late, result = standing.lateness, standing.result
    at = messages.CLASS_STUDENT_AT.format(at=words.moment(standing.submitted_at)) if standing.submitted_at else ""
    said = {
        messages.CLASS_STUDENT_FILE.format(origin=standing.origin): bool(standing.origin),
        at: bool(at),
        messages.CLASS_STUDENT_TIMES.format(count=standing.times): standing.times > 1,
        messages.CLASS_STUDENT_LATE.format(late=words.lateness(late.late_s or 0.0)): (late.late_s or 0.0) > 0,
        messages.CLASS_STUDENT_LATE_MARKED: is_late(standing) and not late.late_s,
        messages.CLASS_STUDENT_LATE_DAYS.format(days=number(late.days_used)): late.days_used > 0,
        messages.CLASS_STUDENT_LATE_FACTOR.format(percent=100 * late.factor): late.factor != 1.0,
        messages.CLASS_STUDENT_LATE_UNSETTLED: late.unsettled,
        messages.CLASS_STUDENT_ATTEMPTS.format(count=standing.attempts): standing.attempts > 1,
    }
    facts = [text for text, holds in said.items() if holds]
    if result:
        facts.append(messages.CLASS_STUDENT_TOOK.format(wall=words.took(sum(one.wall_s for one in result.checks))))
    if result and result.submission.sha256:
        facts.append(messages.CLASS_STUDENT_HASH.format(hash=result.submission.sha256[:_HASH_CHARS]))
    return facts


def _flag(standing: Standing, flag: Flag) -> tuple[str, str, str]:
    lines = standing.sources.get(flag.file, "").split("\n")
    code = lines[flag.line - 1].strip() if 1 <= flag.line <= len(lines) else ""
    return place_of(flag), flag.message, clipped_line(code)


def _override(one: Override) -> str:
    return messages.CLASS_STUDENT_OVERRIDE.format(
        points=number(one.points),
        what=f"`{one.check}`" if one.check else messages.CLASS_STUDENT_WHOLE,
        by=one.by,
        at=words.moment(one.at),
        reason=one.reason,
    )


def _comment(one: Comment) -> str:
    return messages.CLASS_STUDENT_COMMENT.format(by=one.by, at=words.moment(one.at), text=one.text)


def _lines(placed: Sorted, with_device: bool) -> list[Line]:
    rest = [item for cause in placed.causes[1:] for item in cause.items]
    return [_line(item, with_device) for item in (*rest, *placed.open, *placed.blocked)]


def _line(item: Item, with_device: bool) -> Line:
    check = item.check
    said = check.diagnosis.statement if check.diagnosis else check.message.strip()
    frame = check.frames[-1] if check.frames else None
    whole = number(item.max_points)
    earned = messages.CLASS_STUDENT_SCORE.format(score=number(item.points), whole=whole)
    return Line(
        item.outcome,
        label(check, with_device),
        check.title or check.id,
        check.id,
        messages.CLASS_STUDENT_OPEN_POINTS.format(whole=whole) if item.outcome in _OPEN else earned,
        said if len(said) <= _MESSAGE_CHARS else said[:_MESSAGE_CHARS] + "…",
        place_of(frame) if frame else "",
        check.diagnosis.misconception if check.diagnosis else "",
    )
