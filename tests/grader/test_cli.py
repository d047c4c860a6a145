"""The command line as its users meet it: options, exit codes, messages instead of tracebacks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import click
import pytest
from click.testing import CliRunner, Result

import grader.show
from grader import messages
from grader.cli import main
from grader.course import Exercise
from grader.errors import CourseError, FenceError, GraderError, StudentRaised, SubmissionRejected, UsageError
from grader.results import CheckResult, Environment, ExerciseResult, Outcome, SubmissionInfo
from grader.sandbox.fence import Tier, strongest_tier

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise1_manual_backprop"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs `grader …` in this process, in the course's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GRADER_DEBUG", raising=False)

    def invoke(*arguments: str | Path) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    return invoke


class Asked(NamedTuple):
    """What a command asked the grader for."""

    exercise: Exercise
    path: Path | None
    seed: int | None
    tier: Tier
    stream: TextIO


def result(outcome: Outcome = Outcome.PASSED) -> ExerciseResult:
    """Return the result of an exercise with one check."""
    return ExerciseResult(
        exercise="exercise1_manual_backprop", submission=SubmissionInfo("0", []), suite_sha256="0", score=0,
        max_score=1, complete=True, seed=7, environment=Environment("0", "3", "2", ["cpu"], "none"),
        checks=[CheckResult("test_a", "A", "hidden", "cpu", outcome, 0, 1)],
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Replace the grader by one that only takes notes and always has the same result."""
    notes: list[Asked] = []

    def note(*arguments: Any) -> ExerciseResult:
        notes.append(Asked(*arguments))
        return result()

    monkeypatch.setattr(grader.show, "check_and_show", note)
    return notes


def grader_process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `grader …` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "grader", *arguments],
        capture_output=True, text=True, cwd=ROOT, env=os.environ | environment, timeout=120,
    )  # fmt: skip


def imported_by(*arguments: str) -> str:
    """Run `grader …` in a process of its own; return its output and which heavy packages it had imported at its end."""
    program = (
        "import atexit, sys\n"
        "heavy = {'torch', 'numpy', 'pytest'}\n"
        "atexit.register(lambda: print('IMPORTED', sorted(heavy & set(sys.modules))))\n"
        "from grader.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120).stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"], ["check", "no-such-exercise"]])
def test_torch_is_not_imported(arguments: list[str]) -> None:
    """Help, version and a wrong name are answered without importing torch, numpy or pytest."""
    assert imported_by(*arguments).endswith("IMPORTED []\n")


def test_a_check_imports_no_torch_here() -> None:
    """A whole check runs without torch, numpy or pytest in the command line's own process."""
    output = imported_by("check", "exercise1")
    assert "Score 0 / 20" in output
    assert output.endswith("IMPORTED []\n")


@pytest.mark.parametrize("name", ["1", "exercise1", "exercise1_manual_backprop"])
def test_an_exercise_has_three_names(run: Callable[..., Result], asked: list[Asked], name: str) -> None:
    """Number, short name and folder name all lead to the exercise."""
    run("check", name)
    assert asked[0].exercise.slug == "exercise1_manual_backprop"


def test_options_reach_the_grader(run: Callable[..., Result], asked: list[Asked]) -> None:
    """Submission, seed and tier are passed on as given; without them the stub, the course's seed, the best tier."""
    run("check", "1")
    run("check", "1", "--submission", "there", "--seed", "11", "--fence", "none")
    assert asked[0][1:4] == (None, None, strongest_tier())
    assert asked[1][1:4] == (Path("there"), 11, Tier.NONE)


@pytest.mark.parametrize(("outcome", "exit_code"), [(Outcome.PASSED, 0), (Outcome.FAILED, 1), (Outcome.ERROR, 4)])
def test_the_exit_code_tells_how_it_went(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch,
                                         outcome: Outcome, exit_code: int) -> None:  # fmt: skip
    """0 if all passed, 1 if a check did not, 4 if one could not be judged for a reason of ours."""
    monkeypatch.setattr(grader.show, "check_and_show", lambda *_: result(outcome))
    assert run("check", "1").exit_code == exit_code


