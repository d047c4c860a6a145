"""Where a student reads: a terminal that is drawn anew each time, or a stream that gets line after line.

Owns clearing and the moving line. Only what every terminal can is used: no other screen, no fixed regions; what stood
there before the first drawing can be scrolled back to.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from grader.events import PlannedCheck
from grader.progress import RunningLine
from grader.terminal import console_for, say

_KEPT_ROWS = 2  # below everything: the moving line, and the cursor


class Display:
    """Draws on a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._console = console_for(stream)
        self.moves = self._console.is_terminal and os.environ.get("TERM") != "dumb"
        self._drawn = 0
        self._line: RunningLine | None = None
        self._named: PlannedCheck | None = None  # by that line

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *_: object) -> None:
        self.rest()

    def draw(self, lines: Callable[[Console, int | None], Iterable[Text | str]]) -> None:
        """Show these lines, made for the console and the number of rows there is room for (None: any number)."""
        self.rest()
        console = self._console = console_for(self._stream)  # of the size that the terminal has now
        made = list(lines(console, console.height - _KEPT_ROWS if self.moves else None))
        with console:  # one write: a slow line shows no half of it
            if self.moves:
                if not self._drawn:
                    console.print("\n" * (console.height - 1), end="")
                console.clear()
            elif self._drawn:
                say(console)
            say(console, made)
        self._stream.flush()
        self._drawn += 1

    def work(self, check: PlannedCheck | None) -> None:
        """Say below everything that this check runs, or that it is about to, until `rest` or the next drawing."""
        line = self._moving()
        if check is not self._named and check is not None:
            line.began(check)
            self._named = check

    def learns(self, done: int, count: int) -> None:
        """Say there how many of the known mistakes have been run."""
        self._moving().learns(done, count)
        if done == count:
            self.rest()

    def rest(self) -> None:
        """Take that line away."""
        if self._line is not None:
            self._line.__exit__(None, None, None)
            self._line = self._named = None

    def _moving(self) -> RunningLine:
        if self._line is None:
            self._line = RunningLine(self._console)
            self._line.__enter__()
        return self._line
