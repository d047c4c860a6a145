"""The worker where none can be forked: it collects the suite once and judges one submission after the other itself.

What a fork would forget is cleared away after each: guests, fixtures of every scope, the check that was current. What a
suite keeps in its own modules stays until the worker ends. Its line is read in a thread of its own: a job can be called
off while it runs. Must not know how guests are started; nobody watches from in here: whoever gave the job has
the patience, and a worker without a word is killed and replaced.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch
from msgspec.structs import replace

from grader import language
from grader.course import Exercise
from grader.errors import CourseError, UsageError
from grader.events import Broken, Chosen, Event, Finished, Job, Line, Preparing, Ready, Refused
from grader.sandbox.fence import Tier
from grader.sandbox.spawned import SpawnedGuests
from grader.suite import context
from grader.suite.collect import CollectedSuite, with_collected_suite
from grader.suite.judge import Judge, OpenSession, Progress
from grader.suite.present import absent_devices, held_for, rehearsal
from grader.suite.session import sessions_from
from grader.suite.worker import meant_by, require_enforceable, warm_up
from grader.ticket import CalledOff


def serve(line: Line, exercise: Exercise, private: Path, tier: Tier, guests: SpawnedGuests) -> None:
    """Collect the suite, say that we are ready, then judge every job until the caller is gone."""

    def use(suite: CollectedSuite) -> None:
        warm_up(exercise)
        plan = tuple(step.planned for step in suite.steps)
        line.send(Ready(plan, suite.files.sha256, str(torch.__version__)))
        inbox = _Inbox(line, guests.end_handed_out)
        while (task := inbox.next()) is not None:
            judge(suite, task, _Sessions(sessions_from(guests, exercise)))

    try:
        require_enforceable(exercise)
        absent = absent_devices(exercise.devices, rehearsal(line, guests, tier))
        with_collected_suite(exercise, private, use, absent=absent)
    except CourseError as error:
        line.send(Broken(str(error)))


class _Task:
    """A job and the way to whoever gave it, which ends in CalledOff once nobody wants the job any more."""

    def __init__(self, job: Job, line: Line) -> None:
        self.job, self.line = job, line
        self._called_off = threading.Event()

    def call_off(self) -> None:
        self._called_off.set()

    def send(self, event: Event) -> None:
        """Say what happens.

        Raises:
            CalledOff: nobody wants to hear it.
        """
        self.pause(0)
        self.line.send(event)

    def pause(self, wait_s: float) -> None:
        """Wait; raises CalledOff as `send` does."""
        if self._called_off.wait(wait_s):
            raise CalledOff


class _Inbox:
    """Reads the line in a thread. A `Stop` is about the job that was read last: there is none before that is over."""

    def __init__(self, line: Line, end_guests: Callable[[], None]) -> None:
        self._line, self._end_guests = line, end_guests
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="grader listens", daemon=True).start()

    def next(self) -> _Task | None:
        """Wait for the next job; None when the caller is gone."""
        return self._tasks.get()

    def _read(self) -> None:
        last: _Task | None = None
        try:
            while (request := self._line.receive_request()) is not None:
                if isinstance(request, Job):
                    last = _Task(request, self._line)
                    self._tasks.put(last)
                elif last is not None:
                    last.call_off()  # first: then nobody who finds the guest gone asks for another one
                    self._end_guests()
        finally:
            self._tasks.put(None)


class _Sessions:
    """Opens sessions, and closes those that a judge left to the end of its process."""

    def __init__(self, open_session: OpenSession) -> None:
        self._open, self._opened = open_session, list[context.SessionLike]()

    def __call__(self, job: Job) -> context.SessionLike:
        self._opened.append(self._open(job))
        return self._opened[-1]

    def close(self) -> None:
        for session in self._opened:
            session.close()


def judge(suite: CollectedSuite, task: _Task, sessions: _Sessions) -> None:
    """Say which checks are meant, then judge what of them is not known yet; called off, all is finished too."""
    language.use(task.job.language)
    try:
        indices, todo = meant_by(task.job, suite)
        task.send(Chosen(indices))
        _judge(suite, task, sessions, todo)
    except UsageError as error:
        task.line.send(Refused(str(error)))
    except CalledOff:
        task.line.send(Finished())


def _judge(suite: CollectedSuite, task: _Task, sessions: _Sessions, todo: tuple[int, ...]) -> None:
    job, devices = task.job, {suite.steps[index].planned.device for index in todo}
    try:
        with held_for(devices, lambda device: task.send(Preparing(device, busy=True)), task.pause) as held:
            if held is not None:
                job = replace(job, gpu=held.gpu)
            wall_s = job.wall_s(suite.files.exercise.limits)
            deadline = time.monotonic() + (wall_s if job.left_s is None else job.left_s)
            progress = Progress(todo, deadline, dict(job.outcomes), until_noticed=job.trial is not None)
            if progress.remaining():
                Judge(suite, job, progress, sessions, task).run()
            else:
                task.send(Finished())
    finally:
        sessions.close()
        suite.items[0].session._setupstate.teardown_exact(None)
