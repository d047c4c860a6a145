"""Answers with the right numbers in another dtype, layout or device, where some of them cannot be sent at all."""

import torch


def double(x):
    if x.dim() == 1:
        return (2 * x).to(torch.complex128)
    return (2 * x).to_sparse()


def labels(scores):
    return scores.argmax(dim=1).to(torch.int32)


def loss(w, x):
    value = ((w * x) ** 2).mean()
    return value.to("meta") if w.requires_grad else value.bfloat16()


def decipher(text):
    return "".join(chr(ord(character) - 1) for character in text).encode()


class Counter:
    def __init__(self):
        self.number = 0

    def add(self, number):
        self.number += number

    @property
    def total(self):
        if self.number == 0:
            return torch.quantize_per_tensor(torch.zeros(1), 1.0, 0, torch.qint8)
        return float(self.number)
