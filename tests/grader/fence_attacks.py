"""What a hostile guest tries, one function per attack: it returns something truthy where it succeeds.

`DENIALS` says how each has to fail inside the fence, and whether the attack may be made without one, to prove that it
is the fence which refuses.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from grader.sandbox.fence import syscalls

PROJECT = Path(__file__).resolve().parents[2]
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def call(name: str, *arguments: Any) -> int:
    """Make a system call as a student could, by number."""
    number = syscalls.number(name, syscalls.architecture())
    assert number is not None, name
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    result = _libc.syscall(ctypes.c_long(number), *words)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return int(result)


def _end_child_or(pid: int) -> bool:
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def _fork() -> bool:
    return _end_child_or(os.fork())


def _clone_process() -> bool:
    return _end_child_or(call("clone", signal.SIGCHLD, 0, 0, 0, 0))


def _clone3() -> bool:
    arguments = ctypes.create_string_buffer(struct.pack("11Q", 0, 0, 0, 0, signal.SIGCHLD, *[0] * 6), 88)
    return _end_child_or(call("clone3", arguments, 88))


def _execve() -> bool:
    os.execv("/no/such/program", ["x"])  # unfenced, the kernel gets as far as looking for it


def _memfd_exec() -> bool:
    fd = call("memfd_create", ctypes.c_char_p(b"x"), 0)
    os.write(fd, b"#!/bin/true\n")
    os.execve(fd, ["x"], {})


def _open_socket(family: int, kind: int) -> Callable[[], bool]:
    return lambda: bool(socket.socket(family, kind).fileno())


def _send_datagram() -> bool:
    """Send to a socket with a path that is not ours: unfenced, the kernel gets as far as looking for it."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        return one.sendto(b"out", "/no/such/server") >= 0


def parent() -> int:
    """Return the parent's number, or one that nobody has where the parent is outside the namespace: 0 means oneself."""
    return os.getppid() or 2


def _read_parent_memory() -> bool:
    buffer = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(buffer), 8)
    remote = struct.pack("QQ", ctypes.addressof(buffer), 8)
    return call("process_vm_readv", parent(), local, 1, remote, 1, 0) == 8


def _attach_to_parent() -> bool:
    ptrace_seize, no_such_option = 0x4206, 1 << 40
    return call("ptrace", ptrace_seize, parent(), 0, no_such_option) == 0  # unfenced, the option is what fails


def _steal_descriptor() -> bool:
    return call("pidfd_getfd", call("pidfd_open", parent(), 0), 0, 0) >= 0


def _signal_parent() -> bool:
    os.kill(parent(), 0)
    return True


def _signal_everybody() -> bool:
    os.kill(-1, 0)  # asks for permission to kill all, without doing it
    return True


def _limit_parent() -> bool:
    limit = resource.prlimit(parent(), resource.RLIMIT_CORE)
    resource.prlimit(parent(), resource.RLIMIT_CORE, limit)
    return True


def _pin_parent() -> bool:
    os.sched_setaffinity(parent(), os.sched_getaffinity(0))
    return True


def _aim_signals_at_parent() -> bool:
    f_setown = 8
    ours, _theirs = os.pipe()
    return fcntl.fcntl(ours, f_setown, parent()) == 0


def _aim_signals_of_any_kind() -> bool:
    f_setown_ex, f_owner_pid = 15, 1
    ours, _theirs = os.pipe()
    return bool(fcntl.fcntl(ours, f_setown_ex, struct.pack("ii", f_owner_pid, parent())))


def _aim_by_ioctl(request: int) -> Callable[[], bool]:
    def aim() -> bool:
        ours, _theirs = socket.socketpair()
        return fcntl.ioctl(ours, request, struct.pack("i", parent())) is not None

    return aim


def _enlarge_buffer(option: int) -> Callable[[], bool]:
    def enlarge() -> bool:
        ours, _theirs = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, option, 1 << 20)
        return True

    return enlarge


