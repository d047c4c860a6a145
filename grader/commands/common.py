"""What several commands do with their options: a tier, devices, files to write to.

Owns the sentences for options that do not go together. Never imports torch; what takes time is imported inside.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from grader import language, messages
from grader.errors import UsageError
from grader.language import ENGLISH, LANGUAGES
from grader.whole_file import write_whole

if TYPE_CHECKING:
    from grader.course import Course, Exercise
    from grader.sandbox.fence import Tier

FENCES = ("auto", "namespaces", "landlock", "none")
DEVICES = ("cpu", "sim", "cuda", "all")

_Command = TypeVar("_Command", bound=Callable[..., Any])


def language_option(command: _Command) -> _Command:
    """Give a student's command `--lang`; what is said before a course was found is said in it too."""

    def begin(ctx: click.Context, param: click.Parameter, lang: str | None) -> str | None:
        speak(lang)
        return lang

    option = click.option(
        "--lang", type=click.Choice(LANGUAGES), is_eager=True, callback=begin, help=messages.CLI_OPTION_LANG
    )
    return option(command)


def speak(lang: str | None = None, course: Course | None = None) -> None:
    """Say everything from now on in the language of `--lang`, of the environment, or of course.toml, in that order."""
    language.use(lang or language.asked_for_by(os.environ) or (course.language if course else ENGLISH))


def tier_of(fence: str) -> Tier:
    """Return the tier to run at; an explicit one must be there."""
    from grader.sandbox.fence import require_tier, strongest_tier

    if fence == "auto":
        return strongest_tier()
    tier = as_tier(fence)
    require_tier(tier)
    return tier


def as_tier(fence: str) -> Tier:
    """Return the tier of that name."""
    from grader.sandbox.fence import Tier

    return Tier(fence)


def devices_of(exercise: Exercise, device: str | None) -> tuple[str, ...] | None:
    """Return the devices to judge on; None means every listed one that is present."""
    if device is None:
        return None
    if device == "all":
        return exercise.devices
    if device not in exercise.devices:
        listed = ", ".join(exercise.devices)
        raise UsageError(messages.CLI_DEVICE_NOT_LISTED.format(slug=exercise.slug, device=device, devices=listed))
    return (device,)


def refuse_together(option: str, others: Mapping[str, str | bool | None] | Mapping[str, bool], why: str) -> None:
    """Raise UsageError if one of the others was given too."""
    if given := ", ".join(name for name, value in others.items() if value):
        raise UsageError(messages.CLI_NOT_TOGETHER.format(option=option, others=given, why=why))


def tell_of_trouble(course: Course) -> None:
    """Say what a student should know about what is remembered: that it is not, or that it begins anew."""
    from grader.state import trouble

    if said := trouble(course.root):
        click.echo(said, err=True)


def require_folder_of(file: str) -> None:
    """Find out before anything is judged that there is nowhere to write to."""
    if file != "-" and not Path(file).parent.is_dir():
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=file, problem=os.strerror(errno.ENOENT)))


def write(data: bytes, file: str) -> None:
    """Write a file, or to stdout where it is called `-`. A full disk leaves what was there before.

    Raises:
        UsageError: it cannot be written.
    """
    if file == "-":
        click.echo(data, nl=False)
        return
    try:
        _write_whole_if_possible(Path(file), data)
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=file, problem=error.strerror)) from error


def _write_whole_if_possible(path: Path, data: bytes) -> None:
    """Write beside and rename; but not over a device, a pipe or a link, nor where the folder does not allow it."""
    if path.exists() and (path.is_symlink() or not path.is_file()):
        path.write_bytes(data)
        return
    try:
        write_whole(path, data)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EBUSY):  # a single file that is mounted is busy
            raise
        path.write_bytes(data)
