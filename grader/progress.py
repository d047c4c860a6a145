"""A line that says what is running and for how long, while it runs; nothing where nobody can watch it.

Owns what moves on a terminal. Everything that stays is printed through the same console by `terminal`, above this line.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Column

from grader import messages
from grader.events import PlannedCheck, Preparing
from grader.pool import OnProgress
from grader.terminal import can_show_symbols, console_for, printable, say

_TIME_COLUMNS = 6
# The spinner, the blanks between columns, the time; and room for the ^C that a terminal adds: it must not take a line.
_BESIDE_TITLE = 3 + _TIME_COLUMNS + 4


class RunningLine:
    """The running check's title and elapsed seconds below what has been printed; gone when the block ends."""

    def __init__(self, console: Console) -> None:
        moves = console.is_terminal and os.environ.get("TERM") != "dumb"
        symbols = can_show_symbols(console)
        title = Column(no_wrap=True, overflow="ellipsis" if symbols else "crop", width=console.width - _BESIDE_TITLE)
        self._progress = Progress(
            SpinnerColumn("dots" if symbols else "line"),
            TextColumn("{task.description}", markup=False, table_column=title),
            TextColumn("{task.elapsed:.0f} s", markup=False, justify="right", table_column=Column(width=_TIME_COLUMNS)),
            console=console, transient=True, redirect_stdout=False, redirect_stderr=False, disable=not moves,
        )  # fmt: skip
        self._task = self._progress.add_task(messages.CHECK_STARTING)

    def began(self, check: PlannedCheck) -> None:
        """Say that this check runs now; its time starts at 0."""
        self._progress.reset(self._task, description=printable(check.shown_title or check.id))
        self._progress.refresh()

    def prepares(self, what: Preparing) -> None:
        """Say that something takes long before the next check; where nothing moves, that another one has the GPU."""
        said = messages.CHECK_STARTING if what.device == "cpu" else messages.CHECK_PREPARING
        sentence = (messages.CHECK_GPU_BUSY if what.busy else said).format(device=what.device)
        if what.busy and self._progress.disable:
            say(self._progress.console, [sentence])
        self._progress.reset(self._task, description=sentence)
        self._progress.refresh()

    def learns(self, done: int, count: int) -> None:
        """Say that known wrong answers are being run, which happens once."""
        self._progress.update(self._task, description=messages.CHECK_LEARNING.format(done=done, count=count))
        self._progress.refresh()

    def __enter__(self) -> RunningLine:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._progress.stop()


@contextlib.contextmanager
def counting_bar(title: str) -> Iterator[OnProgress]:
    """Show on stderr, if it is a terminal, how many of many runs are done; gives what is to be told of it."""
    console = console_for(sys.stderr)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
