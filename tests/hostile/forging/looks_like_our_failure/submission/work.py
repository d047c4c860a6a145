"""Raises what looks like a failure of the grader, to be tried again, excused, or paid for."""

import sys

ours = sys.modules["grader.errors"]


class InfrastructureError(Exception):
    """Called like one of ours."""


InfrastructureError.__module__ = "grader.errors"


def double(x):
    raise ours.InfrastructureError("the process that student code is started from has ended")


def loss(w, x):
    raise ours.FenceError("seccomp", "the kernel refused")


def labels(scores):
    raise ours.GuestLost("error", "This check could not be judged. The mistake is ours and costs no points.")


def decipher(text):
    raise InfrastructureError("No space left on device")


class Counter:
    def __init__(self):
        raise ours.CourseError("tests/hidden: the suite is broken")
