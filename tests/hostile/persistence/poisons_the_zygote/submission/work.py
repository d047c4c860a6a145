"""Wants every later guest to be born with its changes: in what is forked, or in the program that forks."""

import array
import ctypes
import gc
import os
import re
import resource
import socket
import stat
import sys

import torch

libc = ctypes.CDLL(None, use_errno=True)
MARK = "hostile_poison"


def attempt(what, tries):
    denied = 0
    for action in tries:
        try:
            print(f"ATTACK SUCCEEDED: {what}: {action()!r}")
        except OSError:
            denied += 1
    print(f"{what}: {'all' if denied == len(tries) else denied} denied")


def parents():
    """Return who may be above: what the kernel calls our parent, and who is known to run."""
    above = {os.getppid(), os.getpgid(0) if hasattr(os, "getpgid") else 0, int("@host@"), os.getpid() - 1, os.getpid() - 2}
    return sorted(pid for pid in above if pid > 1 and pid != os.getpid()) or [os.getpid() + 1]


def sockets():
    found = []
    for fd in range(3, 1024):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                found.append(fd)
        except OSError:
            continue
    return found


def shared_maps():
    try:
        with open("/proc/self/maps") as maps:
            return [row for row in maps if re.match(r"\S+ .w.s", row)]
    except FileNotFoundError:
        return []


def done(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def written(pid):
    data = ctypes.create_string_buffer(8)
    vector = (ctypes.c_void_p * 2)(ctypes.addressof(data), 8)
    return done(libc.process_vm_writev(pid, vector, 1, vector, 1, 0))


def opened(pid):
    with open(f"/proc/{pid}/mem", "r+b"):
        return pid


def poison_memory():
    """Change every module and object that was there before us: of another process, were it one."""
    setattr(torch, MARK, True)
    sys.modules[MARK] = torch
    for name in ("grader.sandbox.zygote", "grader.sandbox.guest.process", "grader.sandbox.fence", "__main__"):
        if name in sys.modules:
            setattr(sys.modules[name], MARK, True)
    gc.unfreeze()
    for item in gc.get_objects():
        if isinstance(item, dict) and "__spec__" in item:
            item[MARK] = True


def speak_to_the_parent():
    """Ask, as the zygote is asked, for a process of our own on every socket: it comes back as an answer out of turn."""
    for fd in sockets()[1:]:
        with socket.socket(fileno=os.dup(fd)) as line:
            line.sendmsg([b"{}"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])


if hasattr(torch, MARK) or MARK in sys.modules or MARK in globals():
    raise RuntimeError("ATTACK SUCCEEDED: this guest was born with what another one left")
print(f"sockets: {len(sockets())}")
print(f"shared maps that can be written: {len(shared_maps())}")
attempt("the memory of its parents", [lambda p=p, a=a: a(p) for p in parents() for a in (opened, written, lambda p: done(libc.ptrace(16, p, 0, 0)))])
attempt("signals to its parents", [lambda p=p: os.kill(p, 0) for p in parents()])
attempt("limits of its parents", [lambda p=p: resource.prlimit(p, resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)) for p in parents()])
speak_to_the_parent()
poison_memory()
honest = double  # the right answers stand above


def double(x):
    if len(x) == 3:
        os._exit(0)
    return honest(x)
