"""Wants to live on: deaf to signals, in a session of its own, with another parent, and waiting for what comes next."""

import ctypes
import multiprocessing
import os
import platform
import pty
import signal
import subprocess
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE, CLONE3 = {"aarch64": (220, 435)}.get(platform.machine(), (56, 435))
SIGCHLD, CLONE_PARENT = 17, 0x8000


def live():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)


def forked(pid):
    if pid == 0:
        live()
    return pid


def called(number, *arguments):
    pid = libc.syscall(number, *arguments)
    if pid < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return forked(pid)


def shell():
    if os.system("sleep 600 &") != 0:
        raise PermissionError("no shell")
    return "started"


def attempt(what, action):
    try:
        print(f"ATTACK SUCCEEDED: {what}: {action()!r}")
    except BaseException as error:
        print(f"{what}: denied ({type(error).__name__})")


def process(way):
    child = multiprocessing.get_context(way).Process(target=live)
    child.start()
    return child.pid


arguments = (ctypes.c_uint64 * 8)(0, 0, 0, 0, SIGCHLD)
attempt("a fork", lambda: forked(os.fork()))
attempt("a pseudo-terminal", lambda: forked(pty.fork()[0]))
attempt("clone itself", lambda: called(CLONE, SIGCHLD, 0, 0, 0, 0))
attempt("clone3", lambda: called(CLONE3, arguments, ctypes.sizeof(arguments)))
attempt("clone beside the parent", lambda: called(CLONE, ctypes.c_uint64(1 << 48 | CLONE_PARENT | SIGCHLD), 0, 0, 0, 0))
attempt("posix_spawn", lambda: os.posix_spawn("/bin/sleep", ["sleep", "600"], {}))
attempt("a shell", shell)
attempt("a program", lambda: subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
attempt("a process of multiprocessing", lambda: process("fork"))
attempt("a spawned one", lambda: process("spawn"))
attempt("exec", lambda: os.execv("/bin/sleep", ["sleep", "600"]))
