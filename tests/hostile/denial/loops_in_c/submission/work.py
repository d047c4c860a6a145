"""Enters C and does not come back: a number too long, a pattern that backtracks, a sum without end."""

import itertools
import re

honest = double  # the right answers stand above


def double(x):
    if len(x) == 3:
        return 9 ** (9**9)
    return honest(x)


def loss(w, x):
    return re.match("(a*)*b", "a" * 60)


def decipher(text):
    return sum(itertools.repeat(0))
