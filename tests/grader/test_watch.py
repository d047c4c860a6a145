"""`grader check --watch` from end to end: a student at a terminal saves files, presses keys and reads the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.watch.keys import meant

from .tiny_course import SLUG, make_course

HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")
"""
PUBLIC = """
    from grader.suite import *

    def test_number(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
MORE = "[limits]\ncheck_wall_s = 120\nwall_s = 200\n"
NEXT = {
    "exercises/exercise2_next/exercise.toml": 'title = "Afterwards"\nfiles = ["work.py"]\npoints = 1\n',
    "exercises/exercise2_next/work.py": "def double(x):\n    raise NotImplementedError('double')\n",
    "tests/hidden/exercise2_next/test_hidden.py": HIDDEN,
}
GOOD = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return 3 * x\n"
HANGING = "def double(x):\n    while True:\n        pass\n"
PATIENCE_S = 60.0
# A shell as a student has it: what is stopped by Ctrl-Z goes on, in the foreground, after a line was typed.
SHELL = 'set -m; "$@"; code=$?; while [ $code = 148 ]; do echo stopped; read line; fg; code=$?; done; exit $code'
CLEARED = "\x1b[2J"
ERASED = re.compile(r"[^\n]*\x1b\[2K")
WORKER = "grader worker"
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


class Student:
    """Somebody at a terminal of 80 columns, in which `grader check --watch` runs."""

    def __init__(self, root: Path) -> None:
        self.root, self.seen = root, ""
        self.file = root / "exercises" / SLUG / "work.py"
        self.temporary = root / "temporary"
        self.temporary.mkdir(exist_ok=True)
        self.ours, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
        self.mode = termios.tcgetattr(self.terminal)
        browser = root / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {root}/opened.part && mv {root}/opened.part {root}/opened\n')
        browser.chmod(0o755)
        told = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        told |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "TMPDIR": str(self.temporary)}
        told |= {"BROWSER": f"{browser} %s"}
        command = [sys.executable, "-m", "grader", "check", "1", "--watch"]
        self.shell = subprocess.Popen(
            ["bash", "--norc", "-c", SHELL, "bash", *command], cwd=root, env=told,
            stdin=self.terminal, stdout=self.terminal, stderr=self.terminal, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip

    @property
    def screen(self) -> str:
        """What stands on the screen: what was written since it was cleared last, without lines that were erased."""
        return CONTROL.sub("", ERASED.sub("", self.seen.rpartition(CLEARED)[2]))

    def reads(self, *texts: str, without: str = "\0") -> str:
        """Wait until all this stands on the screen, and that does not; return it."""
        until = time.monotonic() + PATIENCE_S
        while not all(text in self.screen for text in texts) or without in self.screen:
            assert self.shell.poll() is None, self.screen
            assert select.select([self.ours], [], [], max(0.0, until - time.monotonic()))[0], self.screen
            self.seen += os.read(self.ours, 1 << 16).decode(errors="replace")
        return self.screen

    def presses(self, keys: str) -> None:
        """Press keys; what was on the screen before is not what is read next."""
        self.seen = ""
        os.write(self.ours, keys.encode())

    def saves(self, text: str) -> None:
        """Write the file in place."""
        self.seen = ""
        self.file.write_text(text)

    def begins_with(self, text: str, verdict: str) -> None:
        """Bring about that this text was judged, whatever the test before has left; only a change is judged."""
        if self.file.read_text() != text:
            self.saves(text)
            self.reads("q quit", verdict)

    def started(self) -> set[psutil.Process]:
        """Return the processes below the command."""
        return set(self.command.children(recursive=True))

    @property
    def command(self) -> psutil.Process:
        """The grader itself."""
        (command,) = psutil.Process(self.shell.pid).children()
        return command

    def warm(self) -> set[psutil.Process]:
        """Return what stays between two runs: what is forked from, the worker, and what stands between them."""
        (zygote,) = self.command.children()
        (keeper,) = {child for child in zygote.children() if [below.name() for below in child.children()] == [WORKER]}
        return {zygote, keeper, *keeper.children()}

    def reads_single_keys(self) -> bool:
        """Whether the terminal hands out keys without Enter, and does not echo them."""
        return not termios.tcgetattr(self.terminal)[3] & (termios.ICANON | termios.ECHO)

    def ends(self) -> int:
        """Wait for the end, reading on: a terminal that nobody reads would keep it from ending."""
        until = time.monotonic() + PATIENCE_S
        while self.shell.poll() is None:
            assert time.monotonic() < until, self.screen
            if select.select([self.ours], [], [], 0.05)[0]:
                self.seen += os.read(self.ours, 1 << 16).decode(errors="replace")
        return self.shell.returncode

    def close(self) -> None:
        """Leave nothing behind, whatever a test did."""
        for process in psutil.Process(self.shell.pid).children() if self.shell.poll() is None else []:
            process.kill()
        self.shell.kill()
        self.shell.wait()
        os.close(self.ours)
        os.close(self.terminal)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Student]:
    """A student in a course of two exercises, who has read the first verdict of the stub."""
    root = tmp_path_factory.mktemp("course")
    make_course(root, HIDDEN, PUBLIC, 1, files=NEXT, more=MORE)
    student = Student(root)
    try:
        student.reads("Not written yet: double still raises NotImplementedError.", "Score 0 / 1")
        yield student
    finally:
        student.close()


def test_a_wrong_answer_is_explained_and_the_right_one_passes(student: Student) -> None:
    """The first thing to fix whole, the other check as one line; then what passes now, and what comes next."""
    student.saves(WRONG)
    shown = student.reads("q quit", "yours is 6, expected is 4.")
    assert "  ✗ failed    Doubles a tensor.                                              0/1\n" in shown
    assert max(map(len, shown.splitlines())) <= 80
    student.saves(GOOD)
    shown = student.reads("q quit", "Well done: all 2 checks pass.")
    assert (
        "Points since the last check: +1\n  passes now: Doubles a number.\n  passes now: Doubles a tensor.\n" in shown
    )
    assert "Next: exercise2, Afterwards. Press n." in shown


def test_however_an_editor_saves_the_last_content_is_judged(student: Student) -> None:
    """Renamed over, with a backup, truncated and written in pieces, removed and written, twice in a row."""
    beside = student.file.with_name(".work.py.swp")
    for number, way in enumerate(["rename", "backup", "pieces", "removed", "twice"], start=5):
        text = WRONG.replace("3", str(number))
        student.seen = ""
        match way:
            case "rename":
                beside.write_text(text)
                beside.replace(student.file)
            case "backup":
                student.file.replace(student.file.with_name("work.py~"))
                student.file.write_text(text)
            case "pieces":
                with student.file.open("w") as file:
                    for character in text:
                        file.write(character)
                        file.flush()
            case "removed":
                student.file.unlink()
                student.file.write_text(text)
            case "twice":
                student.file.write_text(GOOD)
                student.file.write_text(text)
        student.reads("q quit", f"yours is {2 * number}, expected is 4.")


def test_what_cannot_be_read_gets_its_sentence_and_is_watched_on(student: Student) -> None:
    """A syntax error, a file that is gone, a file that is back; none of them is told as a step back."""
    student.begins_with(GOOD, "Well done")
    student.saves("def double(x:\n")
    student.reads("q quit", "work.py, line 1: ", "Python cannot read the file until this")
    student.seen = ""
    student.file.unlink()
    assert "passes no longer" not in student.reads("q quit", "work.py is missing.")
    student.saves(GOOD)
    assert "Points since" not in student.reads("q quit", "Well done")


def test_a_save_during_a_run_calls_it_off(student: Student) -> None:
    """The endless loop is named while it runs; the next save is judged at once, and the loop's process is gone."""
    student.begins_with(GOOD, "Well done")
    student.saves(HANGING)
    student.reads("Doubles a number.", without="q quit")  # the moving line, below the verdict of before
    warm = student.warm()
    busy = student.started() - warm
    assert len(busy) >= 3  # judge, guest and what holds it
    student.saves(WRONG)
    student.reads("q quit", "yours is 6, expected is 4.")
    assert psutil.wait_procs(busy, timeout=30)[1] == []
    assert student.warm() == warm


