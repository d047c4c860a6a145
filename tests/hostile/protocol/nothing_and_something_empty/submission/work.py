"""Answers with nothing, with what is empty, with a generator, and with other containers than those asked for."""

import torch


def double(x):
    if x.dim() == 1:
        return None
    return torch.empty(0, 3, dtype=torch.float64)


def labels(scores):
    return (row.argmax() for row in scores)


def loss(w, x):
    return [] if w.requires_grad else {"loss": ((w * x) ** 2).mean()}


def decipher(text):
    return (*(chr(ord(character) - 1) for character in text),)


class Counter:
    def __init__(self):
        self.added = []

    def add(self, number):
        self.added.append(number)

    @property
    def total(self):
        return sum(self.added) or None
