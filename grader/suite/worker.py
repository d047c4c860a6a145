"""The trusted process that holds a collected suite: it forks a judge per submission and outlives it.

Run in a fork of the zygote with `FD ZYGOTE_FD COURSE SLUG FOLDER DATA TIER GPUS` as arguments. Owns judges (their
start, their deadline and their end) and the GPU that a submission is judged on. Invariants: ONE thread at every fork;
whatever happens to a judge costs at most the check it was in; when our caller is gone, the judge is killed and we end.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
import torch.fx.experimental.symbolic_shapes  # the first backward imports it: 0.2 s in every judge otherwise
from msgspec.structs import replace

from grader import language, messages
from grader.course import GRADER_DATA, Exercise, load_course, load_exercise
from grader.errors import CourseError, InfrastructureError, UsageError
from grader.events import Broken, Chosen, Ended, Event, Finished, Job, Line, Preparing, Ready, Refused
from grader.patience import LOSSES_OUTSIDE_CHECKS, Patience
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.fence.gpus import VISIBLE
from grader.sandbox.fence.kernel import PR_SET_PDEATHSIG, prctl
from grader.sandbox.gpu_lock import Held
from grader.sandbox.guest.policy import unenforceable
from grader.sandbox.heap import fill_holes
from grader.sandbox.spawn import Zygote, thread_count
from grader.suite import discreet
from grader.suite.choose import arranged, chosen, to_judge
from grader.suite.collect import CollectedSuite, with_collected_suite
from grader.suite.context import seed_host
from grader.suite.expect import expect_close
from grader.suite.judge import Judge, OpenSession, Progress, check_result
from grader.suite.present import absent_devices, held_for, rehearsal
from grader.suite.session import sessions_from
from grader.suite.verdict import Verdict
from grader.ticket import CalledOff

_GARBAGE = 50_000  # objects; a judge ends before it has made many more, and looking for garbage takes time


class CallerGone(Exception):
    """Whoever started us has closed the line."""


@dataclass
class _Running:
    """A judge at work: its line, and when it must have said the next word."""

    pid: int
    line: Line
    patience: Patience


def serve(
    line: Line, exercise: Exercise, private: Path, open_session: OpenSession, absent: Mapping[str, str] | None = None
) -> None:
    """Collect the suite, say that we are ready, then judge every job until the caller is gone."""

    def use(suite: CollectedSuite) -> None:
        if thread_count() > 1:
            raise CourseError(messages.SUITE_STARTS_THREADS.format(where=f"the suite of {exercise.slug}"))
        warm_up(exercise)
        gc.collect()
        fill_holes()
        gc.freeze()  # a judge's garbage collection would otherwise copy every page we share with it
        gc.set_threshold(_GARBAGE)
        plan = tuple(step.planned for step in suite.steps)
        line.send(Ready(plan, suite.files.sha256, str(torch.__version__)))
        with contextlib.suppress(CallerGone):
            while (job := line.receive_job()) is not None:
                Supervisor(suite, line, open_session, job).run()

    try:
        require_enforceable(exercise)
        with_collected_suite(exercise, private, use, absent=absent)
    except CourseError as error:
        line.send(Broken(str(error)))


def require_enforceable(exercise: Exercise) -> None:
    """Refuse a policy with a name that would forbid nothing; only a process with torch can know that."""
    if problem := unenforceable(exercise.policy):
        file = f"exercises/{exercise.slug}/exercise.toml"
        raise CourseError(messages.TOML_KEY.format(file=file, key="policy.forbid", problem=problem))


def warm_up(exercise: Exercise) -> None:
    """Do once what every judge would do first, so that its fork finds it done. No autograd: a GPU gives it threads."""
    value = torch.randn(2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expect_close(value * 1, value)
    discreet.warm_up(exercise)
    seed_host(0)


def meant_by(job: Job, suite: CollectedSuite) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the places of the checks that a job is about, and of those to be judged, in the order of judging.

    Raises:
        UsageError: its keyword means no check.
    """
    indices = chosen(suite.steps, job.keyword)
    todo = to_judge(suite.steps, indices, job.devices) if job.sources else ()
    if job.trial is not None:
        todo = arranged(suite.steps, todo, job.trial.order)
    elif job.backwards:
        todo = arranged(suite.steps, todo, todo[::-1])
    return indices, todo


