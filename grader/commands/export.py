"""`grader export`: reads a graded class and hands it to the module of one format.

Owns the table of formats, what they need, and the refusal to hand back what is not settled. Knows no format.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import language, messages
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.classroom.export.exported import Exported
    from grader.classroom.view import ClassView
    from grader.course import Course

_SHOWN = 20
_LISTED = 5  # files by name; of more than these, their number and folder


@dataclass(frozen=True)
class Format:
    """Where a format's `export` is, what it writes below DIR/export by default, whether it fills somebody's file."""

    module: str
    out: str
    fills: bool = False


FORMATS = {
    "csv": Format("csv", "csv"),
    "canvas": Format("canvas", "canvas.csv", fills=True),
    "moodle": Format("moodle", "moodle.csv", fills=True),
    "gradescope": Format("gradescope", "gradescope"),
    "junit": Format("junit", "junit"),
    "github": Format("github", "github"),
    "feedback": Format("feedback", "feedback"),
}


@click.command(help=messages.CLI_EXPORT_HELP)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--to", "name", required=True, type=click.Choice(list(FORMATS)), help=messages.CLI_OPTION_EXPORT_TO)
@click.option("--exercise", "exercise", metavar="E", help=messages.CLI_OPTION_EXPORT_EXERCISE)
@click.option("--template", type=click.Path(path_type=Path), help=messages.CLI_OPTION_EXPORT_TEMPLATE)
@click.option("--column", metavar="TITLE", help=messages.CLI_OPTION_EXPORT_COLUMN)
@click.option("--out", type=click.Path(path_type=Path), help=messages.CLI_OPTION_EXPORT_OUT)
@click.option("--allow-open", is_flag=True, help=messages.CLI_OPTION_EXPORT_ALLOW_OPEN)
def export(
    folder: Path,
    name: str,
    exercise: str | None,
    template: Path | None,
    column: str | None,
    out: Path | None,
    allow_open: bool,
) -> None:
    """Give the grades of a class back."""
    from grader.classroom.late import apply
    from grader.course import find_course

    _refuse_what_does_nothing(name, exercise, template, column)
    course = find_course()
    language.use(course.language)
    view = _narrowed(apply(_view(folder, course)), course, folder, exercise, column)
    if not allow_open:
        _refuse_unfinished(view)
    module = import_module(f"grader.classroom.export.{FORMATS[name].module}")
    _say(module.export(view, out or folder / "export" / FORMATS[name].out, template))


def _view(folder: Path, course: Course) -> ClassView:
    """Return the class as the store of that folder has it now."""
    store = import_module("grader.classroom.store")
    with store.Store.open(folder) as opened:
        view: ClassView = opened.view(course)
    return view


def _narrowed(view: ClassView, course: Course, folder: Path, exercise: str | None, column: str | None) -> ClassView:
    """Return the class with only the exercise that is wanted, and the column that is named for it."""
    from grader.course import load_exercise

    if exercise is None:
        return view
    slug = load_exercise(course, exercise).slug
    wanted = tuple(one for one in view.exercises if one.slug == slug)
    if not wanted:
        slugs = ", ".join(one.slug for one in view.exercises)
        raise UsageError(messages.EXPORT_NOT_GRADED.format(slug=slug, folder=folder, slugs=slugs))
    named = replace(view.course, canvas={slug: column} if column else view.course.canvas)
    return replace(view, course=named, exercises=wanted)


def _refuse_what_does_nothing(name: str, exercise: str | None, template: Path | None, column: str | None) -> None:
    from grader.commands.common import refuse_together

    if not FORMATS[name].fills:
        refuse_together(f"--to {name}", {"--template": bool(template)}, messages.EXPORT_WHY_TEMPLATE)
    if name != "canvas":
        refuse_together(f"--to {name}", {"--column": column}, messages.EXPORT_WHY_COLUMN)
    if column and exercise is None:
        raise UsageError(messages.EXPORT_COLUMN_OF)


def _refuse_unfinished(view: ClassView) -> None:
    """Raise if anything is not settled: points that may still change are not handed back unasked."""
    from grader.classroom.export.unfinished import unfinished
    from grader.enumeration import enumerated

    found = unfinished(view)
    if not found:
        return
    reasons: dict[tuple[str, str], list[str]] = {}
    for one, why in found:
        reasons.setdefault((one.exercise, why), []).append(one.student.id)
    lines = [
        messages.EXPORT_REASON.format(students=enumerated(ids), exercise=exercise, why=why)
        for (exercise, why), ids in reasons.items()
    ]
    if len(lines) > _SHOWN:
        lines[_SHOWN:] = [messages.EXPORT_REASONS_MORE.format(count=len(lines) - _SHOWN)]
    raise UsageError(messages.EXPORT_REFUSED.format(count=len(found), reasons="\n".join(lines)))


def _say(exported: Exported) -> None:
    for note in exported.notes:
        click.echo(note)
    if len(exported.files) > _LISTED:
        folder = os.path.commonpath(exported.files)
        click.echo(messages.EXPORT_WRITTEN_MANY.format(count=len(exported.files), folder=folder))
        return
    for file in exported.files:
        click.echo(messages.EXPORT_WRITTEN.format(file=file))
