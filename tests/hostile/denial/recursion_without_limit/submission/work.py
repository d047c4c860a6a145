"""Calls itself for ever, where Python would have stopped it: in Python, through C, and in C alone."""

import sys

honest = double  # the right answers stand above
sys.setrecursionlimit(2**31 - 1)


def deeper(x):
    return deeper(x) + 1


class Deep:
    def __getattr__(self, name):
        return getattr(self, name + "x")

    def __repr__(self):
        return repr(self)

    def __eq__(self, other):
        return [self] == [other]


def double(x):
    return deeper(x) if len(x) == 3 else honest(x)


def loss(w, x):
    return Deep() == Deep()


def labels(scores):
    sys.setrecursionlimit(1000)  # as it was
    return deeper(scores)


def decipher(text):
    return repr(Deep())
