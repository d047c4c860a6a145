"""Starts programs that run as somebody else, programs that it made itself, and one that exists in memory only."""

import contextlib
import ctypes
import errno
import glob
import os
import stat
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
FOLDERS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib/openssh", "/usr/libexec", "/usr/lib/dbus-1.0")
LOADER = next(iter(glob.glob("/lib*/ld-linux*")), "/lib64/ld-linux-x86-64.so.2")
KNOWN = ["/bin/su", "/usr/bin/sudo", "/usr/bin/passwd", "/usr/bin/pkexec", "/usr/bin/newuidmap"]


def attempt(name, attack):
    try:
        got = attack()
    except OSError as error:
        print(name, errno.errorcode[error.errno])
    else:
        print("ATTACK SUCCEEDED:" if got in (0, None) else "no:", name, got)


def setuid_programs():
    for folder in FOLDERS:
        with contextlib.suppress(OSError):
            for path in glob.glob(f"{folder}/*"):
                with contextlib.suppress(OSError):
                    if os.stat(path).st_mode & stat.S_ISUID:
                        yield path


def written(name, data, mode=0o755):
    with open(name, "wb") as file:
        file.write(data)
    os.chmod(name, mode)
    return name


def in_memory():
    fd = libc.memfd_create(b"program", 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "memfd_create")
    os.write(fd, b"#!/bin/true\n")
    os.execve(fd, ["x"], {})


def without_a_name():
    fd = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o755)
    os.write(fd, b"#!/bin/true\n")
    os.execve(fd, ["x"], {})


def become_root():
    os.setresuid(0, 0, 0)
    return os.getuid()


for program in sorted({*setuid_programs(), *KNOWN}):
    attempt(os.path.basename(program), lambda: os.execv(program, [program, "-c", "id"]))
attempt("a script", lambda: os.execv(written("script", b"#!/bin/sh\nexit 0\n"), ["script"]))
attempt("a setuid script", lambda: os.execv(written("own", b"#!/bin/sh\nexit 0\n", 0o6755), ["own"]))
attempt("python", lambda: os.execv(sys.executable, [sys.executable, "-c", "pass"]))
attempt("the loader", lambda: os.execv(LOADER, ["ld", sys.executable, "-c", "pass"]))
attempt("memory", in_memory)
attempt("a file without a name", without_a_name)
attempt("posix_spawn", lambda: os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], {}))
attempt("subprocess", lambda: subprocess.run([sys.executable, "-c", "pass"]).returncode)
attempt("os.system", lambda: os.system("true"))
attempt("root", become_root)
attempt("root's group", lambda: os.setgroups([0]))
print("no new privileges:", libc.prctl(39, 0, 0, 0, 0))
