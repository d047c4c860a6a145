"""Each part of the census finds debris that was planted for it, and none where there is none."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.sandbox.fence import kernel, privileges
from grader.sandbox.fence.cgroup import homes

from . import census
from .census import Census

_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can plant it")
_GUEST = privileges.unused_uid(privileges.LANES - 2)


@pytest.fixture
def counted() -> Census:
    """What there was before; this process stands for the warm ones."""
    return Census({"zygote": os.getpid()})


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return pid


def test_nothing_is_found_where_nothing_was_left(counted: Census) -> None:
    """The census itself leaves no trace in the next one."""
    assert counted.debris(settle_s=0) == []


def test_a_daemon_that_lost_its_parents_is_found(counted: Census) -> None:
    """Two forks and a session of its own do not hide it."""
    said, says = os.pipe()
    first = os.fork()
    if first == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(says, str(os.getpid()).encode())
            signal.pause()
        os._exit(0)
    os.waitpid(first, 0)
    daemon = int(os.read(said, 100))
    try:
        assert [item for item in counted.debris(settle_s=0) if item.startswith(f"processes: {daemon} ")]
    finally:
        os.kill(daemon, signal.SIGKILL)
        os.waitpid(daemon, 0)
        os.close(said)
        os.close(says)


def test_an_orphan_that_has_ended_is_reaped_and_no_debris(counted: Census) -> None:
    """What ends while it is waited for was cleared away."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    assert counted.debris() == []
    with pytest.raises(ChildProcessError, match="No child"):
        os.waitpid(pid, 0)


@_AS_ROOT
def test_a_mount_is_found() -> None:
    """Planted in a mount namespace of a child, so that this machine keeps none."""
    pid = os.fork()
    if pid == 0:
        found = False
        try:
            kernel.unshare(kernel.NEWNS)
            kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
            before = census.mounts()
            kernel.mount("tmpfs", "/mnt", "tmpfs", kernel.MS_NOSUID)
            found = any(" /mnt " in item for item in census.mounts() - before)
        finally:
            os._exit(0 if found else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_control_group_of_a_dead_keeper_is_found(counted: Census, dead: int) -> None:
    """What a killed keeper did not remove."""
    if not homes():
        pytest.skip("no control group can be made here")
    folder = Path(homes()[0].folder, f"grader-guest-{dead}")
    folder.mkdir()
    try:
        assert f"groups: {folder}" in counted.debris(settle_s=0)
    finally:
        folder.rmdir()


def test_a_scratch_folder_of_a_dead_keeper_is_found(counted: Census, dead: int) -> None:
    """And one of a keeper at work is not."""
    folders = [Path(tempfile.gettempdir(), f"grader-scratch-{pid}-x") for pid in (dead, os.getpid())]
    for folder in folders:
        folder.mkdir()
    try:
        assert counted.debris(settle_s=0) == [f"temporary_files: {folders[0]}"]
    finally:
        for folder in folders:
            folder.rmdir()


@_AS_ROOT
@pytest.mark.parametrize("part", ["shared_memory: /dev/shm", f"temporary_files: {tempfile.gettempdir()}"])
def test_a_guests_file_is_found(counted: Census, part: str) -> None:
    """In shared memory and in the temporary folder, by its owner."""
    path = Path(part.split(" ")[1], f"census-{os.getpid()}")
    path.write_text("x")
    try:
        assert counted.debris(settle_s=0) == []
        os.chown(path, _GUEST, _GUEST)
        assert counted.debris(settle_s=0) == [f"{part}/{path.name}"]
    finally:
        path.unlink()


@_AS_ROOT
def test_a_guests_shared_segment_is_found(counted: Census) -> None:
    """One that was made with shmget and outlives whoever made it."""
    libc = ctypes.CDLL(None, use_errno=True)
    said, says = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setresuid(_GUEST, _GUEST, _GUEST)
        os.write(says, str(libc.shmget(0, 4096, 0o1600)).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    segment = int(os.read(said, 100))
    os.close(said)
    os.close(says)
    try:
        assert counted.debris(settle_s=0) == [f"shared_memory: shm {segment}"]
    finally:
        libc.shmctl(segment, 0, None)


def test_a_descriptor_and_a_thread_are_found(counted: Census) -> None:
    """Of this process, and of a warm one, which here is this one too."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    fd = os.open("/etc/hostname", os.O_RDONLY)
    thread.start()
    try:
        found = counted.debris(settle_s=0)
    finally:
        os.close(fd)
        stop.set()
        thread.join()
    assert f"descriptors: {fd} /etc/hostname" in found
    assert [item for item in found if "zygote has thread" in item]


@pytest.mark.parametrize("reaped", [False, True])
def test_a_warm_process_that_is_gone_is_found(reaped: bool) -> None:
    """The zygote must be alive after every submission, and one that nobody has waited for yet is not."""
    pid = os.fork()
    if pid == 0:
        signal.pause()
    warm = Census({"zygote": pid})
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | (0 if reaped else os.WNOWAIT))
    assert warm._changes() == ["warm_processes: zygote is gone"]


@pytest.fixture(autouse=True)
def _orphans_are_not_adopted_for_ever() -> Iterator[None]:
    """Give orphans back to whoever had them before."""
    yield
    ctypes.CDLL(None).prctl(census._PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
