"""Limits: each ends in its own outcome, costs one check, and a fresh guest serves the next one; on both tiers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from grader.errors import GuestLost, ReplyTooLarge, StudentRaised
from grader.limits import MIB
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.host import Session
from tests.grader.conftest import OpenSession, begin

STUDENT = """
    import os
    import threading
    import time
    import numpy as np
    import torch

    def ok():
        return 1

    def loop():
        while True:
            pass

    def nap():
        time.sleep(3600)

    def c_loop():
        x = torch.ones(1500, 1500, dtype=torch.float64)
        while True:
            x = torch.linalg.qr(x).Q

    def ask():
        return input("number? ")

    def big_tensor():
        return torch.empty(30 << 30, dtype=torch.uint8).sum()

    def big_array():
        return np.ones(30 << 30, dtype=np.uint8).sum()

    def many_objects():
        hoard = []
        while True:
            hoard.append(bytearray(1 << 20))

    def fork():
        return os.fork()

    def shell():
        return os.system("true")

    def threads():
        stop, started = threading.Event(), []
        try:
            for _ in range(500):
                thread = threading.Thread(target=stop.wait)
                thread.start()
                started.append(thread)
        finally:
            stop.set()
            for thread in started:
                thread.join()

    def chatter():
        while True:
            print("x" * 1000)

    def one_big_file():
        with open("big", "wb") as file:
            for _ in range(200):
                file.write(bytes(1 << 20))

    def many_files():
        for number in range(1000):
            with open(f"file{number}", "wb") as file:
                file.write(bytes(1 << 20))
        while True:
            pass

    def unseen_files():
        kept = []
        for _ in range(20):
            kept.append(open("unseen", "wb", buffering=0))
            os.unlink("unseen")
            kept[-1].write(bytes(1 << 20))
        while True:
            pass

    def large_reply():
        return torch.zeros(1 << 20)

    def leave():
        print("last words")
        os._exit(0)

    def segfault():
        import ctypes
        ctypes.string_at(0)

    def abort():
        os.abort()
"""
# The deadline is short only where it is what is tested: filling 512 MiB with objects takes seconds on a busy machine.
LIMITS = {"check_wall_s": 60.0, "memory_bytes": 512 * MIB, "file_bytes": 16 * MIB, "reply_bytes": 1 * MIB}


@pytest.fixture
def session(open_session: OpenSession, tier: Tier) -> Session:
    """A guest of each tier with small limits, in a check."""
    return open_session(STUDENT, at=tier, **LIMITS)


def assert_next_check_is_served(session: Session) -> None:
    """The loss cost one check: the next one gets an answer."""
    session.end_check()
    begin(session)
    assert session.submission.ok() == 1


@pytest.mark.parametrize("function", ["loop", "nap", "c_loop"])
def test_what_never_ends_is_a_timeout(open_session: OpenSession, tier: Tier, function: str) -> None:
    """Python loops, sleeps and loops in compiled code end at the deadline, and at most a second after it."""
    session = open_session(STUDENT, at=tier, **{**LIMITS, "check_wall_s": 0.7})
    started = time.monotonic()
    with pytest.raises(GuestLost, match=r"did not finish within 0\.7 s") as lost:
        session.submission.call(function)
    assert lost.value.outcome is Outcome.TIMEOUT
    assert time.monotonic() - started < 0.7 + 1.0
    assert_next_check_is_served(session)


def call_for_ever(session: Session) -> None:
    """Ask for one quick answer after the other."""
    while True:
        session.submission.ok()


def test_one_deadline_is_shared_by_all_calls_of_a_check(open_session: OpenSession, tier: Tier) -> None:
    """Many short calls together hit the same deadline as one long call."""
    session = open_session(STUDENT, at=tier, **{**LIMITS, "check_wall_s": 0.5})
    with pytest.raises(GuestLost, match="did not finish") as lost:
        call_for_ever(session)
    assert lost.value.outcome is Outcome.TIMEOUT


def test_asking_for_input_raises_at_once(session: Session) -> None:
    """There is nothing to read, so input() raises EOFError instead of waiting."""
    with pytest.raises(StudentRaised, match="EOFError"):
        session.submission.ask()


@pytest.mark.parametrize("function", ["big_tensor", "big_array", "many_objects"])
def test_too_much_memory_is_memory(session: Session, function: str) -> None:
    """torch, numpy and Python itself are refused the memory and raise; the outcome is memory, the guest lives on."""
    with pytest.raises(StudentRaised, match=r"(?i)memory|alloc") as raised:
        session.submission.call(function)
    assert raised.value.outcome is Outcome.MEMORY
    assert session.submission.ok() == 1


def outcome_of(call: Callable[[], object]) -> object:
    """Return what a call returns, or the type name of what it raises."""
    try:
        return call()
    except StudentRaised as error:
        return error.type_name


@pytest.mark.parametrize("function", ["fork", "shell"])
def test_starting_a_process_is_refused(session: Session, function: str) -> None:
    """fork raises PermissionError; a shell never runs, and says so or returns a failure."""
    answer = outcome_of(lambda: session.submission.call(function))
    assert answer in ("PermissionError", "BlockingIOError") or (isinstance(answer, int) and answer != 0)
    assert session.submission.ok() == 1


def test_threads_are_capped(session: Session) -> None:
    """A thread bomb ends in the library's own exception and the guest lives on."""
    with pytest.raises(StudentRaised, match="can't start new thread"):
        session.submission.threads()
    assert session.submission.ok() == 1


