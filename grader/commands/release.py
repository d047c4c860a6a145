"""`grader release`: what another place needs to judge an exercise. Parses, makes one call, prints."""

from __future__ import annotations

from pathlib import Path

import click

from grader import messages
from grader.commands.common import require_folder_of, write


@click.command(help=messages.CLI_RELEASE_HELP)
@click.option("--gradescope", "exercise", metavar="EXERCISE", required=True, help=messages.CLI_OPTION_GRADESCOPE)
@click.option("--out", metavar="FILE.zip", required=True, help=messages.CLI_OPTION_RELEASE_OUT)
@click.option("--torch-pip-args", metavar="ARGS", default="", help=messages.CLI_OPTION_TORCH_PIP_ARGS)
def release(exercise: str, out: str, torch_pip_args: str) -> None:
    """Make a zip to upload as Gradescope's autograder."""
    from grader import __version__, language
    from grader.author.gradescope import autograder
    from grader.course import find_course, load_exercise

    course = find_course()
    language.use(course.language)
    found = load_exercise(course, exercise)
    require_folder_of(out)
    made = autograder(found, torch_pip_args)
    write(made.data, out)
    told = messages.RELEASE_WRITTEN.format(
        file=Path(out).name if out == "-" else out,
        slug=found.slug,
        files=made.files,
        version=__version__,
        torch=made.torch,
    )
    click.echo(told, err=out == "-")
