"""Answers with arrays of types that make a parser evaluate, allocate or unpickle, and with codes of no type."""

import struct
import sys

import numpy as np
import torch

process = sys.modules["grader.sandbox.guest.process"]
encode_frame = process.encode_frame


def asked():
    """Return the number of the request that is being answered, from the frames below this one."""
    frame = sys._getframe()
    while "nonce" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["nonce"]


def answer_with(body, kind=0):
    """Let the answer to this request be these bytes, whatever is returned."""

    class Raw:
        buffers, tensors, length_bytes = [struct.pack("<QB", asked(), kind) + body], [], len(body)

    def encode(*arguments, **options):
        process.encode_frame = encode_frame
        return Raw

    process.encode_frame = encode


def double(x):
    if x.dim() == 1:
        answer_with(struct.pack("<cBBBBB", b"X", 255, 0, 0, 0, 1) + struct.pack("<Q", 3) + bytes(24))
    else:
        answer_with(b"A" + bytes([200, 1]) + struct.pack("<Q", 3) + bytes(24))


def labels(scores):
    return np.array([torch.nn.Linear] * 40, dtype=object)


def loss(w, x):
    if w.requires_grad:
        return np.zeros(1, dtype="f4,(100000,)f4")
    return np.zeros(0, dtype="V1000000000")


def decipher(text):
    return np.array([text, "os.system('true')"])


class Counter:
    total = np.array([(1, 2)], dtype=[("__reduce__", "O"), (",", "i8")])

    def add(self, number):
        return np.datetime64("NaT")
