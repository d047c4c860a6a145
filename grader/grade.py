"""Grade one submission: start what judges, give it the files, make a result of the plan and what came back.

Runs in the command line's process: it must not import torch, numpy or pytest. Owns the score. Invariant: points come
from the plan that was fixed before any student code ran; a check that nobody reported is `not_run`, never passed.
"""

from __future__ import annotations

import contextlib
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

from grader import __version__, language, messages
from grader.course import Course, Exercise
from grader.diagnosis.evidence import UNNAMED_DEVICES, Circumstances, Evidence
from grader.errors import CourseError, InfrastructureError, SubmissionRejected, UsageError
from grader.events import (
    Began,
    Broken,
    Chosen,
    Ended,
    Finished,
    Job,
    Opened,
    PlannedCheck,
    Preparing,
    Ready,
    Refused,
    Score,
    SourceText,
    Stop,
    Trial,
)
from grader.judgement import Judged, Judgement
from grader.results import CheckResult, Environment, ExerciseResult, SubmissionInfo
from grader.sandbox.fence import Tier, require_hidden, strongest_tier, sweep
from grader.score import is_complete, max_score, score
from grader.submission import Submission, read_submission
from grader.ticket import CalledOff, Ticket
from grader.unjudged import devices_used, is_pending, not_judged, unjudged
from grader.workers import COLLECT_WALL_S, Launcher, Place, Worker, start_launcher, start_worker

OnCheck = Callable[[CheckResult], None]
OnBegin = Callable[[PlannedCheck], None]

_END_WALL_S = 2.0
_LOG_CHARS = 2000


