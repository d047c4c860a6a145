"""Returns what has the right values laid out oddly once, and otherwise shapes that nobody can want."""

import numpy
import torch


def double(x):
    if len(x) == 3:
        return x.expand(1, 3).as_strided((3, 3), (1, 0)).as_strided((2, 3), (0, 1))
    apart = torch.zeros(5, 7, dtype=x.dtype).as_strided((5, 3), (1, 9))
    apart.copy_(2 * x)
    return apart


def loss(w, x):
    return (w * x).square().mean().reshape([1] * 60)


def labels(scores):
    return torch.empty(0, 2**62, dtype=torch.int64)


def decipher(text):
    return numpy.zeros((3, 4))[::-1, ::-2]


class Counter:
    @property
    def total(self):
        return numpy.zeros((0, 2**62), dtype=numpy.int8)

    def add(self, number):
        return torch.zeros([2] * 9)