def test_endless_printing_is_output(session: Session) -> None:
    """A flood ends the guest; what was kept is a head and a tail."""
    with pytest.raises(GuestLost, match="printed more than") as lost:
        session.submission.chatter()
    assert lost.value.outcome is Outcome.OUTPUT
    assert "bytes left out" in session.stdout
    assert len(session.stdout) < 200_000
    assert_next_check_is_served(session)


def test_a_file_that_is_too_large_is_refused(session: Session) -> None:
    """Writing beyond the limit raises the system's own error in the student's code."""
    with pytest.raises(StudentRaised, match=r"File too large|No space left"):
        session.submission.one_big_file()
    assert session.submission.ok() == 1


def test_many_files_are_refused_or_end_the_guest(session: Session) -> None:
    """A full scratch folder raises; where the folder itself has no limit the guest is ended with outcome output."""
    with pytest.raises((StudentRaised, GuestLost), match=r"No space left|MiB of files") as ended:
        session.submission.many_files()
    assert isinstance(ended.value, StudentRaised) or ended.value.outcome is Outcome.OUTPUT
    assert_next_check_is_served(session)


def test_files_that_are_deleted_and_still_open_count_too(session: Session) -> None:
    """Each is within the limit, and no folder shows them; together they are too much."""
    with pytest.raises((StudentRaised, GuestLost), match=r"No space left|wrote more than 16 MiB of files") as ended:
        session.submission.unseen_files()
    assert isinstance(ended.value, StudentRaised) or ended.value.outcome is Outcome.OUTPUT
    assert_next_check_is_served(session)


def test_a_large_reply_is_output(session: Session) -> None:
    """A reply beyond reply_bytes is refused with its size."""
    with pytest.raises(ReplyTooLarge, match="the limit is 1,048,576") as raised:
        session.submission.large_reply()
    assert raised.value.outcome is Outcome.OUTPUT
    assert session.submission.ok() == 1


@pytest.mark.parametrize(
    ("function", "sentence"),
    [("leave", "exit status 0"), ("segfault", "SIGSEGV"), ("abort", "SIGABRT|SIGSEGV")],
)
def test_ending_python_is_crashed(session: Session, function: str, sentence: str) -> None:
    """os._exit(0), a segmentation fault and abort end the guest; the sentence says how.

    In a namespace of its own the guest is process 1, where abort() ends in its last resort, a segmentation fault.
    """
    with pytest.raises(GuestLost, match=sentence) as lost:
        session.submission.call(function)
    assert lost.value.outcome is Outcome.CRASHED
    assert_next_check_is_served(session)


def test_what_was_printed_before_the_end_is_kept(session: Session) -> None:
    """Output that was still on its way when the guest ended belongs to the check."""
    with pytest.raises(GuestLost, match="exit status 0"):
        session.submission.leave()
    assert session.stdout == "last words\n"


def test_a_loss_cannot_be_swallowed(session: Session) -> None:
    """A suite that catches Exception does not catch it, and one that catches everything meets it again."""
    with pytest.raises(GuestLost, match="exit status 0"), contextlib.suppress(Exception):
        session.submission.leave()
    assert session.lost is not None
    with pytest.raises(GuestLost, match="exit status 0"):
        session.submission.ok()
