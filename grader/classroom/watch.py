"""How the grading of a class goes, while it goes: bars on a terminal, a line now and then elsewhere.

Owns what moves and how often a line is said. Every name a student chose is made printable.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from grader import messages
from grader.classroom.benches import Task
from grader.classroom.handin import Intake, Unplaced
from grader.classroom.intake import said
from grader.classroom.schedule import Delivery
from grader.terminal import indented, paragraph, printable, say

_LINES = 20  # of a whole run, where nothing moves


class ConsoleWatch:
    """Tells a console. To be used in a `with` block, which begins before anything is taken in."""

    def __init__(self, console: Console, conditions: str) -> None:
        self._console, self._conditions = console, conditions
        self._moves = console.is_terminal and os.environ.get("TERM") != "dumb"
        name = Column(no_wrap=True, overflow="ellipsis", width=max(20, console.width - 46))
        self._progress = Progress(
            TextColumn("{task.description}", markup=False, table_column=name), BarColumn(18), MofNCompleteColumn(),
            TimeRemainingColumn(compact=True), console=console, transient=True, disable=not self._moves,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._bars: dict[str, TaskID] = {}
        self._recipients: Mapping[str, list[str]] = {}
        self._began = time.monotonic()
        self._slowest: tuple[float, str] = (0.0, messages.GRADE_NOBODY)
        self._said = 0
        self._began_with = 0
        self._done: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()

    @property
    def done(self) -> int:
        """How many submissions are judged and kept."""
        return self._done.total()

    @property
    def total(self) -> int:
        """How many there are."""
        return self._totals.total()

    def notice(self, text: str) -> None:
        """Say something that an instructor should know."""
        say(self._console, indented(text, self._console))

    def taken(self, intake: Intake) -> None:
        """Say what was handed in and what nobody understood."""
        for line in said(intake):
            blanks = len(line) - len(line.lstrip())
            say(
                self._console, (Text(" " * blanks) + text for text in paragraph(printable(line.strip()), self._console))
            )
        say(self._console, [self._conditions, ""])

    def begins(self, totals: Mapping[str, int], known: Mapping[str, int], recipients: Mapping[str, list[str]]) -> None:
        """Say how much is known, and show a bar for each exercise."""
        self._totals, self._done, self._recipients = Counter(totals), Counter(known), recipients
        self._began, self._began_with = time.monotonic(), self.done
        self._said = _LINES * self.done // max(self.total, 1)
        if self.done:
            say(self._console, [messages.GRADE_KNOWN.format(known=self.done, total=self.total)])
        if same := self.total - len(recipients):
            say(self._console, [messages.GRADE_IDENTICAL.format(count=same)])
        for slug in totals:
            self._bars[slug] = self._progress.add_task(slug, total=totals[slug], completed=known[slug])
        self._bars[""] = self._progress.add_task(messages.GRADE_ALL, total=self.total, completed=self.done)

    def running(self, tasks: Sequence[tuple[Task, float]]) -> None:
        """Show what has been running for longest."""
        if not self._moves or "" not in self._bars:
            return
        task, wall_s = max(tasks, key=lambda one: one[1], default=(None, 0.0))
        if task is not None and wall_s > max(2.0, self._slowest[0]):
            what = messages.GRADE_RUNNING.format(what=self._whose(task, wall_s))
        else:
            what = messages.GRADE_RAN.format(what=self._slowest[1])
        self._progress.update(self._bars[""], description=what)

    def delivered(self, delivery: Delivery) -> None:
        """Count what is judged; what will be judged again is not yet."""
        task, wall_s = delivery.task, delivery.judged.wall_s
        if wall_s > self._slowest[0]:
            self._slowest = wall_s, self._whose(task, wall_s)
        if not delivery.last:
            return
        count = len(self._recipients.get(task.key, ()))
        self._done[task.slug] += count
        for name in (task.slug, ""):
            self._progress.advance(self._bars[name], count)
        step = _LINES * self.done // max(self.total, 1)
        if not self._moves and step > self._said:
            self._said = step
            say(self._console, [self._line()])

    def alone(self, count: int) -> None:
        """Say that some are judged again."""
        say(self._console, [messages.GRADE_ALONE.format(count=count)])

    def renames(self, slug: str, count: int) -> None:
        """Say that mistakes are named anew."""
        say(self._console, [messages.GRADE_LEARNING.format(slug=slug, count=count)])

    def __enter__(self) -> ConsoleWatch:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._progress.stop()

    def _line(self) -> str:
        took_s, fresh = time.monotonic() - self._began, max(self.done - self._began_with, 1)
        facts = {"done": self.done, "total": self.total, "slowest": self._slowest[1]}
        if self.done == self.total:
            return messages.GRADE_DONE_IN.format(time=duration(took_s), **facts)
        return messages.GRADE_STEP.format(left=duration((self.total - self.done) * took_s / fresh), **facts)

    def _whose(self, task: Task, wall_s: float) -> str:
        who = printable(", ".join(self._recipients.get(task.key, ())[:2]))
        return messages.GRADE_SLOWEST.format(who=who, slug=task.slug.split("_")[0], wall_s=wall_s)


def unplaced_line(one: Unplaced) -> str:
    """Return what nobody understood, and who might be meant."""
    names = messages.GRADE_CANDIDATES.format(names=", ".join(one.candidates)) if one.candidates else ""
    return printable(messages.GRADE_UNPLACED.format(origin=one.origin, why=one.why, candidates=names))


def duration(wall_s: float) -> str:
    """Return a time as minutes and seconds."""
    minutes, seconds = divmod(round(wall_s), 60)
    return f"{minutes}:{seconds:02d} min" if minutes else f"{seconds} s"
