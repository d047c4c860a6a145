"""Reports leaves of its graph that cannot be: a million, of other shapes each time, huge, of integers, not its own."""

import struct
import sys

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

graphs = sys.modules["grader.sandbox.guest.graphs"]
checks = []


def number(value):
    return b"i" + struct.pack("<q", value)


def leaf(identifier, shape=(), code=9):
    sizes = b"t" + struct.pack("<I", len(shape)) + b"".join(map(number, shape))
    return b"t\3\0\0\0" + number(identifier) + sizes + number(code)


def answer_with_graph(*leaves):
    tensor = struct.pack("<cBBBBB", b"X", 9, 1, 0, 0, 0) + bytes(8)
    report = b"t\2\0\0\0" + number(7) + b"t" + struct.pack("<I", len(leaves)) + b"".join(leaves)
    answer_with(tensor + report, kind=1)


def double(x):
    if x.dim() == 1:
        answer_with_graph(*[leaf(5)] * 15_000)
    else:
        answer_with_graph(leaf(5, (2, 3)), leaf(5, (3, 2)))


def labels(scores):
    answer_with_graph(leaf(5, code=5))


def loss(w, x):
    if not w.requires_grad:
        answer_with_graph(leaf(5, (2**24, 2**24)))  # as large as it may say, of which nothing is built
        return None
    # Gradients for a graph that exists, of a size that does not.
    graphs.Graphs.vjp = lambda *arguments: ([torch.ones((1,) * 8 + (6,), dtype=torch.float64)], [])
    return ((w * x) ** 2).mean()


def decipher(text):
    answer_with_graph(leaf(5, (1,) * 9))


class Counter:
    def __init__(self):
        answer_with_graph(*[leaf(identifier) for identifier in range(10_001)])
