"""The command line: a command parses, makes one call, prints. Never imports torch, numpy or pytest.

Owns options, exit codes and what becomes of errors: every one of errors.py is one clear message and its exit code,
never a traceback (GRADER_DEBUG=1 shows it). Everything that takes time to import is imported inside a command.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from grader import __version__, messages
from grader.errors import GraderError, UsageError

if TYPE_CHECKING:
    from grader.results import ExerciseResult
    from grader.sandbox.fence import Tier

_FENCES = ("auto", "namespaces", "landlock", "none")
_INTERRUPTED = 130
_OURS = 4


class _Group(click.Group):
    """Turns whatever a command raises into one message and its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            _end(messages.CLI_INTERRUPTED, _INTERRUPTED)
        except GraderError as error:
            if _debugging():
                raise
            _end(str(error), error.exit_code)
        except Exception as error:  # the outermost place there is: our own mistakes get a sentence too
            if _debugging():
                raise
            _end(messages.CLI_BUG.format(type_name=type(error).__name__, text=error), _OURS)


@click.group(cls=_Group, help=messages.CLI_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="grader")
def main() -> None:
    """Hold the commands together."""


@main.command(help=messages.CLI_CHECK_HELP)
@click.argument("exercise")
@click.option("--submission", type=click.Path(path_type=Path), help=messages.CLI_OPTION_SUBMISSION)
@click.option("--json", "json_file", metavar="FILE", help=messages.CLI_OPTION_JSON)
@click.option("--seed", type=click.IntRange(0, (1 << 63) - 1), help=messages.CLI_OPTION_SEED)
@click.option("--fence", type=click.Choice(_FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def check(exercise: str, submission: Path | None, json_file: str | None, seed: int | None, fence: str) -> None:
    """Check one submission for one exercise."""
    from grader.course import find_course, load_exercise
    from grader.grade import exit_code
    from grader.show import check_and_show

    found = load_exercise(find_course(), exercise)
    _require_folder_of(json_file or "-")
    stream = sys.stderr if json_file == "-" else sys.stdout
    result = check_and_show(found, submission, seed, _tier(fence), stream)
    if json_file:
        _write_json(result, json_file)
    sys.exit(exit_code(result))


@main.command(help=messages.CLI_DOCTOR_HELP)
@click.option("--fence", type=click.Choice(_FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def doctor(fence: str) -> None:
    """Say what this machine offers."""
    from grader.show import show_doctor

    needed = None if fence == "auto" else _as_tier(fence)
    sys.exit(_OURS if show_doctor(needed, sys.stdout) else 0)


@main.command(help=messages.CLI_DEMO_HELP)
def demo() -> None:
    """Show the main job on four submissions."""
    from grader.demo import run_demo

    run_demo(sys.stdout)


def _tier(fence: str) -> Tier:
    """Return the tier to run at; an explicit one must be there."""
    from grader.sandbox.fence import require_tier, strongest_tier

    if fence == "auto":
        return strongest_tier()
    tier = _as_tier(fence)
    require_tier(tier)
    return tier


def _as_tier(fence: str) -> Tier:
    from grader.sandbox.fence import Tier

    return Tier(fence)


def _require_folder_of(file: str) -> None:
    """Find out before anything is judged that there is nowhere to write to."""
    if file != "-" and not Path(file).parent.is_dir():
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=file, problem=os.strerror(errno.ENOENT)))


def _write_json(result: ExerciseResult, file: str) -> None:
    if file == "-":
        click.echo(result.to_json())
        return
    try:
        Path(file).write_bytes(result.to_json() + b"\n")
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=file, problem=error.strerror)) from error


def _end(message: str, exit_code: int) -> NoReturn:
    click.echo(messages.CLI_ERROR.format(message=message), err=True)
    raise click.exceptions.Exit(exit_code)


def _debugging() -> bool:
    return os.environ.get("GRADER_DEBUG") == "1"
