"""Judging where nothing can be forked, as on macOS and Windows: forced here, on Linux, by the launcher."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from grader import doctor, workers
from grader.course import Exercise
from grader.errors import FenceError, InfrastructureError
from grader.grade import Grader
from grader.limits import Limits
from grader.results import ExerciseResult, Outcome
from grader.sandbox import spawned
from grader.sandbox.channel import ChannelClosed, ChannelFlooded, ChannelTimeout
from grader.sandbox.fence import FenceSpec, Tier
from grader.sandbox.loopback import Child
from grader.sandbox.spawn import Zygote
from grader.sandbox.spawned import SpawnedChannel, SpawnedGuests, Spawner
from grader.submission import SourceFile, Submission, read_submission

from .tiny_course import make_course

WAIT_S = 60.0
NO_POSIX = Path(__file__).parent / "without_posix.py"
HERE = (sys.executable, "-P", "-s")
# Guests without torch, for what does not depend on it: they answer every frame with the same bytes.
LIGHT = """
import os, sys, time
from grader.sandbox.loopback import call_back, obey, receive_exactly
(line, lifeline), told = call_back(2)
obey(lifeline, {b"=": lambda: os.write(1, mark), b"?": lambda: os.write(1, b"here" + mark)}, lambda: None)
lifeline.sendall(b"!")
import json, struct
size, = struct.unpack("<Q", receive_exactly(line, 8))
mark = json.loads(receive_exactly(line, size))["mark"].encode()
size, = struct.unpack("<Q", receive_exactly(line, 8))
todo = receive_exactly(line, size).decode()
exec(todo)
"""


# --- both ways come to the same -----------------------------------------------------------------------------------


def without_times(result: ExerciseResult) -> str:
    """Return a result as text, but for how long things took."""
    checks = [msgspec.structs.replace(check, wall_s=0.0) for check in result.checks]
    return msgspec.structs.replace(result, checks=checks).to_json().decode()


@contextlib.contextmanager
def both_ways(exercise: Exercise, zygote: Zygote, spawner: Spawner) -> Iterator[Callable[..., tuple[str, str]]]:
    """Give what judges a submission by a fork and by new processes and returns both results."""
    with Grader(exercise, Tier.NONE, zygote) as forked, Grader(exercise, Tier.NONE, spawner) as anew:

        def judged(submission: Submission, keyword: str = "") -> tuple[str, str]:
            first, second = (grader.grade(submission, keyword=keyword) for grader in (forked, anew))
            return without_times(first), without_times(second)

        yield judged


def test_exercise1_is_judged_alike(exercise1: Exercise, zygote: Zygote) -> None:
    """The stub, our solution and two wrong answers come to the same by a fork and by new processes."""
    wrong = exercise1.solution_folder / "wrong"
    with both_ways(exercise1, zygote, Spawner()) as judged:
        for path in (None, exercise1.solution_folder, wrong / "relu_mask_missing.py", wrong / "bias_forgotten.py"):
            forked, anew = judged(read_submission(exercise1, path))
            assert anew == forked


HIDDEN = '''
    import torch
    from grader.suite import *

    @points(1)
    def test_doubles(submission, rng):
        """Doubles."""
        x = torch.randn(3, generator=rng, requires_grad=True)
        y = submission.double(x)
        if float(y[0] / x[0]) > 2.5:
            while True:
                pass
        y.sum().backward()
        expect_close(x.grad, torch.full((3,), 2.0))

    @points(1)
    def test_one(submission):
        """Gives one."""
        expect_equal(submission.one(), 1)
'''
TIGHT = "[limits]\ncheck_wall_s = 2.0\noutput_bytes = 100000\nfile_bytes = 100000\n"
ENDINGS = {
    "hangs": ("    while True: pass", Outcome.TIMEOUT),
    "exits": ("    print('so far', flush=True)\n    os._exit(3)", Outcome.CRASHED),
    "floods": ("    while True: os.write(1, b'x' * 1000)", Outcome.OUTPUT),
    "fills the disk": ("    open('f', 'wb').write(b'x' * 10**6)\n    while True: pass", Outcome.OUTPUT),
    "makes the suite hang": ("    return 3 * x", Outcome.ERROR),
    "is no Python": ("    return (", Outcome.REJECTED),
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Callable[..., tuple[str, str]]]:
    """What judges a tiny exercise both ways; the new processes find none of what only POSIX has."""
    exercise = make_course(tmp_path_factory.mktemp("course"), HIDDEN, points=2, more=TIGHT)
    with both_ways(exercise, zygote, Spawner((*HERE, str(NO_POSIX)))) as judged:
        yield judged


@pytest.mark.parametrize("how", ENDINGS)
def test_whatever_ends_a_check_ends_it_alike(tiny: Callable[..., tuple[str, str]], how: str) -> None:
    """With the same outcome, sentence, lines and output, also where our code finds a world without POSIX."""
    body, outcome = ENDINGS[how]
    text = f"import os\nprint('imported')\ndef double(x):\n{body}\ndef one():\n    return 1\n"
    # What follows a lost guest or worker is judged too, once.
    keyword = "" if how == "makes the suite hang" else "test_doubles"
    forked, anew = tiny(Submission("0", (SourceFile("work.py", text),)), keyword)
    assert anew == forked
    assert ExerciseResult.from_json(anew.encode()).checks[0].outcome is outcome


def test_every_module_of_a_student_can_be_imported_without_posix() -> None:
    """Where there is no fcntl, resource or pwd, no fork, no poll and no signal but those of Windows."""
    done = subprocess.run(
        [*HERE, str(NO_POSIX), "--import-all"], capture_output=True, text=True, timeout=10 * WAIT_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


# --- starting, calling back, the end ------------------------------------------------------------------------------


@pytest.fixture
def silent() -> Iterator[Child]:
    """A Python that was started, and never calls: the test does in its place."""
    child = Child("", 2, {}, subprocess.DEVNULL, (sys.executable, "-c", "import sys; sys.stdin.read()\nwhile 1: pass"))
    yield child
    child.end()


def called(child: Child, words: bytes) -> socket.socket:
    """Call the listener of a child as the child would, and say these words."""
    line = socket.create_connection(child._listener.getsockname(), WAIT_S)
    line.sendall(words)
    return line


def test_only_who_says_the_token_is_let_in(silent: Child) -> None:
    """Strangers are hung up on, whatever they say; the lines come in their order, and then nobody can call."""
    port = silent._listener.getsockname()
    strangers = [called(silent, b"0" * 33), called(silent, silent._token + b"\x02"), called(silent, b"")]
    strangers[2].shutdown(socket.SHUT_WR)
    second, first = called(silent, silent._token + b"\x01"), called(silent, silent._token + b"\x00")
    found = silent.lines(WAIT_S)
    for line, theirs in zip(found, (first, second), strict=True):
        assert line.getpeername() == theirs.getsockname()
    for stranger in strangers:
        with contextlib.suppress(ConnectionResetError):
            assert stranger.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(port, WAIT_S)
    for line in (*found, first, second, *strangers):
        line.close()


def test_a_python_that_ends_before_it_calls_is_our_fault() -> None:
    """It is not waited for in vain, and its status is named."""
    child = Child("", 2, {}, subprocess.DEVNULL, (sys.executable, "-c", "raise SystemExit(7)"))
    with pytest.raises(InfrastructureError, match="did not start: 7"):
        child.lines(WAIT_S)
    child.end()


def test_what_cannot_be_started_is_our_fault() -> None:
    """An interpreter that is not there, for one."""
    with pytest.raises(InfrastructureError, match="no Python can be started: No such file"):
        Child("", 1, {}, subprocess.DEVNULL, ("/nowhere/python",))


KILLED_HOST = """
import sys, time
from grader.sandbox.loopback import call_back, obey
from grader.sandbox.spawned import SpawnedGuests
(line, lifeline), told = call_back(2)
guests = SpawnedGuests((sys.executable, "-c", told["light"]))
obey(lifeline, {}, guests.close)
guests.warm_up()
line.sendall(b"!")
while True: pass
"""


def test_nothing_is_left_when_the_host_was_killed() -> None:
    """A worker that is busy and its waiting guest end by themselves: their lifelines have."""
    program = f"""
