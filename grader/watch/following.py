"""Which exercise comes next. Reads what is remembered, judges nothing."""

from __future__ import annotations

from grader.course import Course
from grader.state import remembered
from grader.watch.news import is_finished


def following(course: Course, slug: str) -> str | None:
    """Return the next exercise after this one that is not finished, from the first one again after the last.

    Finished is what passed wherever it could be judged when it was last checked. None if there is no other.
    """
    slugs, known = course.slugs(), remembered(course.root).exercises
    place = slugs.index(slug) if slug in slugs else 0
    others = [*slugs[place + 1 :], *slugs[:place]]
    return next((other for other in others if other not in known or not is_finished(known[other].checks)), None)
