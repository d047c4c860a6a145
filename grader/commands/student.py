"""What a student types besides `check` and `hint`: list, reset, bundle, completion, and the name of the program alone.

Each parses, makes one call, prints. Never imports torch; what takes time to import is imported inside a command.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import messages
from grader.commands.common import language_option, require_folder_of, speak, tell_of_trouble, write
from grader.completion import SHELLS, complete_exercise, script
from grader.course import Course, choose_exercise, course_around, find_course, load_exercise
from grader.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from grader.packing import Bundle
    from grader.reset import Reset
    from grader.standing import Standing

_ARCHIVE = "handin.zip"


def say_what_next() -> None:
    """Say what to do next, in a course or without one."""
    from grader.overview import next_step_lines, no_course_lines
    from grader.terminal import console_for, say

    speak()
    console = console_for(sys.stdout)
    here = Path.cwd()
    course = course_around(here)
    if course is None:
        say(console, no_course_lines(here, console))
        return
    found = _look_around(course, None)
    say(console, next_step_lines(course, found, course.exercise_around(here), console))


@click.command("list", help=messages.CLI_LIST_HELP)
@click.option("--json", "json_file", metavar="FILE", help=messages.CLI_OPTION_LIST_JSON)
@language_option
def list_exercises(json_file: str | None, lang: str | None) -> None:
    """List the exercises of the course."""
    import msgspec

    from grader.overview import list_lines, listing
    from grader.terminal import console_for, say

    require_folder_of(json_file or "-")
    course = find_course()
    found = _look_around(course, lang)
    here = course.exercise_around(Path.cwd())
    if json_file:
        write(msgspec.json.format(msgspec.json.encode(listing(course, found, here)), indent=1) + b"\n", json_file)
        return
    console = console_for(sys.stdout)
    say(console, list_lines(course, found, here, console))


@click.command(help=messages.CLI_RESET_HELP)
@click.argument("exercise", required=False, shell_complete=complete_exercise)
@click.option("--yes", "-y", is_flag=True, help=messages.CLI_OPTION_YES)
@language_option
def reset(exercise: str | None, yes: bool, lang: str | None) -> None:
    """Put the files of an exercise back as they were given out."""
    from grader.overview import from_here
    from grader.reset import planned, put_back

    course = find_course()
    speak(lang, course)
    plan = planned(choose_exercise(course, exercise, "reset"), datetime.now())
    files = ", ".join(plan.files)
    if not yes:
        _ask(plan, files)
    put_back(plan)
    click.echo(messages.RESET_DONE.format(files=files))
    if plan.kept:
        click.echo(f"{messages.RESET_KEPT}\n  {from_here(plan.backup)}")


@click.command(help=messages.CLI_BUNDLE_HELP)
@click.argument("exercises", metavar="[EXERCISE]...", nargs=-1, shell_complete=complete_exercise)
@click.option("--out", metavar="FILE.zip", help=messages.CLI_OPTION_BUNDLE_OUT)
@language_option
def bundle(exercises: tuple[str, ...], out: str | None, lang: str | None) -> None:
    """Pack what is handed in."""
    from grader.overview import from_here
    from grader.packing import pack
    from grader.terminal import console_for, say

    course = find_course()
    found = _look_around(course, lang)
    file = out or str(course.root / _ARCHIVE)
    name = _ARCHIVE if file == "-" else Path(file).name
    if not name.lower().endswith(".zip"):
        raise UsageError(messages.BUNDLE_NAME.format(file=file))
    require_folder_of(file)
    named = {load_exercise(course, exercise).slug for exercise in exercises}
    chosen, left_out = _chosen(found, named)
    made = pack(course, [one.exercise for one in chosen], name)
    _write_archive(made.data, file, is_default=out is None)
    console = console_for(sys.stderr if file == "-" else sys.stdout)
    shown = name if file == "-" else from_here(Path(file).resolve())
    say(console, _bundle_lines(made, shown, chosen, left_out, console))


def _write_archive(data: bytes, file: str, is_default: bool) -> None:
    try:
        write(data, file)
    except UsageError as error:
        raise UsageError(str(error) + messages.BUNDLE_ELSEWHERE if is_default else str(error)) from error


@click.command(help=messages.CLI_COMPLETION_HELP)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what lets a shell complete our commands."""
    main = ctx.find_root().command
    assert isinstance(main, click.Group)
    click.echo(script(main, shell))


