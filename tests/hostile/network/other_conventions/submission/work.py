"""Makes system calls in the two other ways of x86-64, x32 and that of 32-bit programs, in which all numbers differ."""

import ctypes
import mmap

libc = ctypes.CDLL(None, use_errno=True)
X32 = 0x40000000
# mov eax, 20 (getpid); int 0x80; ret
CALL_AS_32_BIT = b"\xb8\x14\0\0\0\xcd\x80\xc3"


def x32(number):
    return libc.syscall(ctypes.c_long(X32 + number))


def machine_code(code):
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()


def double(x):
    print("ATTACK SUCCEEDED: it asked for", x32(39))  # getpid


def labels(scores):
    print("ATTACK SUCCEEDED: it asked for", x32(520))  # execve has another number there


def loss(w, x):
    print("ATTACK SUCCEEDED: it asked for", x32(41))  # socket


def decipher(text):
    print("ATTACK SUCCEEDED: it asked for", machine_code(CALL_AS_32_BIT))


class Counter:
    def __init__(self):
        print("ATTACK SUCCEEDED: it asked for", libc.syscall(ctypes.c_long(-1 & 0xFFFFFFFF)))
        raise RuntimeError("there is no such call")
