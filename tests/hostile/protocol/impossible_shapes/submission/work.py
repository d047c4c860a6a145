"""Answers with tensors whose shapes are negative, overflow, wrap around, or have 255 dimensions; and such leaves."""

import struct
import sys

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


def tensor(shape, data=b"", code=9, flags=0):
    return struct.pack("<cBBBBB", b"X", code, flags, 0, 0, len(shape)) + struct.pack(f"<{len(shape)}Q", *shape) + data


def number(value):
    return b"i" + struct.pack("<q", value)


def double(x):
    if x.dim() == 1:
        answer_with(tensor((2**64 - 1, 2), bytes(48)))  # -1, which numpy would work out
    else:
        answer_with(tensor((2**32, 2**32)))


def labels(scores):
    answer_with(tensor((0, 2**40, 2**40), code=5))


def loss(w, x):
    if w.requires_grad:
        shape = b"t\2\0\0\0" + number(-1) + number(2)
        leaf = b"t\3\0\0\0" + number(5) + shape + number(9)
        answer_with(tensor((), bytes(8), flags=1) + b"t\2\0\0\0" + number(7) + b"t\1\0\0\0" + leaf, kind=1)
    else:
        answer_with(tensor((2**63 + 2, 2), bytes(32)))  # as many as 4, if it wraps around


def decipher(text):
    answer_with(tensor((1,) * 255, bytes(8)))


class Counter:
    def __init__(self):
        answer_with(b"A" + bytes([1, 1]) + struct.pack("<Q", 2**40) + bytes(8))  # a terabyte, it says