def _send_descriptor() -> bool:
    """Hide a descriptor in the buffer of a socket, where no limit on descriptors counts it."""
    ours, _theirs = socket.socketpair()
    return socket.send_fds(ours, [b"x"], [0]) == 1


def _thread_with_own_descriptors() -> bool:
    """Start a thread that has a table of descriptors of its own, and with it their limit once more."""
    vm, sighand, thread = 0x100, 0x800, 0x10000
    stack = mmap.mmap(-1, 1 << 16)
    top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + len(stack)
    pause = ctypes.cast(_libc.pause, ctypes.c_void_p)
    if _libc.clone(pause, ctypes.c_void_p(top), vm | sighand | thread, None) < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return True


def _leave_the_shared_descriptors() -> bool:
    close_range_unshare = 2
    return call("close_range", 200, 200, close_range_unshare) == 0


def _list_processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]


def _read_parent_command() -> str:
    return Path(f"/proc/{parent()}/cmdline").read_text()


def _write_to_prefix() -> bool:
    path = Path(sys.prefix, "lib", "grader-was-here")
    path.write_text("x")
    path.unlink()
    return True


def _mount() -> bool:
    if _libc.mount(b"none", b"/no/such/folder", b"tmpfs", 0, None) < 0:
        raise OSError(ctypes.get_errno(), "mount")
    return True


def _unshare_user() -> bool:
    return call("unshare", 0x10000000) == 0


def _io_uring() -> bool:
    return call("io_uring_setup", 1, ctypes.create_string_buffer(120)) >= 0


def _keyring() -> bool:
    return call("keyctl", 0, -3, 1) != 0  # KEYCTL_GET_KEYRING_ID, session keyring, create


def _push_terminal_input() -> bool:
    tiocsti = 0x5412
    fcntl.ioctl(os.pipe()[0], tiocsti, b"x")  # unfenced, a pipe answers that it is no terminal
    return True


def _open_terminal() -> bool:
    return bool(os.openpty())


def _shared_memory_segment() -> bool:
    ipc_rmid = 0
    key = call("shmget", 0, 4096, 0o1600)
    _libc.shmctl(key, ipc_rmid, None)
    return True


