"""A class that was never graded, made for tests of reports and exports: deterministic, with everything that can happen.

The exercises are this repository's; checks, outcomes and names of mistakes are invented, ids are student-001 and on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from grader.classroom.handin import Student, Unplaced
from grader.classroom.view import ClassView, Comment, Lateness, Override, RunInfo, Standing
from grader.course import Exercise, find_course, load_exercise
from grader.diagnosis.evidence import Evidence, Sketch
from grader.results import (
    CheckResult,
    Diagnosis,
    Environment,
    ExerciseResult,
    Flag,
    Outcome,
    SubmissionInfo,
)
from grader.score import is_complete, max_score, score

ROOT = Path(__file__).resolve().parents[2]
BEGAN = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
SOURCE = "def forward(x):\n    return x  # <b>not bold</b>\n"
HOSTILE_NAME = "<img src=x onerror=alert(1)> O'Brien, \u202eevil"
_MISTAKES = ("relu-mask-missing", "batch-mean-missing", "step-uphill", "bias-not-summed", "softmax-twice")
_NAMES = ("Ada Adams", "Bo Berg", "Chi Chen", "Dara Diaz", "Eve Eriksen", "Finn Fox", "Gül Güneş", "Hao He", "张 伟")


def course_exercises(count: int = 4) -> tuple[Exercise, ...]:
    """Return the first exercises of this repository."""
    course = find_course(ROOT)
    return tuple(load_exercise(course, slug) for slug in course.slugs()[:count])


def made_student(number: int) -> Student:
    """Return student-NNN; the fifth has a name that no page may believe, two share one."""
    id = f"student-{number:03d}"
    name = HOSTILE_NAME if number == 5 else f"{_NAMES[number % len(_NAMES)]}{'' if number < 12 else f' {number // 9}'}"
    return Student(id, name, f"{id}@example.org", "AB"[number % 2], (f"s{number:04d}",))


def made_check(id: str, outcome: Outcome, points: float, mistake: str = "", device: str = "cpu") -> CheckResult:
    """Return one entry; what failed has a message, and a diagnosis if a mistake is named."""
    diagnosis = Diagnosis(mistake, f"The statement of {mistake}.", "A question?\nA direction.\nNearly the answer.")
    return CheckResult(
        id=id,
        title=f"{id.removeprefix('test_').replace('_', ' ').capitalize()}.",
        visibility="hidden",
        device=device,
        outcome=outcome,
        points=points if outcome is Outcome.PASSED else 0.0,
        max_points=points,
        wall_s=0.004,
        message="" if outcome is Outcome.PASSED else f"{id}: expected another value, got this one.",
        comparison=None if outcome is Outcome.PASSED else "value",
        diagnosis=diagnosis if mistake and outcome is Outcome.FAILED else None,
    )


def made_result(exercise: Exercise, checks: Sequence[CheckResult], flags: Sequence[Flag] = ()) -> ExerciseResult:
    """Return a result with these entries."""
    entries = list(checks)
    return ExerciseResult(
        exercise=exercise.slug,
        submission=SubmissionInfo("0" * 64, list(exercise.files)),
        suite_sha256="1" * 64,
        score=score(entries),
        max_score=max_score(entries),
        complete=is_complete(entries),
        seed=7,
        environment=Environment("0.1", "3.11.2", "2.13.0", ["cpu"], "namespaces"),
        checks=entries,
        flags=list(flags),
    )


def made_class(students: int = 42, exercises: int = 4, checks: int = 12, seed: int = 1) -> ClassView:
    """Return a graded class: the able pass more, hard checks fail more, and every kind of trouble occurs once."""
    draw, chosen = random.Random(seed), course_exercises(exercises)
    people = tuple(made_student(number) for number in range(1, students + 1))
    ability = {student.id: draw.gauss(0.6, 1.0) for student in people}
    standings = {
        (student.id, exercise.slug): _standing(draw, student, exercise, ability[student.id], checks)
        for exercise in chosen
        for student in people
    }
    standings |= _troubles(people, chosen[0], checks)
    unplaced = (
        Unplaced("solution_final (2).zip", "two entries of the roster fit", (people[0].id, people[1].id)),
        Unplaced("notes.docx", "it is a Word document"),
    )
    run = RunInfo(1, BEGAN, BEGAN + timedelta(minutes=3), 7, "namespaces", "grader grade handed-in --out graded", "0.1")
    maxima = {exercise.slug: float(checks) for exercise in chosen}
    return ClassView(chosen[0].course, chosen, people, standings, maxima, run, unplaced, "folders")


def _standing(draw: random.Random, student: Student, exercise: Exercise, ability: float, checks: int) -> Standing:
    if draw.random() < 0.06:
        return Standing(student, exercise.slug)
    entries, evidence = [], {}
    for place in range(checks):
        passed = draw.gauss(ability, 1.0) > place / checks * 2 - 0.8
        outcome = Outcome.PASSED if passed else draw.choices(_ENDS, (12, 2, 1, 1, 2))[0]
        mistake = _MISTAKES[place % len(_MISTAKES)] if draw.random() < 0.6 else ""
        id = f"test_{exercise.slug.split('_')[0]}_theorem_{place}"
        entries.append(made_check(id, outcome, 1.0, mistake))
        if outcome is Outcome.FAILED and not mistake:
            value = float(draw.randrange(3))
            evidence[id] = Evidence("value", Sketch("tensor", "float64", (3, 4), value, (value,) * 8), scale=1.0)
    late_s = 7200.0 if draw.random() < 0.05 else None
    return _judged(student, exercise, made_result(exercise, entries), Lateness(late_s), evidence)


_ENDS = (Outcome.FAILED, Outcome.RAISED, Outcome.TIMEOUT, Outcome.CRASHED, Outcome.TODO)


def _judged(
    student: Student, exercise: Exercise, result: ExerciseResult, lateness: Lateness, evidence: dict[str, Evidence]
) -> Standing:
    is_open = any(check.outcome in (Outcome.ERROR, Outcome.NOT_RUN) for check in result.checks)
    points = None if is_open else result.score
    return Standing(
        student,
        exercise.slug,
        result=result,
        score=points,
        counted=None if points is None or lateness.unsettled else points * lateness.factor,
        open=is_open,
        handed_in=True,
        origin=f"{student.id}/{exercise.files[0]}",
        submitted_at=BEGAN - timedelta(days=1),
        times=1,
        lateness=lateness,
        evidence=evidence,
        sources={exercise.files[0]: SOURCE},
        attempts=1,
    )


def _troubles(people: Sequence[Student], exercise: Exercise, checks: int) -> dict[tuple[str, str], Standing]:
    """Return standings of the first students: ours, flagged, all todo, one short, overridden, unreadable, unsettled."""

    def entries(*ends: Outcome) -> list[CheckResult]:
        outcomes = [*ends, *[Outcome.PASSED] * (checks - len(ends))]
        return [made_check(f"test_exercise1_theorem_{place}", end, 1.0) for place, end in enumerate(outcomes)]

    flag = Flag("sys.modules", exercise.files[0], 12, "reads sys.modules, which no part of this exercise needs.")
    results = [
        made_result(exercise, entries(Outcome.ERROR)),
        made_result(exercise, entries(), [flag]),
        made_result(exercise, entries(*[Outcome.TODO] * checks)),
        made_result(exercise, entries(Outcome.FAILED)),
        made_result(exercise, entries(Outcome.FAILED, Outcome.TIMEOUT)),
        made_result(exercise, entries(*[Outcome.REJECTED] * checks)),
        made_result(exercise, entries()),
    ]
    late = [Lateness(86400.0 * 1.5, factor=0.8), *[Lateness()] * 5, Lateness(marked=True, unsettled=True)]
    made = [
        _judged(student, exercise, result, lateness, {})
        for student, result, lateness in zip(people, results, late, strict=False)
    ]
    by, reason = "a.teacher", "The check was unclear; agreed in the exercise class."
    override = Override(people[4].id, exercise.slug, "", 11.0, reason, by, BEGAN)
    comment = Comment(people[4].id, exercise.slug, "Well argued in the comments.", by, BEGAN)
    made[4] = _with(made[4], score=11.0, counted=11.0, overrides=(override,), comments=(comment,))
    return {(standing.student.id, exercise.slug): standing for standing in made}


def _with(standing: Standing, **changes: object) -> Standing:
    return Standing(**{**vars(standing), **changes})  # type: ignore[arg-type]
