"""All exercises at a glance, and what to do next: as lines for a terminal and as data for a program.

Owns how a `Standing` is shown. Knows nothing of how it is found out; `say` of `terminal` prints.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.text import Text

from grader import messages
from grader.course import Course
from grader.results import CheckResult
from grader.score import number
from grader.standing import Standing, Status, go_on_with
from grader.state import Scored
from grader.terminal import paragraph, printable

_BAR, _SHORTEST_BAR = 30, 8
_INDENT = 4
_FULL, _EMPTY = ("█", "#"), ("░", "-")
_COLOURS = {Status.DONE: "green", Status.OPEN: "yellow", Status.UNREADABLE: "red"}


class Listed(msgspec.Struct, frozen=True):
    """One exercise of the list as a program reads it; `left` is None where the files cannot be read."""

    exercise: str
    title: str
    topics: tuple[str, ...]
    points: float
    files: tuple[str, ...]
    status: Status
    left: int | None
    to_fix: list[str]
    score: Scored | None
    best: Scored | None
    next: str


class Listing(msgspec.Struct, frozen=True):
    """The whole list. `next` is the command to type next; every field stays, further ones may come."""

    course: str
    exercises: list[Listed]
    next: str
    schema: Literal["grader.list/1"] = "grader.list/1"


def list_lines(course: Course, found: Sequence[Standing], here: str | None, console: Console) -> Iterator[Text | str]:
    """Yield every exercise of a course with a bar, its scores and its next step; at the end what to do now."""
    yield from paragraph(course.shown_name, console, "bold")
    for one in found:
        yield ""
        yield from _exercise(one, console)
    yield ""
    if any(one.score and one.score.max_points < one.exercise.points for one in found):
        yield from paragraph(messages.LIST_PUBLIC_ONLY, console)
    yield from paragraph(messages.LIST_WHAT_NEXT, console)
    yield f"  {_first_command(go_on_with(found, here))}"


def listing(course: Course, found: Sequence[Standing], here: str | None) -> Listing:
    """Return the same for a program."""
    return Listing(course.shown_name, [_listed(one) for one in found], _first_command(go_on_with(found, here)))


def no_course_lines(folder: Path, console: Console) -> Iterator[Text | str]:
    """Yield what to do where there is no course: change into it, or get it."""
    yield from paragraph(messages.NEXT_NO_COURSE.format(folder=folder), console)
    yield ""
    yield from paragraph(messages.NEXT_HAVE_COURSE, console)
    yield from paragraph(messages.NEXT_GET_COURSE, console)
    yield from paragraph(messages.NEXT_HELP, console)


def next_step_lines(
    course: Course, found: Sequence[Standing], here: str | None, console: Console
) -> Iterator[Text | str]:
    """Yield what to do next in a course, with the commands for it."""
    yield from paragraph(course.shown_name, console, "bold")
    yield ""
    standing = go_on_with(found, here)
    if standing is None:
        yield from paragraph(messages.NEXT_ALL_DONE, console)
        yield f"  {_first_command(None)}"
    elif standing.status is Status.NEW:
        yield from _begin(standing, found, console)
    else:
        yield from _go_on(standing, console)
    yield ""
    yield from paragraph(messages.NEXT_LIST, console)
    yield from paragraph(messages.NEXT_HELP, console)


# --- one exercise of the list -------------------------------------------------------------------------------------


def _exercise(one: Standing, console: Console) -> Iterator[Text | str]:
    """Yield number, title and points; the bar and the scores; folder and state; the next command."""
    exercise = one.exercise
    points = messages.LIST_POINTS.format(points=number(exercise.points))
    title = f"{exercise.number or '-':<3} {printable(exercise.title)}"
    first, *rest = paragraph(title, console, "bold", width=console.width - len(points) - 1, hanging=_INDENT)
    first.align("left", console.width - len(points) - 1)
    yield Text.assemble(first, " ", points)
    yield from rest
    score = Text(f"  {_score(one.score, one.best)}")
    room = console.width - _INDENT - score.cell_len
    yield Text(" " * _INDENT) + _bar(one, max(_SHORTEST_BAR, min(_BAR, room)), console) + score
    yield from paragraph(messages.LIST_STATE.format(slug=exercise.slug, state=_state(one)), console, indent=_INDENT)
    if command := _command(one):
        yield Text(" " * _INDENT + printable(messages.LIST_NEXT.format(command=command)))


def _bar(one: Standing, columns: int, console: Console) -> Text:
    share = one.score.points / one.score.max_points if one.score and one.score.max_points else 0.0
    filled = min(columns, int(share * columns + 1e-9))  # full only if nothing is missing
    full, empty = (_drawn(pair, console) for pair in (_FULL, _EMPTY))
    return Text.assemble(
        (full * filled, _COLOURS.get(one.status, "cyan")), (empty * (columns - filled), "bright_black")
    )


def _drawn(pair: tuple[str, str], console: Console) -> str:
    try:
        pair[0].encode(console.encoding)
    except UnicodeEncodeError:
        return pair[1]
    return pair[0]


def _score(score: Scored | None, best: Scored | None) -> str:
    if score is None:
        return messages.LIST_NO_SCORE
    best = best or score
    numbers = {"points": score.points, "max_points": score.max_points, "best": best.points}
    return messages.LIST_SCORE.format(**{name: number(value) for name, value in numbers.items()})


def _state(one: Standing) -> str:
    """Return how far an exercise is in words, and what is still to be written of it."""
    words = {
        Status.NEW: messages.LIST_NEW,
        Status.UNREADABLE: one.problem,
        Status.UNCHECKED: messages.LIST_UNCHECKED,
        Status.OPEN: messages.LIST_TO_FIX.format(count=len(one.to_fix)),
        Status.DONE: messages.LIST_DONE,
    }
    left = [messages.LIST_LEFT.format(count=one.left)] if one.left else []
    return ", ".join([words[one.status], *left])


def _command(one: Standing) -> str:
    """Return what to type next for an exercise; nothing if it is done."""
    if one.status is Status.DONE:
        return ""
    return _check(one, one.to_fix[0] if one.to_fix else None)


def _check(one: Standing, check: CheckResult | None = None) -> str:
    if check is None:
        return f"grader check {one.name}"
    device = "" if check.device == "cpu" else f" --device {check.device}"
    return f"grader check {one.name}{device} -k {shlex.quote(check.id)}"


def _all_checks(one: Standing) -> list[str]:
    return [_check(one), f"{_check(one)} --watch"]


def _first_command(standing: Standing | None) -> str:
    return _command(standing) if standing else "grader bundle"


def _listed(one: Standing) -> Listed:
    exercise = one.exercise
    return Listed(
        exercise=exercise.slug,
        title=exercise.title,
        topics=exercise.topics,
        points=exercise.points,
        files=exercise.files,
        status=one.status,
        left=one.left,
        to_fix=[check.id for check in one.to_fix],
        score=one.score,
        best=one.best,
        next=_command(one),
    )


# --- what to do next ----------------------------------------------------------------------------------------------


def _begin(one: Standing, found: Sequence[Standing], console: Console) -> Iterator[Text | str]:
    is_first = all(other.status is Status.NEW for other in found)
    sentence = messages.NEXT_FIRST if is_first else messages.NEXT_ANOTHER
    yield from paragraph(sentence.format(title=one.exercise.title), console)
    folder = one.exercise.stub_folder
    yield from _with_commands(messages.NEXT_READ, [from_here(one.exercise.statement)], console)
    yield from _with_commands(messages.NEXT_WRITE, [from_here(folder / name) for name in one.exercise.files], console)
    yield from _with_commands(messages.NEXT_THEN_CHECK, _all_checks(one), console)


def _go_on(one: Standing, console: Console) -> Iterator[Text | str]:
    title = one.exercise.title
    if one.status is Status.UNREADABLE:
        sentence = messages.NEXT_UNREADABLE.format(title=title, problem=one.problem)
        yield from _with_commands(sentence, [_check(one)], console)
    elif one.status is Status.UNCHECKED:
        yield from _with_commands(messages.NEXT_UNCHECKED.format(title=title), [_check(one)], console)
    else:
        yield from _with_commands(_what_is_open(one), [_check(one, one.to_fix[0])], console)
        yield from _with_commands(messages.NEXT_HINT, [f"grader hint {one.name}"], console)
        yield from _with_commands(messages.NEXT_ALL, _all_checks(one), console)


def _what_is_open(one: Standing) -> str:
    facts = {"title": one.exercise.title, "count": len(one.to_fix)}
    if one.score is None:
        return messages.NEXT_TO_FIX_UNSCORED.format(**facts)
    points, most = number(one.score.points), number(one.score.max_points)
    return messages.NEXT_TO_FIX.format(points=points, max_points=most, **facts)


def _with_commands(sentence: str, commands: Sequence[str], console: Console) -> Iterator[Text | str]:
    yield from paragraph(sentence, console)
    yield from (f"  {printable(command)}" for command in commands)


def from_here(path: Path) -> str:
    """Return a path as short as it can be typed from the working directory."""
    here = Path.cwd().resolve()
    return os.fspath(path.relative_to(here)) if path.is_relative_to(here) else os.fspath(path)
