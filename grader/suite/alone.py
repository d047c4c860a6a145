"""The worker where none can be forked: it collects the suite once and judges one submission after the other itself.

What a fork would forget is cleared away after each: guests, fixtures of every scope, the check that was current. What a
suite keeps in its own modules stays until the worker ends. Must not know how guests are started; nobody watches from in
here: whoever gave the job has the patience, and a worker without a word is killed and replaced.
"""

from __future__ import annotations

import time
from pathlib import Path

import torch
from msgspec.structs import replace

from grader import language
from grader.course import Exercise
from grader.errors import CourseError, UsageError
from grader.events import Broken, Chosen, Finished, Job, Line, Preparing, Ready, Refused
from grader.sandbox.fence import Gpu, Tier
from grader.sandbox.guest import cuda
from grader.sandbox.rehearsal import what_cuda_lacks
from grader.sandbox.spawn import GuestSource
from grader.suite import context
from grader.suite.collect import CollectedSuite, with_collected_suite
from grader.suite.judge import Judge, OpenSession, Progress
from grader.suite.present import absent_devices, held_for
from grader.suite.session import sessions_from
from grader.suite.worker import meant_by, require_enforceable, wall_s_of, warm_up


def serve(line: Line, exercise: Exercise, private: Path, tier: Tier, guests: GuestSource) -> None:
    """Collect the suite, say that we are ready, then judge every job until the caller is gone."""

    def rehearse(gpu: Gpu) -> str:
        line.send(Preparing(cuda.NAME))
        problem = what_cuda_lacks(guests, tier, gpu)
        line.send(Preparing(cuda.NAME))
        return problem

    def use(suite: CollectedSuite) -> None:
        warm_up()
        plan = tuple(step.planned for step in suite.steps)
        line.send(Ready(plan, suite.files.sha256, str(torch.__version__)))
        while (job := line.receive_job()) is not None:
            judge(suite, line, _Sessions(sessions_from(guests, exercise)), job)

    try:
        require_enforceable(exercise)
        with_collected_suite(exercise, private, use, absent=absent_devices(exercise.devices, rehearse))
    except CourseError as error:
        line.send(Broken(str(error)))


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


def judge(suite: CollectedSuite, line: Line, sessions: _Sessions, job: Job) -> None:
    """Say which checks are meant, then judge what of them is not known yet."""
    language.use(job.language)
    try:
        indices, todo = meant_by(job, suite)
    except UsageError as error:
        line.send(Refused(str(error)))
        return
    line.send(Chosen(indices))
    devices = {suite.steps[index].planned.device for index in todo}
    try:
        with held_for(devices, lambda device: line.send(Preparing(device, busy=True))) as held:
            if held is not None:
                job = replace(job, gpu=held.gpu)
            deadline = time.monotonic() + (wall_s_of(job, suite) if job.left_s is None else job.left_s)
            progress = Progress(todo, deadline, dict(job.outcomes), until_noticed=job.trial is not None)
            if progress.remaining():
                Judge(suite, job, progress, sessions, line).run()
            else:
                line.send(Finished())
    finally:
        sessions.close()
        suite.items[0].session._setupstate.teardown_exact(None)
