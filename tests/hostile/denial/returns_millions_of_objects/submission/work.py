"""Returns what is small in each of its parts and has too many of them."""

import torch


def double(x):
    return [0] * 10**7


def loss(w, x):
    return {number: () for number in range(10**5 * 3)}


def labels(scores):
    return [torch.zeros(())] * 10**6


def decipher(text):
    for _ in range(10**5):
        text = [text]
    return text


class Endless(list):
    def __iter__(self):
        while True:
            yield 1

    def __len__(self):
        return 3


class Counter:
    def __init__(self):
        self.total = []
        self.total.append(self.total)

    def add(self, number):
        return Endless()
