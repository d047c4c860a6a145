"""A graded class as lines for a terminal: all students, one of them, what needs a person, who moved.

Pure functions from plain data to text. Invariant: no character that a student chose is printed unless it is printable,
and an open result is never shown as a number.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader import messages
from grader.classroom.diff import CheckThen, Difference, Move, Why
from grader.classroom.handin import Student
from grader.classroom.view import Attempt, ClassView, Standing
from grader.classroom.watch import unplaced_line
from grader.course import Exercise
from grader.enumeration import enumerated
from grader.place import place_of
from grader.results import ExerciseResult
from grader.score import number
from grader.terminal import check_line, detail_lines, indented, paragraph, printable

_COLUMN = 11
_SHOWN_PERSON = 20


def heading_lines(view: ClassView, console: Console) -> Iterator[Text]:
    """Yield what stands above everything."""
    run = view.run
    facts = {"course": view.course.name, "run": run.id, "began_at": _time(run.began_at), "seed": run.seed}
    yield from paragraph(messages.RESULTS_HEADING.format(tier=run.tier, **facts), console, "bold")
    if any(one.result is not None and one.result.environment.fence == "none" for one in view.standings.values()):
        yield from indented(messages.RESULTS_UNFENCED, console)


def class_lines(view: ClassView, console: Console) -> Iterator[Text]:
    """Yield a row for every student, a column for every exercise, and a total."""
    room = max(12, console.width - _COLUMN * (len(view.exercises) + 1))
    names = [*(_short(exercise) for exercise in view.exercises), messages.RESULTS_TOTAL]
    yield Text(_cut(messages.RESULTS_STUDENT, room) + "".join(name.rjust(_COLUMN) for name in names), "bold")
    for student in view.students:
        standings = [view.of(student.id, exercise.slug) for exercise in view.exercises]
        counted = [one.counted for one in standings if one.counted is not None]
        cells = [*map(_cell, standings), number(round(sum(counted), 2)) if counted else messages.RESULTS_MISSING]
        yield Text(_cut(who(student), room) + "".join(cell.rjust(_COLUMN) for cell in cells))
    yield Text()
    yield Text(messages.RESULTS_LEGEND)


def person_lines(view: ClassView, console: Console) -> Iterator[Text]:
    """Yield what a machine cannot settle: failures of ours, flags, unknown lateness, files nobody understood."""
    found = list(_needing_a_person(view))
    if not found:
        yield Text(messages.RESULTS_NOBODY)
        return
    yield Text(f"{messages.RESULTS_PERSON} ({len(found)})", "bold")
    for line in found[:_SHOWN_PERSON]:
        yield from indented(printable(line), console)
    if len(found) > _SHOWN_PERSON:
        yield from indented(messages.GRADE_MORE.format(count=len(found) - _SHOWN_PERSON), console)


def summary_lines(view: ClassView, folder: Path, file: Path, console: Console) -> Iterator[Text]:
    """Yield what stands at the end of a run."""
    yield from person_lines(view, console)
    yield Text()
    yield Text(messages.RESULTS_MEANS, "bold")
    for exercise in view.exercises:
        yield Text("  " + _mean_line(view, exercise))
    yield Text()
    yield Text(messages.RESULTS_STORE.format(file=file))
    yield Text(messages.RESULTS_NEXT.format(folder=folder))


def standing_lines(
    view: ClassView, standing: Standing, attempts: Sequence[Attempt], console: Console
) -> Iterator[Text]:
    """Yield one student's exercise in full: score, checks, what people said, every attempt and what it changed."""
    yield from _score_lines(view, standing, console)
    if standing.result is not None:
        yield from (check_line(check, console) for check in standing.result.checks)
        yield from detail_lines(standing.result, console)
    for given in standing.overrides:
        facts = {"points": number(given.points), "what": given.check or messages.RESULTS_WHOLE, "by": given.by}
        yield from indented(
            printable(messages.RESULTS_OVERRIDE.format(at=_time(given.at), reason=given.reason, **facts)), console
        )
    for said in standing.comments:
        yield from indented(
            printable(messages.RESULTS_COMMENT.format(by=said.by, at=_time(said.at), text=said.text)), console
        )
    if len(attempts) > 1:
        yield from _attempt_lines(attempts, console)


