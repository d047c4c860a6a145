"""Asks for a terabyte in each of its functions."""

import numpy
import torch


def double(x):
    return torch.empty(10**12)


def loss(w, x):
    return numpy.zeros((10**6, 10**6))


def labels(scores):
    return scores.repeat(10**6, 10**4)


def decipher(text):
    return text * 10**12


class Counter:
    def __init__(self):
        self.total = [0] * 10**12
