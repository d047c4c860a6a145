"""What GitHub gets, read as its runner and as a Markdown parser read it; a student's text is never more than text."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from grader import messages
from grader.classroom.export.github import commands, export, no_commands, summary, tell
from grader.classroom.export.telling import items, line, why
from grader.errors import UsageError
from grader.results import CheckResult, ExerciseResult, Flag, Frame, Outcome

from .classroom_data import course_exercises, made_check, made_class, made_result
from .test_cli_check import grader_run
from .tiny_course import SLUG, make_course

EXERCISE = course_exercises(1)[0]
FILE = EXERCISE.files[0]
NAMES = {
    "error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-matcher", "stop-commands",
    "set-output", "save-state", "set-env", "add-path", "echo",
}  # fmt: skip
ATTACKS = (
    "::set-output name=result::forged",
    "   ::add-mask::points",
    "x\n::stop-commands::pwned\n::error file=/etc/passwd::no",
    "\r::set-output name=result::forged",
    "\u2028::set-output name=result::forged\x85::add-path::/tmp",
    "##[set-output name=result;]forged",
    "%0A::set-output name=result::forged",
    "a,file=other.py,line=1::set-output name=result::forged",
    "``` \n```\n# heading\n<script>alert(1)</script>",
    "``````````\n<img src=x onerror=alert(1)>",
    "| a | b |\n|---|---|\n| [x](javascript:alert(1)) | ![y](https://example.org/y.png) |",
    "</details><h1>Full marks</h1> &lt;b&gt; <!-- @everyone #1 :tada: **bold** _it_ ~~no~~ $x$",
    "\\`\\`\\` \\<b> \\",
)


@dataclass
class Runner:
    """The part of GitHub's runner that reads a step's output: which lines are commands, and what they say."""

    done: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    _token: str | None = None

    def read(self, output: str) -> Runner:
        """Take a step's output line by line."""
        for one in re.split(r"\r\n|\n|\r", output):
            self._line(one)
        return self

    def _line(self, line: str) -> None:
        names = NAMES | ({self._token} if self._token else set())
        command = _second_form(line, names) or _first_form(line, names)
        if command is None:
            return
        if self._token is not None:
            self._token = None if command[0] == self._token else self._token
        elif command[0] == "stop-commands":
            self._token = command[2]
        else:
            self.done.append(command)


def _second_form(line: str, names: set[str]) -> tuple[str, dict[str, str], str] | None:
    """Return what `::name key=value,…::data` says."""
    line = line.lstrip()
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, _, told = line[2:end].partition(" ")
    pairs = [pair.partition("=") for pair in told.strip().split(",") if pair]
    undo = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
    properties = {key: _undone(value, undo) for key, _, value in pairs}
    return (name, properties, _undone(line[end + 2 :], (*undo[:2], undo[4]))) if name in names else None


def _first_form(line: str, names: set[str]) -> tuple[str, dict[str, str], str] | None:
    """Return what `##[name]data` says, wherever it stands in the line."""
    found = re.search(r"##\[([^ \]]+)[^\]]*\](.*)", line)
    return (found[1], {}, found[2]) if found and found[1] in names else None


