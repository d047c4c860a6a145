"""Known mistakes learnt in a thread: told when they are there, broken off when nobody wants them any more."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest

from grader.diagnosis.bench import Names
from grader.errors import CourseError
from grader.pool import Pool
from grader.ticket import CalledOff
from grader.watch import naming
from grader.watch.naming import Namer

from .tiny_course import make_course

PATIENCE_S = 30.0
NAMES = Names((), {})


class FakePool:
    """What runs wrong answers until somebody interrupts it."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()

    def interrupt(self) -> None:
        self.interrupted.set()


def namer(monkeypatch: pytest.MonkeyPatch, learn: Any) -> tuple[Namer, queue.SimpleQueue[object]]:
    """Return a namer that learns like this, and what it tells."""
    told: queue.SimpleQueue[object] = queue.SimpleQueue()
    monkeypatch.setattr(naming, "names_for", learn)
    return Namer(None, 7, told.put, lambda done, count: None), told  # type: ignore[arg-type]


def test_names_are_told_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits gets them, whoever did not is told."""
    learnt, told = namer(monkeypatch, lambda *_: NAMES)
    assert told.get(timeout=PATIENCE_S) is NAMES
    assert learnt.wait(0) is NAMES
    learnt.close()


def test_what_goes_wrong_is_told_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken header of a wrong answer costs names, and nobody waits for them in vain."""

    def broken(*_: object) -> Names:
        raise CourseError("a.py: the docstring lacks H0.")

    learnt, told = namer(monkeypatch, broken)
    assert str(told.get(timeout=PATIENCE_S)) == "a.py: the docstring lacks H0."
    assert learnt.wait(PATIENCE_S) is None
    learnt.close()


def test_closing_breaks_off_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is interrupted, and the thread has ended when `close` returns."""
    pool, began = FakePool(), threading.Event()

    def slow(grader: object, seed: int, on_progress: object, on_pool: Any) -> Names:
        on_pool(pool)
        began.set()
        assert pool.interrupted.wait(PATIENCE_S)
        raise CalledOff

    learnt, told = namer(monkeypatch, slow)
    assert began.wait(PATIENCE_S)
    learnt.close()
    assert told.empty()


def test_half_a_judgement_of_an_interrupted_pool_is_nobodys(tmp_path: Path) -> None:
    """A grader that is interrupted returns what it has; that must never be kept as how a wrong answer fares."""
    pool, interrupted = Pool(make_course(tmp_path), workers=1), list[str]()

    class FakeGrader:
        def interrupt(self) -> None:
            interrupted.append("grader")

    grader: Any = FakeGrader()
    pool._graders.append(grader)
    pool._free.put(grader)
    assert pool._with_grader(lambda _, item: item, 1) == 1
    pool.interrupt()
    with pytest.raises(CalledOff, match=r"^$"):
        pool._with_grader(lambda _, item: item, 1)
    assert (interrupted, pool._free.get() is grader) == (["grader"], True)
