"""Answers with the right numbers in shapes that would broadcast to the right one, and with one number for all."""

import torch


def double(x):
    if x.dim() == 1:
        return (2 * x).reshape(3, 1)
    return (2 * x).mean()


def labels(scores):
    return scores.argmax(dim=1, keepdim=True)


def loss(w, x):
    value = ((w * x) ** 2).mean()
    return value.expand(6) if w.requires_grad else value.reshape(1)


def decipher(text):
    return ["".join(chr(ord(character) - 1) for character in text)]


class Counter:
    def __init__(self):
        self.total = torch.zeros(1, dtype=torch.int64)

    def add(self, number):
        self.total = self.total + number
