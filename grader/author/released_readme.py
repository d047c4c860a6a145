"""The page that a student reads first: how to install, how to check, which exercises there are.

Owns its layout; the sentences are in `messages`, in the course's language first and then in English.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from grader import language, messages
from grader.course import Course, Exercise
from grader.score import number


def readme(course: Course, exercises: Sequence[Exercise], points: Mapping[str, float], torch: str) -> bytes:
    """Return README.md.

    Args:
        points: What the public checks of each exercise are worth.
        torch: The version that was pinned.
    """
    languages = dict.fromkeys((course.language, language.ENGLISH))
    parts = []
    for one in languages:
        with language.spoken(one):
            parts.append("".join(_part(course, exercises, points, torch)))
    return "\n---\n\n".join(parts).encode()


def _part(course: Course, exercises: Sequence[Exercise], points: Mapping[str, float], torch: str) -> Iterator[str]:
    """Yield the page in the language in use."""
    first = course.short_name(exercises[0].slug)
    yield messages.STUDENT_README.format(course=course.name, first=first, torch=torch)
    yield f"\n{messages.STUDENT_README_COLUMNS}\n|---|---|---|---|\n"
    for exercise in exercises:
        page = f"exercises/{exercise.slug}/{_page(exercise)}"
        written = ", ".join(f"`{name}`" for name in exercise.files)
        here, in_all = number(points[exercise.slug]), number(exercise.points)
        yield f"| [{_cell(exercise.title)}]({page}) | {written} | {here} | {in_all} |\n"
    yield f"\n{messages.STUDENT_README_END.format(first=first)}\n"


def _page(exercise: Exercise) -> str:
    """Return the statement in the language in use where there is one."""
    own = f"README.{language.current()}.md"
    return own if (exercise.stub_folder / own).is_file() else "README.md"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
