"""`grader release`: what students get, or what another place needs to judge. Parses, makes one call, prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import messages
from grader.commands.common import FENCES, refuse_together, require_folder_of, tier_of, write
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.author.release import Release
    from grader.course import Course, Exercise


@click.command(help=messages.CLI_RELEASE_HELP)
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--exercise", "names", metavar="E", multiple=True, help=messages.CLI_OPTION_RELEASE_EXERCISE)
@click.option("--from-solutions", is_flag=True, help=messages.CLI_OPTION_FROM_SOLUTIONS)
@click.option("--force", is_flag=True, help=messages.CLI_OPTION_RELEASE_FORCE)
@click.option("--gradescope", metavar="EXERCISE", help=messages.CLI_OPTION_GRADESCOPE)
@click.option("--out", metavar="FILE.zip", help=messages.CLI_OPTION_RELEASE_OUT)
@click.option("--torch-pip-args", metavar="ARGS", default="", help=messages.CLI_OPTION_TORCH_PIP_ARGS)
@click.option("--fence", type=click.Choice(FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def release(
    folder: Path | None,
    names: tuple[str, ...],
    from_solutions: bool,
    force: bool,
    gradescope: str | None,
    out: str | None,
    torch_pip_args: str,
    fence: str,
) -> None:
    """Make what students get, or a zip to upload as Gradescope's autograder."""
    from grader import language
    from grader.course import find_course, load_exercise

    course = find_course()
    language.use(course.language)
    if gradescope is not None:
        others = {"DIR": folder, "--exercise": names, "--from-solutions": from_solutions, "--force": force}
        refuse_together("--gradescope", {name: bool(given) for name, given in others.items()}, messages.RELEASE_ONE)
        _gradescope(load_exercise(course, gradescope), out, torch_pip_args)
        return
    if torch_pip_args:
        raise UsageError(messages.RELEASE_PIP_ARGS)
    exercises = [load_exercise(course, name) for name in names or course.slugs()]
    if from_solutions:
        _write_stubs(exercises)
    if folder is not None or out is not None:
        _for_students(course, exercises, folder, out, force, fence)
    elif not from_solutions:
        raise UsageError(messages.RELEASE_NOTHING)


def _gradescope(exercise: Exercise, out: str | None, torch_pip_args: str) -> None:
    from grader import __version__
    from grader.author.gradescope import autograder

    if out is None:
        raise UsageError(messages.RELEASE_NEEDS_OUT)
    require_folder_of(out)
    made = autograder(exercise, torch_pip_args)
    write(made.data, out)
    file = Path(out).name if out == "-" else out
    facts = {"slug": exercise.slug, "files": made.files, "version": __version__, "torch": made.torch}
    click.echo(messages.RELEASE_WRITTEN.format(file=file, **facts), err=out == "-")


def _write_stubs(exercises: list[Exercise]) -> None:
    from grader.author.stubs import write_stubs

    for exercise in exercises:
        for path, is_new in write_stubs(exercise).items():
            template = messages.RELEASE_STUB_WRITTEN if is_new else messages.RELEASE_STUB_SAME
            click.echo(template.format(file=path), err=True)


def _for_students(
    course: Course, exercises: list[Exercise], folder: Path | None, out: str | None, force: bool, fence: str
) -> None:
    from grader.author.release import release
    from grader.author.released_folder import require_place, write_release
    from grader.progress import counting_bar
    from grader.zipped import zipped

    if not exercises:
        raise UsageError(messages.CLI_NO_EXERCISES.format(folder=course.root / "exercises"))
    require_folder_of(out or "-")
    if folder is not None:
        require_place(folder, force)
    with counting_bar(messages.RELEASE_JUDGING) as on_progress:
        made = release(course, exercises, tier_of(fence), on_progress)
    if folder is not None:
        write_release(made.files, folder, force)
    if out is not None:
        top = "course" if out == "-" else Path(out).stem
        write(zipped({f"{top}/{path}": data for path, data in made.files.items()}), out)
    _tell(made, exercises, ", ".join(str(place) for place in (folder, out) if place is not None))


def _tell(made: Release, exercises: list[Exercise], places: str) -> None:
    from grader import __version__
    from grader.score import number

    facts = {"files": len(made.files), "version": __version__, "torch": made.torch}
    click.echo(messages.RELEASE_DONE.format(places=places, count=len(exercises), **facts), err=True)
    for exercise in exercises:
        tried = made.tried[exercise.slug]
        told = {
            "points": number(tried.points),
            "all_points": number(exercise.points),
            "mistakes": sum(bool(mistake.id) for mistake in tried.atlas.mistakes),
        }
        click.echo(messages.RELEASE_EXERCISE.format(slug=exercise.slug, checks=tried.checks, **told), err=True)
    if made.left_out:
        click.echo(messages.RELEASE_LEFT_OUT.format(files=", ".join(made.left_out)), err=True)