import subprocess, sys, time
from grader.sandbox.loopback import Child
child = Child("", 2, {{"light": {LIGHT!r}}}, subprocess.DEVNULL, (sys.executable, "-c", {KILLED_HOST!r}))
line, lifeline = child.lines({WAIT_S})
print(line.recv(1), flush=True)
time.sleep({WAIT_S})
"""
    with subprocess.Popen([*HERE, "-c", program], stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"b'!'\n"
        below = psutil.Process(host.pid).children(recursive=True)
        host.kill()
    assert len(below) == 2
    assert psutil.wait_procs(below, WAIT_S)[1] == []


# --- guests -------------------------------------------------------------------------------------------------------


@pytest.fixture
def guests() -> Iterator[SpawnedGuests]:
    """Guests without torch."""
    source = SpawnedGuests((sys.executable, "-c", LIGHT))
    yield source
    source.close()


def doing(guests: SpawnedGuests, todo: str, **limits: int) -> SpawnedChannel:
    """Return a guest that does this when it is asked."""
    channel = guests.spawn(FenceSpec(Tier.NONE, Limits(**limits)))
    channel.send([todo.encode()], time.monotonic() + WAIT_S)
    return channel


def test_a_spare_waits_and_is_replaced(guests: SpawnedGuests) -> None:
    """Whoever is handed out was warm before it was asked for, another one is being started, a dead spare is no loss."""
    guests.warm_up()
    first = guests._spare
    assert first is not None
    with contextlib.closing(guests.spawn(FenceSpec(Tier.NONE, Limits()))) as channel:
        assert channel._child is first
        second = guests._spare
        assert second is not None
        second.end()
        with contextlib.closing(guests.spawn(FenceSpec(Tier.NONE, Limits()))) as other:
            assert other._child not in (first, second)
    third = guests._spare
    guests.close()
    assert [child.ending() is not None for child in (first, second, third) if child] == [True] * 3


def test_no_fence_is_promised(guests: SpawnedGuests) -> None:
    """What asks for more than tier none is refused before anything is started."""
    with pytest.raises(FenceError, match="started anew, as on macOS and Windows, have no fence"):
        guests.spawn(FenceSpec(Tier.LANDLOCK, Limits()))
    assert guests._spare is None


def test_all_that_was_printed_is_there_when_it_is_asked_for(guests: SpawnedGuests) -> None:
    """To the last byte before the answer, in one piece or torn, with bytes that look like the beginning of a mark."""
    todo = r"os.write(1, b'a\0' + mark[:5]); os.write(1, b'b\0'); line.sendall(bytes(8)); time.sleep(600)"
    with contextlib.closing(doing(guests, todo)) as channel:
        assert channel.receive(time.monotonic() + WAIT_S, 100) == b""
        channel.drain()
        mark = channel._pump._mark
        assert channel.capture.text().encode() == b"a\0" + mark[:5] + b"b\0"
        assert channel.where("") == "here"
        channel.new_capture()
        pump, marks = channel._pump, channel._pump._marks
        for chunk in (b"x" + mark[:7], mark[7:] + b"y" + mark[:1], b"z" + mark):
            pump._take(chunk)
        assert (channel.capture.text(), pump._marks) == ("xy\0z", marks + 2)


def test_a_flood_ends_the_guest(guests: SpawnedGuests) -> None:
    """While it is waited for, and no more is kept of it than of others."""
    with contextlib.closing(doing(guests, "while True: os.write(1, b'x' * 999)", output_bytes=100_000)) as channel:
        with pytest.raises(ChannelFlooded):
            channel.receive(time.monotonic() + WAIT_S, 100)
        with pytest.raises(ChannelFlooded, match="too much was printed"):
            channel.drain()


@pytest.mark.parametrize(
    ("todo", "error", "status"),
    [
        ("os._exit(5)", ChannelClosed, {"status": 5}),
        ("line.sendall(b'half'); line.shutdown(2); os.abort()", ChannelClosed, {"status": -6}),
        ("line.sendall(b'half'); time.sleep(600)", ChannelTimeout, {}),
    ],
)
def test_how_a_guest_ended_is_told(
    guests: SpawnedGuests, monkeypatch: pytest.MonkeyPatch, todo: str, error: type[Exception], status: dict[str, int]
) -> None:
    """By the system, not by what it says; one that still lives has no status, and its deadline is kept."""
    monkeypatch.setattr(spawned, "_STATUS_WAIT_S", 5.0 if status else 0.01)
    with contextlib.closing(doing(guests, todo)) as channel:
        with pytest.raises(error):
            channel.receive(time.monotonic() + (WAIT_S if status else 0.3), 100)
        assert channel.status() == status


# --- what is said of it -------------------------------------------------------------------------------------------


def test_linux_forks_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is the system's, and no variable of the environment changes it."""
    assert workers.can_fork()
    for platform in ("darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        assert isinstance(workers.start_launcher(), Spawner)


def test_the_doctor_says_which_launcher_it_is_and_what_follows() -> None:
    """That own code runs unfenced, that memory is not limited, and where this has not been run."""
    assert "a copy of a warm Python" in " ".join(doctor.how_started())
    said = " ".join(doctor.how_started(Spawner()))
    for words in ("one more is kept ready", "unfenced", "memory is not", "not been run on macOS or Windows"):
        assert words in said
