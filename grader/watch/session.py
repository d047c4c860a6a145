"""Watching an exercise: takes events from files, keys, the system and the bench, and does what the machine says.

Owns the loop, its one queue and its timers; everything that other threads find out arrives here as an event. Invariant:
when `watch` returns or raises, the terminal is as it was and nothing that was started is left.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import time
from dataclasses import dataclass, replace
from typing import TextIO

from grader import language, messages
from grader.course import Exercise, load_course, load_exercise
from grader.errors import CourseError, GraderError, UsageError
from grader.events import PlannedCheck
from grader.hints import take_hint
from grader.overview import list_lines
from grader.results import ExerciseResult
from grader.show import Wanted
from grader.standing import standings
from grader.state import remember
from grader.watch import machine as to
from grader.watch.bench import Began, Bench, Failed, Learning
from grader.watch.display import Display
from grader.watch.files import Subject, Watcher
from grader.watch.following import following
from grader.watch.keys import keys_of
from grader.watch.machine import Given
from grader.watch.news import is_finished
from grader.watch.page import sources_of, write_and_open
from grader.watch.screen import screen_lines
from grader.watch.signals import Interrupt, Resize, Said, Suspend, Terminate, heard, stop_here

_IDLE_S = 1.0 if sys.platform != "win32" else 0.2  # there Ctrl-C is seen between two waits only
_SLOW_S = 0.5
_SECOND_LOOK_S = 0.2


@dataclass(frozen=True)
class _Touched:
    """Something may have changed in the folders of a subject; `surely` if the system says so."""

    subject: Subject
    surely: bool


def watch(exercise: Exercise, wanted: Wanted, stream: TextIO) -> int:
    """Judge an exercise whenever its files are saved, until the student leaves; return the exit code.

    Raises:
        UsageError: `wanted` asks for something that does not exist.
    """
    return _Session(exercise, wanted, stream).run()


class _Session:
    def __init__(self, exercise: Exercise, wanted: Wanted, stream: TextIO) -> None:
        self._exercise, self._wanted = exercise, wanted
        self._events: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._machine = to.Machine()
        self._display = Display(stream)
        self._keys = keys_of(sys.stdin, stream, lambda key: self._events.put(to.Pressed(key)))
        self._bench = Bench(self._events.put)
        self._subject = Subject(exercise, wanted.path)
        self._watching = contextlib.ExitStack()
        self._traces: tuple[object, ...] = ()
        self._broken: GraderError | None = None  # why the course cannot be read
        self._began: PlannedCheck | None = None  # what is running
        self._given: Given | None = None  # what is being judged
        self._judged: Given | None = None  # what the result that is shown is about
        self._look_at = self._slow_at = float("inf")
        self._code: int | None = None

    def run(self) -> int:
        """Go on until it is over; everything is given back in any case."""
        try:
            with heard(self._events.put), self._bench, self._keys, self._watching, self._display:
                self._watch_files()
                self._show()
                self._look()
                while self._code is None:
                    self._wait()
        except BrokenPipeError:
            raise
        except OSError as error:
            if self._display.moves:  # the terminal is gone, and with it whoever could read more
                return 129
            raise error
        return self._code

    def _wait(self) -> None:
        now = time.monotonic()
        until = min(self._look_at, self._slow_at, now + _IDLE_S)
        with contextlib.suppress(queue.Empty):
            self._take(self._events.get(timeout=max(0.0, until - now)))
        now = time.monotonic()
        if now >= self._look_at:
            self._look()
        if now >= self._slow_at:
            self._slow_at = float("inf")
            self._tell(to.Slow(self._machine.run))
        if self._is_slow():
            self._display.work(self._began)
        self._keys.take()

    def _take(self, event: object) -> None:
        match event:
            case _Touched():
                self._touched(event)
            case Began(run=run, check=check):
                self._began = check if run == self._machine.run else self._began
            case Learning(done=done, count=count):
                self._display.learns(done, count)
            case Failed(error=error):
                raise error
            case Interrupt() | Terminate() | Suspend() | Resize():
                self._heed(event)
            case _:
                self._tell(event)  # type: ignore[arg-type]  # what is left are the machine's own

    def _heed(self, said: Said) -> None:
        match said:
            case Interrupt():
                self._tell(to.Pressed("\x03"))
            case Terminate(code=code):
                self._code = code
            case Suspend():
                self._suspend()
            case Resize() if self._display.moves:
                self._show()

    def _is_slow(self) -> bool:
        return self._machine.running and self._slow_at == float("inf")

    def _tell(self, event: to.Event) -> None:
        for action in self._machine.on(event):
            self._do(action)

    # --- files -----------------------------------------------------------------------------------------------

    def _watch_files(self) -> None:
        """Watch the files of the exercise that it is about now, and no others."""
        self._watching.close()
        subject = self._subject = Subject(self._exercise, self._wanted.path)
        self._traces = ()
        self._watching.enter_context(
            Watcher(
                subject,
                lambda surely: self._events.put(_Touched(subject, surely)),
                lambda error: self._events.put(Failed(error)),
            )
        )

    def _touched(self, event: _Touched) -> None:
        if event.subject is self._subject and (event.surely or event.subject.traces() != self._traces):
            self._look()

    def _look(self) -> None:
        self._look_at = float("inf")
        self._traces = self._subject.traces()  # before looking: what changes meanwhile is seen at the next glance
        self._tell(self._subject.look())

    # --- what the machine wants ------------------------------------------------------------------------------

    def _do(self, action: to.Action) -> None:
        match action:
            case to.CallOff():
                self._bench.call_off()
            case to.Restart():
                self._reload()
            case to.Judge():
                self._judge(action)
            case to.LookAgain(soon=soon):
                self._look_at = time.monotonic() + (_SECOND_LOOK_S if soon else 0.0)
            case to.Show():
                self._show()
            case to.Keep(result=result):
                self._keep(result)
            case to.Leave(code=code, error=error):
                if error is not None:
                    raise error
                self._code = code
            case _:
                self._tell(self._asked(action))

    def _asked(self, action: to.ShowList | to.GiveHint | to.OpenPage | to.GoOn) -> to.Event:
        """Do what a key asks for; what cannot be done is said below the verdict."""
        try:
            match action:
                case to.ShowList():
                    return self._list()
                case to.GiveHint(check=check):
                    return self._hint(check)
                case to.OpenPage(result=result):
                    return to.Noted(write_and_open(result, self._exercise, sources_of(self._judged)))
                case to.GoOn():
                    return self._go_on()
        except GraderError as error:
            return to.Noted(str(error))

    def _judge(self, action: to.Judge) -> None:
        self._given = action.given
        if self._broken is not None:
            self._events.put(to.Broke(action.run, self._broken))
            return
        self._slow_at, self._began = time.monotonic() + _SLOW_S, None
        self._bench.judge(action.run, self._exercise, action.given, self._wanted)

    def _reload(self) -> None:
        """Read the course again; one that is broken says so when it is to be judged by."""
        try:
            self._exercise = load_exercise(load_course(self._exercise.course.root), self._exercise.slug)
            self._broken = None
        except (CourseError, UsageError) as error:
            self._broken = CourseError(str(error))
        self._watch_files()
        self._look_at = time.monotonic()  # which files are asked for may have changed too

    def _keep(self, result: ExerciseResult) -> None:
        self._judged = self._given
        if self._wanted.path is None:
            is_part = bool(self._wanted.keyword)
            remember(self._exercise.course.root, result, language.current(), is_part)

    def _show(self) -> None:
        view, reads_keys = self._machine.view, self._keys.can_read
        if not self._machine.running:
            self._slow_at = float("inf")
        after = self._what_follows() if view.result and is_finished(view.result.checks) else ""
        self._display.draw(
            lambda console, rows: screen_lines(
                self._exercise, view, console, rows=rows, following=after, keys=reads_keys,
                is_part=bool(self._wanted.keyword),
            )
        )  # fmt: skip

    def _what_follows(self) -> str:
        course = self._exercise.course
        try:
            after = following(course, self._exercise.slug)
        except CourseError:  # of another exercise; whoever goes on to that is told
            return ""
        if after is None:
            return messages.WATCH_NO_NEXT
        said = messages.WATCH_NEXT if self._keys.can_read else messages.WATCH_NEXT_COMMAND
        return said.format(name=course.short_name(after), title=load_exercise(course, after).title)

    # --- keys ------------------------------------------------------------------------------------------------

    def _list(self) -> to.Event:
        course, back = self._exercise.course, ["", messages.WATCH_BACK] if self._keys.can_read else []
        found = standings(course)
        self._display.draw(lambda console, rows: [*list_lines(course, found, self._exercise.slug, console), *back])
        return to.Listed()

    def _hint(self, check: str | None) -> to.Event:
        if self._wanted.path is not None:
            return to.Noted(messages.WATCH_NO_HINTS)
        return to.Hinted(take_hint(self._exercise, check))

    def _go_on(self) -> to.Event:
        """Watch the next exercise that is not finished, with the same options as far as they mean something there."""
        slug = following(self._exercise.course, self._exercise.slug)
        if slug is None:
            return to.Noted(messages.WATCH_NO_NEXT)
        self._exercise = load_exercise(self._exercise.course, slug)
        self._bench.call_off()
        devices = self._wanted.devices if set(self._wanted.devices or ()) <= set(self._exercise.devices) else None
        self._wanted = replace(self._wanted, path=None, keyword="", devices=devices)
        self._machine = to.Machine(run=self._machine.run + 1, code=self._machine.code)
        self._watch_files()
        return self._subject.look()

    def _suspend(self) -> None:
        self._display.rest()
        self._keys.give_back()
        stop_here()
        self._keys.take()
        self._show()
