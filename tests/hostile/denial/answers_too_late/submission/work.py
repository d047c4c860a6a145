"""Answers one question right, but later than it may."""

import time

honest = double  # the right answers stand above


def double(x):
    if len(x) == 3:
        time.sleep(1.6)
    return honest(x)
