"""Many tasks on an executor: how many at a time, what is judged again, and what stands in the end.

Owns retries and what is told while it works. Knows neither stores nor students; any `concurrent.futures.Executor` will
do. Invariant: every task is delivered at least once, and exactly one delivery of each is its last.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, replace
from typing import Protocol

from grader.classroom.benches import Judged, Task, judge_task
from grader.classroom.diff import Why
from grader.errors import GraderError

TRIES = 3
_AHEAD = 2  # tasks handed over per worker: one that is judged and one that waits
_LOOK_S = 0.25


@dataclass(frozen=True)
class Delivery:
    """What came of a task this time. Unless it is the `last`, the task is judged again; `why` is why it was.

    A last one is `settled` if it says something of the submission, and need not be judged another time.
    """

    task: Task
    judged: Judged
    why: str = ""
    last: bool = True
    settled: bool = True


Deliver = Callable[[Delivery], None]
NewExecutor = Callable[[int], Executor]
JudgeTask = Callable[[Task], Judged]


class Watch(Protocol):
    """What wants to know how it goes."""

    def running(self, tasks: Sequence[tuple[Task, float]]) -> None:
        """Hear which tasks are being judged, and for how many seconds."""

    def delivered(self, delivery: Delivery) -> None:
        """Hear what came of a task, after it was kept."""

    def alone(self, count: int) -> None:
        """Hear that so many tasks came to a deadline and are judged again, one after the other."""


@dataclass
class Schedule:
    """Runs tasks. `interrupt` makes what is being judged end soon; `retire` is told of exercises that are done."""

    new_executor: NewExecutor
    workers: int
    deliver: Deliver
    watch: Watch
    interrupt: Callable[[], None] = lambda: None
    retire: Callable[[str], None] = lambda slug: None
    judge: JudgeTask = judge_task

    def __post_init__(self) -> None:
        self._tries: Counter[str] = Counter()
        self._executor = self.new_executor(self.workers)

    def run(self, tasks: Sequence[Task], alone: Iterable[Task] = ()) -> None:
        """Judge all tasks, and those that are to be judged `alone` after all others, each with nothing beside it.

        Raises:
            CourseError: the course was found to be broken; nothing more is judged.
            KeyboardInterrupt: what was delivered stays delivered.
        """
        try:
            late = [*alone, *self._all(tasks)]
            if late:
                self.watch.alone(len(late))
            for task in late:
                self._tries[task.key] = 0
                for _ in self._several([task], Why.TIMEOUT, self.workers):
                    pass
        except BaseException:
            self._stop()
            raise
        self._executor.shutdown()

    def _all(self, tasks: Sequence[Task]) -> list[Task]:
        """Judge all tasks and return those that came to a deadline."""
        left = Counter(task.slug for task in tasks)
        late = []
        for delivery in self._several(tasks, "", self.workers * _AHEAD):
            if delivery.judged.timed_out and not delivery.judged.failed:
                late.append(delivery.task)
            left[delivery.task.slug] -= 1
            if not left[delivery.task.slug]:
                self.retire(delivery.task.slug)
        return late

    def _several(self, tasks: Sequence[Task], why: str, at_once: int) -> Iterator[Delivery]:
        """Judge tasks, again where something of ours failed; yield how each ended in this round."""
        waiting = deque((task, why) for task in tasks)
        flying: dict[Future[Judged], tuple[Task, str]] = {}
        since: dict[Future[Judged], float] = {}
        while waiting or flying:
            while waiting and len(flying) < at_once:
                task, reason = waiting.popleft()
                flying[self._submit(task)] = task, reason
            done, _ = wait(flying, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                task, reason = flying.pop(future)
                since.pop(future, None)
                delivery = self._delivery(task, _judged(future), reason, first=not why)
                self.deliver(delivery)
                self.watch.delivered(delivery)
                if delivery.judged.failed and not delivery.last:
                    waiting.append((replace(task, fresh=True), Why.RETRY))
                else:
                    yield delivery
            self._tell(flying, since)

    def _delivery(self, task: Task, judged: Judged, why: str, first: bool) -> Delivery:
        self._tries[task.key] += 1
        if judged.failed:
            again = not judged.broken and self._tries[task.key] < TRIES
            return Delivery(task, judged, why, last=not again, settled=False)
        again = first and judged.timed_out
        return Delivery(task, judged, why, last=not again, settled=not again)

    def _submit(self, task: Task) -> Future[Judged]:
        """Hand a task over; an executor that has broken is replaced once."""
        try:
            return self._executor.submit(self.judge, task)
        except BrokenExecutor:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = self.new_executor(self.workers)
            return self._executor.submit(self.judge, task)

    def _tell(self, flying: Mapping[Future[Judged], tuple[Task, str]], since: dict[Future[Judged], float]) -> None:
        moment = time.monotonic()
        for future in flying:
            if future.running():
                since.setdefault(future, moment)
        self.watch.running([(flying[future][0], moment - began) for future, began in since.items()])

    def _stop(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self.interrupt()
        self._executor.shutdown(wait=True)


def _judged(future: Future[Judged]) -> Judged:
    """Return what came of a task; whatever an executor fails with has lost it.

    Raises:
        GraderError: the course or the command is wrong, which concerns all tasks.
    """
    try:
        return future.result()
    except GraderError as error:
        if error.exit_code in (2, 3):
            raise
        return Judged(None, trouble=str(error))
    except Exception as error:  # a worker machine that went away raises what its executor chooses
        return Judged(None, trouble=f"{type(error).__name__}: {error}")
