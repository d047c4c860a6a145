"""The command line: a command parses, makes one call, prints. Never imports torch, numpy or pytest.

Owns options, exit codes and what becomes of errors: every one of errors.py is one clear message and its exit code,
never a traceback (GRADER_DEBUG=1 shows it). Everything that takes time to import is imported inside a command.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from grader import __version__, language, messages
from grader.commands.common import (
    DEVICES,
    FENCES,
    as_tier,
    devices_of,
    language_option,
    refuse_together,
    require_folder_of,
    speak,
    tell_of_trouble,
    tier_of,
    write,
)
from grader.completion import complete_check, complete_exercise
from grader.errors import GraderError, UsageError

if TYPE_CHECKING:
    from grader.commands.grading import Replay
    from grader.course import Exercise
    from grader.results import ExerciseResult
    from grader.sandbox.fence import Tier
    from grader.show import Checked, Wanted

_INTERRUPTED = 130
_OURS = 4
# Commands by name, and the module that is imported for them.
_ELSEWHERE = {
    **dict.fromkeys(("list", "reset", "bundle", "completion"), "grader.commands.student"),
    "demo": "grader.commands.demo",
    "export": "grader.commands.export",
    "new": "grader.commands.new",
    "release": "grader.commands.release",
    "report": "grader.commands.report",
    **dict.fromkeys(("grade", "results", "override", "comment"), "grader.commands.grading"),
}

_FOR_STUDENTS = ("check", "hint", "list", "reset", "bundle", "completion")
_FOR_EVERYBODY = ("demo", "doctor")
_BESIDE_COMMAND = 6  # columns: margins, and what parts name and sentence
_FUNCTIONS = {"list": "list_exercises"}  # where a command's name is taken in Python


class _Group(click.Group):
    """Turns whatever a command raises into one message and its exit code; imports commands that live elsewhere."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            command: click.Command = getattr(
                importlib.import_module(_ELSEWHERE[cmd_name]), _FUNCTIONS.get(cmd_name, cmd_name)
            )
            return command
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say of each command what it does, in the order in which they are needed; students' first."""
        others = [name for name in self.list_commands(ctx) if name not in (*_FOR_STUDENTS, *_FOR_EVERYBODY)]
        for heading, names in (
            (messages.CLI_FOR_STUDENTS, _FOR_STUDENTS),
            (messages.CLI_FOR_INSTRUCTORS, others),
            (messages.CLI_FOR_EVERYBODY, _FOR_EVERYBODY),
        ):
            commands = ((name, self.get_command(ctx, name)) for name in names)
            width = formatter.width - max(map(len, self.list_commands(ctx))) - _BESIDE_COMMAND
            with formatter.section(heading):
                formatter.write_dl([(name, one.get_short_help_str(width)) for name, one in commands if one is not None])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever goes wrong ends in one message and the exit code of its kind."""
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


@click.group(
    cls=_Group,
    help=messages.CLI_HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="grader")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Hold the commands together; without one, say what to do next."""
    if ctx.invoked_subcommand is None:
        from grader.commands.student import say_what_next

        say_what_next()


