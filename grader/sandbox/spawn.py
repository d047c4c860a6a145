"""Asking the zygote for a guest: one datagram, three file descriptors, no answer; and starting the zygote itself.

Owns the control socket's format, used by both its ends. The guest speaks on the rpc socket, prints into the output
pipe, and lives as long as somebody holds the other end of the lifeline. Never imports torch: the command line starts
the zygote. Invariant: the zygote's environment is written here in full, so it inherits no secret.
"""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass

import msgspec

from grader.errors import InfrastructureError
from grader.sandbox.channel import Channel
from grader.sandbox.fence import FenceSpec

MAX_REQUEST_BYTES = 1 << 16
_FD_COUNT = 3


def thread_count() -> int:
    """Return how many threads this process has, Python's and others; a fork is safe only with one."""
    tasks = "/proc/self/task"
    return len(os.listdir(tasks)) if os.path.isdir(tasks) else 1


@dataclass(frozen=True)
class SpawnRequest:
    """What a guest is made of; whoever holds it owns the three descriptors."""

    spec: FenceSpec
    rpc_fd: int
    output_fd: int
    lifeline_fd: int


def send_request(control: socket.socket, request: SpawnRequest) -> None:
    """Ask for a guest; the descriptors stay the caller's to close.

    Raises:
        InfrastructureError: the zygote is gone.
    """
    fds = array.array("i", [request.rpc_fd, request.output_fd, request.lifeline_fd])
    try:
        control.sendmsg([msgspec.json.encode(request.spec)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    except OSError as error:
        raise InfrastructureError(f"the process that student code is started from has ended ({error})") from error


def receive_request(control: socket.socket) -> SpawnRequest | None:
    """Wait for the next request; None when every host has closed its end.

    Raises:
        InfrastructureError: a datagram that `send_request` cannot have written.
    """
    data, ancillary, _, _ = control.recvmsg(MAX_REQUEST_BYTES, socket.CMSG_SPACE(_FD_COUNT * 4))
    if not data:
        return None
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    if len(fds) != _FD_COUNT:
        raise InfrastructureError(f"a spawn request with {len(fds)} descriptors")
    return SpawnRequest(msgspec.json.decode(data, type=FenceSpec), *fds)


# OMP_NUM_THREADS: importing numpy alone starts a second thread otherwise.
# PYTHONHASHSEED: sets iterate alike everywhere.
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
}
_READY_WAIT_S = 120.0
_END_WAIT_S = 5.0


class Zygote:
    """The host's hold on a zygote: guests can be asked for as long as somebody holds it."""

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._control, self._process = control, process

    @classmethod
    def start(cls) -> Zygote:
        """Exec a zygote; returns at once, `wait_until_ready` returns when it can fork."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # A session of its own: Ctrl-C reaches us, and the zygote ends when we close its socket.
            process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-m", "grader.sandbox.zygote", str(theirs.fileno())],
                env=ENVIRONMENT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
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
        rpc, guest_rpc = socket.socketpair()
        lifeline, guest_lifeline = socket.socketpair()
        output_fd, guest_output_fd = os.pipe()
        request = SpawnRequest(spec, guest_rpc.fileno(), guest_output_fd, guest_lifeline.fileno())
        try:
            send_request(self._control, request)
        except InfrastructureError:
            rpc.close()
            lifeline.close()
            os.close(output_fd)
            raise
        finally:
            guest_rpc.close()
            guest_lifeline.close()
            os.close(guest_output_fd)
        return Channel(rpc, output_fd, lifeline, spec.limits.output_bytes)

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
