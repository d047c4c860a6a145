"""The host's part of boundary.py, run in a fork of the zygote: starts of guests, round trips, gradcheck, memory."""

from __future__ import annotations

import os
import socket
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

from grader.errors import FenceError
from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.fence import Tier
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote

STUDENT = """
import torch

def echo(x):
    return x

def smooth(x):
    return torch.sin(x) * x.exp()
"""
SIZES_BYTES = (8, 4 << 10, 64 << 10, 1 << 20, 16 << 20)


def main(line_fd: int, control_fd: int, zygote_pid: int, repeat: int) -> None:
    """Measure and print; the line is closed when all is done."""
    zygote = Zygote.attach(control_fd)
    print(f"  torch {torch.__version__}")
    tiers = [tier for tier in Tier if is_usable(tier)]
    for tier in tiers:
        measure_start(zygote, zygote_pid, tier, repeat)
    measure_calls(zygote, tiers[0], repeat * 30)
    os.close(line_fd)


def is_usable(tier: Tier) -> bool:
    """Say why a tier cannot be measured here, if it cannot."""
    try:
        fence.require_tier(tier)
    except FenceError as error:
        print(f"  tier {tier} not measured: {error}")
        return False
    return True


def row(name: str, value: float, unit: str, note: str = "") -> None:
    """Print one figure."""
    print(f"  {name:<44} {value:>10.3f} {unit:<3} {note}")


def session_of(zygote: Zygote, tier: Tier) -> Session:
    """Return a session that has not started its guest."""
    return Session(zygote, GuestSpec(tier, Limits(check_wall_s=600.0), (Source("student.py", STUDENT),)))


def measure_start(zygote: Zygote, zygote_pid: int, tier: Tier, repeat: int) -> None:
    """Start guests: to the first answer of student code, until reaped, and what one weighs."""
    first_ms, whole_ms, private_kib = [], [], []
    for _ in range(repeat):
        started = time.perf_counter()
        with session_of(zygote, tier) as session:
            session.open(seed=1)
            session.begin_check(1, time.monotonic() + 600)
            session.submission.echo(1)
            first_ms.append((time.perf_counter() - started) * 1e3)
        whole_ms.append((time.perf_counter() - started) * 1e3)
    for _ in range(5):
        with session_of(zygote, tier) as session:
            session.open(seed=1)
            session.begin_check(1, time.monotonic() + 600)
            session.submission.echo(torch.zeros(512))
            private_kib.append(private_memory_kib(zygote_pid))
    row(f"{tier}: start to first answer", statistics.median(first_ms), "ms", f"90 %: {percentile(first_ms):.1f}")
    row(f"{tier}: start to reaped", statistics.median(whole_ms), "ms", f"90 %: {percentile(whole_ms):.1f}")
    row(f"{tier}: memory of its own", statistics.median(private_kib) / 1024, "MiB", "keeper and guest together")


def percentile(values: list[float], share: float = 0.9) -> float:
    """Return the value that `share` of the values stay below."""
    return sorted(values)[int(share * (len(values) - 1))]


def private_memory_kib(zygote_pid: int) -> int:
    """Return the memory that a guest and its keeper do not share with the zygote."""
    total = 0
    ours = {os.getpid(), os.getppid()}
    for process in psutil.Process(zygote_pid).children(recursive=True):
        if process.pid in ours:
            continue
        rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
    return total


def bare_round_trip_us(size_bytes: int, times: int) -> float:
    """Return what the same bytes cost between two processes that do nothing with them: what no boundary can beat."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        while data := theirs.recv(1 << 16):
            theirs.sendall(data)
        os._exit(0)
    theirs.close()
    buffer, data = bytearray(1 << 16), bytes(size_bytes)
    try:
        return median_of(lambda: (ours.sendall(data), ours.recv_into(buffer)), times) * 1e6
    finally:
        ours.close()
        os.waitpid(pid, 0)


def measure_calls(zygote: Zygote, tier: Tier, repeat: int) -> None:
    """Time calls by size, and gradcheck against the same function in this process."""
    with session_of(zygote, tier) as session:
        session.open(seed=1)
        session.begin_check(1, time.monotonic() + 600)
        for size_bytes in SIZES_BYTES:
            tensor = torch.zeros(size_bytes // 8, dtype=torch.float64)
            times = max(repeat // (1 + size_bytes // (64 << 10)), 10)
            durations_us = [1e6 * one for one in durations_of(lambda t=tensor: session.submission.echo(t), times)]
            median_us = statistics.median(durations_us)
            rate = f", {2 * size_bytes / median_us / 1e3:.2f} GB/s both ways" if size_bytes >= 1 << 20 else ""
            note = f"10 %: {percentile(durations_us, 0.1):.1f}{rate}"
            row(f"{tier}: round trip of {size_bytes:,} bytes", median_us, "us", note)
        row("4,096 bytes to an idle process and back", bare_round_trip_us(4096, repeat), "us")
        namespace: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {}
        exec(STUDENT, namespace)
        x = torch.linspace(-1, 1, 12, dtype=torch.float64).requires_grad_()
        remote_ms = median_of(lambda: torch.autograd.gradcheck(session.submission.smooth, (x,)), 10) * 1e3
        local_ms = median_of(lambda: torch.autograd.gradcheck(namespace["smooth"], (x,)), 10) * 1e3
        row("gradcheck of 12 inputs, in this process", local_ms, "ms")
        row(f"{tier}: gradcheck of 12 inputs, remote", remote_ms, "ms", f"{remote_ms / local_ms:.1f} times local")


def median_of(action: Callable[[], object], times: int) -> float:
    """Return the median duration of an action in seconds."""
    return statistics.median(durations_of(action, times))


def durations_of(action: Callable[[], object], times: int) -> list[float]:
    """Return how long an action takes each time, in seconds, after as many again that only warm up (at most 300)."""
    for _ in range(min(times, 300)):
        action()
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        durations.append(time.perf_counter() - started)
    return durations


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
