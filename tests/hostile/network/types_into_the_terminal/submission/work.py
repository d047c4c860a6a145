"""Types a command into the terminal of whoever started the grader, and makes it report what it shows."""

import ctypes
import errno
import fcntl
import os
import platform
import struct

libc = ctypes.CDLL(None, use_errno=True)
IOCTL = {"x86_64": 16, "aarch64": 29}[platform.machine()]

TIOCSTI, TIOCLINUX, TIOCSCTTY, TIOCSETD, TIOCNOTTY = 0x5412, 0x541C, 0x540E, 0x5423, 0x5422
COMMAND = b"touch typed-by-a-student\n"
TERMINALS = ["/dev/tty", "/dev/console", "/dev/tty1", "/dev/pts/0", "/dev/pts/1", "/dev/ptmx", "/dev/vcs1"]


def attempt(name, attack):
    try:
        got = attack()
    except OSError as error:
        return errno.errorcode[error.errno]
    print("ATTACK SUCCEEDED:", name, got)
    return "done"


def type_into(fd):
    for byte in COMMAND:
        fcntl.ioctl(fd, TIOCSTI, bytes([byte]))


def type_with_more_bits(fd):
    """Ask with a request of 64 bits, of which the kernel reads the lower half only."""
    if libc.syscall(ctypes.c_long(IOCTL), ctypes.c_long(fd), ctypes.c_long(TIOCSTI | 1 << 32), b"x") < 0:
        raise OSError(ctypes.get_errno(), "ioctl")


fds = range(3)
print("terminals among its streams:", [fd for fd in fds if os.isatty(fd)])
print("typed:", *{attempt("typed", lambda: type_into(fd)) for fd in fds})
print("typed, more bits:", *{attempt("typed", lambda: type_with_more_bits(fd)) for fd in fds})
print("pasted:", *{attempt("pasted", lambda: fcntl.ioctl(fd, TIOCLINUX, struct.pack("B", 3))) for fd in fds})
print("taken:", *{attempt("taken", lambda: fcntl.ioctl(fd, TIOCSCTTY, 1)) for fd in fds})
opened = [attempt(path, lambda: os.close(os.open(path, os.O_RDWR | os.O_NOCTTY))) for path in TERMINALS]
print("opened:", *opened)
print("made:", attempt("made", os.openpty))
# Asks a terminal for its title, its answerback and a setting: it types the answers.
print("\x1b[21t\x05\x1bP$q q\x1b\\\x1b]0;touch typed-by-a-student\x07\x1b[c")
