"""The command line as its users meet it: options, exit codes, messages instead of tracebacks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import click
import pytest
from click.testing import CliRunner, Result

import grader.show
from grader import language, messages
from grader.cli import main
from grader.course import Exercise
from grader.errors import CourseError, FenceError, GraderError, StudentRaised, SubmissionRejected, UsageError
from grader.results import CheckResult, Environment, ExerciseResult, Outcome, SubmissionInfo
from grader.sandbox.fence import Tier, strongest_tier
from grader.show import Checked, Wanted

from .tiny_course import SLUG, STUB, make_course

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """A function that runs `grader …` in this process, in the course's folder."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GRADER_DEBUG", raising=False)

    def invoke(*arguments: str | Path) -> Result:
        language.use(language.ENGLISH)
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    yield invoke
    language.use(language.ENGLISH)


class Asked(NamedTuple):
    """What a command asked the grader for."""

    exercise: Exercise
    wanted: Wanted
    stream: TextIO


def result(outcome: Outcome = Outcome.PASSED, sha256: str = "0") -> ExerciseResult:
    """Return the result of an exercise with one check."""
    return ExerciseResult(
        exercise="exercise1_manual_backprop", submission=SubmissionInfo(sha256, []), suite_sha256="0", score=0,
        max_score=1, complete=True, seed=7, environment=Environment("0", "3", "2", ["cpu"], "none"),
        checks=[CheckResult("test_a", "A", "hidden", "cpu", outcome, 0, 1)],
    )  # fmt: skip


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Replace the grader by one that only takes notes and always has the same result."""
    notes: list[Asked] = []

    def note(*arguments: Any) -> Checked:
        notes.append(Asked(*arguments))
        return Checked(result())

    monkeypatch.setattr(grader.show, "check_and_show", note)
    return notes


def imported_by(*arguments: str) -> str:
    """Run `grader …` in a process of its own; return its output and which slow packages it had imported at its end."""
    program = (
        "import atexit, sys\n"
        "slow = {'torch', 'numpy', 'pytest', 'rich', 'jinja2'}\n"
        "atexit.register(lambda: print('IMPORTED', sorted(slow & set(sys.modules))))\n"
        "from grader.cli import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120).stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["check", "--help"]])
def test_help_imports_next_to_nothing(arguments: list[str]) -> None:
    """Help and version are answered without importing torch, numpy or pytest, nor rich or the template engine."""
    assert imported_by(*arguments).endswith("IMPORTED []\n")


def test_help_has_every_command_once_and_says_whom_it_is_for(run: Callable[..., Result]) -> None:
    """A student finds the own commands first, in the order of use; every sentence is whole."""
    told = run("--help").output
    sections = re.findall(r"^For (\w+):\n((?:  .*\n)+)", told, re.MULTILINE)
    names = [(whom, [line.split()[0] for line in lines.splitlines()]) for whom, lines in sections]
    assert names[0] == ("students", ["check", "hint", "list", "reset", "bundle", "completion"])
    assert [whom for whom, _ in names[1:]] == ["instructors", "everybody"]
    assert sorted(name for _, some in names for name in some) == main.list_commands(click.Context(main))
    assert "..." not in told.partition("For students")[2]


@pytest.mark.parametrize("arguments", [["check", "no-such-exercise"], ["list"], ["check"]])
def test_torch_is_not_imported(arguments: list[str]) -> None:
    """The list and a wrong name need neither torch nor numpy nor pytest."""
    assert not re.search("torch|numpy|pytest", imported_by(*arguments).splitlines()[-1])


@pytest.mark.parametrize("name", ["1", "exercise1", "exercise1_manual_backprop"])
def test_an_exercise_has_three_names(run: Callable[..., Result], asked: list[Asked], name: str) -> None:
    """Number, short name and folder name all lead to the exercise."""
    run("check", name)
    assert asked[0].exercise.slug == "exercise1_manual_backprop"


def test_the_folder_one_stands_in_is_a_name(run: Callable[..., Result], asked: list[Asked],
                                           monkeypatch: pytest.MonkeyPatch, exercise1: Exercise) -> None:  # fmt: skip
    """Without a name the exercise whose folder is the working directory is checked; so says the command to repeat."""
    monkeypatch.chdir(exercise1.stub_folder)
    run("check", "--seed", "3")
    assert asked[0].exercise.slug == exercise1.slug
    assert asked[0].wanted.command == "grader check --seed 3"


def test_without_a_name_all_are_listed(run: Callable[..., Result], asked: list[Asked]) -> None:
    """Elsewhere the command line says which exercises there are and what to type."""
    done = run("check")
    assert (done.exit_code, asked) == (2, [])
    assert "Which exercise?" in done.output
    assert "grader check exercise1   (Backpropagation by hand)" in done.output


def test_a_name_that_two_exercises_share_is_not_offered(run: Callable[..., Result], tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """The list offers commands that can be typed: where two exercises have one number, their whole names."""
    make_course(tmp_path, points=2.5)
    written = tmp_path / "exercises" / "exercise1_written"
    shutil.copytree(tmp_path / "exercises" / SLUG, written)
    (written / "work.py").write_text("def double(x):\n    return 2 * x  # raise NotImplementedError\n")
    (tmp_path / "exercises" / SLUG / "work.py").write_text(STUB * 2)
    monkeypatch.chdir(tmp_path)
    done = run("list")
    assert done.exit_code == 0
    assert re.findall(r"^1   Tiny +2.5 points\n.*\n    (\w+): (.*)\n    next: (.*)$", done.output, re.MULTILINE) == [
        (SLUG, "not begun, still to be written: 2", f"grader check {SLUG}"),
        ("exercise1_written", "not checked as it is now", "grader check exercise1_written"),
    ]


def test_a_course_without_exercises_says_so(run: Callable[..., Result], tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """An empty list is a mistake, and names the folder that was looked into."""
    (tmp_path / "course.toml").write_text('name = "Empty"\n')
    monkeypatch.chdir(tmp_path)
    done = run("list")
    assert done.exit_code == 2
    assert f"{tmp_path / 'exercises'} holds no folder with an exercise.toml" in done.output


def test_the_courses_language_is_spoken(run: Callable[..., Result], tmp_path: Path, asked: list[Asked],
                                        monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """course.toml chooses the language, the environment overrules it, --lang both; an unknown one breaks the course."""
    make_course(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "course.toml").write_text('name = "Tiny"\nlanguage = "zh_CN"\n')
    assert "没有名为" in run("check", "nothing").output
    assert "There is no exercise" in run("check", "nothing", "--lang", "en").output
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    assert "There is no exercise" in run("check", "nothing").output
    assert "没有名为" in run("check", "nothing", "--lang", "zh_CN").output
    monkeypatch.setenv("LC_ALL", "C")
    run("check", "1", "--lang", "zh_CN")
    assert asked[0].wanted.command == "grader check 1 --lang zh_CN"
    (tmp_path / "course.toml").write_text('name = "Tiny"\nlanguage = "tlh"\n')
    assert run("check", "1").exit_code == 3


@pytest.mark.parametrize("command", [("check",), ("list",), ("hint", "1")])
def test_before_there_is_a_course_the_environments_language_is_spoken(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Whoever stands in the wrong folder is told so in their own language; --lang works there too."""
    monkeypatch.chdir(tmp_path)
    assert "No course.toml in" in run(*command).output
    assert "中都没有 course.toml" in run(*command, "--lang", "zh_CN").output
    monkeypatch.setenv("GRADER_LANG", "zh_CN")
    assert "中都没有 course.toml" in run(*command).output


