"""`grader new`: begin an exercise, and a course if there is none yet. Parses, makes one call, prints."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from grader import messages


@click.command(help=messages.CLI_NEW_HELP)
@click.argument("exercise")
@click.option("--course", "course_name", metavar="NAME", help=messages.CLI_OPTION_NEW_COURSE)
def new(exercise: str, course_name: str | None) -> None:
    """Write the files of a new exercise and say what to do with them."""
    from grader.author.scaffold import scaffold

    here = Path.cwd()
    made = scaffold(exercise, course_name, here)
    click.echo(messages.NEW_WRITTEN.format(slug=made.name.slug))
    # As they have to be typed from here.
    shown = {file: os.path.relpath(made.course.root / file, here.resolve()) for file in made.files}
    for file in shown.values():
        click.echo(messages.NEW_FILE.format(file=file))
    short = made.course.short_name(made.name.slug)
    click.echo(messages.NEW_NEXT.format(short=short, wrong=shlex.quote(shown[made.wrong_answer])))
