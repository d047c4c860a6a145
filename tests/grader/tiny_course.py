"""A course of one small exercise, and an in-process stand-in for the session, for tests of what judges.

The stand-in runs "student" functions of the test itself, so that each way a check can end is one line to bring about.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

from grader.course import Exercise, load_course, load_exercise
from grader.errors import GuestLost
from grader.events import Event, Job, Line
from grader.results import CheckResult, Flag
from grader.suite.choose import to_judge
from grader.suite.collect import CollectedSuite, with_collected_suite
from grader.suite.judge import Judge, Progress

SLUG = "exercise1_tiny"
STUB = "def double(x):\n    raise NotImplementedError('double')\n"
REFERENCE = "def double(x):\n    return 2 * x\n"


def make_course(
    root: Path,
    hidden: str = "",
    public: str = "",
    points: float = 1,
    files: dict[str, str] | None = None,
    more: str = "",
) -> Exercise:
    """Write a course with these suites (dedented) and return its exercise; `files` are further ones, by path."""
    contents = {
        "course.toml": 'name = "Tiny"\nseed = 7\n',
        f"exercises/{SLUG}/exercise.toml": f'title = "Tiny"\nfiles = ["work.py"]\npoints = {points}\n{more}',
        f"exercises/{SLUG}/work.py": STUB,
        f"solutions/{SLUG}/work.py": REFERENCE,
        **({f"exercises/{SLUG}/test_public.py": public} if public else {}),
        **({f"tests/hidden/{SLUG}/test_hidden.py": hidden} if hidden else {}),
        **(files or {}),
    }
    for path, text in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(textwrap.dedent(text))
    return load_exercise(load_course(root), "1")


@dataclasses.dataclass
class FakeSession:
    """What a judge needs of a session, in this process. `functions` are what the suite finds on `submission`."""

    functions: dict[str, Callable[..., object]]
    fails_to_open: list[BaseException] = dataclasses.field(default_factory=list)
    flags: list[Flag] = dataclasses.field(default_factory=list)
    printed: str = ""
    guest: object = None
    lost: GuestLost | None = None
    is_ours: bool = False
    received: tuple[object, ...] = ()
    seeds: list[int] = dataclasses.field(default_factory=list)
    calls: list[str] = dataclasses.field(default_factory=list)

    @property
    def submission(self) -> SimpleNamespace:
        return SimpleNamespace(**self.functions)

    @property
    def stdout(self) -> str:
        return self.printed

    def open(self, seed: int, *, device: str = "cpu") -> list[Flag]:
        self.calls.append("open")
        if self.fails_to_open:
            raise self.fails_to_open.pop(0)
        return self.flags

    def starts_slowly(self, device: str) -> bool:
        return False

    def prepare(self, device: str) -> None:
        self.calls.append(f"prepare {device}")

    def begin_check(self, seed: int, deadline: float, device: str = "cpu") -> None:
        self.calls.append("begin")
        self.seeds.append(seed)
        self.lost = None

    def seed_guest(self, seed: int) -> None:
        self.seeds.append(seed)

    def end_check(self) -> None:
        self.calls.append("end")

    def close(self) -> None:
        self.calls.append("close")


@contextlib.contextmanager
def pytest_inside_pytest() -> Iterator[None]:
    """Run another pytest in this process: without the hooks of this one, and leaving nothing of its own behind."""
    modules, hooks, no_bytecode = set(sys.modules), list(sys.meta_path), sys.dont_write_bytecode
    sys.meta_path[:] = [hook for hook in hooks if type(hook).__name__ != "AssertionRewritingHook"]
    try:
        yield
    finally:
        sys.meta_path[:], sys.dont_write_bytecode = hooks, no_bytecode
        for name in set(sys.modules) - modules:
            if "test_" in name or name.split(".")[0] in ("public", "exercises"):
                del sys.modules[name]


def collect(exercise: Exercise, private: Path, use: Callable[[CollectedSuite], None] = lambda suite: None) -> None:
    """Collect the exercise's suites in this process and call `use` while they can be run."""
    private.mkdir(parents=True)
    with pytest_inside_pytest():
        with_collected_suite(exercise, private, use)


def judge_events(
    exercise: Exercise, private: Path, session: FakeSession, seed: int = 7, wall_s: float = 60.0
) -> list[Event]:
    """Judge the fake submission in this process and return everything the judge said."""
    events: list[Event] = []

    def use(suite: CollectedSuite) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            progress = Progress(to_judge(suite.steps, range(len(suite.steps)), None), time.monotonic() + wall_s)
            Judge(suite, Job((), seed, "none"), progress, lambda job: session, Line(theirs)).run()
            theirs.shutdown(socket.SHUT_WR)
            line = Line(ours)
            while (event := line.receive()) is not None:
                events.append(event)

    collect(exercise, private, use)
    return events


def results(events: list[Event]) -> dict[str, CheckResult]:
    """Return the results among the events by check."""
    return {event.result.id: event.result for event in events if hasattr(event, "result")}
