"""Sends frames of impossible lengths, frames that are cut off, garbage, and nothing at all."""

import os
import stat
import struct
import time


def line():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                return fd
        except OSError:
            continue


def send(data):
    os.write(line(), data)


def double(x):
    if x.dim() == 1:
        send(struct.pack("<Q", 2**63) + b"T")
    else:
        send(struct.pack("<Q", 2**64 - 1))


def labels(scores):
    send(struct.pack("<Q", 100) + b"l")  # and then the end
    os._exit(0)


def loss(w, x):
    if w.requires_grad:
        send(struct.pack("<Q", 1048576 + 10))  # one byte more than may come
    else:
        send(bytes(range(256)) * 16)
    return w.sum()


def decipher(text):
    for byte in struct.pack("<Q", 1000) + bytes(1000):  # a byte at a time
        send(bytes([byte]))
        time.sleep(0.05)


class Counter:
    def __init__(self):
        send(struct.pack("<Q", 0))
        self.total = 0