def test_another_course_starts_afresh(student: Student) -> None:
    """A changed public check is judged by from now on, and a broken exercise.toml is told until it is right again."""
    suite, toml = student.file.with_name("test_public.py"), student.file.with_name("exercise.toml")
    before = suite.read_text(), toml.read_text()
    student.begins_with(GOOD, "Well done")
    student.seen = ""
    suite.write_text(before[0].replace("Doubles a number.", "Doubles 2."))
    student.reads("q quit", "The exercise itself has changed", "  ✓ passed    Doubles 2. ")
    student.seen = ""
    toml.write_text(before[1].replace("points = 1", "points = -1"))
    student.reads("q quit", "exercise.toml: points")
    student.seen = ""
    toml.write_text(before[1])
    student.reads("q quit", "Doubles 2.", "Well done")
    suite.write_text(before[0])
    student.reads("Doubles a number.", "Well done")


def test_keys_do_what_the_legend_says(student: Student) -> None:
    """A hint, the list and back, the page in a browser, once more; an arrow does nothing."""
    student.begins_with(WRONG, "yours is 6")
    student.presses("\x1b[A")
    student.presses("h")
    student.reads("q quit", "No hint was written for this.")
    student.presses("l")
    student.reads("exercise2_next", "Space or Enter: back to the result.", without="yours is 6")
    student.presses(" ")
    student.reads("q quit", "yours is 6")
    student.presses("o")
    page = student.root / ".grader" / f"{SLUG}.html"
    student.reads("The page lies in", "browser was asked to open it.")
    assert "Doubles a number." in page.read_text()
    student.presses("r")
    student.reads("q quit", "yours is 6", without="The page lies in")
    assert (student.root / "opened").read_text().strip() == page.as_uri()


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(student: Student) -> None:
    """Stopped, the shell finds its terminal as it was; continued, single keys and the screen are back."""
    student.begins_with(GOOD, "Well done")
    assert student.reads_single_keys()
    student.presses("\x1a")
    student.reads("stopped\n")
    assert termios.tcgetattr(student.terminal) == student.mode
    student.presses("go on\n")
    student.reads("q quit", "Well done")
    assert student.reads_single_keys()


