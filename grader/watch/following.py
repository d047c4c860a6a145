"""Which exercise comes next. Judges nothing."""

from __future__ import annotations

from grader.course import Course
from grader.standing import Status, standings


def following(course: Course, slug: str) -> str | None:
    """Return the next exercise after this one that is not done, from the first one again after the last; else None.

    Raises:
        CourseError: the exercise.toml of one is broken.
    """
    found = standings(course)
    place = next((place for place, one in enumerate(found) if one.exercise.slug == slug), 0)
    others = [one for one in (*found[place + 1 :], *found[:place]) if one.status is not Status.DONE]
    return others[0].exercise.slug if others else None
