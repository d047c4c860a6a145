"""The class's own page, before it is HTML: every section in its order.

Owns the order of things and how many of each stand open. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.classroom.attention import OneShort
from grader.report.classroom import checks, footer, mistakes, people, person, scores, top, words
from grader.report.classroom.checks import CheckRow
from grader.report.classroom.exercise import ExercisePage, exercise_page
from grader.report.classroom.findings import Findings
from grader.report.classroom.mistakes import Ranked, Unknown
from grader.report.classroom.person import Row
from grader.report.classroom.student import StudentPage, student_page

UNKNOWN_SHOWN = 12


@dataclass(frozen=True)
class ClassPage:
    """What the template prints. `leaves` are the pages of exercises and students, where all is one file."""

    title: str
    course: str
    run: str
    heading: str
    next: str
    anonymous: str
    nav: list[tuple[str, str]]
    figures: list[top.Figure]
    changes: list[footer.Change] | None
    unchanged: str
    person: list[Row]
    mistakes: list[Ranked]
    unknown: list[Unknown]
    left_out: str
    histogram: scores.Histogram | None
    mixes: list[scores.Mix]
    families: list[tuple[str, str]]
    exercises: list[scores.ExerciseRow]
    checks: list[CheckRow]
    check_choices: list[tuple[str, str]]
    help_side: str
    help: list[people.HelpRow]
    short: list[OneShort]
    students: list[people.StudentRow]
    student_choices: list[tuple[str, str]]
    over: list[footer.TimeRow]
    slowest: list[footer.TimeRow]
    facts: list[tuple[str, list[str]]]
    replay: str
    leaves: tuple[list[ExercisePage], list[StudentPage]] | None


def class_page(found: Findings, *, with_leaves: bool) -> ClassPage:
    """Collect what is to be said of a class."""
    run = found.view.run
    return ClassPage(
        title=messages.CLASS_TITLE.format(course=found.view.course.name),
        course=found.view.course.name,
        run=messages.CLASS_RUN.format(began=words.moment(run.began_at), seed=run.seed),
        heading=top.heading(found),
        next=top.first_sentence(found),
        anonymous=messages.CLASS_ANONYMOUS if found.anonymous else "",
        nav=_nav(found),
        figures=top.figures(found),
        changes=None if found.moves is None else footer.changes(found),
        unchanged=messages.CLASS_CHANGES_UNCHANGED.format(count=found.unmoved),
        person=person.rows(found),
        mistakes=mistakes.ranked(found),
        unknown=mistakes.unknown(found),
        left_out=scores.left_out(found),
        histogram=scores.total_histogram(found),
        mixes=scores.mixes(found),
        families=scores.family_names(),
        exercises=scores.exercise_rows(found),
        checks=checks.check_rows(found),
        check_choices=_check_choices(found),
        help_side=messages.CLASS_HELP_SIDE.format(talk=len(found.helps), short=len(found.shorts)),
        help=people.help_rows(found),
        short=found.shorts,
        students=people.student_rows(found),
        student_choices=_student_choices(found),
        over=footer.over_limits(found),
        slowest=footer.slowest(found),
        facts=footer.facts(found),
        replay="" if found.anonymous else footer.first_replay(found),
        leaves=_leaves(found) if with_leaves else None,
    )


def limits() -> dict[str, int]:
    """Return how many of each stand open before the others fold away."""
    return {
        "person_shown": person.SHOWN,
        "in_full": mistakes.IN_FULL,
        "unknown_shown": UNKNOWN_SHOWN,
        "checks_shown": checks.SHOWN,
        "help_shown": people.HELP_SHOWN,
        "short_shown": people.SHORT_SHOWN,
        "over_shown": footer.OVER_SHOWN,
        "folded_above": people.FOLDED_ABOVE,
        "students_shown": people.SHOWN,
    }


def leaf_names(found: Findings) -> dict[str, object]:
    """Return what the pages of students and exercises need besides themselves."""
    return {
        "course": found.view.course.name,
        "families": scores.family_names(),
        "exercise_choices": [("", messages.CLASS_CHECKS_ALL), ("low", messages.CLASS_CHECKS_LOW)],
        "student_choices": [one for one in _kinds() if one[0] != "help"],
        **limits(),
    }


def _nav(found: Findings) -> list[tuple[str, str]]:
    changed = [("changes", messages.CLASS_NAV_CHANGES)] if found.moves is not None else []
    return [
        *changed,
        ("person", messages.CLASS_NAV_PERSON),
        ("mistakes", messages.CLASS_NAV_MISTAKES),
        ("unknown", messages.CLASS_NAV_UNKNOWN),
        ("scores", messages.CLASS_NAV_SCORES),
        ("checks", messages.CLASS_NAV_CHECKS),
        ("help", messages.CLASS_NAV_HELP),
        ("students", messages.CLASS_NAV_STUDENTS),
        ("time", messages.CLASS_NAV_TIME),
        ("environment", messages.CLASS_NAV_ENVIRONMENT),
    ]


def _check_choices(found: Findings) -> list[tuple[str, str]]:
    exercises = [(f"e{place}", found.label(one.slug)) for place, one in enumerate(found.view.exercises, start=1)]
    return [("", messages.CLASS_CHECKS_ALL), *exercises, ("low", messages.CLASS_CHECKS_LOW)]


def _student_choices(found: Findings) -> list[tuple[str, str]]:
    sections = enumerate(people.sections(found))
    return [*_kinds(), *((f"s{place}", messages.CLASS_SHOW_SECTION.format(section=one)) for place, one in sections)]


def _kinds() -> list[tuple[str, str]]:
    return [
        ("", messages.CLASS_SHOW_EVERYONE),
        ("person", messages.CLASS_SHOW_PERSON),
        ("help", messages.CLASS_SHOW_HELP),
        ("late", messages.CLASS_SHOW_LATE),
        ("incomplete", messages.CLASS_SHOW_INCOMPLETE),
    ]


def _leaves(found: Findings) -> tuple[list[ExercisePage], list[StudentPage]]:
    exercises = [exercise_page(found, one.slug) for one in found.view.exercises]
    return exercises, [student_page(found, one) for one in found.view.students]
