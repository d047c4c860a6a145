"""Control groups: a hard cap on memory and tasks of one guest, where this machine lets us make one.

Owns folders named `grader-guest-*` below a control group we are in, in either version of the interface. Everything is
reached through descriptors opened before the guest's namespaces exist, so it works after the change of root.
Invariant: `remove` leaves nothing behind; what a killed keeper left is removed by `sweep`.

Source: Linux Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from functools import cache

import msgspec

from grader.sandbox.fence import rlimits

_PREFIX = "grader-guest-"
_KERNEL_OVERHEAD_BYTES = 64 << 20  # page tables, stacks of the kernel, pipes: charged, but not the guest's doing
_LIMIT_FILES = {
    1: {"memory": ("memory.limit_in_bytes", "memory.oom_control"), "pids": ("pids.max", "")},
    2: {"memory": ("memory.max", "memory.events"), "pids": ("pids.max", "")},
}
# Version 1 lets one thread move itself without the lock that every fork of the machine takes; waiting for that lock
# costs 5 to 10 ms. A guest joins while it has one thread, so both files mean the same to it.
_MEMBERS_FILE = {1: "tasks", 2: "cgroup.procs"}
_SWAP_FILE = "memory.swap.max"  # version 2 only; absent where the kernel accounts no swap


class Home(msgspec.Struct, frozen=True):
    """A folder in which we may make control groups, and what they can limit."""

    folder: str
    version: int
    controllers: tuple[str, ...]


@cache
def homes() -> tuple[Home, ...]:
    """Return where control groups can be made, tried by making one; empty where memory cannot be limited."""
    found = tuple(home for home in _candidates() if _is_writable(home))
    return found if any("memory" in home.controllers for home in found) else ()


def sweep() -> int:
    """Remove the control groups of keepers that no longer exist; return how many."""
    removed = 0
    for home in homes():
        for name in os.listdir(home.folder):
            if name.startswith(_PREFIX) and not os.path.exists(f"/proc/{name[len(_PREFIX) :]}"):
                with contextlib.suppress(OSError):  # still in use, or another grader was faster
                    os.rmdir(os.path.join(home.folder, name))
                    removed += 1
    return removed


class Cgroup:
    """The control groups of one guest (one per hierarchy); made by its keeper, which has to `remove` them.

    Raises:
        OSError: a group cannot be made or a limit cannot be set; what was made is removed again.
    """

    def __init__(self, memory_bytes: int, processes: int) -> None:
        self._name = f"{_PREFIX}{os.getpid()}"
        self._made: list[tuple[Home, int, int]] = []  # the home, its descriptor, that of the group's list of members
        values = {"memory": memory_bytes + rlimits.private_bytes() + _KERNEL_OVERHEAD_BYTES, "pids": processes}
        try:
            for home in homes():
                self._make(home, values)
        except OSError:
            self.remove()
            raise

    def _make(self, home: Home, values: dict[str, int]) -> None:
        home_fd = os.open(home.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        with contextlib.suppress(FileExistsError):  # a killed keeper had our number
            os.mkdir(self._name, dir_fd=home_fd)
        self._made.append((home, home_fd, self._open(home_fd, _MEMBERS_FILE[home.version], os.O_WRONLY)))
        for controller in home.controllers:
            self._write(home_fd, _LIMIT_FILES[home.version][controller][0], values[controller])
        if home.version == 2 and "memory" in home.controllers:
            with contextlib.suppress(FileNotFoundError):
                self._write(home_fd, _SWAP_FILE, 0)

    def _open(self, home_fd: int, file: str, flags: int) -> int:
        return os.open(f"{self._name}/{file}", flags | os.O_CLOEXEC, dir_fd=home_fd)

    def _write(self, home_fd: int, file: str, value: int) -> None:
        fd = self._open(home_fd, file, os.O_WRONLY)
        try:
            os.write(fd, b"%d" % value)
        finally:
            os.close(fd)

    def join(self) -> None:
        """Move the calling process, which has one thread, into the group; its later children are born there.

        Raises:
            OSError: the kernel refused.
        """
        for _, _, members_fd in self._made:
            os.write(members_fd, b"0")

    def oom_kills(self) -> int:
        """Return how many members the kernel has killed for want of memory."""
        kills = 0
        for home, home_fd, _ in self._made:
            if "memory" in home.controllers:
                fd = self._open(home_fd, _LIMIT_FILES[home.version]["memory"][1], os.O_RDONLY)
                with open(fd) as events:
                    kills += sum(int(line.split()[1]) for line in events if line.startswith("oom_kill "))
        return kills

    def remove(self) -> None:
        """Remove the groups; every member has to be reaped before.

        Raises:
            OSError: EBUSY, a member is still alive.
        """
        while self._made:
            _, home_fd, members_fd = self._made[-1]
            with contextlib.suppress(FileNotFoundError):
                os.rmdir(self._name, dir_fd=home_fd)
            os.close(members_fd)
            os.close(home_fd)
            self._made.pop()


def _is_writable(home: Home) -> bool:
    trial = os.path.join(home.folder, f"{_PREFIX}{os.getpid()}")
    try:
        os.mkdir(trial)
    except OSError as error:
        return error.errno == errno.EEXIST
    files = [_LIMIT_FILES[home.version][controller][0] for controller in home.controllers]
    works = all(os.access(os.path.join(trial, file), os.W_OK) for file in files)
    os.rmdir(trial)
    return works


def _candidates() -> Iterator[Home]:
    """Yield the folders of the control groups we are in, with the controllers that their children would have."""
    own = _own_groups()
    for root, mount_point, kind, options in _cgroup_mounts():
        if kind == "cgroup":
            for controller in ("memory", "pids"):
                if controller in options and controller in own:
                    yield Home(_below(mount_point, root, own[controller]), 1, (controller,))
        elif "" in own:
            folder = _below(mount_point, root, own[""])
            # A group with members cannot give controllers to children, so a sibling is the usual place.
            for place in (folder, os.path.dirname(folder)):
                controllers = _delegated(place)
                if "memory" in controllers and place.startswith(mount_point):
                    yield Home(place, 2, controllers)
                    break


def _own_groups() -> dict[str, str]:
    """Return our group's path by controller; version 2 has the empty name."""
    try:
        with open("/proc/self/cgroup") as file:
            rows = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return {}
    return {name: path for _, names, path in rows for name in names.split(",")}


def _cgroup_mounts() -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield root, mount point, kind and super options of every mounted hierarchy. Source: proc_pid_mountinfo(5)."""
    try:
        with open("/proc/self/mountinfo") as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        if kind in ("cgroup", "cgroup2"):
            yield before.split()[3], before.split()[4], kind, options.split(",")


def _below(mount_point: str, root: str, group: str) -> str:
    relative = os.path.relpath(group, root)
    return mount_point if relative == "." else os.path.normpath(os.path.join(mount_point, relative))


def _delegated(folder: str) -> tuple[str, ...]:
    try:
        with open(os.path.join(folder, "cgroup.subtree_control")) as file:
            enabled = file.read().split()
    except OSError:
        return ()
    return tuple(controller for controller in ("memory", "pids") if controller in enabled)
