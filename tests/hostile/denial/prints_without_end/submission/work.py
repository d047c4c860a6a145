"""Prints without end, in three ways; the last goes on while other checks are judged."""

import os
import sys
import threading

honest, patient = double, labels  # the right answers stand above


def double(x):
    while len(x) == 3:
        print("more and more and more " * 100)
    threading.Thread(target=flood, daemon=True).start()
    return honest(x)


def loss(w, x):
    while True:
        os.write(2, bytes(1 << 16))


def decipher(text):
    sys.stdout = open(1, "wb", closefd=False)
    while True:
        sys.stdout.write(b"\xff" * 4096)


def flood():
    while True:
        os.write(1, b"x" * 4096)