def _lock_file() -> bool:
    with open("lock-me", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    os.unlink("lock-me")
    return True


def _survive_keeper() -> bool:
    pr_set_pdeathsig = 1
    if _libc.prctl(pr_set_pdeathsig, 0, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return True


def _map(flags: int) -> bool:
    return bool(mmap.mmap(-1, 30 << 30, flags=flags | getattr(mmap, "MAP_NORESERVE", 0x4000)))


class Denial(NamedTuple):
    """An attack, the errors that count as a refusal, and who may make it unfenced as a control.

    Unfenced it has to succeed, or to fail for another reason. `control` is "anyone", "root" (other users are refused
    anyway), or "" (not made: the answer depends on the machine).
    """

    name: str
    attack: Callable[[], Any]
    errors: tuple[str, ...]
    control: str = "anyone"


_EPERM, _EACCES, _ENOENT = "Operation not permitted", "Permission denied", "No such file or directory"
_ENOSYS, _NO_FAMILY, _NO_MEMORY = "Function not implemented", "Address family not supported by protocol", "MemoryError"
_HIDDEN = (_EACCES, _ENOENT)
_READ_ONLY = (_EACCES, "Read-only file system")


DENIALS = (
    Denial("list /root", lambda: os.listdir("/root"), _HIDDEN, "root"),
    Denial("read /etc/shadow", lambda: Path("/etc/shadow").read_text(), _HIDDEN, "root"),
    Denial("list the hidden tests", lambda: os.listdir(PROJECT / "tests" / "hidden"), _HIDDEN),
    Denial("list the solutions", lambda: os.listdir(PROJECT / "solutions"), _HIDDEN),
    Denial("read the grader's own code", lambda: (PROJECT / "grader" / "errors.py").read_text(), _HIDDEN),
    Denial("write to the prefix", _write_to_prefix, _READ_ONLY, "root"),
    Denial("list the processes", _list_processes, (_EACCES,)),
    Denial("read the parent's command line", _read_parent_command, _HIDDEN),
    Denial("ptrace the parent", _attach_to_parent, (_EPERM,), "root"),
    Denial("read the parent's memory", _read_parent_memory, (_EPERM,), "root"),
    Denial("take a descriptor of the parent", _steal_descriptor, (_EPERM,), "root"),
    Denial("signal the parent", _signal_parent, (_EPERM,)),
    Denial("signal everybody", _signal_everybody, (_EPERM,)),
    Denial("limit the parent", _limit_parent, (_EPERM,)),
    Denial("pin the parent", _pin_parent, (_EPERM,)),
    Denial("aim signals at the parent", _aim_signals_at_parent, (_EPERM,)),
    Denial("aim signals of any kind at the parent", _aim_signals_of_any_kind, (_EPERM,)),
    Denial("aim signals by FIOSETOWN", _aim_by_ioctl(0x8901), (_EPERM,)),
    Denial("aim signals by SIOCSPGRP", _aim_by_ioctl(0x8902), (_EPERM,)),
    Denial("larger buffer to send from", _enlarge_buffer(socket.SO_SNDBUF), (_EPERM,)),
    Denial("larger buffer to receive in", _enlarge_buffer(socket.SO_RCVBUF), (_EPERM,)),
    Denial("descriptor in a socket's buffer", _send_descriptor, (_EPERM,)),
    Denial("thread with descriptors of its own", _thread_with_own_descriptors, (_EPERM,)),
    Denial("descriptors of one's own", _leave_the_shared_descriptors, (_EPERM,)),
    Denial("internet socket", _open_socket(socket.AF_INET, socket.SOCK_STREAM), (_NO_FAMILY,)),
    Denial("unix socket", _open_socket(socket.AF_UNIX, socket.SOCK_STREAM), (_NO_FAMILY,)),
    Denial("datagram to a server with a path", _send_datagram, (_EPERM,)),
    Denial("netlink socket", _open_socket(socket.AF_NETLINK, socket.SOCK_RAW), (_NO_FAMILY,)),
    Denial("kernel crypto socket", _open_socket(38, socket.SOCK_SEQPACKET), (_NO_FAMILY,), ""),
    Denial("virtual machine socket", _open_socket(40, socket.SOCK_STREAM), (_NO_FAMILY,), ""),
    Denial("exec", _execve, (_EPERM,)),
    Denial("exec from memory", _memfd_exec, (_ENOSYS,), ""),
    Denial("anonymous file", lambda: call("memfd_create", ctypes.c_char_p(b"x"), 0), (_ENOSYS,)),
    Denial("fork", _fork, (_EPERM,)),
    Denial("clone", _clone_process, (_EPERM,)),
    Denial("clone3", _clone3, (_ENOSYS,), ""),
    Denial("user namespace", _unshare_user, (_EPERM,), "root"),
    Denial("mount", _mount, (_EPERM,), "root"),
    Denial("io_uring", _io_uring, (_ENOSYS,), ""),
    Denial("keyring", _keyring, (_EPERM,), ""),
    Denial("terminal input", _push_terminal_input, (_EPERM,)),
    Denial("new terminal", _open_terminal, (_EACCES, _ENOENT), "root"),
    Denial("shared memory segment", _shared_memory_segment, (_EPERM,)),
    Denial("file lock", _lock_file, (_EPERM,)),
    Denial("survive the keeper", _survive_keeper, (_EPERM,)),
    Denial("30 GB of memory", lambda: bool(bytearray(30 << 30)), (_NO_MEMORY,), ""),
    Denial("30 GB private mapping", lambda: _map(mmap.MAP_PRIVATE), ("Cannot allocate memory",)),
    Denial("30 GB shared mapping", lambda: _map(mmap.MAP_SHARED), ("Cannot allocate memory",)),
)
