"""Answers that are wrong in every check, for attacks that must not make them right."""


def double(x):
    return 3 * x


def loss(w, x):
    return (w * x).mean()


def labels(scores):
    return scores.argmin(dim=1)


def decipher(text):
    return text


class Counter:
    def __init__(self):
        self.total = 1

    def add(self, number):
        self.total -= number
