"""Deleted files that a guest still holds, as its keeper sees them where files are only watched."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
from collections.abc import Callable, Iterator

import pytest

from grader.sandbox.fence import kernel, privileges, scratch

_MIB = 1 << 20
_LIMIT = 2 * _MIB
_YES, _NO = 10, 11

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="only Linux has a fence")


def open_file(path: str, size: int) -> int:
    """Return the descriptor of a file that has bytes and no name."""
    fd = os.open(f"{path}/unseen", os.O_RDWR | os.O_CREAT)
    os.unlink(f"{path}/unseen")
    os.write(fd, bytes(size))
    return fd


def closed_file(path: str, size: int) -> None:
    """Write a file that is gone."""
    os.close(open_file(path, size))


def mapped_files(path: str, count: int) -> None:
    """Keep deleted files by mapping a page of each; Python's own mmap would keep them open."""
    for _ in range(count):
        fd = open_file(path, 8 * _MIB)
        ctypes.CDLL(None).mmap(None, ctypes.c_size_t(4096), 1, 1, fd, ctypes.c_long(0))
        os.close(fd)


@contextlib.contextmanager
def guest_that(body: Callable[[str], object]) -> Iterator[tuple[int, str]]:
    """Start a process that did `body` in its folder and waits: another user's if we are root, as guests are then."""
    owner = privileges.unused_uid(9) if privileges.is_root() else None
    path = scratch.make(owner)
    read_fd, write_fd = os.pipe()

    def guest() -> int:
        if owner is not None:
            privileges.become(owner)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        kept = body(path)
        os.write(write_fd, b"x")
        signal.pause()
        return bool(kept)

    pid = forked(guest)
    os.close(write_fd)
    try:
        assert os.read(read_fd, 1) == b"x"
        yield pid, path
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read_fd)
        scratch.remove(path)


def keeper_says(pid: int, path: str) -> bool:
    """Return whether a keeper finds too much, one without the right to look into other users' processes.

    Root has this right, but not in a container as it comes.
    """

    def look() -> int:
        if privileges.is_root():
            privileges.see_as(os.stat(path).st_uid)
            kernel.drop_capabilities()
        return _YES if scratch.exceeds(path, _LIMIT, pid) else _NO

    said = os.waitstatus_to_exitcode(os.waitpid(forked(look), 0)[1])
    assert said in (_YES, _NO)
    return said == _YES


def forked(body: Callable[[], int]) -> int:
    """Start a child that ends with what `body` returns, and never as pytest."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            status = body()
        finally:
            os._exit(status)
    return pid


@pytest.mark.parametrize(
    ("body", "exceeds"),
    [
        (lambda path: open_file(path, 3 * _MIB), True),
        (lambda path: open_file(path, _MIB), False),
        (lambda path: [open_file(path, _MIB) for _ in range(3)], True),
        (lambda path: closed_file(path, 3 * _MIB), False),
        (lambda path: mapped_files(path, 4), False),
        (lambda path: mapped_files(path, 5), True),
    ],
    ids=["large", "small", "three small", "closed", "four mapped", "five mapped"],
)
def test_what_is_deleted_and_still_held_counts_too(body: Callable[[str], object], exceeds: bool) -> None:
    """No folder shows it, and it takes room. Of what is only mapped nobody may ask the size: a handful is allowed."""
    with guest_that(body) as (pid, path):
        assert keeper_says(pid, path) is exceeds


def test_a_guest_that_has_ended_holds_nothing() -> None:
    """The keeper may look at the moment at which it goes."""
    path = scratch.make(None)
    try:
        assert not scratch.exceeds(path, _LIMIT, 2**22 + 1)
    finally:
        scratch.remove(path)
