"""Judging in a thread of its own, on a grader that stays warm; what comes of it is posted as events.

Owns the zygote, the grader and the known mistakes of the exercise that is watched, and ends them. One request at a
time: a new one calls off the one before. A verdict never waits for names: they follow where they take longer.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from grader.course import Exercise
from grader.diagnosis.bench import Names
from grader.errors import GraderError, InfrastructureError, SubmissionRejected
from grader.events import PlannedCheck
from grader.grade import Grader
from grader.judgement import Judgement
from grader.show import Wanted, require_devices
from grader.ticket import CalledOff, Ticket
from grader.watch.machine import Broke, Ended, Given, Judged, Named, Noted
from grader.watch.naming import Namer
from grader.workers import Launcher, start_launcher

_NAMES_WAIT_S = 0.25  # names that are in the cache take less


@dataclass(frozen=True)
class Began:
    """A check has begun, in this run."""

    run: int
    check: PlannedCheck


@dataclass(frozen=True)
class Learning:
    """So many of the known mistakes have been run."""

    done: int
    count: int


@dataclass(frozen=True)
class Failed:
    """Something of ours broke in a thread; it is to be raised where somebody sees it."""

    error: BaseException


Post = Callable[[Began | Learning | Failed | Ended | Judged | Named | Broke | Noted], None]


@dataclass(frozen=True)
class _Request:
    run: int
    exercise: Exercise
    given: Given
    wanted: Wanted
    began: float
    ticket: Ticket = field(default_factory=Ticket)


class Bench:
    """What judges while an exercise is watched. All its methods return at once, but `close`."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._last: Ticket | None = None
        self._lock = threading.Lock()  # of everything below
        self._is_closing = False
        self._starting: Launcher | Grader | None = None
        self._zygote: Launcher | None = None
        self._grader: Grader | None = None
        self._namer: Namer | None = None
        self._unnamed: tuple[int, Judgement] | None = None
        self._thread = threading.Thread(target=self._serve, name="grader judges", daemon=True)

    def __enter__(self) -> Bench:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def judge(self, run: int, exercise: Exercise, given: Given, wanted: Wanted) -> None:
        """Judge this next; an exercise that is not the same object as before gets a grader of its own."""
        self.call_off()
        request = _Request(run, exercise, given, wanted, time.monotonic())
        self._last = request.ticket
        self._requests.put(request)

    def call_off(self) -> None:
        """Stop what is being judged, if anything is."""
        if self._last is not None:
            self._last.call_off()

    def close(self) -> None:
        """End everything that was started, also what is only starting."""
        self.call_off()
        with self._lock:
            self._is_closing = True
            starting = self._starting
        if isinstance(starting, Grader):
            starting.interrupt()
        elif starting is not None:
            starting.abandon()
        self._requests.put(None)
        self._thread.join()

    # --- in the thread ---------------------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while (request := self._requests.get()) is not None:
                self._take(request)
        except BaseException as error:
            self._post(Failed(error))
        finally:
            self._end()

    def _take(self, request: _Request) -> None:
        try:
            with contextlib.suppress(CalledOff):
                self._judge(request)
        except GraderError as error:
            if isinstance(error, InfrastructureError):
                self._end()  # the next request begins with everything new
            self._post(Broke(request.run, error))

    def _judge(self, request: _Request) -> None:
        if request.ticket.is_called_off:
            return
        wanted = request.wanted
        grader = self._grader_for(request.exercise, wanted)
        require_devices(grader, wanted.devices)
        seed = request.exercise.course.seed if wanted.seed is None else wanted.seed
        if isinstance(request.given, SubmissionRejected):
            rejected = grader.reject(request.given, seed=seed, keyword=wanted.keyword, devices=wanted.devices)
            self._tell(request, Judgement(rejected, {}), grader)
            return
        judgement = grader.judge(
            request.given, seed=seed, keyword=wanted.keyword, devices=wanted.devices, ticket=request.ticket,
            on_begin=lambda check: self._post(Began(request.run, check)),
            on_check=lambda check: self._post(Ended(request.run, check)),
        )  # fmt: skip
        self._tell(request, judgement, grader)

    def _tell(self, request: _Request, judgement: Judgement, grader: Grader) -> None:
        """Post the result with the names of its mistakes; where these are not at hand, they follow."""
        is_whole = len(judgement.result.checks) == len(grader.plan)
        namer = self._namer_of(grader, judgement.result.seed) if judgement.evidence and is_whole else None
        if namer is not None:
            namer.wait(_NAMES_WAIT_S)
        with self._lock:
            names = namer.wait(0) if namer is not None else None
            self._unnamed = (request.run, judgement) if namer is not None and names is None else None
            result = names.applied(judgement, request.exercise) if names is not None else judgement.result
            wall_s = time.monotonic() - request.began
            self._post(Judged(request.run, result, time.strftime("%H:%M:%S"), wall_s))

    def _grader_for(self, exercise: Exercise, wanted: Wanted) -> Grader:
        if self._grader is not None and self._grader.exercise is exercise:
            return self._grader
        self._end_grader()
        if self._zygote is None:
            zygote = start_launcher()
            self._zygote = zygote
            with self._interruptible(zygote):
                zygote.wait_until_ready()
        grader = Grader(exercise, wanted.tier, self._zygote)
        with self._interruptible(grader):
            grader.__enter__()
        self._grader = grader
        return grader

    @contextlib.contextmanager
    def _interruptible(self, starting: Launcher | Grader) -> Iterator[None]:
        """Let `close` end what takes its time to start."""
        with self._lock:
            if self._is_closing:
                raise CalledOff
            self._starting = starting
        try:
            yield
        except InfrastructureError:
            if self._is_closing:
                raise CalledOff from None
            raise
        finally:
            with self._lock:
                self._starting = None

    def _namer_of(self, grader: Grader, seed: int) -> Namer:
        if self._namer is None:
            self._namer = Namer(grader, seed, self._named, lambda done, count: self._post(Learning(done, count)))
        return self._namer

    def _named(self, names: Names | BaseException) -> None:
        """Name what was told without names; called by the namer, in its thread."""
        if isinstance(names, BaseException):
            self._post(Noted(str(names)) if isinstance(names, GraderError) else Failed(names))
            return
        with self._lock:
            grader, unnamed, self._unnamed = self._grader, self._unnamed, None
            if unnamed is not None and grader is not None:
                run, judgement = unnamed
                self._post(Named(run, names.applied(judgement, grader.exercise)))

    def _end_grader(self) -> None:
        if self._namer is not None:
            self._namer.close()
            self._namer = None
        self._unnamed = None
        if self._grader is not None:
            self._grader.close()
            self._grader = None

    def _end(self) -> None:
        self._end_grader()
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None
