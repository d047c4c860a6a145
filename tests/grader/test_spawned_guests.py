"""Pythons that are started anew instead of forked: how they call back, what is taken from them, how they end."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from grader.errors import FenceError, InfrastructureError
from grader.limits import Limits
from grader.sandbox import spawned
from grader.sandbox.channel import ChannelClosed, ChannelFlooded, ChannelTimeout
from grader.sandbox.fence import FenceSpec, Tier
from grader.sandbox.loopback import Child
from grader.sandbox.spawned import SpawnedChannel, SpawnedGuests

WAIT_S = 60.0
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
given = json.loads(receive_exactly(line, size))
mark = given["mark"].encode()
size, = struct.unpack("<Q", receive_exactly(line, 8))
todo = receive_exactly(line, size).decode()
exec(todo)
"""


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


def test_who_fills_the_disk_is_ended(guests: SpawnedGuests, monkeypatch: pytest.MonkeyPatch) -> None:
    """By whoever waits for an answer, and that is told."""
    monkeypatch.setattr(spawned, "_LOOK_S", 0.01)
    todo = "open(given['home'] + '/f', 'wb').write(b'x' * 10**6); time.sleep(600)"
    with contextlib.closing(doing(guests, todo, file_bytes=100_000)) as channel:
        with pytest.raises(ChannelClosed):
            channel.receive(time.monotonic() + WAIT_S, 100)
        assert channel.status()["files_exceeded"] is True


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
