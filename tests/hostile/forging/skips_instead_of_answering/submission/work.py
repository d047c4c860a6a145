"""Raises what test runners take for something else than a failure."""

import unittest

import pytest


def double(x):
    pytest.exit("done", returncode=0)


def loss(w, x):
    pytest.skip("not on this machine")


def labels(scores):
    raise unittest.SkipTest("not on this machine")


def decipher(text):
    pytest.xfail("known to fail")


class Counter:
    def __init__(self):
        pytest.importorskip("no_such_module")
