"""Resource limits of a guest, soft equal to hard, so that it cannot raise them again.

Owns setrlimit. Knows no exercise: the numbers come as `Limits`. Invariant: the limits are set on the calling process
only and never above what it already had.

Source: setrlimit(2), proc_pid_statm(5), proc_pid_status(5).
"""

from __future__ import annotations

import math
import os
import sys

from grader.limits import Limits

if sys.platform != "win32":
    import resource

_OPEN_FILES = 256
_CPU_GRACE_S = 2
# A limit of 0 does not keep the system from starting its program for crashes, where it has one; a limit of 1 byte does.
# Source: core(5), "piping core dumps to a program"; Linux fs/coredump.c.
_NO_CORE_AT_ALL = 1
# With a GPU, the usual limits of a Linux machine: nobody has tried CUDA with less. Its own threads count as well.
_GPU_OPEN_FILES = 1024
_GPU_LOCKED_BYTES = 8 << 20
_GPU_THREADS = 64
# A user's other processes count too, unless the guest has a user (or user namespace) of its own. Then the limit only
# stops a flood of threads: it leaves room for what the user may start meanwhile.
_SHARED_USER_SLACK = 1024


def apply(limits: Limits, mapped: int, own_user: bool, has_gpu: bool = False) -> None:
    """Set every limit of a fenced guest, which may map `memory_bytes` on top of the `mapped` bytes it has.

    With a GPU the address space is not limited: CUDA reserves as much as the machine and its GPUs have memory.

    Raises:
        OSError, ValueError: a limit could not be set.
    """
    apply_harmless(limits, _NO_CORE_AT_ALL)
    _set(resource.RLIMIT_NOFILE, _GPU_OPEN_FILES if has_gpu else _OPEN_FILES)
    _set(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set(resource.RLIMIT_MEMLOCK, _GPU_LOCKED_BYTES if has_gpu else 0)
    _set(resource.RLIMIT_MSGQUEUE, 0)
    threads = thread_limit(limits, has_gpu)
    _set(resource.RLIMIT_NPROC, threads if own_user else _tasks_of_user() + threads)
    if not has_gpu:
        _set(resource.RLIMIT_AS, mapped + limits.memory_bytes)


def thread_limit(limits: Limits, has_gpu: bool) -> int:
    """Return how many threads a guest may have."""
    return limits.processes + (_GPU_THREADS if has_gpu else 0)


def apply_harmless(limits: Limits, core_bytes: int = 0) -> None:
    """Set what cannot disturb an honest program on its owner's machine: no core files, an end to endless loops."""
    if sys.platform == "win32":
        return
    cores = os.cpu_count() or 1
    _set(resource.RLIMIT_CORE, core_bytes)
    _set(resource.RLIMIT_CPU, (math.ceil(limits.wall_s) + _CPU_GRACE_S) * cores)


def mapped_bytes() -> int:
    """Return the address space of this process; to be asked while it can still see /proc."""
    return _pages()[0]


def private_bytes() -> int:
    """Return what this process maps without a file behind it: what copy-on-write may have to copy."""
    _, resident, shared = _pages()
    return resident - shared


def resident_bytes(pid: int) -> int:
    """Return what a process keeps in memory without a file behind it; 0 once it has ended."""
    try:
        with open(f"/proc/{pid}/status", "rb") as status:
            return sum(int(line.split()[1]) << 10 for line in status if line.startswith((b"RssAnon:", b"RssShmem:")))
    except OSError:
        return 0


def _pages() -> tuple[int, int, int]:
    """Return mapped, resident and shared bytes of this process."""
    with open("/proc/self/statm", "rb") as statm:
        mapped, resident, shared = (int(word) * resource.getpagesize() for word in statm.read().split()[:3])
    return mapped, resident, shared


def _tasks_of_user() -> int:
    """Return a bound on the threads our user runs: those of the whole machine that we can count cheaply, and slack."""
    with open("/proc/loadavg") as loadavg:
        tasks = int(loadavg.read().split()[3].partition("/")[2])
    return tasks + _SHARED_USER_SLACK


def _set(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bounded, bounded))
