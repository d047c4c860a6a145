"""Raises exceptions that are no Exception, whose texts, names and ends explode."""

import os


class Meta(type):
    def __getattribute__(cls, name):
        raise RuntimeError("no name")

    def __repr__(cls):
        raise RuntimeError("no repr")


class Bomb(BaseException, metaclass=Meta):
    def __str__(self):
        raise KeyboardInterrupt

    def __repr__(self):
        raise SystemExit(0)

    def __del__(self):
        raise MemoryError("at the end")


class Liar(Exception):
    @property
    def __class__(self):
        return AssertionError

    @property
    def __traceback__(self):
        raise RuntimeError("no traceback")

    def __str__(self):
        return Text("fine")


class Text(str):
    def __getitem__(self, place):
        os._exit(0)

    def __str__(self):
        os._exit(0)


def double(x):
    raise KeyboardInterrupt


def loss(w, x):
    raise GeneratorExit("closed")


def labels(scores):
    raise Bomb


def decipher(text):
    raise Liar


class Counter:
    def __init__(self):
        raise BaseExceptionGroup("several", [KeyboardInterrupt(), Bomb(), SystemExit(0)])
