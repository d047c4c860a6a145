"""Single keys of a terminal, without Enter and without echo; and giving the terminal back as it was.

Owns the terminal's mode. POSIX reads through termios, Windows through msvcrt; neither is imported before it is needed,
so that this module can be imported anywhere. Invariant: whoever leaves the block, by whatever way, finds the terminal
as it was before.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol, TextIO

HANGUP = "\x04"
"""What is told when the terminal is gone: the same as Ctrl-D."""
_SEQUENCE = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)  # an arrow, Alt and a key, Escape alone
_CHUNK = 64
_POLL_S = 0.05
_END_WAIT_S = 1.0


class Keys(Protocol):
    """Where keys come from."""

    can_read: bool

    def __enter__(self) -> Keys: ...
    def __exit__(self, *_: object) -> None: ...
    def give_back(self) -> None:
        """Leave the terminal to somebody else for a while."""

    def take(self) -> None:
        """Have it again, if we are in its foreground."""


def keys_of(stdin: TextIO, stdout: TextIO, on_key: Callable[[str], None]) -> Keys:
    """Return the keys of the terminal that both streams are; without one nothing is ever pressed."""
    if not (stdin.isatty() and stdout.isatty()):
        return NoKeys()
    return WindowsKeys(on_key) if sys.platform == "win32" else PosixKeys(stdin.fileno(), on_key)


def meant(text: str) -> list[str]:
    """Return the key that a chunk of input stands for, if any; arrows and what was pasted stand for none."""
    text = _SEQUENCE.sub("", text)
    return [text[0].lower()] if len(set(text)) == 1 else []


class NoKeys:
    """No terminal, no keys."""

    can_read = False

    def __enter__(self) -> NoKeys:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was taken."""

    def give_back(self) -> None:
        """Nothing was taken."""

    def take(self) -> None:
        """There is nothing to take."""


class PosixKeys:
    """Keys of a POSIX terminal in cbreak mode: Ctrl-C and Ctrl-Z still send their signals."""

    can_read = True

    def __init__(self, fd: int, on_key: Callable[[str], None]) -> None:
        self._fd, self._on_key = fd, on_key
        self._before: list[Any] | None = None
        self._is_ours = threading.Event()
        self._wake, self._woken = os.pipe()[::-1]
        self._thread = threading.Thread(target=self._read, name="grader reads keys", daemon=True)
        self._is_ending = False

    def __enter__(self) -> PosixKeys:
        self.take()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()
        self._is_ending = True
        self._is_ours.set()
        os.close(self._wake)
        self._thread.join(_END_WAIT_S)  # it could be reading what somebody else has read
        os.close(self._woken)

    def take(self) -> None:
        """Read single keys from now on; in the background the terminal is not ours, and asking would stop us."""
        if self._before is not None or not self._is_in_front():
            return
        import termios
        import tty

        with contextlib.suppress(termios.error, OSError):  # the terminal is gone: the thread will see it
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd, termios.TCSANOW)
        self._is_ours.set()

    def give_back(self) -> None:
        """Restore the mode of before."""
        self._is_ours.clear()
        if self._before is None or not self._is_in_front():
            return
        import termios

        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
        self._before = None

    def _is_in_front(self) -> bool:
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError:  # no terminal any more, or not the one that controls us: nobody else has it either
            return True

    def _read(self) -> None:
        while self._is_ours.wait() and not self._is_ending:
            if self._woken in select.select([self._fd, self._woken], [], [])[0]:
                return
            if not self._is_ours.is_set():
                continue
            try:
                text = os.read(self._fd, _CHUNK).decode(errors="replace")
            except OSError:
                text = ""
            if not text:
                self._on_key(HANGUP)
                return
            for key in meant(text):
                self._on_key(key)


class WindowsKeys:
    """Keys of a Windows console, which is asked for them; its mode is never changed."""

    can_read = True

    def __init__(self, on_key: Callable[[str], None]) -> None:
        self._on_key = on_key
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._read, name="grader reads keys", daemon=True)

    def __enter__(self) -> WindowsKeys:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def give_back(self) -> None:
        """Nothing was changed."""

    def take(self) -> None:
        """Nothing is to be changed."""

    def _read(self) -> None:
        import msvcrt

        while not self._end.wait(_POLL_S):
            text = ""
            while msvcrt.kbhit():  # type: ignore[attr-defined, unused-ignore]
                text += msvcrt.getwch()  # type: ignore[attr-defined, unused-ignore]
            # A key of two parts (an arrow, F1) begins with one of these.
            for key in [] if text[:1] in ("\x00", "\xe0") else meant(text):
                self._on_key(key)
