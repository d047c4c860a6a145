"""The command that writes the report of a graded class.

A command parses, makes one call, prints. Never imports torch; what takes time is imported inside.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import secrets
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from grader import language, messages
from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.classroom.view import ClassView
    from grader.report.classroom.findings import Compared

_FOLDER = click.Path(path_type=Path)
KEY_FILE = "pseudonyms.key"
_KEY_BYTES = 32


@click.command(help=messages.CLI_REPORT_HELP)
@click.argument("graded", metavar="DIR", type=_FOLDER)
@click.option("--out", metavar="FOLDER", type=_FOLDER, help=messages.CLI_OPTION_REPORT_OUT)
@click.option("--single-file", is_flag=True, help=messages.CLI_OPTION_REPORT_SINGLE)
@click.option("--anonymous", is_flag=True, help=messages.CLI_OPTION_REPORT_ANONYMOUS)
@click.option("--diff", "with_diff", is_flag=True, help=messages.CLI_OPTION_REPORT_DIFF)
@click.option("--open", "then_open", is_flag=True, help=messages.CLI_OPTION_REPORT_OPEN)
def report(
    graded: Path, out: Path | None, single_file: bool, anonymous: bool, with_diff: bool, then_open: bool
) -> None:
    """Write the report of a class."""
    from grader.commands.common import refuse_together
    from grader.report.classroom import class_report

    if with_diff:
        refuse_together("--diff", {"--anonymous": anonymous}, messages.CLASS_WHY_NOT_DIFF)
    view, diff = _read(graded, with_diff)
    gc.freeze()  # a large class is half a million objects that live to the end: not to be looked through again
    key = kept_key(graded) if anonymous else None
    page = class_report(
        view, out or graded / "report", single_file=single_file, anonymous=anonymous, diff=diff, key=key
    )
    click.echo(messages.CLASS_WRITTEN.format(file=page))
    if then_open and not webbrowser.open(page.resolve().as_uri()):
        click.echo(messages.CLASS_NO_BROWSER, err=True)


def _read(graded: Path, with_diff: bool) -> tuple[ClassView, Compared | None]:
    """Return the class as it stands, after the course's late policy, and what moved since the run before."""
    from grader.course import find_course

    course = find_course()
    language.use(course.language)
    with part("store").Store.open(graded) as store:
        view: ClassView = store.view(course, part("late").apply)
        runs = store.runs() if with_diff else []
        if with_diff and len(runs) < 2:
            raise UsageError(messages.CLASS_NO_EARLIER_RUN.format(folder=graded))
        return view, part("picture").difference(store, runs[-2], runs[-1]) if runs else None


def part(name: str) -> Any:
    """Return a module of `grader.classroom`; those that read the store take time to import."""
    return importlib.import_module(f"grader.classroom.{name}")


def kept_key(graded: Path) -> bytes | None:
    """Return the key of this class's pseudonyms, made when it is asked for first; None where it cannot be kept.

    It lies beside the store and not in the report, so that whoever gets the report cannot undo the names.
    """
    path = graded / KEY_FILE
    try:
        with (
            contextlib.suppress(FileExistsError),
            os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file,
        ):
            file.write(secrets.token_hex(_KEY_BYTES))
        return path.read_bytes().strip() or None
    except OSError as error:
        problem = error.strerror or str(error)
        click.echo(messages.CLASS_KEY_NOT_KEPT.format(folder=graded, problem=problem), err=True)
        return None
