"""The census: what exists on this machine that a guest could have left behind, counted before and after.

Owns the counting only. Other graders may be at work on the same machine, so what is shared is counted only where it
can be ours: a process below this one, a folder whose keeper is dead, a file of a guest's user. Orphans are found below
this process because it asks to adopt them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from grader.sandbox.fence import privileges
from grader.sandbox.fence.cgroup import homes

Counted = dict[str, frozenset[str]]
_PR_SET_CHILD_SUBREAPER = 36
_KEEPERS_FOLDERS = ("grader-guest-", "grader-scratch-")
_SETTLE_S = 5.0
_LOOK_S = 0.02


def adopt_orphans() -> None:
    """Become the parent of every orphan below this process, so that a daemon cannot hide by losing its parent."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def processes() -> frozenset[str]:
    """Return what runs below this process; what has ended is reaped if nobody else waits for it."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE:
                found.add(f"{child.pid} {child.name()}")
            elif child.ppid() == os.getpid():
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)
    return frozenset(found)


def mounts() -> frozenset[str]:
    """Return what is mounted for this process."""
    return frozenset(_lines("/proc/self/mountinfo"))


def groups() -> frozenset[str]:
    """Return the control groups of keepers that are dead."""
    return frozenset(f"{home.folder}/{name}" for home in homes() for name in _of_the_dead(home.folder))


def shared_memory() -> frozenset[str]:
    """Return what a guest's user owns of /dev/shm and of System V's segments, queues and semaphores."""
    return _of_guests("/dev/shm") | frozenset(row for kind in ("shm", "msg", "sem") for row in _system_v(kind))


def temporary_files() -> frozenset[str]:
    """Return what lies in the temporary folder of keepers that are dead, or belongs to a guest that is not at work."""
    folder = tempfile.gettempdir()
    kept = {f"{folder}/{name}" for name in os.listdir(folder) if name.startswith(_KEEPERS_FOLDERS)}
    return frozenset(f"{folder}/{name}" for name in _of_the_dead(folder)) | (_of_guests(folder) - kept)


def descriptors() -> frozenset[str]:
    """Return what this process holds open."""
    return _open_in(os.getpid())


def warm_processes(pids: dict[str, int]) -> frozenset[str]:
    """Return threads and open descriptors of what guests are forked from and judged by, by name."""
    found = set()
    for name, pid in pids.items():
        found |= {f"{name} holds {fd}" for fd in _open_in(pid)}
        found |= {f"{name} has thread {place}" for place in range(len(_names(f"/proc/{pid}/task")))}
    return frozenset(found)


class Census:
    """Counts when it is made, once nothing changes any more; `debris` says what there is more, or who is gone."""

    def __init__(self, warm: dict[str, int]) -> None:
        adopt_orphans()
        self._warm = warm
        self._before, earlier = self._take(), None
        due = time.monotonic() + _SETTLE_S
        while self._before != earlier and time.monotonic() < due:  # a judge or a guest ends
            time.sleep(_LOOK_S)
            self._before, earlier = self._take(), self._before

    def _take(self) -> Counted:
        parts: tuple[Callable[[], frozenset[str]], ...] = (
            processes, mounts, groups, shared_memory, temporary_files, descriptors,
        )  # fmt: skip
        counted = {part.__name__: part() for part in parts}
        return counted | {"warm_processes": warm_processes(self._warm)}

    def debris(self, settle_s: float = _SETTLE_S) -> list[str]:
        """Return what was left behind; what is being cleared away is given time to go."""
        due = time.monotonic() + settle_s
        while (left := self._changes()) and time.monotonic() < due:
            time.sleep(_LOOK_S)
        return left

    def _changes(self) -> list[str]:
        after = self._take()
        more = [f"{part}: {item}" for part, items in after.items() for item in sorted(items - self._before[part])]
        gone = [f"warm_processes: {name} is gone" for name, pid in self._warm.items() if not _is_alive(pid)]
        return more + gone


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _lines(path: str) -> list[str]:
    with contextlib.suppress(OSError):
        return Path(path).read_text().splitlines()
    return []


def _of_the_dead(folder: str) -> list[str]:
    """Return the names in a folder that a keeper gave which has ended."""
    found = []
    for name in os.listdir(folder):
        for prefix in _KEEPERS_FOLDERS:
            keeper = name.removeprefix(prefix).partition("-")[0]
            if name.startswith(prefix) and keeper.isdigit() and not os.path.exists(f"/proc/{keeper}"):
                found.append(name)
    return found


def _is_guests(uid: int) -> bool:
    """Whether a user is one that guests have, which only root can give them."""
    return uid != os.geteuid() and privileges.is_ours(uid)


def _of_guests(folder: str) -> frozenset[str]:
    found = set()
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as items:
        for item in items:
            with contextlib.suppress(FileNotFoundError):
                if _is_guests(item.stat(follow_symlinks=False).st_uid):
                    found.add(item.path)
    return frozenset(found)


def _system_v(kind: str) -> list[str]:
    """Return the rows of /proc/sysvipc that belong to a guest's user."""
    heading, *rows = [line.split() for line in _lines(f"/proc/sysvipc/{kind}")] or [[]]
    return [f"{kind} {row[1]}" for row in rows if _is_guests(int(row[heading.index("uid")]))]


def _open_in(pid: int) -> frozenset[str]:
    found = set()
    for fd in _names(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):  # the one that listed them
            found.add(f"{fd} {os.readlink(f'/proc/{pid}/fd/{fd}')}")
    return frozenset(found)


def _names(folder: str) -> list[str]:
    """Return the names in a folder; none if it is gone, because the process is."""
    with contextlib.suppress(FileNotFoundError):
        return os.listdir(folder)
    return []