def test_next_and_quit(student: Student) -> None:
    """n goes on with the exercise that is not finished; q ends with its result's exit code and leaves nothing."""
    student.begins_with(GOOD, "Well done")
    student.presses("n")
    student.reads("q quit", "exercise2_next: Afterwards", "Not written yet")
    (student.root / "exercises/exercise2_next/work.py").write_text(GOOD)
    student.reads("Well done", "That was the last one")
    (student.root / "exercises/exercise2_next/work.py").write_text(WRONG)
    student.reads("q quit", "Doubles a tensor.", "Score 0 / 1")
    started = student.started()
    student.presses("q")
    assert student.ends() == 1
    assert psutil.wait_procs(started, timeout=30)[1] == []
    assert termios.tcgetattr(student.terminal) == student.mode
    assert list(student.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "keys"),
    [("h", ["h"]), ("H", ["h"]), ("hhh", ["h"]), ("\x04", ["\x04"]), ("", []), ("hq", []), ("quit\n", []),
     ("\x1b[A", []), ("\x1bOP", []), ("\x1b", []), ("\x1bq", []), ("\x1b[1;5Cq", ["q"]), ("\n", ["\n"])],
)  # fmt: skip
def test_a_key_is_a_key_and_a_paste_is_none(typed: str, keys: list[str]) -> None:
    """Held down it is pressed once; arrows, Alt and Escape are no letters; a pasted word must not quit."""
    assert meant(typed) == keys


def test_ended_from_outside_while_it_starts(tmp_path: Path) -> None:
    """SIGTERM before anything was judged: the terminal is given back, what was starting is gone, the code says why."""
    make_course(tmp_path, HIDDEN, PUBLIC, 1)
    student = Student(tmp_path)
    try:
        student.reads("The first check is on its way.")
        started = student.started()
        student.command.terminate()
        assert student.ends() == 143
        assert psutil.wait_procs(started, timeout=30)[1] == []
        assert termios.tcgetattr(student.terminal) == student.mode
        assert list(student.temporary.iterdir()) == []
    finally:
        student.close()


def test_in_a_pipe_it_says_line_after_line(tmp_path: Path) -> None:
    """No key, no control character, every check a line; Ctrl-C ends with the exit code of the last result."""
    make_course(tmp_path, HIDDEN, PUBLIC, 1)
    file = tmp_path / "exercises" / SLUG / "work.py"
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "check", "1", "--watch"], cwd=tmp_path, bufsize=0,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    try:
        first = read_to(process, "Score 0 / 1")
        file.write_text(GOOD)
        second = read_to(process, "That was the last one")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    said = first + second + rest.decode()
    assert process.returncode == 0
    assert said.replace("\n", "").isprintable()
    assert "q quit" not in said
    assert "  passes now: Doubles a number.\n" in second
    assert said.endswith("is finished. `grader\nbundle` packs what to hand in.\n")


def read_to(process: subprocess.Popen[bytes], text: str) -> str:
    """Read until this text has come; fails at the end of the output, or after a while."""
    assert process.stdout is not None
    said = b""
    while text not in said.decode(errors="replace"):
        assert select.select([process.stdout], [], [], PATIENCE_S)[0], said.decode()
        chunk = os.read(process.stdout.fileno(), 1 << 16)
        assert chunk, said.decode()
        said += chunk
    return said.decode()
