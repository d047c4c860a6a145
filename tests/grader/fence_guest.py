"""Runs a function inside a fence raised by hand, with the forks of the real thing, and brings back what it returned.

For tests only: the function is one of this process, so the guest is a fork of pytest; what the production guest does
with sockets and student code is tested elsewhere.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from grader.errors import FenceError
from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.fence import Tier

LIMITS = Limits(memory_bytes=512 << 20, file_bytes=1 << 20, processes=16, wall_s=20)


class Ended(NamedTuple):
    """How a guest ended: what the function returned, or the name of what it raised; and its wait status."""

    value: Any
    error: str
    status: int
    layers: tuple[str, ...]
    oom_kills: int

    @property
    def signal(self) -> int:
        """The signal that ended the guest, 0 if none did."""
        return max(0, -os.waitstatus_to_exitcode(self.status))


def available(tier: Tier) -> Tier:
    """Return the tier, or skip the test with the reason why this machine or user cannot have it."""
    try:
        fence.require_tier(tier)
    except FenceError as error:
        pytest.skip(str(error))
    return tier


def without_fence(body: Callable[[], Any]) -> Ended:
    """Run `body` in a plain forked child: the positive control."""
    return _collect(lambda write_fd: _in_child(lambda: _tell(write_fd, body, ())))


def in_fence(
    tier: Tier, body: Callable[[], Any], keep_fds: tuple[int, ...] = (), spec: fence.FenceSpec | None = None
) -> Ended:
    """Run `body` as a guest of `tier`."""
    spec = spec or fence.FenceSpec(tier, LIMITS, lane=7)
    return _collect(lambda write_fd: _keep(spec, body, write_fd, keep_fds))


def _keep(spec: fence.FenceSpec, body: Callable[[], Any], write_fd: int, keep_fds: tuple[int, ...]) -> int:
    read_back, back = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        try:
            cage = fence.isolate(spec)
            status = _in_child(lambda: _be_guest(spec, cage, body, write_fd, keep_fds))
            os.write(back, json.dumps([status, cage.oom_kills()]).encode())
            cage.remove()
        finally:
            os._exit(0)
    os.close(back)
    os.waitpid(keeper, 0)
    with open(read_back) as pipe:
        status, oom_kills = json.loads(pipe.read() or "[1, 0]")
    os.write(write_fd, json.dumps({"oom_kills": oom_kills}).encode() + b"\n")
    return status


def _be_guest(
    spec: fence.FenceSpec, cage: fence.Cage, body: Callable[[], Any], write_fd: int, keep_fds: tuple[int, ...]
) -> None:
    cage.join()
    _tell(write_fd, body, fence.confine(spec, {write_fd, *keep_fds}, cage))


def _tell(write_fd: int, body: Callable[[], Any], layers: tuple[str, ...]) -> None:
    report: dict[str, Any] = {"layers": layers, "value": None, "error": ""}
    os.write(write_fd, json.dumps(report).encode() + b"\n")
    try:
        report["value"] = body()
    except OSError as error:
        report["error"] = os.strerror(error.errno or 0)
    except MemoryError:
        report["error"] = "MemoryError"
    os.write(write_fd, json.dumps(report).encode() + b"\n")


def _collect(run: Callable[[int], int]) -> Ended:
    read_fd, write_fd = os.pipe()
    status = run(write_fd)
    os.close(write_fd)
    report: dict[str, Any] = {}
    with open(read_fd) as pipe:
        for line in pipe:
            report |= json.loads(line)
    assert report.get("layers") is not None, f"the guest ended before its fence stood (status {status})"
    return Ended(report["value"], report["error"], status, tuple(report["layers"]), report.get("oom_kills", 0))


def _in_child(body: Callable[[], Any]) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            body()
            status = 0
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]
