"""The zygote and the lifeline: what a zygote inherits, and that nothing outlives whoever holds it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.errors import InfrastructureError
from grader.limits import Limits
from grader.sandbox.channel import Channel, ChannelClosed
from grader.sandbox.fence import FenceSpec, Tier
from grader.sandbox.frames import request_head
from grader.sandbox.spawn import ENVIRONMENT, MAX_REQUEST_BYTES, Zygote
from grader.sandbox.wire import Caps, HandleRef, decode, encode_frame
from tests.grader.conftest import OpenSession

WAIT_S = 30.0
HELLO_BYTES = 1 << 16
CANARY = "a-secret-of-the-grader"


def processes_of(zygote: Zygote) -> set[int]:
    """Return what the zygote has started: keepers, inits and guests."""
    assert zygote.pid is not None
    return {process.pid for process in psutil.Process(zygote.pid).children(recursive=True)}


def opened(pids: set[int]) -> dict[int, int]:
    """Hold processes by descriptors, which never come to mean another one; what has ended already is left out."""
    held = {}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            held[pid] = os.pidfd_open(pid)
    return held


def wait_for_end(held: dict[int, int]) -> None:
    """Wait until every one of the held processes has ended."""
    due = time.monotonic() + WAIT_S
    for pid, fd in held.items():
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        assert poll.poll(max(0.0, due - time.monotonic()) * 1000), f"process {pid} is still there"
        os.close(fd)


def greeted(channel: Channel) -> Channel:
    """Wait until the guest stands behind its fence."""
    hello = decode(channel.receive(time.monotonic() + WAIT_S, HELLO_BYTES), Caps(HELLO_BYTES)).value
    assert "layers" in hello, hello
    return channel


@pytest.fixture
def spec(tier: Tier) -> FenceSpec:
    """A fence of each tier in turn."""
    return FenceSpec(tier, Limits())


# --- the zygote -------------------------------------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zygote]:
    """A zygote of its own, started by a process whose environment holds a secret."""
    monkeypatch.setenv("GRADER_CANARY", CANARY)
    with Zygote.start() as started:
        yield started


def test_a_fresh_zygote_has_one_thread_our_environment_and_no_secret(fresh: Zygote) -> None:
    """What it says and what the kernel says agree, also after it has started a guest."""
    said = json.loads(fresh._control.recv(MAX_REQUEST_BYTES))
    assert said == {"ready": True, "threads": 1}
    proc = Path(f"/proc/{fresh.pid}")
    environ = (proc / "environ").read_text()
    assert dict(entry.split("=", 1) for entry in environ.rstrip("\0").split("\0")) == ENVIRONMENT
    assert CANARY not in environ + (proc / "cmdline").read_text()
    greeted(fresh.spawn(FenceSpec(Tier.NONE, Limits()))).close()
    assert len(list((proc / "task").iterdir())) == 1


def test_a_zygote_holds_only_its_standard_streams_and_its_control_socket(fresh: Zygote) -> None:
    """A descriptor of the grader's would be readable by every guest."""
    inherited = os.open(os.devnull, os.O_RDONLY)
    fresh.wait_until_ready()
    names = sorted(int(name) for name in os.listdir(f"/proc/{fresh.pid}/fd"))
    os.close(inherited)
    assert names[:3] == [0, 1, 2]
    assert len(names) == 4
    assert os.readlink(f"/proc/{fresh.pid}/fd/{names[3]}").startswith("socket:")


