"""Leaves a mark in every place that may outlive it, then ends; whoever runs next in its place looks for the marks."""

import ctypes
import os
import platform
import socket

libc = ctypes.CDLL(None, use_errno=True)
MARK = "left-by-mallory"
FOLDERS = ["/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", os.path.expanduser("~"), "~/.cache/torch", "~/.triton", "~/.nv", "."]
PATHS = [os.path.join(os.path.expanduser(folder), MARK) for folder in FOLDERS]
KEY = 0x6D616C6C


def abstract():
    with socket.socket(socket.AF_UNIX) as end:
        end.connect("\0" + MARK)


def segment(flags):
    number = libc.shmget(KEY, 4096, flags)
    if number < 0:
        raise OSError(ctypes.get_errno(), "shmget")
    return number


def queue(flags):
    number = libc.mq_open(b"/" + MARK.encode(), flags, 0o600, None)
    if number < 0:
        raise OSError(ctypes.get_errno(), "mq_open")
    return number


def found():
    """Return every mark that is there."""
    marks = [path for path in PATHS if os.path.exists(path)]
    for name, attempt in {"segment": lambda: segment(0), "queue": lambda: queue(os.O_RDONLY), "socket": abstract}.items():
        try:
            attempt()
        except OSError:
            continue
        marks.append(name)
    return marks


def lock(path):
    import fcntl

    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def key():
    number = {"x86_64": 248, "aarch64": 217}[platform.machine()]
    if libc.syscall(number, b"user", MARK.encode(), b"x", 1, -4) < 0:  # add_key, the user's own keyring
        raise OSError(ctypes.get_errno(), "add_key")


def bind():
    socket.socket(socket.AF_UNIX).bind("\0" + MARK)


EARLIER = found()
written = 0
for path in PATHS:
    try:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w") as file:
            file.write(MARK)
        written += 1
    except OSError:
        continue
for name, attempt in {
    "segment": lambda: segment(0o1600),
    "queue": lambda: queue(os.O_RDWR | os.O_CREAT),
    "socket": bind,
    "lock": lambda: lock(os.__file__),
    "keyring": key,
}.items():
    try:
        attempt()
    except OSError as error:
        print(f"{name}: denied ({os.strerror(error.errno)})")
    else:
        print(f"{name}: ATTACK SUCCEEDED")
print(f"marks of an earlier one: {EARLIER}, written: {written > 0}" + (" ATTACK SUCCEEDED" if EARLIER else ""))


def double(x):
    os._exit(0)  # what is asked next is asked of a fresh process


def decipher(text):
    raise LookupError(f"marks of an earlier one: {EARLIER}" + (" ATTACK SUCCEEDED" if EARLIER else ""))
