"""Answers with memory that is shared: it vanishes while it is read, changes while it is sent, and changes afterwards."""

import os
import threading

import numpy as np
import torch

kept = []


def on_file(name, tensor):
    """Return the same numbers in a file that is mapped, and the file's name."""
    with open(name, "wb") as file:
        file.write(tensor.numpy().tobytes())
    array = np.memmap(name, dtype=tensor.numpy().dtype, mode="r+", shape=tuple(tensor.shape))
    return torch.from_numpy(array)


def scribble(tensor):
    for number in range(20_000):
        tensor.fill_(number)


def double(x):
    if x.dim() == 1:
        answer = on_file("vanishing", 2 * x)
        os.truncate("vanishing", 0)  # whoever reads it now is ended by the kernel
        return answer
    large = on_file("large", torch.ones(100_000, dtype=torch.float64))
    os.truncate("large", 4096)  # and whoever sends it, in the middle
    return large


def labels(scores):
    answer = on_file("changing", scores.argmax(dim=1))
    kept.append(answer)
    threading.Timer(0.001, scribble, [answer]).start()  # as it is on its way, or after it was looked at
    return answer


def loss(w, x):
    answer = ((w * x) ** 2).mean()
    kept.append(answer)
    threading.Timer(0.001, scribble, [answer.detach()]).start()
    return answer


def decipher(text):
    return bytearray(os.memfd_create("answer") if hasattr(os, "memfd_create") else 0)


class Counter:
    def __init__(self):
        self.numbers = torch.zeros(2, dtype=torch.int64).share_memory_()

    def add(self, number):
        self.numbers += number

    @property
    def total(self):
        return self.numbers
