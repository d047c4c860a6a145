"""Answers in the grader's own format what its writer would never write: too deep, too long, twice, not text."""

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


def double(x):
    if x.dim() == 1:
        answer_with(b"l\1\0\0\0" * 100_000 + b"N")
    else:
        answer_with(b"d\1\0\0\0N" * 1_000 + b"N")


def labels(scores):
    answer_with(b"l" + struct.pack("<I", 2**32 - 1) + b"N" * 1000)


def loss(w, x):
    if w.requires_grad:
        answer_with(b"x\3")
    else:
        answer_with(b"f" + struct.pack("<d", float("nan")))


def decipher(text):
    answer_with(b"s\3\0\0\0\xed\xa0\x80")  # half of a pair that stands for one character


class Counter:
    def __init__(self):
        answer_with(b"d\2\0\0\0" + b"s\1\0\0\0a" + b"N" + b"s\1\0\0\0a" + b"T")
