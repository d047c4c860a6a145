"""Answers with handles that were never given out, of another type, too many, and with a graph that nobody kept."""

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


def handle(number, name=b"torch.Tensor"):
    return b"H" + struct.pack("<qI", number, len(name)) + name


def double(x):
    if x.dim() == 1:
        answer_with(handle(10**9))
    else:
        answer_with(b"l" + struct.pack("<I", 10_001) + handle(-1, b"") * 10_001)


def labels(scores):
    answer_with(b"l" + struct.pack("<I", 10**6) + handle(5, b"") * 10)


def loss(w, x):
    if w.requires_grad:
        number = b"i" + struct.pack("<q", 10**9)
        tensor = struct.pack("<cBBBBB", b"X", 9, 1, 0, 0, 0) + bytes(8)
        answer_with(tensor + b"t\2\0\0\0" + number + b"t\0\0\0\0", kind=1)
    else:
        answer_with(handle(0, b"float64"))  # the module, which says that it is a number


def decipher(text):
    answer_with(handle(7, b"s" * 100_000))


class Counter:
    def __init__(self):
        answer_with(handle(-(2**63), b"Counter"))