def test_the_stub_earns_nothing(run: Callable[..., Result]) -> None:
    """What a student sees first: a heading, one todo or blocked per check, the score, exit code 1."""
    done = run("check", "exercise1")
    assert done.output.startswith("exercise1_manual_backprop: Backpropagation by hand\n")
    assert len(re.findall(r"^  . (todo|blocked) ", done.output, re.MULTILINE)) == 17
    assert done.output.endswith("Score 0 / 20, 0 of 17 checks passed\n")
    assert done.exit_code == 1


def test_the_reference_exits_with_0(run: Callable[..., Result]) -> None:
    """A full score ends with exit code 0, and every check has its line."""
    done = run("check", "exercise1", "--submission", SOLUTIONS / "backprop.py")
    assert done.exit_code == 0
    assert len(re.findall(r"^  . passed ", done.output, re.MULTILINE)) == 17


def test_output_is_80_columns_wide(run: Callable[..., Result]) -> None:
    """No line that a check prints is wider than 80 columns."""
    done = run("check", "exercise1", "--submission", SOLUTIONS / "wrong" / "relu_mask_missing.py")
    assert max(map(len, done.output.splitlines())) <= 80


def test_no_colour_reaches_a_pipe() -> None:
    """Piped output has no escape sequence, and shows the symbols where the stream can."""
    done = grader_process("check", "exercise1", PYTHONIOENCODING="utf-8")
    assert "\x1b" not in done.stdout
    assert "○ todo" in done.stdout


def test_json_goes_to_a_file(run: Callable[..., Result], tmp_path: Path) -> None:
    """--json FILE keeps the result, readable by the same schema, besides the lines for a person."""
    file = tmp_path / "result.json"
    done = run("check", "exercise1", "--json", file, "--seed", "11", "--submission", SOLUTIONS / "backprop.py")
    kept = ExerciseResult.from_json(file.read_bytes())
    assert (kept.score, kept.seed, len(kept.checks)) == (20, 11, 17)
    assert "Score 20 / 20" in done.output


def test_json_can_own_standard_output(run: Callable[..., Result], asked: list[Asked]) -> None:
    """With --json - standard output is JSON and nothing else; what a person reads goes to standard error."""
    done = run("check", "exercise1", "--json", "-")
    assert json.loads(done.stdout)["schema"] == "grader.result/1"
    assert asked[0].stream.name == "<stderr>"


def test_a_json_file_that_cannot_be_written_is_a_usage_error(run: Callable[..., Result], asked: list[Asked],
                                                             tmp_path: Path) -> None:  # fmt: skip
    """A path that cannot be written is named, before anything is judged where that can be known."""
    nowhere = run("check", "exercise1", "--json", tmp_path / "no" / "folder.json")
    assert (nowhere.exit_code, asked) == (2, [])
    assert "folder.json cannot be written: No such file or directory" in nowhere.output
    folder = run("check", "exercise1", "--json", tmp_path)
    assert folder.exit_code == 2
    assert "cannot be written: Is a directory" in folder.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", "exercize1"], "Did you mean exercise1"),
        (["check"], "Missing argument"),
        (["check", "exercise1", "--submission", "no_such_file.py"], "There is no file or folder no_such_file.py"),
        (["check", "exercise1", "--fence", "castle"], "'castle' is not one of"),
        (["check", "exercise1", "--seed", "-1"], "-1 is not in the range"),
        (["chek", "exercise1"], "No such command 'chek'"),
    ],
)
def test_a_wrong_command_line_exits_with_2(run: Callable[..., Result], arguments: list[str], sentence: str) -> None:
    """Each mistake on the command line is named, and exits with 2."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert sentence in done.output


def test_outside_a_course_the_message_says_where_to_go(run: Callable[..., Result], tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Without a course.toml here or above, the command line says so."""
    monkeypatch.chdir(tmp_path)
    done = run("check", "exercise1")
    assert done.exit_code == 2
    assert "No course.toml" in done.output


