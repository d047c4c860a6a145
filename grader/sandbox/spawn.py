"""Asking the zygote for a process: one datagram, a few descriptors, no answer; and starting the zygote itself.

Owns the control socket's format, used by both its ends. A guest or a host program speaks on its line, prints into its
output, and lives as long as somebody holds the other end of its lifeline. Never imports torch: the command line starts
the zygote. Invariant: the zygote's environment is written here in full, so it inherits no secret.
"""

from __future__ import annotations

import array
import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Protocol

import msgspec

from grader.errors import InfrastructureError
from grader.sandbox.channel import Channel, GuestChannel
from grader.sandbox.fence import FenceSpec

MAX_REQUEST_BYTES = 1 << 16
_FD_COUNTS = (3, 4)
# The exit status of a guest that lacks the memory to answer. One that pretends is told another sentence, no more.
OUT_OF_MEMORY = 71


def thread_count() -> int:
    """Return how many threads this process has, Python's and others; a fork is safe only with one."""
    tasks = "/proc/self/task"
    return len(os.listdir(tasks)) if os.path.isdir(tasks) else 1


class HostSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A trusted program of ours, to be run in a fork of the zygote.

    So torch is imported once, and lies at the same addresses on both sides: a call across takes half the time that it
    takes between two processes that were exec'ed, because whatever a core remembers of code by its address serves both.
    `program` is a Python file; it sees `[program, line_fd, control_fd, *arguments]` as `sys.argv`.
    """

    program: str
    arguments: tuple[str, ...]
    folder: str


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The text of a request: exactly one of both."""

    guest: FenceSpec | None = None
    host: HostSpec | None = None


@dataclass(frozen=True)
class SpawnRequest:
    """What a process is made of; whoever holds it owns the descriptors. Only a host program is given `control_fd`."""

    spec: FenceSpec | HostSpec
    line_fd: int
    output_fd: int
    lifeline_fd: int
    control_fd: int | None = None

    def fds(self) -> list[int]:
        """Return the descriptors in the order in which they are sent."""
        return [fd for fd in (self.line_fd, self.output_fd, self.lifeline_fd, self.control_fd) if fd is not None]


