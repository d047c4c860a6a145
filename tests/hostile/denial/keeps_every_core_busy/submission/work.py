"""Computes on every core for as long as it lives, and asks for more than its share."""

import hashlib
import os
import threading

honest = double  # the right answers stand above
go = threading.Event()


def attempt(what, action):
    try:
        print(f"ATTACK SUCCEEDED: {what}: {action()!r}")
    except OSError:
        print(f"{what}: denied")


def spin():
    go.wait()
    while True:
        hashlib.pbkdf2_hmac("sha256", b"x", b"y", 10**7)  # lets go of Python's lock


attempt("more priority", lambda: os.setpriority(os.PRIO_PROCESS, 0, -20))
attempt("real time", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
attempt("other cores", lambda: os.sched_setaffinity(int("@host@"), {0}))
started = 0
try:
    while started < 64:
        threading.Thread(target=spin, daemon=True).start()
        started += 1
except RuntimeError:
    pass
print("busy")


def double(x):
    go.set()
    if len(x) == 3:
        spin()
    return honest(x)
