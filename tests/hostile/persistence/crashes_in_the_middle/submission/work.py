"""Has something half done whenever it dies: what nobody else clears away would stay."""

import ctypes
import fcntl
import mmap
import os
import tempfile
import threading

libc = ctypes.CDLL(None, use_errno=True)


def done(result):
    if result == -1:
        raise OSError(ctypes.get_errno(), "refused")
    return result


def locked():
    with open(os.devnull) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    return "locked"


def attempt(what, action):
    try:
        print(f"ATTACK SUCCEEDED: {what}: {action()!r}")
    except OSError:
        print(f"{what}: denied")


def half_done():
    """Leave names of every kind in the scratch folder, some of them deep."""
    top = tempfile.mkdtemp()
    os.symlink("/", os.path.join(top, "link"))
    os.mkfifo(os.path.join(top, "pipe"))
    here = os.open(top, os.O_RDONLY)
    for depth in range(100):
        os.mkdir("deep" * 20, dir_fd=here)
        below = os.open("deep" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.path.join(top, "growing"), "wb+") as file:
        file.truncate(1 << 20)
        shared = mmap.mmap(file.fileno(), 1 << 20)
    print("half done")
    return top, shared


def die_by_signal(*arguments):
    top, _ = half_done()
    os.chmod(top, 0)
    ctypes.string_at(0)


def die_by_exit(*arguments):
    top, shared = half_done()
    os.chmod(top, 0)

    def write():
        while True:
            shared[:] = bytes(1 << 20)

    threading.Thread(target=write, daemon=True).start()
    os._exit(3)


attempt("a mount", lambda: done(libc.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, None)))
attempt("a control group", lambda: os.mkdir("/sys/fs/cgroup/memory/hostile"))
attempt("a shared segment", lambda: done(libc.shmget(0x4242, 4096, 0o1666)))
attempt("a semaphore", lambda: done(libc.semget(0x4242, 1, 0o1666)))
attempt("a message queue", lambda: done(libc.msgget(0x4242, 0o1666)))
attempt("a lock", locked)
half_done()
loss = labels = decipher = die_by_exit
double = die_by_signal


class Counter:
    total = 0

    def __init__(self):
        die_by_signal()