def test_options_reach_the_grader(run: Callable[..., Result], asked: list[Asked]) -> None:
    """Options are passed on as given; without them the stub, the course's seed, the best tier, every device."""
    run("check", "1")
    run("check", "1", "--submission", "a b", "--seed", "11", "--fence", "none", "-k", "relu", "--device", "cpu")
    assert asked[0].wanted == Wanted(strongest_tier(), "grader check 1")
    again = "grader check 1 --submission 'a b' --seed 11"
    assert asked[1].wanted == Wanted(Tier.NONE, again, Path("a b"), 11, "relu", ("cpu",))


def test_a_preview_is_asked_for_in_the_words_of_a_student(run: Callable[..., Result], asked: list[Asked]) -> None:
    """--as-student reaches the grader; the command to repeat is one that a student types in their own folder."""
    run("check", "1", "--as-student", "--submission", "elsewhere.py")
    wanted = Wanted(strongest_tier(), "grader check 1", Path("elsewhere.py"), as_student=True)
    assert asked[0].wanted == wanted
    done = run("check", "1", "--as-student", "--debug")
    assert (done.exit_code, len(asked)) == (2, 1)
    assert "--debug cannot be combined with --as-student" in done.output


def test_all_devices_are_those_of_the_exercise(run: Callable[..., Result], asked: list[Asked]) -> None:
    """--device all asks for every device that the exercise lists."""
    run("check", "1", "--device", "all")
    assert asked[0].wanted.devices == asked[0].exercise.devices


@pytest.mark.parametrize(
    ("outcome", "exit_code"), [(Outcome.PASSED, 0), (Outcome.PENDING, 0), (Outcome.FAILED, 1), (Outcome.ERROR, 4)]
)
def test_the_exit_code_tells_how_it_went(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch,
                                         outcome: Outcome, exit_code: int) -> None:  # fmt: skip
    """0 if all passed or wait for a device, 1 if a check did not, 4 if we could not judge one."""
    monkeypatch.setattr(grader.show, "check_and_show", lambda *_: Checked(result(outcome)))
    assert run("check", "1").exit_code == exit_code


