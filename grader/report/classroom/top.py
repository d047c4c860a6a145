"""The head of the class's page: what it is of, the first thing to do, and six figures.

Owns the first sentence. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.classroom.statistics import is_late, spread
from grader.report.classroom import words
from grader.report.classroom.findings import Findings
from grader.report.classroom.words import bare_statement
from grader.score import number


@dataclass(frozen=True)
class Figure:
    """One figure: what it is, the number, what it is of, and a word to it."""

    name: str
    value: str
    of: str
    note: str


def heading(found: Findings) -> str:
    """Return "Class report: 42 students, 5 exercises"."""
    exercises = words.count_of(len(found.view.exercises), messages.CLASS_EXERCISE, messages.CLASS_EXERCISES)
    return messages.CLASS_HEADING.format(students=words.students(len(found.view.students)), exercises=exercises)


def first_sentence(found: Findings) -> str:
    """Return what to teach, and whether something waits."""
    said = [_teach(found)]
    if len(found.matters) == 1:
        said.append(messages.CLASS_SAY_PERSON_ONE)
    elif found.matters:
        said.append(messages.CLASS_SAY_PERSON.format(count=len(found.matters)))
    return " ".join(said)


def _teach(found: Findings) -> str:
    if not any(one.scores for one in found.numbers.values()):
        return messages.CLASS_SAY_NOTHING
    if found.mistakes and len(found.mistakes[0].students) > 1:
        first = found.mistakes[0]
        bare = bare_statement(first.diagnosis.statement)
        form = messages.CLASS_SAY_TEACH if bare else messages.CLASS_SAY_TEACH_QUOTED
        facts = {"count": len(first.students), "of": first.of, "number": found.shown(first.exercise)}
        return form.format(statement=bare or first.diagnosis.statement, **facts)
    if found.clusters:
        first_cluster = found.clusters[0]
        return messages.CLASS_SAY_UNKNOWN.format(
            count=len(first_cluster.students), number=found.shown(first_cluster.exercise)
        )
    return messages.CLASS_SAY_FINE


def figures(found: Findings) -> list[Figure]:
    """Return the six figures on the first rule."""
    return [_median(found), _submitted(found), _full(found), _known(found), _alpha(found), _late(found)]


def _median(found: Findings) -> Figure:
    scores = spread(one.score for one in found.totals.values() if not one.open)
    if scores is None:
        return Figure(messages.CLASS_FIGURE_MEDIAN, messages.CLASS_DASH, "", messages.CLASS_FIGURE_NO_SCORE)
    note = messages.CLASS_FIGURE_MIDDLE.format(low=number(scores.low), high=number(scores.high))
    whole = messages.CLASS_OF.format(whole=number(found.whole))
    return Figure(messages.CLASS_FIGURE_MEDIAN, number(scores.median), whole, note)


def _submitted(found: Findings) -> Figure:
    there = sum(one.submitted for one in found.numbers.values())
    whole = len(found.view.students) * len(found.view.exercises)
    form = messages.CLASS_FIGURE_MISSING if found.view.unplaced else messages.CLASS_FIGURE_MISSING_ONLY
    note = form.format(missing=whole - there, unplaced=len(found.view.unplaced))
    return Figure(messages.CLASS_FIGURE_SUBMITTED, f"{there:,}", messages.CLASS_OF.format(whole=f"{whole:,}"), note)


def _full(found: Findings) -> Figure:
    count = sum(one.full for one in found.numbers.values())
    return Figure(messages.CLASS_FIGURE_FULL, f"{count:,}", "", messages.CLASS_FIGURE_FULL_NOTE)


def _known(found: Findings) -> Figure:
    note = messages.CLASS_FIGURE_KNOWN_NOTE.format(students=words.students(len(found.mistakes_of)))
    return Figure(messages.CLASS_FIGURE_KNOWN, f"{len(found.mistakes):,}", "", note)


def _alpha(found: Findings) -> Figure:
    if found.alpha is None:
        return Figure(messages.CLASS_FIGURE_ALPHA, messages.CLASS_DASH, "", messages.CLASS_FIGURE_ALPHA_FEW)
    count = sum(len(one.items) for one in found.numbers.values())
    note = messages.CLASS_FIGURE_ALPHA_NOTE.format(count=count)
    return Figure(messages.CLASS_FIGURE_ALPHA, f"{found.alpha:.2f}", "", note)


def _late(found: Findings) -> Figure:
    late = [one for one in found.view.standings.values() if is_late(one)]
    note = messages.CLASS_FIGURE_LATE_NOTE.format(students=words.students(len({one.student.id for one in late})))
    return Figure(messages.CLASS_FIGURE_LATE, f"{len(late):,}", "", note)