class Supervisor:
    """Sees one submission through, with as many judges as it takes."""

    def __init__(self, suite: CollectedSuite, caller: Line, open_session: OpenSession, job: Job) -> None:
        self.suite, self.caller, self.open_session, self.job = suite, caller, open_session, job
        self.progress = Progress((), 0.0, until_noticed=job.trial is not None)
        self._losses = 0
        language.use(job.language)  # every judge is a fork of this process

    def run(self) -> None:
        """Say which checks are meant, then forward events until each has ended or the course proves to be broken.

        Raises:
            CallerGone: nobody listens any more; the judge has been killed.
        """
        try:
            indices, self.progress.todo = meant_by(self.job, self.suite)
        except UsageError as error:
            self._forward(Refused(str(error)))
            return
        self._forward(Chosen(indices))
        try:
            with self._gpu() as held:
                if held is not None:
                    self.job = replace(self.job, gpu=held.gpu)
                self.progress.deadline = time.monotonic() + self.job.wall_s(self.suite.files.exercise.limits)
                self._judge()
        except CalledOff:  # its judge is dead, and this suite is as good as before
            self._forward(Finished())

    def _gpu(self) -> contextlib.AbstractContextManager[Held | None]:
        """Hold a GPU for the whole submission if a check of it needs one; waiting is told, and no part of its time."""
        devices = {self.suite.steps[index].planned.device for index in self.progress.todo}
        return held_for(devices, lambda device: self._forward(Preparing(device, busy=True)), self._pause)

    def _pause(self, wait_s: float) -> None:
        if self.caller.pending() or select.select([self.caller], [], [], wait_s)[0]:
            self._listen()

    def _listen(self) -> None:
        """Hear what our caller says while its job runs: to stop, or nothing any more."""
        is_stop = self.caller.hears_stop()
        if is_stop is None:
            raise CallerGone
        if is_stop:
            raise CalledOff

    def _judge(self) -> None:
        last: Finished | Broken | None = None
        while last is None and self.progress.remaining():
            judge = self._fork()
            try:
                last = self._follow(judge)
                if last is not None:
                    self._forward(last)
            finally:
                _kill(judge)
            if last is None:
                self._after_loss(judge)
        if last is None:
            self._forward(Finished())

    def _follow(self, judge: _Running) -> Finished | Broken | None:
        """Forward what a judge says; return its last word, or None if it is stuck or gone."""
        while True:
            event = self._next_event(judge)
            match event:
                case None | Finished() | Broken():
                    return event
                case Ended():
                    self.progress.outcomes[event.index] = event.result.outcome
            judge.patience.hear(event)
            self._forward(event)

    def _next_event(self, judge: _Running) -> Event | None:
        while not judge.line.pending():
            wait_s = 0.0 if self.caller.pending() else judge.patience.deadline - time.monotonic()
            ready = select.select([judge.line, self.caller], [], [], max(0.0, wait_s))[0]
            if self.caller in ready or self.caller.pending():
                self._listen()
            elif not ready or not judge.line.fill():
                return None
        return judge.line.receive()

    def _after_loss(self, judge: _Running) -> None:
        """Charge a lost judge to the check it was in; outside checks, give up after a few."""
        if judge.patience.index is not None:
            self._fail(judge.patience.index)
            return
        self._losses += 1
        if self._losses == LOSSES_OUTSIDE_CHECKS:
            for index in self.progress.remaining():
                self._fail(index)

    def _fail(self, index: int) -> None:
        self.progress.outcomes[index] = Outcome.ERROR
        verdict = Verdict(Outcome.ERROR, messages.NOT_YOUR_FAULT)
        self._forward(Ended(index, check_result(self.suite.steps[index], verdict)))

    def _forward(self, event: Event) -> None:
        try:
            self.caller.send(event)
        except OSError as error:
            raise CallerGone from error

    def _fork(self) -> _Running:
        if thread_count() > 1:
            raise InfrastructureError("the worker has a second thread; a fork of it could hang")
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self.caller.close()  # or our caller would not see that the worker has ended
            self._be_judge(Line(theirs), parent)
        theirs.close()
        return _Running(pid, Line(ours), Patience(self.suite.files.exercise.limits.check_wall_s))

    def _be_judge(self, line: Line, parent: int) -> NoReturn:
        """Judge in this process, which ends here whatever happens."""
        status = 1
        try:
            os.setsid()
            _die_with(parent)
            Judge(self.suite, self.job, self.progress, self.open_session, line).run()
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            os._exit(status)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill us when the worker dies, even if it is killed; only Linux can."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _kill(judge: _Running) -> None:
    """End a judge, whatever it started, and by that its guest: the kernel closes its sockets."""
    for kill in (os.killpg, os.kill):  # it may not have reached setsid yet
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(judge.pid, signal.SIGKILL)
    os.waitpid(judge.pid, 0)
    judge.line.close()


def main(arguments: list[str]) -> None:
    """Serve on an inherited descriptor until its other end is closed."""
    fd, zygote_fd, root, slug, private, data, tier, gpus = arguments
    os.environ[GRADER_DATA] = data
    if gpus != "all":
        os.environ[VISIBLE] = gpus
    line = Line(socket.socket(fileno=int(fd)))
    try:
        exercise = load_exercise(load_course(Path(root)), slug)
        zygote = Zygote.attach(int(zygote_fd))
        absent = absent_devices(exercise.devices, rehearsal(line, zygote, Tier(tier)))
        serve(line, exercise, Path(private), sessions_from(zygote, exercise), absent)
    except BrokenPipeError:
        sys.exit(1)  # our caller is gone


if __name__ == "__main__":
    main(sys.argv[1:])
