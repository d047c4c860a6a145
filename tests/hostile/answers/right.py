"""Answers that are right in every check, for what must do no harm."""


def double(x):
    return x + x


def loss(w, x):
    return (w * x).square().mean()


def labels(scores):
    return scores.max(dim=1).indices


def decipher(text):
    return "".join(chr(ord(character) - 1) for character in text)


class Counter:
    def __init__(self):
        self.added = []

    @property
    def total(self):
        return sum(self.added)

    def add(self, number):
        self.added.append(number)
