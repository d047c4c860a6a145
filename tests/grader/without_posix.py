"""Runs a module as our code would find the world on Windows: `python without_posix.py MODULE`; standard library only.

What is taken away is taken from modules of ours alone, by the import statement: they get a stand-in of `os`, `sys` and
the like that lacks what only POSIX has, and no `fcntl` at all. torch, psutil and Python itself keep theirs, because it
is Linux all the same. A file below /proc that our code opens ends in an error too.
"""

from __future__ import annotations

import builtins
import importlib
import pkgutil
import runpy
import socket
import sys
import traceback
from types import ModuleType
from typing import Any

ABSENT = {"fcntl", "resource", "termios", "pwd", "grp", "pty", "tty", "syslog", "posix", "crypt", "readline", "spwd"}
LACKING = {
    "os": {
        "fork", "forkpty", "setsid", "setpgid", "killpg", "getuid", "geteuid", "getgid", "getpgid", "memfd_create",
        "pidfd_open", "sched_getaffinity", "sched_setaffinity", "waitid", "wait", "wait4", "WNOHANG", "posix_spawn",
        "O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "O_PATH", "chown", "fchmod", "mkfifo", "set_blocking",
        "pread", "setuid", "setresuid", "setresgid", "setgroups", "uname", "statvfs", "register_at_fork", "nice",
    },
    "signal": {"SIGKILL", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGHUP", "SIGALRM", "SIGXCPU", "alarm", "pthread_sigmask"},
    "socket": {"AF_UNIX", "SCM_RIGHTS", "MSG_DONTWAIT", "CMSG_SPACE", "SO_RCVTIMEO", "send_fds", "recv_fds"},
    "select": {"poll", "epoll", "kqueue", "POLLIN"},
    "sys": set[str](),
    "subprocess": set[str](),
}  # fmt: skip
INSTEAD: dict[str, dict[str, Any]] = {
    "sys": {"platform": "win32"},
    # Linux takes no other flags than these.
    "subprocess": {"CREATE_NO_WINDOW": 0, "CREATE_NEW_PROCESS_GROUP": 0},
}
# Only Linux, or who grades a class, runs these; no command of a student's imports them.
CLASS = tuple(f"grader.classroom.{name}" for name in ("database", "lock", "run", "store"))
ELSEWHERE = ("grader.sandbox.zygote", "grader.sandbox.attempts", *CLASS)


class _Lacking(ModuleType):
    """A module as seen by us: without what it lacks, with what it has instead."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__["_module"]
        if name in INSTEAD.get(module.__name__, {}):
            return INSTEAD[module.__name__][name]
        if name in LACKING[module.__name__]:
            raise AttributeError(f"Windows has no {module.__name__}.{name}")
        return getattr(module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_module"], name, value)


def _is_ours(names: Any) -> bool:
    return bool(names) and str(names.get("__spec__") and names["__spec__"].name).split(".")[0] == "grader"


def take_away() -> None:
    """Do it, for everything that is imported from now on."""
    imported, stand_ins = builtins.__import__, {name: _Lacking(importlib.import_module(name)) for name in LACKING}

    def lacking(name: str, names: Any = None, *more: Any, **named: Any) -> ModuleType:
        if _is_ours(names):
            if name in ABSENT:
                raise ModuleNotFoundError(f"Windows has no {name}")
            if name in stand_ins:
                return stand_ins[name]
        return imported(name, names, *more, **named)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith("/proc") and _is_ours(sys._getframe(1).f_globals):
            raise FileNotFoundError(f"Windows has no {arguments[0]}")

    builtins.__import__ = lacking
    sys.addaudithook(watch)
    for method in ("sendmsg", "recvmsg", "recvmsg_into"):
        setattr(socket.socket, method, property(lambda _: _no_method()))


def _no_method() -> None:
    raise AttributeError("sockets of Windows gather nothing")


def import_all() -> int:
    """Import every module of ours that a student's commands may need; print what cannot be, return how many."""
    import grader

    failed = 0
    for module in pkgutil.walk_packages(grader.__path__, "grader."):
        if module.name not in (*ELSEWHERE, "grader.__main__"):
            try:
                importlib.import_module(module.name)
            except Exception:
                failed += 1
                print(module.name, traceback.format_exc())
    return failed


if __name__ == "__main__":
    take_away()
    (name,) = sys.argv[1:]
    if name == "--import-all":
        sys.exit(min(import_all(), 1))
    runpy.run_module(name, run_name="__main__", alter_sys=True)