def send_request(control: socket.socket, request: SpawnRequest) -> None:
    """Ask for a process; the descriptors stay the caller's to close.

    Raises:
        InfrastructureError: the zygote is gone.
    """
    spec = request.spec
    wanted = _Wanted(guest=spec) if isinstance(spec, FenceSpec) else _Wanted(host=spec)
    fds = array.array("i", request.fds())
    try:
        control.sendmsg([msgspec.json.encode(wanted)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    except OSError as error:
        raise InfrastructureError(f"the process that student code is started from has ended ({error})") from error


def receive_request(control: socket.socket) -> SpawnRequest | None:
    """Wait for the next request; None when every host has closed its end.

    Raises:
        InfrastructureError: a datagram that `send_request` cannot have written.
    """
    data, ancillary, _, _ = control.recvmsg(MAX_REQUEST_BYTES, socket.CMSG_SPACE(max(_FD_COUNTS) * 4))
    if not data:
        return None
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    wanted = msgspec.json.decode(data, type=_Wanted)
    spec = wanted.guest or wanted.host
    if spec is None or len(fds) != _FD_COUNTS[isinstance(spec, HostSpec)]:
        raise InfrastructureError(f"a spawn request with {len(fds)} descriptors")
    return SpawnRequest(spec, *fds)


# OMP_NUM_THREADS: importing numpy alone starts a second thread otherwise.
# PYTHONHASHSEED: sets iterate alike everywhere.
# PYTORCH_NVML_BASED_CUDA_CHECK: an import that asks for a GPU must not start CUDA in what guests are forked from.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",
    "USER": "student",
    "TMPDIR": "/tmp",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONMALLOC": "malloc",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
_READY_WAIT_S = 120.0
_END_WAIT_S = 5.0
_STATUS_BYTES = 4096


class GuestSource(Protocol):
    """Where guests come from: a zygote, new processes, or (for debugging one's own code) this very process."""

    is_slow: bool
    """Whether starting one may take seconds, which must be no part of a check."""

    def spawn(self, spec: FenceSpec) -> GuestChannel:
        """Start a guest and return the way to speak with it."""


class Zygote:
    """The host's hold on a zygote: guests can be asked for as long as somebody holds it."""

    is_slow = False

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._control, self._process = control, process

    @classmethod
    def start(cls, cpu_capability: str = "") -> Zygote:
        """Exec a zygote; returns at once, `wait_until_ready` returns when it can fork.

        Args:
            cpu_capability: Which of torch's dialects for this kind of processor to speak, as ATEN_CPU_CAPABILITY names
                them; "default" is what the oldest processor would. Empty means the best that this one can.
        """
        environment = ENVIRONMENT | ({"ATEN_CPU_CAPABILITY": cpu_capability} if cpu_capability else {})
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # A session of its own: Ctrl-C reaches us, and the zygote ends when we close its socket.
            process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "grader.sandbox.zygote", str(theirs.fileno())],
                env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        return cls(ours, process)

    def wait_until_ready(self) -> None:
        """Wait for the imports to end.

        Raises:
            InfrastructureError: it ended or took too long instead.
        """
        self._control.settimeout(_READY_WAIT_S)
        try:
            ready = json.loads(self._control.recv(MAX_REQUEST_BYTES) or b"{}")
        except OSError as error:
            raise InfrastructureError(f"Python with torch did not start within {_READY_WAIT_S:g} s") from error
        self._control.settimeout(None)
        if ready.get("threads") != 1:
            raise InfrastructureError(f"Python with torch did not start as it should: {ready or 'it ended'}")

    @classmethod
    def attach(cls, control_fd: int) -> Zygote:
        """Use a zygote whose control socket was inherited; it must be ready."""
        return cls(socket.socket(fileno=control_fd))

    def fileno(self) -> int:
        """Return the control socket's descriptor, to be inherited by a worker."""
        return self._control.fileno()

    @property
    def pid(self) -> int | None:
        """The zygote's process id, where this object started it."""
        return self._process.pid if self._process is not None else None

    def spawn(self, spec: FenceSpec) -> Channel:
        """Ask for a guest and return the way to speak with it; its first frame says whether the fence stands.

        Raises:
            InfrastructureError: the zygote is gone.
        """
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            rpc, guest_rpc = _socket_pair(ours, theirs)
            lifeline, guest_lifeline = _socket_pair(ours, theirs)
            output_fd, guest_output_fd = os.pipe()
            ours.callback(os.close, output_fd)
            theirs.callback(os.close, guest_output_fd)
            fds = (guest_rpc.fileno(), guest_output_fd, guest_lifeline.fileno())
            send_request(self._control, SpawnRequest(spec, *fds))
            ours.pop_all()
        return Channel(rpc, output_fd, lifeline, spec.limits.output_bytes)

    def spawn_host(self, spec: HostSpec, output_fd: int) -> HostProgram:
        """Run a trusted program in a fork of the zygote; it may ask the zygote for guests itself.

        Args:
            output_fd: Where it prints to; stays the caller's.
        Raises:
            InfrastructureError: the zygote is gone.
        """
        with contextlib.ExitStack() as ours, contextlib.ExitStack() as theirs:
            line, its_line = _socket_pair(ours, theirs)
            lifeline, its_lifeline = _socket_pair(ours, theirs)
            fds = (its_line.fileno(), output_fd, its_lifeline.fileno(), self._control.fileno())
            send_request(self._control, SpawnRequest(spec, *fds))
            ours.pop_all()
        return HostProgram(line, lifeline)

    def abandon(self) -> None:
        """End one that is not ready, from another thread: nothing was forked from it, and `wait_until_ready` raises."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Let go; the zygote ends when nobody holds it any more."""
        self._control.close()
        if self._process is not None:
            try:
                self._process.wait(_END_WAIT_S)
            except subprocess.TimeoutExpired:  # somebody else, who is about to end too, still holds it
                self._process.kill()
                self._process.wait()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class HostProgram:
    """A trusted program that runs in a fork of the zygote: its line, and the lifeline that ends it."""

    def __init__(self, line: socket.socket, lifeline: socket.socket) -> None:
        self.line, self._lifeline = line, lifeline

    def end(self, wait_s: float) -> None:
        """Close the line, give the program this long to end by itself, then have it killed; returns when it is gone."""
        self.line.close()
        with self._lifeline:
            self._lifeline.settimeout(wait_s)
            with contextlib.suppress(OSError):
                self._lifeline.recv(_STATUS_BYTES)
            # An OSError here means that its keeper is gone, and then there is nothing left to wait for.
            with contextlib.suppress(OSError):
                self._lifeline.shutdown(socket.SHUT_WR)
                self._lifeline.settimeout(_END_WAIT_S)
                while self._lifeline.recv(_STATUS_BYTES):
                    continue


def _socket_pair(ours: contextlib.ExitStack, theirs: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    """Return a pair whose first socket is closed with `ours`, whose second with `theirs`."""
    first, second = socket.socketpair()
    return ours.enter_context(first), theirs.enter_context(second)