def _undone(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for code, character in pairs:
        text = text.replace(code, character)
    return text


def result(*checks: CheckResult, flags: tuple[Flag, ...] = ()) -> ExerciseResult:
    """Return a result with these checks."""
    return made_result(EXERCISE, checks, flags)


def attacked(text: str) -> ExerciseResult:
    """Return a result with a text in every place that a student can write to."""
    check = made_check("test_a", Outcome.RAISED, 2.0)
    check.message, check.stdout = text, text
    check.frames = [Frame(FILE, 3, text, text)]
    return result(check, flags=(Flag("rule", text, 4, text),))


def markdown(text: str) -> list[Token]:
    """Return the tokens of a page, those inside of paragraphs and cells too."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return list(_flat(parser.parse(text)))


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


# --- annotations -----------------------------------------------------------------------------------------------------


def test_an_error_stands_at_the_students_own_line() -> None:
    """File from the root of the repository, the innermost line, the check's title, the whole message."""
    check = made_check("test_a", Outcome.RAISED, 2.0)
    check.frames = [Frame(FILE, 3, "outer", "inner()"), Frame(FILE, 12, "inner", "x[9]")]
    (told,) = Runner().read("\n".join(commands(result(check), EXERCISE, PurePosixPath("hw/one")))).done
    name, properties, data = told
    assert (name, properties) == ("error", {"file": f"hw/one/{FILE}", "line": "12", "title": "A."})
    assert "test_a: expected another value, got this one." in data
    assert "x[9]" in data


def test_without_a_line_to_blame_none_is_named() -> None:
    """A wrong value is annotated at the file."""
    ((_, properties, _),) = (
        Runner()
        .read("\n".join(commands(result(made_check("test_a", Outcome.FAILED, 2.0)), EXERCISE, PurePosixPath())))
        .done
    )
    assert properties == {"file": FILE, "title": "A."}


@pytest.mark.parametrize("text", ATTACKS)
def test_no_text_of_a_student_becomes_a_command(text: str) -> None:
    """The runner sees the same commands as with a harmless text, and reads back what was said."""
    told = Runner().read("\n".join(commands(attacked(text), EXERCISE, PurePosixPath()))).done
    assert [name for name, _, _ in told] == ["error", "warning"]
    assert [set(properties) for _, properties, _ in told] == [{"file", "line", "title"}, {"file", "line"}]
    assert told[0][1]["file"] == FILE
    assert told[0][2] == why(items(attacked(text))[0])


@pytest.mark.parametrize("text", ATTACKS)
def test_nothing_that_is_printed_meanwhile_is_a_command(text: str) -> None:
    """Between the two lines of `no_commands` the runner does nothing; behind them it does again."""
    stream = io.StringIO()
    with no_commands(stream):
        print(text, file=stream)
    print("::notice::heard", file=stream)
    assert Runner().read(stream.getvalue()).done == [("notice", {}, "heard")]


def test_the_runner_of_these_tests_would_notice() -> None:
    """Without any care the forged output is taken, in each of the forms, and the runner can be made deaf."""
    for text in (*ATTACKS[:2], ATTACKS[3], ATTACKS[5]):
        assert Runner().read(text).done
    assert Runner().read(f"{ATTACKS[2]}\n::notice::heard").done == []


def test_commands_are_heard_again_where_something_raised() -> None:
    """An error in between does not leave the runner deaf."""
    stream = io.StringIO()
    with pytest.raises(UsageError, match="no such exercise"), no_commands(stream):
        raise UsageError("no such exercise")
    assert Runner().read(f"{stream.getvalue()}::notice::heard").done


# --- summary ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ATTACKS)
def test_no_text_of_a_student_becomes_markup(text: str) -> None:
    """The summary has the same elements as with a harmless text, and no HTML, link or image."""
    kinds = [token.type for token in markdown(summary(attacked(text), EXERCISE))]
    assert kinds == [token.type for token in markdown(summary(attacked("harmless"), EXERCISE))]
    assert not {"html_block", "html_inline", "link_open", "image"} & set(kinds)


@pytest.mark.parametrize("text", ATTACKS)
def test_a_hostile_title_stays_in_its_cell(text: str) -> None:
    """What a check claims is shown to the letter, in one cell, with odd characters as their codes."""
    check = made_check("test_a", Outcome.FAILED, 2.0)
    check.title = text
    tokens = markdown(summary(result(check), EXERCISE))
    cells = [token.content for before, token in itertools.pairwise(tokens) if before.type == "td_open"]
    assert len(cells) == 3
    (inline,) = MarkdownIt("commonmark", {"html": True}).parseInline(cells[1])
    assert {token.type for token in inline.children or []} <= {"text", "text_special"}
    assert "".join(token.content for token in inline.children or []) == line(text).strip()


def test_the_summary_has_every_check_once() -> None:
    """A row for each, with outcome, title and points, in the order of the suite."""
    checks = [made_check(f"test_{end.value}", end, 2.0) for end in Outcome]
    tokens = markdown(summary(result(*checks), EXERCISE))
    rows = sum(token.type == "tr_open" for token in tokens)
    assert rows == 1 + len(Outcome)


def test_an_open_result_has_no_score_in_its_heading() -> None:
    """It says that there is none yet, and why; a settled one says its points."""
    heading = markdown(summary(result(made_check("test_a", Outcome.ERROR, 2.0)), EXERCISE))[1].content
    settled = markdown(summary(result(made_check("test_a", Outcome.PASSED, 2.0)), EXERCISE))[1].content
    assert heading.endswith("no score yet")
    assert settled.endswith("2 of 2 points")


def test_of_very_many_reasons_the_first_are_shown() -> None:
    """The others are counted, and stand in the table."""
    checks = [made_check(f"test_{place}", Outcome.FAILED, 1.0) for place in range(14)]
    text = summary(result(*checks), EXERCISE)
    assert sum(token.type == "fence" for token in markdown(text)) == 10
    assert messages.GITHUB_MORE.format(count=4) in text


# --- files and the command -------------------------------------------------------------------------------------------


def test_the_runners_files_are_appended_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Summary and output are added behind what other steps wrote; the result is one line that the reporter decodes."""
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        (tmp_path / name).write_text("before\n")
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    stream = io.StringIO()
    tell(attacked(ATTACKS[2]), EXERCISE, tmp_path / "hw", stream)
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text().startswith("before\n### ")
    before, said = (tmp_path / "GITHUB_OUTPUT").read_text().splitlines()
    assert before == "before"
    assert decoded(said)["tests"][0]["score"] == 0.0
    assert Runner().read(stream.getvalue()).done[0][1]["file"] == f"hw/{FILE}"


def decoded(output: str) -> dict[str, Any]:
    """Return what the reporter of GitHub Classroom reads, held against its format."""
    name, _, value = output.partition("=")
    said: dict[str, Any] = json.loads(base64.b64decode(value, validate=True))
    assert name == "result"
    assert set(said) == {"version", "status", "max_score", "tests"}
    assert (said["version"], said["status"] in {"pass", "fail", "error"}) == (3, True)
    fields = {"name", "status", "score", "message", "filename", "line_no", "duration"}
    assert all(set(test) == fields and test["status"] in {"pass", "fail", "error"} for test in said["tests"])
    return said


def test_a_result_that_is_open_gives_no_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an output nobody can take our failure for points."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    tell(result(made_check("test_a", Outcome.ERROR, 2.0)), EXERCISE, tmp_path, io.StringIO())
    assert not (tmp_path / "output").exists()


def test_pending_checks_do_not_read_as_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole has not passed as long as one waits."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    checks = made_check("test_a", Outcome.PASSED, 2.0), made_check("test_b", Outcome.PENDING, 2.0)
    tell(result(*checks), EXERCISE, tmp_path, io.StringIO())
    said = decoded((tmp_path / "output").read_text().strip())
    assert (said["status"], [test["status"] for test in said["tests"]]) == ("fail", ["pass", "error"])


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runner that names a folder which is not there gets a sentence."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "none" / "summary"))
    with pytest.raises(UsageError, match=r"none/summary cannot be written: No such file"):
        tell(result(made_check("test_a", Outcome.PASSED, 2.0)), EXERCISE, tmp_path, io.StringIO())


def test_a_class_has_a_folder_for_everybody(tmp_path: Path) -> None:
    """Three files for each; what is open has no result and is named."""
    view = made_class(students=9, exercises=1)
    exported = export(view, tmp_path)
    folder = tmp_path / view.exercises[0].slug
    always = {"summary.md", "annotations.txt"}
    assert {path.name for path in (folder / "student-002").iterdir()} == always | {"result.json"}
    assert {path.name for path in (folder / "student-001").iterdir()} == always
    assert "student-001" in exported.notes[0]
    told = Runner().read((folder / "student-003" / "annotations.txt").read_text()).done
    assert {name for name, _, _ in told} == {"error"}


HIDDEN = """
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
FORGER = """
import sys
print('::set-output name=result::forged')
print('##[add-mask]4')

def double(x):
    print('::stop-commands::mine')
    raise ValueError('no\\n::error file=x::forged\\n%0A::set-output name=result::forged')
"""


def test_check_tells_the_runner_and_a_student_cannot(tmp_path: Path) -> None:
    """The whole command: one error at the student's line, the output ours alone, everything else unheard."""
    make_course(tmp_path, HIDDEN)
    (tmp_path / "exercises" / SLUG / "work.py").write_text(FORGER)
    files = {name: tmp_path / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")}
    told = {name: str(path) for name, path in files.items()} | {"GITHUB_WORKSPACE": str(tmp_path)}
    run = grader_run(tmp_path, "check", "1", "--github", **told)
    assert run.returncode == 1, run.stderr
    assert "::set-output" in run.stdout  # it is shown, and unheard
    done = Runner().read(run.stdout).done
    assert [(name, properties["file"], properties["line"]) for name, properties, _ in done] == [
        ("error", f"exercises/{SLUG}/work.py", "8")
    ]
    (output,) = files["GITHUB_OUTPUT"].read_text().splitlines()
    assert decoded(output)["tests"][0]["status"] == "fail"
    kinds = {token.type for token in markdown(files["GITHUB_STEP_SUMMARY"].read_text())}
    assert not {"html_block", "html_inline"} & kinds


def test_annotations_and_json_cannot_both_have_standard_output(tmp_path: Path) -> None:
    """The command refuses before anything is judged."""
    make_course(tmp_path, HIDDEN)
    run = grader_run(tmp_path, "check", "1", "--github", "--json", "-")
    assert run.returncode == 2
    assert "--github cannot be combined with --json -" in run.stderr
