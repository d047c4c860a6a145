"""Looks for tokens in its environment, in the one Python was started with, and in the one C sees."""

import ctypes
import os
import re

CANARY = re.compile(rb"hostile-canary-[0-9a-f]{32}")
SUSPICIOUS = re.compile(rb"TOKEN|SECRET|PASSWORD|CANARY|GITHUB|AWS_|SSH_|GRADER")


def python():
    return "\n".join(f"{name}={value}" for name, value in os.environ.items()).encode()


def kernel():
    with open("/proc/self/environ", "rb") as file:
        return file.read()


def c():
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found = []
    while environ and environ[len(found)]:
        found.append(environ[len(found)])
    return b"\n".join(found)


for look in (python, kernel, c):
    try:
        seen = look()
    except OSError as error:
        print(f"{look.__name__}: denied ({type(error).__name__})")
        continue
    stolen = CANARY.findall(seen) + SUSPICIOUS.findall(seen)
    print(f"{look.__name__}: {len(seen)} bytes, of interest: {stolen}" + (" ATTACK SUCCEEDED" if stolen else ""))


def double(x):
    return x