def student_lines(view: ClassView, student: Student, console: Console) -> Iterator[Text]:
    """Yield one student's exercises, a few lines each."""
    name, id = printable(student.own_name), printable(student.id)
    yield Text(messages.RESULTS_ONE.format(name=name, id=id) if name else id, "bold")
    for exercise in view.exercises:
        yield from _score_lines(view, view.of(student.id, exercise.slug), console)


def difference_lines(found: Difference, console: Console) -> Iterator[Text]:
    """Yield who moved between two runs, by how much, which checks changed and why."""
    before, after = found.before, found.after
    facts = {"before": before.id, "before_at": _time(before.began_at), "after": after.id}
    yield Text(messages.DIFF_HEADING.format(after_at=_time(after.began_at), **facts), "bold")
    if not found.moves:
        yield Text(messages.DIFF_NONE)
    for move in found.moves:
        yield from _move_lines(move, console)
    yield Text(messages.DIFF_UNCHANGED.format(count=found.unchanged))


def who(student: Student) -> str:
    """Return a student's id and name."""
    return printable(f"{student.id} {student.own_name}" if student.own_name else student.id)


def score_words(score: float | None) -> str:
    """Return a score, or that it is open."""
    return messages.RESULTS_OPEN if score is None else number(score)


def why_words(why: Iterable[Why | str]) -> str:
    """Return reasons in words."""
    said = {
        Why.NEW: messages.DIFF_WHY_NEW,
        Why.SUBMISSION: messages.DIFF_WHY_SUBMISSION,
        Why.SUITE: messages.DIFF_WHY_SUITE,
        Why.POINTS: messages.DIFF_WHY_POINTS,
        Why.SEED: messages.DIFF_WHY_SEED,
        Why.RETRY: messages.DIFF_WHY_RETRY,
        Why.TIMEOUT: messages.DIFF_WHY_TIMEOUT,
        Why.OVERRIDE: messages.DIFF_WHY_OVERRIDE,
        Why.ENVIRONMENT: messages.DIFF_WHY_ENVIRONMENT,
    }
    return ", ".join(said[Why(one)] for one in why)


def _not_judged(view: ClassView) -> Iterator[str]:
    """Yield what could not be judged; what kept a whole class from being judged is said once."""
    groups: dict[tuple[str, str, int], list[str]] = {}
    for standing in view.standings.values():
        if standing.open and standing.result is not None:
            count = len(standing.result.our_failures)
            groups.setdefault((standing.exercise, standing.trouble, count), []).append(standing.student.id)
    for (slug, trouble, count), ids in groups.items():
        yield messages.RESULTS_PERSON_OPEN.format(who=enumerated(ids), slug=slug, count=count, trouble=trouble)


def _needing_a_person(view: ClassView) -> Iterator[str]:
    yield from _not_judged(view)
    for standing in view.standings.values():
        facts = {"who": standing.student.id, "slug": standing.exercise}
        result = standing.result
        if standing.trouble and not (standing.open and result is not None):
            yield messages.RESULTS_PERSON_STALE.format(trouble=standing.trouble, **facts)
        for flag in result.flags if result else ():
            yield messages.RESULTS_PERSON_FLAG.format(**facts, place=place_of(flag), message=flag.message)
        if standing.lateness.unsettled:
            yield messages.RESULTS_PERSON_LATE.format(**facts)
    for one in view.unplaced:
        yield messages.RESULTS_PERSON_UNPLACED.format(what=unplaced_line(one))


