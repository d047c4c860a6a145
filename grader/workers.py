"""The command's hold on a worker, whichever way it was started: as a fork of a zygote, or as a Python of its own.

Owns the choice, and what a supervisor does where the worker judges itself: the patience with it, and its replacement.
Never imports torch. Invariant: whatever happens to a worker costs at most the check it was in.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from grader import messages
from grader.course import GRADER_DATA, Exercise
from grader.errors import InfrastructureError
from grader.events import (
    Began,
    Broken,
    Chosen,
    Ended,
    Event,
    Finished,
    Job,
    Line,
    PlannedCheck,
    Preparing,
    Ready,
    Refused,
    Stop,
)
from grader.lone_worker import Told
from grader.patience import LOSSES_OUTSIDE_CHECKS, Patience
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.fence.gpus import VISIBLE
from grader.sandbox.loopback import Child
from grader.sandbox.spawn import GuestSource, HostProgram, HostSpec, Zygote
from grader.sandbox.spawned import SpawnedGuests, Spawner
from grader.unjudged import is_pending, unjudged

COLLECT_WALL_S = 120.0
_CALL_WAIT_S = 60.0
_STOP_S = 3.0  # a worker that is judging itself has this long to let go of what is called off
_LOOK_S = 0.2  # waiting for a line cannot be broken off by Ctrl-C everywhere
_WORKER = str(Path(__file__).parent / "suite" / "worker.py")

Launcher = Zygote | Spawner
"""What workers and guests are started from."""


def start_launcher() -> Launcher:
    """Return what this system offers: a zygote on Linux, new processes elsewhere; a zygote is not ready yet.

    Windows has no fork, and on macOS the system's libraries may crash in one.
    Source: Python's manual, multiprocessing, "Contexts and start methods".
    """
    return Zygote.start() if can_fork() else Spawner()


def can_fork(launcher: Launcher | None = None) -> bool:
    """Whether this launcher forks, or the one that this system has."""
    return isinstance(launcher, Zygote) if launcher is not None else sys.platform == "linux"


@contextlib.contextmanager
def guests_from(launcher: Launcher) -> Iterator[GuestSource]:
    """Give where guests come from, for whoever judges without a worker."""
    if isinstance(launcher, Spawner):
        with contextlib.closing(SpawnedGuests(launcher.command)) as guests:
            yield guests
    else:
        launcher.wait_until_ready()
        yield launcher


class Worker(Protocol):
    """A worker as whoever gives it jobs sees it; `events.Line` says what these do and raise."""

    def send(self, message: Job | Stop) -> None: ...  # noqa: D102
    def receive(self, deadline: float | None = None) -> Event | None: ...  # noqa: D102
    def hang_up(self) -> None: ...  # noqa: D102
    def end(self, wait_s: float) -> None:
        """Let go; after so long it is killed."""


@dataclass(frozen=True)
class Place:
    """Where a worker works: a private folder, and the file that it and its judges print into."""

    exercise: Exercise
    tier: Tier
    private: Path
    log: Path


def start_worker(launcher: Launcher, place: Place) -> Worker:
    """Start a worker; it collects the suite and then says that it is ready.

    Raises:
        InfrastructureError: it cannot be started.
    """
    # Its environment is written out and holds nothing of ours; where data lie is told.
    data, folder = os.environ.get(GRADER_DATA, ""), place.private / "suite"
    words = (
        str(place.exercise.course.root), place.exercise.slug, str(folder), os.path.abspath(data) if data else "",
        place.tier.value, os.environ.get(VISIBLE, "all"),
    )  # fmt: skip
    if isinstance(launcher, Spawner):
        return SpawnedWorker(Told(*words, launcher.command), place)
    folder.mkdir()
    with place.log.open("wb") as log:
        return ForkedWorker(launcher.spawn_host(HostSpec(_WORKER, words, str(place.private)), log.fileno()))


class ForkedWorker(Line):
    """A fork of a zygote: it supervises its judges itself."""

    def __init__(self, program: HostProgram) -> None:
        super().__init__(program.line)
        self.end = program.end


class SpawnedWorker:
    """A Python of its own that judges itself, watched from here."""

    def __init__(self, told: Told, place: Place) -> None:
        self._told, self._place, self._starts = told, place, 0
        self._plan: Sequence[PlannedCheck] = ()
        self._under_way: _UnderWay | None = None
        self._queued: list[Event] = []
        self._hung_up = False
        self._giving = threading.Lock()  # between a job that is given and a `Stop`, which comes from another thread
        self._start()

    def _start(self) -> None:
        self._starts += 1
        folder = Path(f"{self._told.folder}-{self._starts}")  # pytest wants one that nothing is in yet
        folder.mkdir()
        told = msgspec.structs.replace(self._told, folder=str(folder))
        with self._place.log.open("ab") as log:
            self._child = Child("grader.lone_worker", 2, msgspec.to_builtins(told), log, told.command)
        try:
            sock, self._lifeline = self._child.lines(_CALL_WAIT_S)
        except BaseException:
            self._child.end()
            raise
        self._line = Line(sock)

    def send(self, message: Job | Stop) -> None:
        """Give a job, to another worker if the last one was given up; or, from another thread, call it off."""
        if isinstance(message, Stop):
            self._call_off(message)
            return
        if self._plan and self._child.ending() is not None:
            self._replace()
        self._under_way = _UnderWay(message, message.wall_s(self._place.exercise.limits))
        self._give(self._under_way)

    def _give(self, under_way: _UnderWay) -> None:
        """Give what is left of a job, unless nobody wants it any more."""
        under_way.patience = Patience(self._place.exercise.limits.check_wall_s)
        with self._giving:
            if not under_way.is_called_off:
                self._line.send(under_way.rest())

    def _call_off(self, stop: Stop) -> None:
        """Have a worker end the job under way; whoever waits for that gives the worker up if it does not."""
        under_way = self._under_way
        if under_way is not None:
            with self._giving:
                under_way.call_off()
                self._line.send(stop)

    def receive(self, deadline: float | None = None) -> Event | None:
        """Return the next event; a worker that is stuck or gone in the middle of a job is replaced.

        Raises:
            TimeoutError: nothing came before `deadline`, and no job is under way.
            InfrastructureError: it cannot be replaced.
        """
        while not self._queued:
            event = self._next(deadline)
            if event is not None or self._under_way is None or self._hung_up:
                self._hear(event)
                return event
            self._recover(self._under_way)
        return self._queued.pop(0)

    def _next(self, deadline: float | None) -> Event | None:
        """Return what the worker says next; None if it has gone, or has been silent in a job for too long."""
        while not self._hung_up:
            due = self._under_way.deadline if self._under_way is not None else deadline
            now = time.monotonic()
            if due is not None and now >= due:
                if self._under_way is not None:
                    return None
                raise TimeoutError("nothing was said in time")
            with contextlib.suppress(TimeoutError):
                try:
                    return self._line.receive(now + _LOOK_S if due is None else min(due, now + _LOOK_S))
                except ConnectionError:
                    break
        return None

    def _hear(self, event: Event | None) -> None:
        match event:
            case Ready():
                self._plan = event.plan
            case Finished() | Broken() | Refused():
                self._under_way = None
        if event is not None and self._under_way is not None:
            self._under_way.hear(event)

    def _recover(self, under_way: _UnderWay) -> None:
        """Charge a lost worker to the check it was in and have another one go on; outside checks, only a few times."""
        self._end_child(0)
        if not under_way.is_called_off:
            charged = under_way.charge()
            for index in under_way.lacking(self._plan) if charged is None else charged:
                under_way.outcomes[index] = Outcome.ERROR
                self._queued.append(Ended(index, unjudged(self._plan[index], Outcome.ERROR, messages.NOT_YOUR_FAULT)))
        if under_way.lacking(self._plan) and not under_way.is_called_off:
            self._replace()
            self._give(under_way)
        else:
            self._under_way = None
            self._queued.append(Finished())

    def _replace(self) -> None:
        """Start another worker and wait until it has collected the suite.

        Raises:
            InfrastructureError: it does not come to that.
        """
        self._start()
        if self._hung_up:
            self._line.hang_up()  # whoever did it meant the line before
        event: Event | None = Preparing("cpu")
        with contextlib.suppress(TimeoutError, ConnectionError):
            while isinstance(event, Preparing):
                event = self._line.receive(time.monotonic() + COLLECT_WALL_S)
        if not isinstance(event, Ready):
            self._end_child(0)
            raise InfrastructureError(messages.WORKER_ENDED.format(log=self._place.log.read_text("utf-8", "replace")))

    def hang_up(self) -> None:
        """End the conversation, for a thread that waits here too."""
        self._hung_up = True
        self._line.hang_up()

    def end(self, wait_s: float) -> None:
        """Let go; after so long it is killed, in the middle of a job at once."""
        self._line.close()
        self._end_child(wait_s if self._under_way is None else 0)

    def _end_child(self, wait_s: float) -> None:
        self._child.end(wait_s)
        self._lifeline.close()
        self._line.close()


class _UnderWay:
    """What is known of a job that a worker has been given."""

    def __init__(self, job: Job, wall_s: float) -> None:
        self.job, self.patience = job, Patience(0)
        self.chosen: tuple[int, ...] | None = None
        self.outcomes: dict[int, Outcome] = {}
        self._left_s, self._began, self._losses = wall_s, 0.0, 0
        self._stop_by = math.inf

    @property
    def is_called_off(self) -> bool:
        """Whether nobody wants it any more."""
        return self._stop_by < math.inf

    @property
    def deadline(self) -> float:
        """When its worker must have said its next word, or have ended what was called off."""
        return min(self.patience.deadline, self._stop_by)

    def call_off(self) -> None:
        """Give its worker a moment to end it."""
        self._stop_by = time.monotonic() + _STOP_S

    def hear(self, event: Event) -> None:
        """Take what its worker says."""
        self.patience.hear(event)
        match event:
            case Chosen():
                self.chosen = event.indices
            case Began():
                self._began = time.monotonic()
            case Ended():
                self.outcomes[event.index] = event.result.outcome
                self._spend()

    def _spend(self) -> None:
        if self._began:  # a check that waits for another one ends without having begun
            self._left_s -= time.monotonic() - self._began
            self._began = 0.0

    def charge(self) -> list[int] | None:
        """Return the check that its worker was lost in, nothing if it was in none, None if that was once too often."""
        self._spend()
        if self.patience.index is not None:
            return [self.patience.index]
        self._losses += 1
        return None if self._losses == LOSSES_OUTSIDE_CHECKS else []

    def lacking(self, plan: Sequence[PlannedCheck]) -> list[int]:
        """Return the checks that were to be judged and have no outcome."""
        meant = range(len(plan)) if self.chosen is None else self.chosen
        judged = [index for index in meant if not is_pending(plan[index], self.job.devices)]
        return [index for index in judged if index not in self.outcomes]

    def rest(self) -> Job:
        """Return what is left of the job."""
        return msgspec.structs.replace(self.job, outcomes=dict(self.outcomes), left_s=self._left_s)