def _look_around(course: Course, lang: str | None) -> list[Standing]:
    """Return how far each exercise of a course is, whose language is in use from now on.

    Raises:
        UsageError: it has no exercises. CourseError: one is broken.
    """
    from grader.standing import standings

    speak(lang, course)
    tell_of_trouble(course)
    found = standings(course)
    if not found:
        raise UsageError(messages.CLI_NO_EXERCISES.format(folder=course.root / "exercises"))
    return found


def _ask(plan: Reset, files: str) -> None:
    """Say what will be done and go on only if the answer is yes."""
    from grader.overview import from_here

    click.echo(messages.RESET_ABOUT_TO.format(files=files))
    if plan.kept:
        click.echo(f"{messages.RESET_KEEPS}\n  {from_here(plan.backup)}")
    try:
        wanted = click.confirm(messages.RESET_ASK)
    except click.Abort:
        click.echo()
        raise UsageError(messages.RESET_NOBODY_TO_ASK) from None
    if not wanted:
        click.echo(messages.RESET_NOT_DONE)
        raise click.exceptions.Exit(1)


def _chosen(found: Sequence[Standing], named: set[str]) -> tuple[list[Standing], list[Standing]]:
    """Return what to hand in, and what is not begun and therefore left out: nothing where exercises were named."""
    from grader.standing import Status

    if named:
        return [one for one in found if one.exercise.slug in named], []
    chosen = [one for one in found if one.status is not Status.NEW]
    if not chosen:
        raise UsageError(messages.BUNDLE_NOTHING)
    return chosen, [one for one in found if one not in chosen]


def _bundle_lines(
    made: Bundle, file: str, chosen: Sequence[Standing], left_out: Sequence[Standing], console: Console
) -> Iterator[Text | str]:
    """Yield what is in the archive, what is not, what to check first, and what to do with it."""
    from grader.enumeration import enumerated
    from grader.terminal import paragraph

    count = sum(len(one.files) for one in made.packed)
    yield from paragraph(messages.BUNDLE_WRITTEN.format(file=file, size=len(made.data), count=count), console, "bold")
    yield messages.BUNDLE_SHA256.format(sha256=made.sha256)
    yield ""
    for one in made.packed:
        for path, size in one.files.items():
            yield from paragraph(messages.BUNDLE_FILE.format(path=path, size=size), console, indent=2)
        yield f"    {messages.BUNDLE_SUBMISSION.format(sha256=one.submission)}"
    yield ""
    extra = [f"{one.exercise.slug}/{name}" for one in made.packed for name in one.extra]
    if extra:
        yield from paragraph(messages.BUNDLE_EXTRA.format(names=enumerated(extra)), console)
    if left_out:
        names = ", ".join(one.exercise.slug for one in left_out)
        yield from paragraph(messages.BUNDLE_LEFT_OUT.format(names=names), console)
    for standing in chosen:
        yield from _notes(standing, console)
    yield from paragraph(messages.BUNDLE_NEXT, console)


def _notes(one: Standing, console: Console) -> Iterator[Text | str]:
    from grader.standing import Status
    from grader.terminal import paragraph

    if one.status is Status.NEW:
        yield from paragraph(messages.BUNDLE_NOT_BEGUN.format(slug=one.exercise.slug), console)
    elif one.status is Status.UNCHECKED:
        yield from paragraph(messages.BUNDLE_UNCHECKED.format(slug=one.exercise.slug), console)
        yield f"  grader check {one.name}"