def test_a_file_that_python_cannot_read_is_rejected(run: Callable[..., Result], tmp_path: Path) -> None:
    """A syntax error is told with file and line, and exits with 1."""
    (tmp_path / "backprop.py").write_text("import torch\n\ndef broken(:\n")
    done = run("check", "exercise1", "--submission", tmp_path)
    assert done.exit_code == 1
    assert "backprop.py, line 3" in done.output


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (UsageError("what is wrong"), 2),
        (CourseError("what is wrong"), 3),
        (SubmissionRejected("what is wrong"), 1),
        (StudentRaised("ValueError", ("ValueError",), "what is wrong"), 1),
        (FenceError("Landlock", "what is wrong", "another kernel"), 4),
        (GraderError("what is wrong"), 4),
        (KeyError("what is wrong"), 4),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_every_error_is_one_message(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch,
                                    error: BaseException, exit_code: int) -> None:  # fmt: skip
    """Whatever is raised becomes one message on standard error and its exit code, never a traceback."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(grader.show, "check_and_show", fail)
    done = run("check", "exercise1")
    assert done.exit_code == exit_code
    assert done.stderr.startswith("grader: ")
    assert done.stdout == ""
    assert ("what is wrong" in done.stderr) is not isinstance(error, KeyboardInterrupt)
    assert "Traceback" not in done.output


def test_debugging_shows_the_traceback(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """With GRADER_DEBUG=1 the error itself comes through."""
    monkeypatch.setenv("GRADER_DEBUG", "1")
    done = run("check", "no-such-exercise")
    assert isinstance(done.exception, UsageError)


def test_without_a_fence_the_student_is_told(run: Callable[..., Result]) -> None:
    """--fence none judges, says that nothing is fenced in, and writes it into the result."""
    done = run("check", "exercise1", "--fence", "none", "--json", "-", "--submission", SOLUTIONS / "backprop.py")
    assert "without a fence" in done.stderr
    assert ExerciseResult.from_json(done.stdout.encode()).environment.fence == "none"


def test_auto_takes_what_there_is(run: Callable[..., Result], asked: list[Asked],
                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """On a machine that offers no fence, auto runs at none, which the heading then says."""
    monkeypatch.setattr("grader.sandbox.fence.strongest_tier", lambda: Tier.NONE)
    run("check", "exercise1")
    assert asked[0].tier is Tier.NONE


def test_a_fence_that_is_asked_for_must_be_there(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit tier that this machine lacks stops with exit code 4 and the fix; nothing runs with less."""

    def missing(tier: Tier) -> None:
        raise FenceError(tier, "it is not there", "another kernel")

    monkeypatch.setattr("grader.sandbox.fence.require_tier", missing)
    done = run("check", "exercise1", "--fence", "landlock")
    assert done.exit_code == 4
    assert "landlock: it is not there Fix: another kernel" in done.output
    assert "Score" not in done.output


@pytest.mark.skipif(strongest_tier() is Tier.NONE, reason="this machine offers no fence")
def test_a_hostile_submission_learns_and_earns_nothing(run: Callable[..., Result]) -> None:
    """The demo's hostile submission: everything denied, every check crashed or blocked, exit code 1."""
    done = run("check", "exercise1", "--json", "-", "--submission", ROOT / "tests/hostile/exercise1/looks_around.py")
    judged = ExerciseResult.from_json(done.stdout.encode())
    assert {check.outcome for check in judged.checks} == {Outcome.CRASHED, Outcome.BLOCKED}
    printed = next(check.stdout for check in judged.checks if check.stdout).splitlines()
    assert len(printed) == 6
    assert all(": denied (" in line for line in printed)
    assert (judged.score, done.exit_code) == (0, 1)


def test_doctor_ends_well_where_all_is_well(run: Callable[..., Result]) -> None:
    """The doctor names Python, torch, devices, primitives and ten denials; 0 or 4 tells whether that is enough."""
    done = run("doctor")
    for word in ("Python 3.", "torch 2.", "devices: cpu", "seccomp", "landlock"):
        assert word in done.output
    if strongest_tier() is Tier.NONE:
        assert done.exit_code == 4
    else:
        assert done.output.rstrip().endswith(messages.DOCTOR_GOOD)
        assert len(re.findall(r"^  denied ", done.output, re.MULTILINE)) >= 10
        assert "ALLOWED" not in done.output
        assert done.exit_code == 0


def test_every_command_says_what_it_does() -> None:
    """Each command and each of its options has a help text, and the README mentions the command."""
    readme = (ROOT / "README.md").read_text()
    for name, command in main.commands.items():
        assert command.help, name
        assert f"grader {name}" in readme or f"make {name}" in readme, name
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert all(option.help for option in options), name
