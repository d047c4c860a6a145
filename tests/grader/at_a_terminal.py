"""A student at a terminal: `grader check --watch` runs in it, keys are pressed, files are saved, the screen is read."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from .tiny_course import SLUG

PATIENCE_S = 60.0
# A shell as a student has it: what is stopped by Ctrl-Z goes on, in the foreground, after a line was typed.
SHELL = 'set -m; "$@"; code=$?; while [ $code = 148 ]; do echo stopped; read line; fg; code=$?; done; exit $code'
CLEARED = "\x1b[2J"
ERASED = re.compile(r"[^\n]*\x1b\[2K")
WORKER = "grader worker"
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")


class Student:
    """Somebody at a terminal of 80 columns, in which `grader check --watch` runs."""

    def __init__(self, root: Path, file: str = f"exercises/{SLUG}/work.py", rows: int = 40, **told: str) -> None:
        self.root, self.seen = root, ""
        self.file = root / file
        self.temporary = root.parent / f"{root.name}-temporary"
        self.temporary.mkdir(exist_ok=True)
        self.ours, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
        self.mode = termios.tcgetattr(self.terminal)
        browser, opened = root / "browser", root / "opened"
        browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.part && mv {opened}.part {opened}\n')
        browser.chmod(0o755)
        own = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        told = own | told | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "TMPDIR": str(self.temporary)}
        told |= {"BROWSER": f"{browser} %s"}
        command = [sys.executable, "-P", "-m", "grader", "check", "1", "--watch"]
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

    def sees(self, looks_right: Callable[[str], bool]) -> str:
        """Read until the screen looks right, or for a while; return what stands there then."""
        until = time.monotonic() + PATIENCE_S
        while not looks_right(self.screen) and (left := until - time.monotonic()) > 0:
            assert self.shell.poll() is None, self.screen
            if select.select([self.ours], [], [], left)[0]:
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
        (keeper,) = {child for child in zygote.children() if names_below(child) == [WORKER]}
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


def names_below(process: psutil.Process) -> list[str]:
    """Return the names of a process's children; none if it, or one of them, ends while it is asked."""
    try:
        return [child.name() for child in process.children()]
    except psutil.NoSuchProcess:
        return []
