"""GitHub Actions: a job's summary, annotations at the lines of a file, and the result as GitHub Classroom reads it.

Owns these formats and everything that keeps a student's text from being more than text in them. Invariants: a line that
begins with `::` is ours, and all in it that was a student's is escaped; in Markdown every mark in such text is escaped
or stands in a fence that is longer than any in it; while anything else is printed the runner takes no commands.

Source: the escaping of commands as actions/runner undoes it (src/Runner.Common/ActionCommand.cs); stop-commands:
GitHub Docs, Workflow commands; the result's fields: classroom-resources/autograding-grading-reporter.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

import msgspec

from grader import messages
from grader.classroom.export import telling
from grader.classroom.export.exported import Exported
from grader.classroom.export.writing import distinct_names, judged, notes, write_files
from grader.classroom.view import ClassView
from grader.course import Exercise
from grader.errors import UsageError
from grader.report.causes import Cause, Item, sort_checks
from grader.results import ExerciseResult, Flag, Outcome
from grader.score import number

MAX_ANNOTATIONS = 10  # of one kind and step: GitHub shows no more
_SHOWN_REASONS = 10
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")
_BACKTICKS = re.compile(r"`+")
_SIGNS = {Outcome.PASSED: "✅", Outcome.PENDING: "🕓", Outcome.ERROR: "⚠️", Outcome.NOT_RUN: "⚠️"}
_FAILED_SIGN = "❌"
_STATUS = {Outcome.PASSED: "pass", Outcome.PENDING: "error", Outcome.ERROR: "error", Outcome.NOT_RUN: "error"}


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Write `summary.md`, `annotations.txt` and `result.json` into `out/EXERCISE/STUDENT` for everybody judged.

    What is not settled has no `result.json`, because that file knows points only.
    """
    names = distinct_names(student.id for student in view.students)
    files = []
    for one in judged(view):
        folder = PurePosixPath(one.exercise.slug, names[one.standing.student.id])
        told = "".join(f"{command}\n" for command in commands(one.result, one.exercise, PurePosixPath()))
        files += [
            (folder / "summary.md", summary(one.result, one.exercise).encode()),
            (folder / "annotations.txt", told.encode()),
        ]
        if not one.result.our_failures:
            files.append((folder / "result.json", _json(one.result, one.exercise) + b"\n"))
    return Exported(write_files(out, files), notes(view, messages.EXPORT_OPEN))


@contextlib.contextmanager
def no_commands(stream: TextIO) -> Iterator[None]:
    """Let nothing that is printed meanwhile be a command: a student's text could forge the step's output otherwise."""
    token = secrets.token_hex(16)
    print(f"::stop-commands::{token}", file=stream, flush=True)
    try:
        yield
    finally:
        print(f"::{token}::", file=stream, flush=True)


def tell(result: ExerciseResult, exercise: Exercise, folder: Path, stream: TextIO) -> None:
    """Print annotations and write the job's summary and the step's output, as far as the runner names files for them.

    Args:
        folder: Where the judged files lie.
    Raises:
        UsageError: a file that the runner names cannot be written.
    """
    for command in commands(result, exercise, _in_workspace(folder)):
        print(command, file=stream)
    _append("GITHUB_STEP_SUMMARY", summary(result, exercise))
    if not result.our_failures:  # whoever reads the output would take it for points
        _append("GITHUB_OUTPUT", f"result={base64.b64encode(_json(result, exercise)).decode('ascii')}\n")


def summary(result: ExerciseResult, exercise: Exercise) -> str:
    """Return the job's summary: score, a table of all checks, what to look at; far below the megabyte GitHub takes."""
    shown = telling.allowed(result, exercise)
    reasons = [_reason(cause) for cause in sort_checks(shown.checks).causes]
    kept = reasons[:_SHOWN_REASONS]
    more = [messages.GITHUB_MORE.format(count=len(reasons) - len(kept))] if len(reasons) > len(kept) else []
    about = [f"#### {messages.GITHUB_REASONS}", *kept, *more] if kept else []
    return "\n\n".join([_heading(shown, exercise), *map(_plain, telling.honest(shown)), _table(shown), *about]) + "\n"


