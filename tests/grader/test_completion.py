"""Shell completion: exercises and checks by name, in any folder, and never a word where something is wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from grader.cli import main
from grader.completion import PROGRAM, VARIABLE
from grader.course import Course
from grader.results import Outcome

from .report_samples import check
from .student_course import SLUGS, checked, make_student_course, run, write


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A student's course, in which we stand."""
    monkeypatch.chdir(tmp_path)
    return make_student_course(tmp_path)


def completed(*words: str) -> list[str]:
    """Return what the last word may become, as a shell asks for it."""
    *before, last = words
    return [item.value for item in ShellComplete(main, {}, PROGRAM, VARIABLE).get_completions(before, last)]


def test_exercises_are_completed_by_either_name(course: Course) -> None:
    """By short name, by folder once that was begun; in every command that takes one; none twice in one line."""
    short = ["exercise1", "exercise2", "exercise3"]
    for command in ("check", "hint", "reset", "bundle", "verify", "calibrate"):
        assert completed(command, "") == short, command
    assert completed("check", "exercise2_") == [SLUGS[1]]
    assert completed("bundle", "exercise1", "ex") == short[1:]
    assert completed("check", "x") == []


def test_checks_are_completed_from_public_suite_and_last_result(course: Course) -> None:
    """Names without parameters, of the exercise that stands before, or of the folder one stands in."""
    write(course, 2)
    checked(course, 2, [check(Outcome.FAILED, "test_hidden[2-3]"), check(id="test_double")])
    names = ["test_double", "test_double_of_nothing", "test_hidden"]
    assert completed("check", "2", "-k", "test_") == names
    assert completed("hint", "exercise2", "test_h") == names[2:]
    assert completed("check", "1", "-k", "") == names[:2]
    os.chdir(course.root / "exercises" / SLUGS[1])
    assert completed("check", "-k", "test_hid") == names[2:]


def test_where_something_is_wrong_nothing_is_completed(course: Course, tmp_path: Path) -> None:
    """No course, no such exercise, a suite that Python cannot read, a broken exercise.toml: silence."""
    assert completed("check", "9", "-k", "") == completed("check", "-k", "") == []
    (course.root / "exercises" / SLUGS[0] / "test_public.py").write_text("def (")
    assert completed("check", "1", "-k", "") == []
    (course.root / "exercises" / SLUGS[0] / "exercise.toml").write_text("title = ")
    assert completed("check", "") == []
    (tmp_path / "course.toml").unlink()
    assert completed("check", "") == completed("hint", "1", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    """The script asks grader itself, by the variable that click looks at."""
    done = run("completion", shell)
    assert done.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in done.stdout
    assert run("completion", "tcsh").exit_code == 2


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_bash_completes_with_it(course: Course) -> None:
    """What is printed makes a real bash complete the name of an exercise, through a process of its own."""
    program = Path(sys.executable).with_name("grader")
    lines = [
        'eval "$(grader completion bash)"',
        "COMP_WORDS=(grader check exercise2_) COMP_CWORD=2",
        "_grader_completion grader",
        'echo "${COMPREPLY[@]}"',
    ]
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", "\n".join(lines)], env=environment, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"{SLUGS[1]}\n", "")


def test_completing_imports_little() -> None:
    """The tab key waits for no torch, and for no rich either."""
    program = (
        "import sys\nfrom click.shell_completion import ShellComplete\nfrom grader.cli import main\n"
        "ShellComplete(main, {}, 'grader', '_').get_completions(['check', '1', '-k'], 'test_')\n"
        "print(sorted({'torch', 'numpy', 'pytest', 'rich', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"


def test_every_argument_that_names_an_exercise_is_completed() -> None:
    """A command that takes an exercise and completes none would be forgotten here; `new` takes a name of your own."""
    context = click.Context(main)
    for name in {*main.list_commands(context)} - {"new"}:
        command = main.get_command(context, name)
        assert command is not None
        for one in command.params:
            if isinstance(one, click.Argument) and one.name in ("exercise", "exercises"):
                assert one._custom_shell_complete is not None, name