def test_a_guest_sees_nothing_of_the_environment_it_was_started_from(
    open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a variable that was set before its judge began."""
    monkeypatch.setenv("GRADER_CANARY", CANARY)
    session = open_session("import os\ndef names(): return dict(os.environ)\n")
    seen = session.submission.names()
    assert CANARY not in seen.values()
    own = {"LOGNAME", "XDG_CACHE_HOME", "MPLBACKEND", "MPLCONFIGDIR", "CUDA_VISIBLE_DEVICES"}  # the fence's
    assert set(seen) - set(ENVIRONMENT) <= own


def test_a_zygote_ends_when_its_last_holder_lets_go() -> None:
    """A second holder, such as a worker, keeps it alive and can still start guests."""
    zygote = Zygote.start()
    zygote.wait_until_ready()
    assert zygote.pid is not None
    held = opened({zygote.pid})
    worker = Zygote.attach(os.dup(zygote.fileno()))
    zygote._control.close()
    greeted(worker.spawn(FenceSpec(Tier.NONE, Limits()))).close()
    worker.close()
    wait_for_end(held)
    zygote.close()


def test_a_zygote_that_is_gone_is_our_fault(fresh: Zygote) -> None:
    """Asking a killed zygote for a guest raises, and gives up every descriptor made for the guest."""
    fresh.wait_until_ready()
    assert fresh.pid is not None
    held = opened({fresh.pid})
    os.kill(fresh.pid, signal.SIGKILL)
    wait_for_end(held)
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(InfrastructureError, match="the process that student code is started from has ended"):
        fresh.spawn(FenceSpec(Tier.NONE, Limits()))
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_zygote_that_ends_before_it_is_ready_is_our_fault() -> None:
    """It cannot be waited for in vain."""
    with Zygote.start() as zygote:
        assert zygote.pid is not None
        os.kill(zygote.pid, signal.SIGKILL)
        with pytest.raises(InfrastructureError, match=r"did not start as it should: it ended|did not start within"):
            zygote.wait_until_ready()


# --- the lifeline -----------------------------------------------------------------------------------------------


def test_nothing_of_a_guest_is_left_when_its_channel_was_closed(zygote: Zygote, spec: FenceSpec) -> None:
    """Keeper, init and guest."""
    before = processes_of(zygote)
    channel = greeted(zygote.spawn(spec))
    held = opened(processes_of(zygote) - before)
    assert len(held) >= 2
    channel.close()
    wait_for_end(held)


LOOPING = """
import signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
def f():
    print("looping", flush=True)
    while True:
        pass
"""


def test_a_guest_that_loops_dies_with_its_lifeline(zygote: Zygote, tier: Tier, open_session: OpenSession) -> None:
    """Closing works on student code that never comes back and ignores every signal it may."""
    before = processes_of(zygote)
    session = open_session(LOOPING, at=tier)
    held = opened(processes_of(zygote) - before)
    channel = session._channel
    assert channel is not None
    channel.send(_call_of_f(), time.monotonic() + WAIT_S)
    _wait_for_output(channel, b"looping")
    session.close()
    wait_for_end(held)


def _frame(name: str, *arguments: object) -> list[bytes]:
    """Return the frame that asks for an operation, as a session would write it."""
    frame = encode_frame(request_head(1, name, ()), lambda _: iter((arguments,)), Caps(1 << 16))
    return [bytes(piece) for piece in frame.buffers]


def _call_of_f() -> list[bytes]:
    return _frame("call", HandleRef(0, ""), "f", ())


def _wait_for_output(channel: Channel, text: bytes) -> None:
    """Wait until the guest has printed something."""
    due = time.monotonic() + WAIT_S
    poll = select.poll()
    poll.register(channel._output_fd, select.POLLIN)
    while text.decode() not in channel.capture.text():
        assert poll.poll((due - time.monotonic()) * 1000), "nothing was printed"
        channel.drain()


HOST = """
import sys, time
from grader.limits import Limits
from grader.sandbox.fence import FenceSpec, Tier
from grader.sandbox.spawn import Zygote
control_fd, tier, load, call = sys.argv[1:]
channel = Zygote.attach(int(control_fd)).spawn(FenceSpec(Tier(tier), Limits()))
deadline = time.monotonic() + 30
channel.receive(deadline, 1 << 16)
channel.request([bytes.fromhex(load)], deadline, 1 << 16)
channel.send([bytes.fromhex(call)], deadline)
while "looping" not in channel.capture.text():
    channel.drain()
    if time.monotonic() > deadline:
        sys.exit("the guest printed nothing")
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_guest_dies_when_its_host_was_killed(zygote: Zygote, tier: Tier) -> None:
    """A host that was SIGKILLed can close nothing itself; the kernel does, and the keeper ends a guest that loops."""
    before = processes_of(zygote)
    frames = [b"".join(_frame("load", [["student.py", LOOPING]], {}, {})).hex(), b"".join(_call_of_f()).hex()]
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(zygote.fileno()), tier, *frames],
        pass_fds=[zygote.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"ready\n"
        held = opened(processes_of(zygote) - before)
        assert len(held) >= 2
        host.kill()
    wait_for_end(held)


def test_a_guest_that_ends_by_itself_leaves_a_status(zygote: Zygote, tier: Tier, open_session: OpenSession) -> None:
    """The keeper says how it ended, after everything else of it is gone."""
    before = processes_of(zygote)
    session = open_session("import os\ndef f(): os._exit(7)\n", at=tier)
    held = opened(processes_of(zygote) - before)
    channel = session._channel
    assert channel is not None
    with pytest.raises(ChannelClosed, match=r"the end of the answers|reset"):
        channel.request(_call_of_f(), time.monotonic() + WAIT_S, HELLO_BYTES)
    assert channel.status() == {"status": 7, "oom_kills": 0}
    session.close()
    wait_for_end(held)


def test_the_command_line_can_start_a_zygote_without_torch() -> None:
    """`grader --help` must be instant, and the process that starts the zygote holds no tensors."""
    code = "import sys, grader.sandbox.spawn; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
