"""Raises what cannot be told in full."""

import sys


class Long(Exception):
    def __str__(self):
        return "x" * (50 << 20)


class Circle(Exception):
    pass


class Many(Exception):
    pass


class Never(Exception):
    def __str__(self):
        while True:
            pass


def double(x):
    raise Long


def deeper(depth):
    if depth == 0:
        raise Circle("at the bottom")
    deeper(depth - 1)


def loss(w, x):
    sys.setrecursionlimit(10**9)
    deeper(10**5)


def labels(scores):
    raise Never


def decipher(text):
    first, second = Circle("round"), Circle("and round")
    first.__cause__, second.__cause__, first.__context__, second.__context__ = second, first, second, first
    raise first


class Counter:
    def __init__(self):
        error = Many("and many notes")
        for number in range(1000):
            error.add_note("note " * 1000)
            error = Many("and many notes", error) if number % 2 else error
            error.__cause__ = Many("of these")
        group = ExceptionGroup("in groups", [Many("and many notes")])
        for _ in range(500):
            group = ExceptionGroup("in groups", [group])
        raise Many("and many notes") from group