def commands(result: ExerciseResult, exercise: Exercise, folder: PurePosixPath) -> list[str]:
    """Return workflow commands: an error for each cause, with the student's own line where one is known.

    Args:
        folder: Where the judged files lie, as seen from the repository's root.
    """
    shown = telling.allowed(result, exercise)
    placed = sort_checks(shown.checks)
    errors = [_error(cause, folder, exercise) for cause in placed.causes[:MAX_ANNOTATIONS]]
    warnings = [_flag(flag, folder) for flag in shown.flags[:MAX_ANNOTATIONS]]
    said = [_command("notice", {}, sentence) for sentence in telling.honest(shown)]
    return [*errors, *warnings, *said]


def classroom_result(result: ExerciseResult, exercise: Exercise) -> dict[str, Any]:
    """Return what GitHub Classroom's reporter reads from a step's output. It passes only if every check did."""
    shown = telling.items(telling.allowed(result, exercise))
    passed = all(item.outcome is Outcome.PASSED for item in shown)
    tests = [_classroom_test(item) for item in shown]
    return {"version": 3, "status": "pass" if passed else "fail", "max_score": result.max_score, "tests": tests}


def _json(result: ExerciseResult, exercise: Exercise) -> bytes:
    return msgspec.json.encode(classroom_result(result, exercise))


def _classroom_test(item: Item) -> dict[str, Any]:
    status = _STATUS.get(item.outcome, "fail")
    frames = item.check.frames[-1:]
    return {
        "name": telling.title_of(item),
        "status": status,
        "score": item.points,
        "message": "" if item.outcome is Outcome.PASSED else telling.why(item),
        "filename": telling.line(frames[0].file) if frames else "",
        "line_no": frames[0].line if frames else 0,
        "duration": round(1000 * sum(entry.wall_s for entry in item.entries)),
    }


# --- Markdown --------------------------------------------------------------------------------------------------------


def _heading(result: ExerciseResult, exercise: Exercise) -> str:
    facts = {"title": _plain(exercise.title), "score": number(result.score), "max_score": number(result.max_score)}
    form = messages.GITHUB_HEADING_OPEN if result.our_failures else messages.GITHUB_HEADING
    return f"### {form.format(**facts)}"


def _table(result: ExerciseResult) -> str:
    rows = [f"| {messages.GITHUB_COLUMNS} |", "|:--|:--|--:|"]
    for item in telling.items(result):
        sign = _SIGNS.get(item.outcome, _FAILED_SIGN)
        cells = (f"{sign} {telling.word(item.outcome)}", _plain(telling.title_of(item)), _plain(telling.earned(item)))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _reason(cause: Cause) -> str:
    item = cause.items[0]
    return f"**{_plain(telling.title_of(item))}**\n\n{_fenced(telling.why(item))}"


def _plain(text: str) -> str:
    """Return text of one line in which no character is a mark of Markdown, of HTML or of GitHub's own."""
    return _MARKS.sub(r"\\\1", telling.line(text))


def _fenced(text: str) -> str:
    """Return text of several lines as a block of code that nothing in it can end."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


# --- workflow commands -----------------------------------------------------------------------------------------------


def _error(cause: Cause, folder: PurePosixPath, exercise: Exercise) -> str:
    """Return an annotation at the innermost of the student's own lines, or at their file where no line is to blame."""
    item = cause.items[0]
    frames = [frame for frame in item.check.frames if frame.file in exercise.files]
    place = {"file": str(folder / (frames[-1].file if frames else exercise.files[0]))}
    if frames:
        place["line"] = str(frames[-1].line)
    return _command("error", place | {"title": telling.title_of(item)}, telling.why(item))


def _flag(flag: Flag, folder: PurePosixPath) -> str:
    place = {"file": str(folder / flag.file), "line": str(flag.line)}
    return _command("warning", place, telling.line(flag.message))


def _command(name: str, properties: dict[str, str], data: str) -> str:
    told = ",".join(f"{key}={_escaped_property(telling.line(value))}" for key, value in properties.items())
    return f"::{name} {told}::{_escaped(data)}" if told else f"::{name}::{_escaped(data)}"


def _escaped(data: str) -> str:
    return data.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(value: str) -> str:
    return _escaped(value).replace(":", "%3A").replace(",", "%2C")


def _in_workspace(folder: Path) -> PurePosixPath:
    """Return a folder as seen from the root of the repository, which is what annotations are placed by."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    whole = folder.resolve()
    return PurePosixPath(whole.relative_to(root)) if whole.is_relative_to(root) else PurePosixPath(whole)


def _append(variable: str, text: str) -> None:
    """Append to a file that the runner names; a machine that is no runner names none."""
    file = os.environ.get(variable)
    if not file:
        return
    try:
        with open(file, "a", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=file, problem=error.strerror)) from error
