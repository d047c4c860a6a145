"""Run commands on chosen cores and say what they took: wall, CPU and peak memory of everything that they started.

A process of its own: as its subreaper it is left whatever they leave behind, so that CPU and memory of daemons count
too. Knows nothing of graders. Reads one JSON object from the command line and writes one to standard output.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_GROUPS = ("/sys/fs/cgroup/cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup")
_SAMPLE_S = 0.1
_PATIENCE_S = 4.0  # for what outlives its command


def main() -> None:
    """Measure what is asked for on the command line; leave nothing behind, also where whoever asked is gone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    _ask(_PR_SET_PDEATHSIG, signal.SIGTERM)
    _ask(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        print(json.dumps(measured(**json.loads(sys.argv[1]))))
    finally:
        for kind in (signal.SIGTERM, signal.SIGINT):  # a second one must not end the cleaning up
            signal.signal(kind, signal.SIG_IGN)
        _end()
        for parent in _GROUPS:
            with suppress(OSError):  # there is none, or it was removed already
                Path(parent, f"peers-{os.getpid()}").rmdir()


def _ask(option: int, value: int) -> None:
    """Ask the kernel for something about this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def measured(
    lanes: list[str], cores: int, limit_s: float, memory_bytes: int = 0, file_bytes: int = 0
) -> dict[str, Any]:
    """Run shell scripts side by side and return what they took; see `benchmarks.peers.trial.Taken`."""
    available = sorted(os.sched_getaffinity(0))
    chosen = available[:cores]
    os.sched_setaffinity(0, available[cores:] or available)  # looking costs nobody that is measured, if that can be
    load, account = os.getloadavg()[0], _Account()

    def begin() -> None:
        os.setsid()
        account.enter()
        os.sched_setaffinity(0, chosen)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for kind, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_FSIZE, file_bytes)):
            if value:
                resource.setrlimit(kind, (value, value))

    started = time.perf_counter()
    running = [_start(lane, begin) for lane in lanes]
    peak_bytes, is_late = 0, False
    while any(process.poll() is None for process in running) and not is_late:
        peak_bytes = max(peak_bytes, sum(_share(one) for one in _below()))
        is_late = time.perf_counter() - started > limit_s
        _wait(running)
    wall_s = time.perf_counter() - started
    left_behind = 0 if is_late else _outlived()
    codes = [process.poll() for process in running]
    _end()  # before CPU is read: what is not reaped does not count
    cpu_s = account.close()
    return {
        "wall_s": wall_s,
        "cpu_s": cpu_s,
        "peak_bytes": peak_bytes,
        "timed_out": is_late,
        "left_behind": left_behind,
        "codes": codes,
        "load": load,
    }


class _Account:
    """A control group, which counts CPU also of processes that nobody reaps, as in a namespace that is torn down.

    Where none can be made, CPU is that of the processes that were waited for.
    """

    def __init__(self) -> None:
        self._group = next((group for parent in _GROUPS if (group := _made_group(parent))), None)

    def enter(self) -> None:
        """Count the calling process and all that it starts."""
        if self._group:
            self._group.joinpath("cgroup.procs").write_text("0")

    def close(self) -> float:
        """Return the seconds of CPU; nothing may run any more."""
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = usage.ru_utime + usage.ru_stime
        if self._group:
            cpu_s = max(cpu_s, _counted_s(self._group))
            with suppress(OSError):  # what was just killed may still be leaving it
                self._group.rmdir()
        return cpu_s


def _made_group(parent: str) -> Path | None:
    group = Path(parent, f"peers-{os.getpid()}")
    try:
        group.mkdir()
    except OSError:
        return None
    if group.joinpath("cgroup.procs").exists():
        return group
    group.rmdir()
    return None


def _counted_s(group: Path) -> float:
    old = group / "cpuacct.usage"
    if old.exists():
        return int(old.read_text()) / 1e9
    counts = dict(line.split() for line in group.joinpath("cpu.stat").read_text().splitlines())
    return int(counts["usage_usec"]) / 1e6


def _start(lane: str, begin: Any) -> subprocess.Popen[bytes]:
    with Path(lane).with_suffix(".out").open("wb") as out:
        return subprocess.Popen(
            ["/bin/sh", lane], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, preexec_fn=begin
        )


def _wait(running: list[subprocess.Popen[bytes]]) -> None:
    """Sleep until the next look, or until the first that still runs has ended."""
    for process in running:
        if process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SAMPLE_S)
            return


def _below() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _share(process: psutil.Process) -> int:
    """Return a process's proportional share of memory: what several processes share counts once in their sum."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def _outlived() -> int:
    """Count the processes that go on after their command, and wait for them for a while."""
    left = [one for one in _below() if _is_running(one)]
    if left:
        psutil.wait_procs(left, timeout=_PATIENCE_S)
    return len(left)


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _end() -> None:
    """Kill and reap everything below this process."""
    while left := _below():
        for process in left:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.Error:
                continue
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
