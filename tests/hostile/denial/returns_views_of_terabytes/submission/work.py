"""Returns what takes four bytes to keep and terabytes to send."""

import numpy
import torch


def double(x):
    return x.reshape(-1)[:1].expand(10**12)


def loss(w, x):
    return (w * x).sum().expand(10**6, 10**6)


def labels(scores):
    return torch.zeros(1, dtype=torch.int64).as_strided((10**9, 10**3), (0, 0))


def decipher(text):
    return numpy.broadcast_to(numpy.zeros(1), (10**6, 10**6))


class Counter:
    total = [torch.zeros(1).expand(2**40)] * 1000

    def add(self, number):
        return torch.zeros(()).expand(2**30, 2**30)