def _mean_line(view: ClassView, exercise: Exercise) -> str:
    standings = view.in_exercise(exercise.slug)
    scores = [one.score for one in standings if one.score is not None and one.handed_in]
    return messages.RESULTS_MEAN.format(
        slug=exercise.slug,
        mean=f"{statistics.fmean(scores):.2f}" if scores else messages.RESULTS_MISSING,
        max=number(view.max_scores[exercise.slug]),
        count=sum(one.handed_in for one in standings),
        students=len(standings),
        open=sum(one.open for one in standings),
    )


def _cell(standing: Standing) -> str:
    if standing.open:
        return messages.RESULTS_OPEN
    if standing.score is None:
        return messages.RESULTS_UNJUDGED if standing.handed_in else messages.RESULTS_MISSING
    counted = standing.score if standing.counted is None else standing.counted
    return number(round(counted, 2)) + ("*" if standing.overrides else "")


def _score_lines(view: ClassView, standing: Standing, console: Console) -> Iterator[Text]:
    maximum = number(view.max_scores[standing.exercise])
    line = messages.RESULTS_SCORE.format(slug=standing.exercise, score=_cell_score(standing), max=maximum)
    if standing.counted is not None and standing.counted != standing.score:
        line += messages.RESULTS_COUNTED.format(counted=number(standing.counted))
    yield from paragraph(line, console)
    if standing.origin:
        yield from indented(printable(messages.RESULTS_ORIGIN.format(origin=standing.origin)), console)
    for text in dict.fromkeys((standing.problem, standing.trouble, *standing.notes)):
        yield from indented(printable(text), console) if text else ()
    mistakes = [check.diagnosis.statement for check in _checks(standing.result) if check.diagnosis]
    for statement in dict.fromkeys(mistakes):
        yield from indented(printable(statement), console)


def _cell_score(standing: Standing) -> str:
    return _cell(standing) if standing.score is None else number(standing.score)


def _checks(result: ExerciseResult | None) -> list:  # type: ignore[type-arg]
    return result.checks if result is not None else []


def _attempt_lines(attempts: Sequence[Attempt], console: Console) -> Iterator[Text]:
    before: Attempt | None = None
    for attempt in attempts:
        result = attempt.result
        why = messages.RESULTS_WHY.format(why=why_words([attempt.why])) if attempt.why else ""
        facts = {"number": attempt.number, "run": attempt.run, "at": _time(attempt.at), "why": why}
        score = score_words(None if result.our_failures else result.score)
        yield from indented(
            messages.RESULTS_ATTEMPT.format(score=score, max=number(result.max_score), **facts), console
        )
        then = {(one.id, one.device): one.outcome for one in _checks(before.result if before else None)}
        for check in result.checks if before else ():
            earlier = then.get((check.id, check.device), messages.DIFF_ABSENT)
            if earlier != check.outcome:
                facts = {"check": check.id, "before": earlier, "after": check.outcome}
                yield Text("    " + printable(messages.RESULTS_ATTEMPT_CHECK.format(**facts)))
        before = attempt


def _move_lines(move: Move, console: Console) -> Iterator[Text]:
    by = messages.DIFF_BY.format(by=move.by) if move.by else ""
    facts = {"before": score_words(move.before), "after": score_words(move.after), "by": by}
    line = messages.DIFF_MOVE.format(who=move.student, slug=move.exercise, why=why_words(move.why), **facts)
    yield from paragraph(printable(line), console)
    for change in move.checks:
        facts = {"check": change.check, "before": _then(change.before), "after": _then(change.after)}
        yield Text("    " + printable(messages.DIFF_CHECK.format(**facts)))


def _then(check: CheckThen | None) -> str:
    if check is None:
        return messages.DIFF_ABSENT
    facts = {"points": number(check.points), "max": number(check.max_points)}
    return messages.DIFF_CHECK_THEN.format(outcome=check.outcome, **facts)


def _short(exercise: Exercise) -> str:
    return _cut(exercise.course.short_name(exercise.slug), _COLUMN - 1).strip()


def _cut(text: str, room: int) -> str:
    shown = Text(text)
    shown.truncate(room - 1, overflow="ellipsis")
    shown.align("left", room)
    return shown.plain


def _time(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