def test_json_can_own_standard_output(run: Callable[..., Result], asked: list[Asked]) -> None:
    """With --json - or --html - standard output is that and nothing else; what a person reads goes elsewhere."""
    assert json.loads(run("check", "exercise1", "--json", "-").stdout)["schema"] == "grader.result/1"
    page = run("check", "exercise1", "--html", "-").stdout
    assert (page[:15], page.rstrip()[-7:]) == ("<!doctype html>", "</html>")
    assert [one.stream.name for one in asked] == ["<stderr>", "<stderr>"]


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
        (["check", "1", "--device", "abacus"], "'abacus' is not one of"),
        (["check", "1", "--device", "sim"], "exercise1_manual_backprop is not judged on sim: it lists cpu."),
        (["check", "1", "-k", "x", "--merge", "y"], "-k cannot be combined with --merge: it judges only some"),
        (["check", "1", "--json", "-", "--html", "-"], "--json - cannot be combined with --html -: both would go"),
        (["check", "1", "--debug", "--json", "-", "--html", "y"], "--debug cannot be combined with --json, --html"),
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


def test_html_is_the_students_report(run: Callable[..., Result], asked: list[Asked], tmp_path: Path) -> None:
    """--html FILE writes a page about the result, says where it lies, and keeps the hint away."""
    done = run("check", "1", "--html", tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert f"The report lies in {tmp_path / 'report.html'}." in done.stderr
    assert asked[0].wanted.has_html


def test_an_earlier_result_is_read_before_anything_is_judged(run: Callable[..., Result], asked: list[Asked],
                                                             tmp_path: Path) -> None:  # fmt: skip
    """--merge FILE hands the earlier result on; a file that is none is named."""
    (tmp_path / "good.json").write_bytes(result(Outcome.FAILED).to_json())
    (tmp_path / "bad.json").write_text('{"schema": "another"}')
    run("check", "1", "--merge", tmp_path / "good.json")
    assert asked.pop().wanted.earlier == result(Outcome.FAILED)
    for file, problem in [("bad.json", "Invalid enum value"), ("none.json", "No such file"), (".", "Is a dir")]:
        done = run("check", "1", "--merge", tmp_path / file)
        assert (done.exit_code, asked) == (2, [])
        assert "is not a result that `grader check --json` wrote" in done.output
        assert problem in done.output


def test_debug_becomes_another_python(run: Callable[..., Result], asked: list[Asked], monkeypatch: pytest.MonkeyPatch,
                                      exercise1: Exercise) -> None:  # fmt: skip
    """--debug judges nothing here: this process becomes a Python that does, importing nothing from this folder."""
    calls: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda program, command: calls.append(command))
    run("check", "1", "--debug", "-k", "relu", "--submission", "here.py", "--seed", "3")
    run("check", "1", "--debug")
    fixed = [sys.executable, "-P", "-m", "grader.suite.debug", str(exercise1.course.root), exercise1.slug]
    options = ["--submission", "here.py", "--seed", "3", "-k", "relu", "--lang", "en"]
    assert calls == [[*fixed, *options], [*fixed, "--lang", "en"]]


def test_outside_a_course_the_message_says_where_to_go(run: Callable[..., Result], tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Without a course.toml here or above, the command line says so."""
    monkeypatch.chdir(tmp_path)
    done = run("check", "exercise1")
    assert done.exit_code == 2
    assert "No course.toml" in done.output


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


def test_auto_takes_what_there_is(run: Callable[..., Result], asked: list[Asked],
                                  monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """On a machine that offers no fence, auto runs at none, which the heading then says."""
    monkeypatch.setattr("grader.sandbox.fence.strongest_tier", lambda: Tier.NONE)
    run("check", "exercise1")
    assert asked[0].wanted.tier is Tier.NONE


def test_a_fence_that_is_asked_for_must_be_there(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit tier that this machine lacks stops with exit code 4 and the fix; nothing runs with less."""

    def missing(tier: Tier) -> None:
        raise FenceError(tier, "it is not there", "another kernel")

    monkeypatch.setattr("grader.sandbox.fence.require_tier", missing)
    done = run("check", "exercise1", "--fence", "landlock")
    assert done.exit_code == 4
    assert "landlock: it is not there Fix: another kernel" in done.output
    assert "Score" not in done.output


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
    """Each command and each of its options has a help text, and the README mentions both."""
    readme = (ROOT / "README.md").read_text()
    for name, command in main.commands.items():
        assert command.help, name
        assert f"grader {name}" in readme or f"make {name}" in readme, name
        options = [option for option in command.params if isinstance(option, click.Option)]
        assert all(option.help for option in options), name
        assert [option.opts for option in options if not re.search(rf" {option.opts[0]}[ `]", readme)] == [], name
