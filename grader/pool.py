"""Many submissions of one exercise, judged side by side: several workers, all forks of one zygote.

Owns how work is spread. Must not know what the submissions are for; grading a class, the atlas and `verify` use it.
Threads only wait for workers, and the process that has them forks nothing itself.
"""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from grader.course import Exercise
from grader.grade import Grader
from grader.sandbox.fence import Tier
from grader.ticket import CalledOff
from grader.workers import Launcher, can_fork, start_launcher

OnProgress = Callable[[int, int], None]
"""Called with how many are done, and of how many."""
T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """Return on how many cores we may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Pool:
    """Graders of one exercise, ready to be used by as many threads."""

    def __init__(
        self, exercise: Exercise, tier: Tier | None = None, workers: int | None = None, zygote: Launcher | None = None
    ) -> None:
        """Prepare; `workers` None means one per core, or one where each has torch to itself; `zygote` None our own."""
        self.exercise, self.tier, self._zygote = exercise, tier, zygote
        self.workers = workers or (cores() if can_fork(zygote) else 1)
        self._free: queue.SimpleQueue[Grader] = queue.SimpleQueue()
        self._graders: list[Grader] = []
        self._resources = contextlib.ExitStack()
        self._threads: ThreadPoolExecutor | None = None
        self._is_interrupted = False

    def __enter__(self) -> Pool:
        """Start everything.

        Raises:
            CourseError: the suite is broken. InfrastructureError: something of ours did not start.
        """
        try:
            if self._zygote is None:
                self._zygote = start_launcher()
                self._resources.enter_context(self._zygote)
                self._zygote.wait_until_ready()
            for _ in range(self.workers):
                self._require_wanted()
                self._graders.append(self._resources.enter_context(Grader(self.exercise, self.tier, self._zygote)))
                self._free.put(self._graders[-1])
            self._threads = self._resources.enter_context(ThreadPoolExecutor(self.workers))
        except BaseException:
            self._resources.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if kind is not None:  # Ctrl-C, say: nobody waits for what is being judged
            for grader in self._graders:
                grader.interrupt()
        self._resources.close()  # waits for the threads

    def map(self, work: Callable[[Grader, T], R], items: Sequence[T]) -> Iterator[R]:
        """Do `work` with a grader for every item, several at once; results come in the order of the items.

        Raises:
            Whatever `work` raises, for the first item that raises; what was not begun then is not done.
        """
        assert self._threads is not None
        return self._threads.map(lambda item: self._with_grader(work, item), items)

    def interrupt(self) -> None:
        """Let everything end now, from another thread: `map` raises CalledOff, and half a judgement is nobody's."""
        self._is_interrupted = True
        for grader in list(self._graders):
            grader.interrupt()

    def _with_grader(self, work: Callable[[Grader, T], R], item: T) -> R:
        grader = self._free.get()
        try:
            done = work(grader, item)
        finally:
            self._free.put(grader)
        self._require_wanted()
        return done

    def _require_wanted(self) -> None:
        if self._is_interrupted:
            raise CalledOff
