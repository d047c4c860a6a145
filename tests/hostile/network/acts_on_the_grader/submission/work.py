"""Limits, pins, slows down, signals and traces whoever judges it, and the processes above."""

import ctypes
import errno
import fcntl
import os
import platform
import resource
import signal

libc = ctypes.CDLL(None, use_errno=True)
TKILL, RT_TGSIGQUEUEINFO, RT_SIGQUEUEINFO, IOPRIO_SET, SETATTR, PTRACE = {
    "x86_64": (200, 297, 129, 251, 314, 101), "aarch64": (130, 240, 138, 30, 274, 117)
}[platform.machine()]
HOST = int("@host@")
SAFE = signal.SIGURG  # which is ignored by who does not wait for it
OWN = os.getpid()
VICTIMS = sorted({HOST, os.getppid(), os.getsid(0), *range(max(2, HOST - 3), HOST + 40)} - {0, OWN})
PIPE, _OTHER_END = os.pipe()


def call(number, *arguments):
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    if libc.syscall(ctypes.c_long(number), *words) < 0:
        raise OSError(ctypes.get_errno(), "")


def attempt(attack, *arguments):
    try:
        attack(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    print("ATTACK SUCCEEDED:", arguments)
    return "done"


def limit(pid):
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (64, 64))


def owner_of_signals(pid):
    fcntl.fcntl(PIPE, fcntl.F_SETOWN, pid)


def owner_by_ioctl(pid):
    fcntl.ioctl(PIPE, 0x8901, pid.to_bytes(4, "little"))


def write_about(name, text):
    def write(pid):
        with open(f"/proc/{pid}/{name}", "w") as file:
            file.write(text)

    return write


ON_ONE = {
    "limit": limit,
    "pin": lambda pid: os.sched_setaffinity(pid, {0}),
    "slow": lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    "slow its group": lambda pid: os.setpriority(os.PRIO_PGRP, pid, 19),
    "schedule": lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    "schedule by attributes": lambda pid: call(SETATTR, pid, ctypes.create_string_buffer(48), 0),
    "starve of disk": lambda pid: call(IOPRIO_SET, 1, pid, 3 << 13),
    "signal": lambda pid: os.kill(pid, SAFE),
    "signal its group": lambda pid: os.killpg(pid, SAFE),
    "signal a thread": lambda pid: call(TKILL, pid, SAFE),
    "queue a signal": lambda pid: call(RT_SIGQUEUEINFO, pid, SAFE, ctypes.create_string_buffer(128)),
    "queue for a thread": lambda pid: call(RT_TGSIGQUEUEINFO, pid, pid, SAFE, ctypes.create_string_buffer(128)),
    "point at": lambda pid: os.close(os.pidfd_open(pid)),
    "signals of a pipe": owner_of_signals,
    "signals by ioctl": owner_by_ioctl,
    "trace": lambda pid: call(PTRACE, 0x4206, pid, 0, 0),
    "offer to the killer": write_about("oom_score_adj", "1000"),
    "write its memory": write_about("mem", ""),
    "rename": write_about("comm", "hostile"),
}
for name, attack in ON_ONE.items():
    print(name, *sorted({attempt(attack, pid) for pid in VICTIMS}))
print("all of this user", attempt(lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19)))
print("its own group", attempt(lambda: os.killpg(0, SAFE)), attempt(lambda: os.kill(0, SAFE)))
print("everybody", attempt(lambda: os.kill(-1, SAFE)))
print("a group by number", attempt(lambda: os.kill(-os.getpgid(0) or -2, SAFE)))