@main.command(help=messages.CLI_CHECK_HELP)
@click.argument("exercise", required=False, shell_complete=complete_exercise)
@click.option("--submission", type=click.Path(path_type=Path), help=messages.CLI_OPTION_SUBMISSION)
@click.option("--from", "store", metavar="DIR", type=click.Path(path_type=Path), help=messages.CLI_OPTION_FROM)
@click.option("--student", metavar="ID", help=messages.CLI_OPTION_STUDENT)
@click.option("--exercise", "named", metavar="E", help=messages.CLI_OPTION_EXERCISE)
@click.option(
    "-k", "keyword", metavar="EXPR", default="", help=messages.CLI_OPTION_KEYWORD, shell_complete=complete_check
)
@click.option("--seed", metavar="N", type=click.IntRange(0, (1 << 63) - 1), help=messages.CLI_OPTION_SEED)
@click.option("--device", type=click.Choice(DEVICES), help=messages.CLI_OPTION_DEVICE)
@click.option("--html", "html_file", metavar="FILE", help=messages.CLI_OPTION_HTML)
@click.option("--json", "json_file", metavar="FILE", help=messages.CLI_OPTION_JSON)
@click.option("--merge", "merge_file", metavar="FILE", help=messages.CLI_OPTION_MERGE)
@click.option("--github", is_flag=True, help=messages.CLI_OPTION_GITHUB)
@click.option("--debug", is_flag=True, help=messages.CLI_OPTION_DEBUG)
@click.option("--watch", "watches", is_flag=True, help=messages.CLI_OPTION_WATCH)
@click.option("--as-student", is_flag=True, help=messages.CLI_OPTION_AS_STUDENT)
@language_option
@click.option("--fence", type=click.Choice(FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def check(
    exercise: str | None,
    submission: Path | None,
    store: Path | None,
    student: str | None,
    named: str | None,
    keyword: str,
    seed: int | None,
    device: str | None,
    html_file: str | None,
    json_file: str | None,
    merge_file: str | None,
    github: bool,
    debug: bool,
    watches: bool,
    as_student: bool,
    lang: str | None,
    fence: str,
) -> None:
    """Check one submission for one exercise."""
    from grader.course import choose_exercise, find_course
    from grader.score import exit_code
    from grader.show import Wanted, check_and_show

    course = find_course()
    speak(lang, course)
    exercise = exercise or named
    found = choose_exercise(course, exercise)
    others = {"--submission": submission is not None, "--merge": merge_file is not None, "--debug": debug}
    kept = _kept(store, found, student, exercise, others) if store or student or named else None
    files = {"--json": json_file, "--html": html_file, "--merge": merge_file}
    shown = {**files, "--github": github, "--as-student": as_student}
    if watches:
        refuse_together("--watch", {**shown, "--debug": debug, "--from": bool(kept)}, messages.WATCH_WHY_NOT)
    if debug:
        _debug(found, submission, seed, keyword, _device_to_debug(found, device, shown))
    _require_places_for(files, keyword, github)
    wanted = Wanted(
        tier=_tier(fence, others_code=kept is not None),
        command=kept.command if kept else _command(exercise, None if as_student else submission, seed, lang),
        path=submission,
        given=kept.submission if kept else None,
        cells=kept.cells if kept else {},
        seed=kept.seed if kept and seed is None else seed,
        keyword=keyword,
        devices=devices_of(found, device),
        earlier=_read_result(merge_file) if merge_file else None,
        has_html=html_file is not None,
        as_student=as_student,
    )
    if watches:
        sys.exit(_watch(found, wanted))
    with _github_takes_no_commands() if github else contextlib.nullcontext():
        checked = check_and_show(found, wanted, sys.stderr if "-" in (json_file, html_file) else sys.stdout)
    if kept and kept.line:
        click.echo(kept.line, err="-" in (json_file, html_file))
    _write_files(checked, found, html_file, json_file)
    if github:
        _tell_github(checked, found, submission)
    sys.exit(exit_code(checked.result))


@main.command(help=messages.CLI_HINT_HELP)
@click.argument("exercise", required=False, shell_complete=complete_exercise)
@click.argument("check", required=False, shell_complete=complete_check)
@language_option
def hint(exercise: str | None, check: str | None, lang: str | None) -> None:
    """Give the next hint for the student's own last result."""
    from grader.course import choose_exercise, find_course
    from grader.hints import take_hint
    from grader.terminal import console_for, hint_lines, say

    course = find_course()
    speak(lang, course)
    tell_of_trouble(course)
    taken = take_hint(choose_exercise(course, exercise, "hint"), check, lang)
    console = console_for(sys.stdout)
    say(console, hint_lines(taken, console))


@main.command(help=messages.CLI_VERIFY_HELP)
@click.argument("exercise", required=False, shell_complete=complete_exercise)
@click.option("--mutants", is_flag=True, help=messages.CLI_OPTION_MUTANTS)
@click.option("--json", "json_file", metavar="FILE", help=messages.CLI_OPTION_VERIFY_JSON)
@click.option("--fence", type=click.Choice(FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def verify(exercise: str | None, mutants: bool, json_file: str | None, fence: str) -> None:
    """Pass one exercise, or all, through the author's gates."""
    from grader.author.gate import to_json
    from grader.author.mutants import verify_mutants
    from grader.author.table import verify_and_show
    from grader.author.verify import verify as verify_gates
    from grader.course import find_course, load_exercise

    course = find_course()
    require_folder_of(json_file or "-")
    exercises = [load_exercise(course, name) for name in ([exercise] if exercise else course.slugs())]
    if not exercises:
        raise UsageError(messages.CLI_NO_EXERCISES.format(folder=course.root / "exercises"))
    gates = verify_mutants if mutants else verify_gates
    verified = verify_and_show(exercises, gates, tier_of(fence), sys.stderr if json_file == "-" else sys.stdout)
    if json_file:
        write(to_json(verified) + b"\n", json_file)
    sys.exit(0 if all(one.good for one in verified) else 1)


@main.command(help=messages.CLI_CALIBRATE_HELP)
@click.argument("exercise", shell_complete=complete_exercise)
@click.option("--seeds", metavar="N", type=click.IntRange(1), default=100, help=messages.CLI_OPTION_SEEDS)
@click.option("--device", type=click.Choice(DEVICES[:-1]), help=messages.CLI_OPTION_CALIBRATE_DEVICE)
@click.option("--fence", type=click.Choice(FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def calibrate(exercise: str, seeds: int, device: str | None, fence: str) -> None:
    """Find out what accuracies right solutions reach."""
    from grader.author.calibrate import calibrate_and_show
    from grader.course import find_course, load_exercise

    found = load_exercise(find_course(), exercise)
    calibrate_and_show(found, tier_of(fence), seeds, devices_of(found, device), sys.stdout)


@main.command(help=messages.CLI_DOCTOR_HELP)
@click.option("--fence", type=click.Choice(FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
def doctor(fence: str) -> None:
    """Say what this machine offers."""
    from grader.show import show_doctor

    needed = None if fence == "auto" else as_tier(fence)
    sys.exit(_OURS if show_doctor(needed, sys.stdout) else 0)


def _require_places_for(files: Mapping[str, str | None], keyword: str, github: bool) -> None:
    """Find out before anything is judged what cannot be written, to a file or to stdout."""
    to_stdout = {f"{option} -": file == "-" for option, file in files.items()}
    if keyword:
        refuse_together("-k", {"--merge": files["--merge"]}, messages.CLI_WHY_NOT_PART)
    if files["--json"] == "-":
        refuse_together("--json -", {"--html -": to_stdout["--html -"]}, messages.CLI_WHY_NOT_BOTH)
    if github:
        refuse_together("--github", to_stdout, messages.CLI_WHY_NOT_GITHUB)
    for option in ("--json", "--html"):
        require_folder_of(files[option] or "-")


def _kept(
    store: Path | None, exercise: Exercise, student: str | None, name: str | None, others: Mapping[str, bool]
) -> Replay:
    from grader.commands.grading import replay

    if store is None:
        raise UsageError(messages.REPLAY_ONLY)
    refuse_together("--from", others, messages.REPLAY_WHY_NOT)
    if not student or not name:
        raise UsageError(messages.REPLAY_NEEDS)
    return replay(store, exercise, student)


def _tier(fence: str, others_code: bool) -> Tier:
    """Return the tier to run at; what somebody else wrote is fenced in, unless --fence none says otherwise."""
    tier = tier_of(fence)
    if others_code and fence == "auto":
        from grader.classroom.run import allow

        allow(tier, asked=False)
    return tier


def _command(exercise: str | None, submission: Path | None, seed: int | None, lang: str | None) -> str:
    """Return what one has to type to check the same submission with the same draws again."""
    words = ["grader", "check", *([exercise] if exercise else [])]
    words += ["--submission", str(submission)] if submission else []
    words += ["--seed", str(seed)] if seed is not None else []
    words += ["--lang", lang] if lang else []
    return shlex.join(words)


def _device_to_debug(
    exercise: Exercise, device: str | None, shown: Mapping[str, str | bool | None]
) -> tuple[str, ...] | None:
    refuse_together("--debug", shown, messages.CLI_WHY_NOT_DEBUG)
    refuse_together("--debug", {"--device all": device == "all"}, messages.CLI_WHY_NOT_DEVICES)
    return devices_of(exercise, device)


def _debug(
    exercise: Exercise, submission: Path | None, seed: int | None, keyword: str, devices: tuple[str, ...] | None
) -> NoReturn:
    """Become a Python that imports torch and runs suite and submission; Ctrl-C then belongs to the debugger alone."""
    options = ["--submission", str(submission)] if submission else []
    options += ["--seed", str(seed)] if seed is not None else []
    options += ["-k", keyword] if keyword else []
    options += ["--device", devices[0]] if devices else []
    options += ["--lang", language.current()]
    # -P: the working directory is the student's, and a torch.py in it must not be taken for torch.
    command = [sys.executable, "-P", "-m", "grader.suite.debug", str(exercise.course.root), exercise.slug, *options]
    if sys.platform == "win32":  # there, exec would start it beside us and end us at once
        from subprocess import call

        sys.exit(call(command))
    os.execv(sys.executable, command)


def _watch(exercise: Exercise, wanted: Wanted) -> int:
    from grader.watch.session import watch

    return watch(exercise, wanted, sys.stdout)


def _read_result(file: str) -> ExerciseResult:
    from msgspec import DecodeError

    from grader.results import ExerciseResult

    try:
        return ExerciseResult.from_json(Path(file).read_bytes())
    except OSError as error:
        raise UsageError(messages.MERGE_UNREADABLE.format(file=file, problem=error.strerror)) from error
    except (DecodeError, UnicodeDecodeError) as error:
        raise UsageError(messages.MERGE_UNREADABLE.format(file=file, problem=error)) from error


def _write_files(checked: Checked, exercise: Exercise, html_file: str | None, json_file: str | None) -> None:
    if html_file:
        _write_html(checked, exercise, html_file)
    if json_file:
        write(checked.result.to_json() + b"\n", json_file)


def _write_html(checked: Checked, exercise: Exercise, file: str) -> None:
    from grader.report.render import student_report

    write(student_report(checked.result, exercise, checked.sources).encode(), file)
    if file != "-":
        click.echo(messages.CHECK_HTML_WRITTEN.format(file=file), err=True)


def _github_takes_no_commands() -> contextlib.AbstractContextManager[None]:
    from grader.classroom.export.github import no_commands

    return no_commands(sys.stdout)


def _tell_github(checked: Checked, exercise: Exercise, submission: Path | None) -> None:
    from grader.classroom.export.github import tell

    given = exercise.stub_folder if submission is None else submission
    tell(checked.result, exercise, given if given.is_dir() else given.parent, sys.stdout)


def _end(message: str, exit_code: int) -> NoReturn:
    click.echo(messages.CLI_ERROR.format(message=message), err=True)
    raise click.exceptions.Exit(exit_code)


def _debugging() -> bool:
    return os.environ.get("GRADER_DEBUG") == "1"