class Grader:
    """A judge's bench for one exercise: started once, then any number of submissions.

    Starting takes as long as importing torch; grading takes tens of milliseconds beyond the student's own time.
    """

    def __init__(self, exercise: Exercise, tier: Tier | None = None, zygote: Launcher | None = None) -> None:
        """Prepare.

        Args:
            zygote: What to start workers and guests from: a zygote that is ready, or a `Spawner`; somebody else closes
                it. None means one of our own, as this system has it.
        """
        self.exercise = exercise
        self.tier = strongest_tier() if tier is None else tier
        self._zygote = zygote
        self._ready: Ready | None = None
        self._resources = contextlib.ExitStack()
        self._line: Worker | None = None
        self._log = Path()
        self.on_prepare: Callable[[Preparing], None] = _ignore

    def __enter__(self) -> Grader:
        """Start the zygote and its first fork, the worker, and wait until the suite is collected.

        Raises:
            CourseError: the suite is broken; the message names file and line.
            InfrastructureError: something of ours did not start.
        """
        try:
            self._start()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):  # no room, no descriptors, no processes
                raise InfrastructureError(messages.MACHINE_EXHAUSTED.format(problem=error.strerror or error)) from error
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def zygote(self) -> Launcher:
        """What workers and guests are started from; others may use it as long as this grader is not closed."""
        self._started()
        assert self._zygote is not None
        return self._zygote

    @property
    def circumstances(self) -> Circumstances:
        """What the outcomes of a submission depend on besides its files and the seed."""
        ready = self._started()
        return Circumstances(ready.suite_sha256, ready.torch)

    @property
    def plan(self) -> tuple[PlannedCheck, ...]:
        """The checks that a result will have, in the order in which they are judged."""
        return self._started().plan

    def grade(
        self,
        submission: Submission,
        *,
        seed: int | None = None,
        on_check: OnCheck | None = None,
        on_begin: OnBegin | None = None,
        keyword: str = "",
        devices: Sequence[str] | None = None,
    ) -> ExerciseResult:
        """Judge one submission; see `judge`."""
        return self.judge(
            submission, seed=seed, on_check=on_check, on_begin=on_begin, keyword=keyword, devices=devices
        ).result

    def judge(
        self,
        submission: Submission,
        *,
        seed: int | None = None,
        on_check: OnCheck | None = None,
        on_begin: OnBegin | None = None,
        keyword: str = "",
        devices: Sequence[str] | None = None,
        trial: Trial | None = None,
        backwards: bool = False,
        ticket: Ticket | None = None,
    ) -> Judgement:
        """Judge one submission and keep what diagnosis needs.

        Args:
            seed: Seed of all draws; None means the course's.
            on_begin: Called with the plan's line of a check when it begins (again, where it is tried again).
            on_check: Called with each check as it ends, in the order of the plan.
            keyword: Judge only these checks and those they need: a whole id, or an expression as for pytest's -k.
                Other checks are not in the result, which then is not complete.
            devices: Judge on these only; on others the checks stay pending.
            trial: Judge no further than to the first check that does not pass, in this order; the rest is `not_run`.
            backwards: Begin with the last check of the plan; the result has the plan's order all the same.
            ticket: Another thread may call the job off with it; this grader then takes the next one.
        Raises:
            CalledOff: that happened.
            UsageError: `keyword` or `devices` mean nothing here.
            CourseError: a check turned out to be broken while it ran; the message names file and line.
        """
        job = self._job(submission, seed, keyword, devices, trial=trial, backwards=backwards)
        judged = self._judge(job, on_check or _ignore, on_begin or _ignore, ticket)
        return Judgement(self._result(job, submission, judged), self._evidence(judged))

    def reject(
        self,
        why: SubmissionRejected,
        *,
        seed: int | None = None,
        on_check: OnCheck | None = None,
        keyword: str = "",
        devices: Sequence[str] | None = None,
    ) -> ExerciseResult:
        """Return the result of a submission that could not even be read: every check is `rejected`; see `grade`."""
        nothing = Submission("", ())
        job = self._job(nothing, seed, keyword, devices)
        judged = self._judge(job, _ignore, _ignore)
        for index in judged.chosen:
            planned = self.plan[index]
            if not is_pending(planned, job.devices):
                check = unjudged(planned, SubmissionRejected.outcome, str(why))
                judged.results[check.id, check.device] = check
                (on_check or _ignore)(check)
        return self._result(job, nothing, judged)

    def measure(
        self, submission: Submission, seed: int, keyword: str, devices: Sequence[str] | None
    ) -> tuple[ExerciseResult, dict[tuple[str, str], tuple[Score, ...]]]:
        """Judge, but tell accuracies by (check, device) instead of comparing them: for a calibration; see `judge`."""
        job = self._job(submission, seed, keyword, devices, measure=True)
        judged = self._judge(job, _ignore, _ignore)
        return self._result(job, submission, judged), judged.scores

    def log(self) -> str:
        """Return the end of what the judging side wrote for an instructor: tracebacks behind `error` outcomes."""
        with contextlib.suppress(OSError):
            return self._log.read_text("utf-8", "replace")[-_LOG_CHARS:].strip()
        return ""

    def interrupt(self) -> None:
        """Let a job that runs in another thread end now, with what has been judged; this grader takes no other one."""
        if self._line is not None:
            self._line.hang_up()

    def close(self) -> None:
        """End everything that was started; what still runs is killed."""
        self._resources.close()
        self._ready = None

    def _started(self) -> Ready:
        if self._ready is None:
            raise InfrastructureError(messages.GRADER_CLOSED)
        return self._ready

    def _start(self) -> None:
        self._require_hidden()
        sweep()  # what graders that were killed left behind
        private = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="grader-")))
        if self._zygote is None:
            self._zygote = start_launcher()
            self._resources.enter_context(self._zygote)
            self._zygote.wait_until_ready()
        line = self._line = self._start_worker(private, self._zygote)
        try:
            while isinstance(event := line.receive(time.monotonic() + COLLECT_WALL_S), Preparing):
                self.on_prepare(event)
        except TimeoutError:
            text = messages.SUITE_TAKES_TOO_LONG.format(slug=self.exercise.slug, wall_s=COLLECT_WALL_S)
            raise CourseError(text) from None
        match event:
            case Ready():
                self._ready = event
            case Broken():
                raise CourseError(event.message)
            case _:
                raise InfrastructureError(messages.WORKER_ENDED.format(log=self.log()))

    def _require_hidden(self) -> None:
        """Refuse to grade where a guest could read what it is judged by."""
        if self.tier is not Tier.NONE:
            require_hidden(map(str, (self.exercise.solution_folder, self.exercise.hidden_folder)))

    def _start_worker(self, private: Path, zygote: Launcher) -> Worker:
        """Start the worker and return our hold on it; letting go ends it, by force if need be."""
        self._log = private / "worker.log"
        worker = start_worker(zygote, Place(self.exercise, self.tier, private, self._log))
        # One that is still importing does not look at its line; there is nothing in it to end in order.
        self._resources.callback(lambda: worker.end(_END_WALL_S if self._ready is not None else 0))
        return worker

    def _job(
        self,
        submission: Submission,
        seed: int | None,
        keyword: str,
        devices: Sequence[str] | None,
        *,
        trial: Trial | None = None,
        backwards: bool = False,
        measure: bool = False,
    ) -> Job:
        self._started()
        course, listed = self.exercise.course, self.exercise.devices
        for device in devices or ():
            if device not in listed:
                facts = {"slug": self.exercise.slug, "device": device, "devices": ", ".join(listed)}
                raise UsageError(messages.CLI_DEVICE_NOT_LISTED.format(**facts))
        return Job(
            sources=tuple(SourceText(source.name, source.text) for source in submission.sources),
            seed=course.seed if seed is None else seed,
            tier=self.tier.value,
            keyword=keyword,
            devices=None if devices is None else tuple(devices),
            language=language.current(),
            trial=trial,
            backwards=backwards,
            measure=measure,
        )

    def _judge(self, job: Job, on_check: OnCheck, on_begin: OnBegin, ticket: Ticket | None = None) -> Judged:
        assert self._line is not None
        judged, line = Judged(chosen=tuple(range(len(self.plan)))), self._line
        try:
            with (ticket or Ticket()).used(lambda: self._send(job), lambda: line.send(Stop())):
                self._follow(line, judged, on_check, on_begin)
        except (CalledOff, CourseError, InfrastructureError, UsageError):
            raise  # the job is over on the other side too
        except BaseException:
            self.close()  # what is left on the line belongs to this job, so no other may follow
            raise
        return judged

    def _send(self, job: Job) -> None:
        assert self._line is not None
        with self._line_errors():
            self._line.send(job)

    def _follow(self, line: Worker, judged: Judged, on_check: OnCheck, on_begin: OnBegin) -> None:
        """Take events until all is finished. A worker that ends early leaves checks out; they will be `not_run`."""
        while True:
            with self._line_errors():
                event = line.receive()
            match event:
                case Ended(result=result, evidence=evidence):
                    judged.results[result.id, result.device] = result
                    if evidence is not None and result.device not in UNNAMED_DEVICES:
                        judged.evidence[result.id, result.device] = evidence
                    judged.scores[result.id, result.device] = event.scores
                    on_check(result)
                case Began(index=index):
                    on_begin(self.plan[index])
                case Preparing():
                    self.on_prepare(event)
                case Chosen(indices=indices):
                    judged.chosen = indices
                case Opened(flags=flags, stdout=stdout):
                    # A second judge imports the files again: what is printed then has been seen.
                    judged.flags, judged.stdout = list(flags), judged.stdout or stdout
                case Broken() | Refused():
                    raise (CourseError if isinstance(event, Broken) else UsageError)(event.message)
                case None | Finished():
                    return

    @contextlib.contextmanager
    def _line_errors(self) -> Iterator[None]:
        """Say whose end it was; an error of the callback's own output must not be taken for it."""
        try:
            yield
        except OSError as error:
            raise InfrastructureError(messages.WORKER_ENDED.format(log=self.log())) from error

    def _evidence(self, judged: Judged) -> dict[str, Evidence]:
        """Return by check what it left on the first of its devices that left something, in whatever order it came."""
        places = [(planned.id, planned.device) for planned in self.plan]
        return {id: judged.evidence[id, device] for id, device in reversed(places) if (id, device) in judged.evidence}

    def _result(self, job: Job, submission: Submission, judged: Judged) -> ExerciseResult:
        ready = self._started()
        checks = [
            judged.results.get((planned.id, planned.device)) or not_judged(planned, job.devices, ready.torch)
            for planned in (ready.plan[index] for index in judged.chosen)
        ]
        devices = devices_used(ready.plan, job.devices)
        return ExerciseResult(
            exercise=self.exercise.slug,
            submission=SubmissionInfo(submission.sha256, submission.files),
            suite_sha256=ready.suite_sha256,
            score=score(checks),
            max_score=max_score(checks),
            complete=is_complete(checks) and len(checks) == len(ready.plan),
            seed=job.seed,
            environment=Environment(__version__, platform.python_version(), ready.torch, devices, self.tier.value),
            checks=checks,
            flags=judged.flags,
            stdout=judged.stdout,
        )


def grade_submission(
    course: Course,
    exercise: Exercise,
    path: Path | None = None,
    *,
    seed: int | None = None,
    tier: Tier | None = None,
    on_check: OnCheck | None = None,
) -> ExerciseResult:
    """Read and judge one submission; None as path means the files in the exercise's own folder.

    Raises:
        UsageError: `path` does not exist.
        CourseError, InfrastructureError: see `Grader`.
    """
    seed = course.seed if seed is None else seed
    try:
        submission = read_submission(exercise, path)
    except SubmissionRejected as rejected:
        with Grader(exercise, tier) as grader:
            return grader.reject(rejected, seed=seed, on_check=on_check)
    with Grader(exercise, tier) as grader:
        return grader.grade(submission, seed=seed, on_check=on_check)


def _ignore(what: CheckResult | PlannedCheck | Preparing) -> None:
    """Nobody watches."""
