"""Returns what it was given, changed in place, a view of it, or something that is different each time one looks."""

import itertools
import threading

import torch

numbers = itertools.count()


class Lazy(int):
    """A number that says something else each time."""

    def __int__(self):
        return next(numbers)

    __index__ = __int__

    def __eq__(self, other):
        return next(numbers) % 2 == 0

    __hash__ = int.__hash__


class Changing(list):
    def __iter__(self):
        return iter([next(numbers)] * 40)

    def __len__(self):
        return next(numbers)

    def __getitem__(self, place):
        return next(numbers)


def double(x):
    if x.dim() == 1:
        return x
    x *= 2
    threading.Timer(0.001, x.zero_).start()  # after it has answered
    return x


def labels(scores):
    return Changing([0] * 40)


def loss(w, x):
    return w.view(2, 3).sum() if w.requires_grad else w.as_strided((1,), (0,))


def decipher(text):
    return text


class Counter:
    def __init__(self):
        self.total = Lazy(1)

    def add(self, number):
        return self
