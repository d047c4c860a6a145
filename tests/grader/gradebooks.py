"""A small graded class with chosen points, for tests of what is handed back, and files as platforms export them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from grader.classroom.handin import Student
from grader.classroom.view import ClassView, Lateness, RunInfo, Standing
from grader.results import Outcome

from .classroom_data import BEGAN, course_exercises, made_check, made_result

EXERCISES = course_exercises(2)
FIRST, SECOND = (exercise.slug for exercise in EXERCISES)


def student(id: str, name: str = "", *keys: str, email: str = "") -> Student:
    """Return a student of section A."""
    return Student(id, name, email, "A", keys)


def standing(who: Student, slug: str, points: float | None, origin: str = "", **more: object) -> Standing:
    """Return a judged standing with these points of 20; None: nothing was handed in."""
    if points is None:
        return Standing(who, slug)
    exercise = next(one for one in EXERCISES if one.slug == slug)
    result = made_result(exercise, [made_check("test_a", Outcome.PASSED, 20.0)])
    made = Standing(
        who, slug, result=result, score=points, counted=points, handed_in=True, origin=origin or f"{who.id}/work.py"
    )
    return replace(made, **more)  # type: ignore[arg-type]


def a_class(
    points: Mapping[Student, tuple[float | None, ...]],
    *more: Standing,
    layout: str = "folders",
    canvas: Mapping[str, str | int] | None = None,
) -> ClassView:
    """Return a class with these points, of 20 in each exercise; `more` replaces single standings."""
    slugs = (FIRST, SECOND)[: max(len(own) for own in points.values())]
    standings = {
        (who.id, slug): standing(who, slug, one)
        for who, own in points.items()
        for slug, one in zip(slugs, own, strict=True)
    }
    standings |= {(one.student.id, one.exercise): one for one in more}
    run = RunInfo(1, BEGAN, BEGAN, 7, "namespaces", "grader grade", "0.1")
    course = replace(EXERCISES[0].course, canvas=canvas or {})
    chosen = EXERCISES[: len(slugs)]
    return ClassView(course, chosen, tuple(points), standings, dict.fromkeys(slugs, 20.0), run, layout=layout)


def is_open(who: Student, slug: str) -> Standing:
    """Return a standing with a failure of ours."""
    exercise = next(one for one in EXERCISES if one.slug == slug)
    result = made_result(exercise, [made_check("test_broken", Outcome.ERROR, 20.0)])
    return Standing(who, slug, result=result, open=True, handed_in=True, origin=f"{who.id}/work.py")


def is_unsettled(who: Student, slug: str) -> Standing:
    """Return a standing that is late, nobody knows how much."""
    return standing(who, slug, 15.0, counted=None, lateness=Lateness(marked=True, unsettled=True))


def is_pending(who: Student, slug: str, max_points: float = 10.0) -> Standing:
    """Return a standing of which one check waits for a device, worth so many points."""
    exercise = next(one for one in EXERCISES if one.slug == slug)
    entries = [
        made_check("test_a", Outcome.PASSED, 10.0),
        made_check("test_gpu", Outcome.PENDING, max_points, device="cuda"),
    ]
    return standing(who, slug, 10.0, result=made_result(exercise, entries))
