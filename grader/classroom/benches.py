"""Warm graders of several exercises in one process, all of them forks of one zygote, and one job judged on one of them.

Owns which grader a job gets, and that one which failed is never used again. Knows neither students nor stores. What it
is asked for and what it gives back can be pickled, so a job may be judged in any process that has the course.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader import language, messages
from grader.course import Exercise, load_course, load_exercise
from grader.diagnosis.bench import Names, names_for
from grader.diagnosis.evidence import Evidence
from grader.errors import CourseError, InfrastructureError, SubmissionRejected
from grader.grade import Grader
from grader.judgement import Judgement
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.submission import Submission
from grader.workers import Launcher, start_launcher


@dataclass(frozen=True)
class Task:
    """One submission to be judged for one exercise; without files it is rejected with the sentence `problem`.

    `key` is whatever the caller calls it. `suite_sha256` is what the suite must be, so that no run mixes two. A `fresh`
    one is judged by a worker that has judged nothing else.
    """

    key: str
    root: str
    slug: str
    suite_sha256: str
    submission: Submission | None
    problem: str
    seed: int
    tier: str
    devices: tuple[str, ...] | None
    language: str
    fresh: bool = False


@dataclass(frozen=True)
class Judged:
    """What came of a task. Without a result it was lost, and `trouble` says by what, to an instructor.

    A `broken` check is the course's mistake: judging again would end in the same way.
    """

    result: ExerciseResult | None
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    wall_s: float = 0.0
    trouble: str = ""
    broken: bool = False

    @property
    def failed(self) -> bool:
        """Whether something of ours kept a check from being judged."""
        return self.result is None or bool(self.result.our_failures)

    @property
    def timed_out(self) -> bool:
        """Whether a check came to its deadline."""
        return self.result is not None and any(check.outcome is Outcome.TIMEOUT for check in self.result.checks)


_Bench = tuple[str, str, str]


class Benches:
    """The graders of one process, started when they are needed. May be used by any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygote: Launcher | None = None
        self._zygotes: list[Launcher] = []
        self._free: dict[_Bench, list[Grader]] = {}
        self._busy: set[Grader] = set()
        self._names: dict[tuple[_Bench, int], tuple[threading.Lock, list[Names]]] = {}

    def judge(self, task: Task) -> Judged:
        """Judge a task and name the mistakes in it.

        Raises:
            CourseError: the suite cannot be used, or is not the one that the task names.
        """
        if language.current() != task.language:
            language.use(task.language)
        started = time.monotonic()
        try:
            with self.grader(_exercise(task), task.tier, fresh=task.fresh) as grader:
                return self._judged(grader, task)
        except InfrastructureError as error:
            return Judged(None, wall_s=time.monotonic() - started, trouble=str(error))

    @contextlib.contextmanager
    def grader(self, exercise: Exercise, tier: str, *, fresh: bool = False) -> Iterator[Grader]:
        """Lend a grader; one with which something went wrong is closed afterwards instead of being lent again.

        Raises:
            CourseError: the suite is broken. InfrastructureError: something of ours did not start, or failed.
        """
        bench = (str(exercise.course.root), exercise.slug, tier)
        grader = self._take(bench, exercise, fresh)
        try:
            yield grader
        except BaseException:
            self._put_away(grader)
            raise
        with self._lock:
            if grader in self._busy:  # else it has failed and was put away
                self._busy.discard(grader)
                self._free.setdefault(bench, []).append(grader)

    def retire(self, slug: str) -> None:
        """Close the graders of an exercise that nothing is left to do for."""
        with self._lock:
            idle = [grader for bench in self._free if bench[1] == slug for grader in self._free[bench]]
            self._free = {bench: graders for bench, graders in self._free.items() if bench[1] != slug}
        for grader in idle:
            grader.close()

    def interrupt(self) -> None:
        """Let everything that is being judged end now; what comes of it is worth nothing."""
        with self._lock:
            busy = list(self._busy)
        for grader in busy:
            grader.interrupt()

    def close(self) -> None:
        """End everything that was started, once nothing is judged any more."""
        for slug in {bench[1] for bench in self._free}:
            self.retire(slug)
        while self._zygotes:
            self._zygotes.pop().close()
        self._zygote = None
        self._names.clear()

    def _take(self, bench: _Bench, exercise: Exercise, fresh: bool) -> Grader:
        with self._lock:
            if not fresh and self._free.get(bench):
                grader = self._free[bench].pop()
                self._busy.add(grader)
                return grader
        zygote = self._ready_zygote()
        grader = Grader(exercise, Tier(bench[2]), zygote)
        with self._lock:
            self._busy.add(grader)
        try:
            return grader.__enter__()
        except BaseException as error:
            self._put_away(grader)
            if isinstance(error, InfrastructureError):
                self._give_up(zygote)
            raise

    def _ready_zygote(self) -> Launcher:
        with self._lock:
            if self._zygote is None:
                zygote = start_launcher()
                self._zygotes.append(zygote)
                zygote.wait_until_ready()
                self._zygote = zygote
            return self._zygote

    def _give_up(self, zygote: Launcher) -> None:
        """Start another zygote next time; others may still be using this one."""
        with self._lock:
            if self._zygote is zygote:
                self._zygote = None

    def _put_away(self, grader: Grader) -> None:
        with self._lock:
            self._busy.discard(grader)
        grader.close()

    def _judged(self, grader: Grader, task: Task) -> Judged:
        if grader.circumstances.suite_sha256 != task.suite_sha256:
            raise CourseError(messages.GRADE_SUITE_CHANGED.format(slug=task.slug))
        started = time.monotonic()
        try:
            judgement = _judge(grader, task)
        except CourseError as error:
            return Judged(None, wall_s=time.monotonic() - started, trouble=str(error), broken=True)
        wall_s = time.monotonic() - started
        judged = Judged(judgement.result, judgement.evidence, wall_s)
        if judged.failed:
            trouble = (grader.log().splitlines() or [""])[-1]
            self._put_away(grader)
            return Judged(judgement.result, judgement.evidence, wall_s, trouble)
        if not judgement.evidence:
            return judged
        return Judged(self._names_for(grader, task).applied(judgement, grader.exercise), judgement.evidence, wall_s)

    def _names_for(self, grader: Grader, task: Task) -> Names:
        """Return the known mistakes of an exercise, learnt once; who needs them meanwhile waits."""
        bench = (task.root, task.slug, task.tier)
        with self._lock:
            lock, known = self._names.setdefault((bench, task.seed), (threading.Lock(), []))
        with lock:
            if not known:
                known.append(names_for(grader, task.seed))
            return known[0]


_own: Benches | None = None
_own_lock = threading.Lock()


def own_benches() -> Benches:
    """Return the benches of this process; they end with it, if not before."""
    global _own
    with _own_lock:
        if _own is None:
            _own = Benches()
            atexit.register(_own.close)
        return _own


def judge_task(task: Task) -> Judged:
    """Judge a task in whatever process this is; what executors are given."""
    return own_benches().judge(task)


def _exercise(task: Task) -> Exercise:
    return load_exercise(load_course(Path(task.root)), task.slug)


def _judge(grader: Grader, task: Task) -> Judgement:
    if task.submission is None:
        rejected = SubmissionRejected(task.problem)
        return Judgement(grader.reject(rejected, seed=task.seed, devices=task.devices), {})
    return grader.judge(task.submission, seed=task.seed, devices=task.devices)
