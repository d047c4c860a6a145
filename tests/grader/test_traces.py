from __future__ import annotations

import pytest

from grader.errors import GuestLost
from grader.results import Frame, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.traces import frames_in, frames_of

from .conftest import OpenSession, begin

TEXTS = {"work.py": "def f():\n    g()\n\n\ndef g():\n    while True: pass\n"}
STACK = """
Current thread 0x00007f10 (most recent call first):
  File "work.py", line 6 in g
  File "/usr/lib/python3/threading.py", line 9 in run
  File "work.py", line 2 in f
  File "other.py", line 2 in f
"""


def test_the_stack_of_a_guest_becomes_the_students_frames() -> None:
    """The innermost last, with the lines of our own copy, nothing of anybody else's."""
    inner, outer = Frame("work.py", 6, "g", "while True: pass"), Frame("work.py", 2, "f", "g()")
    assert frames_in(STACK, TEXTS) == (outer, inner)


def test_what_a_student_prints_can_only_name_their_own_lines() -> None:
    """Forged or mangled, it is text about their own file, and no more of it than is shown."""
    assert frames_in("", TEXTS) == ()
    assert frames_in("File work.py line x in f", TEXTS) == ()
    assert frames_in('  File "/etc/passwd", line 1 in x\n', TEXTS) == ()
    assert frames_in('  File "work.py", line 999999999 in x\n', TEXTS) == (Frame("work.py", 999999999, "x", ""),)
    forged = frames_in('  File "work.py", line 2 in ' + "x" * 10_000 + "\n", TEXTS)
    assert [len(frame.function) for frame in forged] == [200]
    assert len(frames_in('  File "work.py", line 2 in f\n' * 10_000, TEXTS)) == 50


def test_the_last_stack_counts() -> None:
    """A student may have printed one before."""
    printed = STACK.replace("work.py", "fake.py").replace("line 6", "line 1")
    assert frames_in(printed + STACK, TEXTS) == frames_in(STACK, TEXTS)


@pytest.mark.parametrize("row", [None, [], ["work.py", "2", "f"], ["work.py", 2], ["work.py", 2, 3], "work.py"])
def test_rows_of_another_form_are_left_out(row: object) -> None:
    """A guest can say anything."""
    assert frames_of([row], TEXTS) == ()


STUDENT = """
import ctypes, faulthandler, signal, sys, time, torch

def loop():
    count = 0
    while True:
        count += 1

def nested():
    return [loop() for _ in range(2)]

def nap():
    time.sleep(100)

def in_c():
    ctypes.CDLL(None).pause()

def printing():
    while True:
        print("here", flush=True)
        time.sleep(0.001)

def silent():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    loop()

def deaf():
    sys.stdout.close()
    sys.stderr.close()
    __import__("os").closerange(1, 3)
    loop()

def ok():
    return 1
"""


@pytest.mark.parametrize(
    ("function", "stack"),
    [
        ("loop", [("loop", {"while True:", "count += 1"})]),
        ("nested", [("nested", {"return [loop() for _ in range(2)]"}), ("loop", {"while True:", "count += 1"})]),
        ("nap", [("nap", {"time.sleep(100)"})]),
        ("in_c", [("in_c", {"ctypes.CDLL(None).pause()"})]),
        ("silent", []),
        ("deaf", []),
    ],
)  # fmt: skip
def test_a_timeout_says_where_the_code_was(
    open_session: OpenSession, tier: Tier, function: str, stack: list[tuple[str, set[str]]]
) -> None:
    """In a loop, a call from it, a sleep, compiled code; a student who does not want that only loses it."""
    session = open_session(STUDENT, at=tier, check_wall_s=0.7)
    with pytest.raises(GuestLost, match="did not finish") as lost:
        session.submission.call(function)
    assert lost.value.outcome is Outcome.TIMEOUT
    found = [frame for frame in lost.value.frames if frame.function != "<listcomp>"]  # until Python 3.11
    assert [frame.function for frame in found] == [name for name, _ in stack]
    assert all(frame.code in codes for frame, (_, codes) in zip(found, stack, strict=True))
    session.end_check()
    begin(session)
    assert session.submission.ok() == 1


def test_what_was_printed_before_is_kept_apart(open_session: OpenSession, strongest: Tier) -> None:
    """The stack is not shown as the student's output."""
    session = open_session(STUDENT, at=strongest, check_wall_s=0.7)
    with pytest.raises(GuestLost, match="did not finish") as lost:
        session.submission.printing()
    assert [frame.function for frame in lost.value.frames] == ["printing"]
    assert "most recent call first" not in session.stdout
    assert session.stdout.startswith("here\n")


def test_an_import_that_never_ends_has_a_place_too(open_session: OpenSession, strongest: Tier) -> None:
    """The line of the file at which it stands."""
    session = open_session("x = 1\nwhile True:\n    x += 1\n", at=strongest, opened_too=False, check_wall_s=0.7)
    with pytest.raises(GuestLost, match="did not finish") as lost:
        session.open(seed=1)
    assert [frame.function for frame in lost.value.frames] == ["<module>"]
    assert lost.value.frames[0].line in (2, 3)


def test_a_guest_that_waits_for_us_has_no_place(open_session: OpenSession, strongest: Tier) -> None:
    """Where the suite itself used the time up, no line of the student's is to blame."""
    session = open_session(STUDENT, at=strongest)
    session.begin_check(1, deadline=0.0)
    with pytest.raises(GuestLost, match="did not finish") as lost:
        session.submission.ok()
    assert lost.value.frames == ()
