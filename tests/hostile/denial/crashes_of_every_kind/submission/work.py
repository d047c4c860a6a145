"""Ends Python in every way that the processor knows."""

import ctypes
import faulthandler
import mmap
import os
import platform
import resource

honest = double  # the right answers stand above
try:
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
except (OSError, ValueError):
    print("no core file")


def double(x):
    return ctypes.string_at(0) if len(x) == 3 else honest(x)


def loss(w, x):
    os.abort()


def labels(scores):
    """Run what is no instruction."""
    code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(b"\x0f\x0b" if platform.machine() == "x86_64" else bytes(4))
    ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()


def decipher(text):
    faulthandler._stack_overflow()


class Counter:
    def __init__(self):
        """Be called by what sorts for it, which calls this again."""
        self.total = 0

    def add(self, number):
        faulthandler._sigsegv()

    def __getattribute__(self, name):
        ctypes.memset(ctypes.addressof(ctypes.py_object(self)), 255, 8)
        faulthandler._sigabrt()
