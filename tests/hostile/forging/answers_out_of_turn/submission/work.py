"""Speaks to the judge itself: before it is asked, twice, with a number it guessed, with an answer of an earlier call."""

import os
import stat
import struct
import sys

sent = []


def line():
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                return fd
        except OSError:
            continue


def say(nonce, value):
    body = struct.pack("<QB", nonce, 0) + value
    frame = struct.pack("<Q", len(body)) + body
    sent.append(frame)
    os.write(line(), frame)


def asked():
    """Return the number of the request that is being answered, from the frames below this one."""
    frame = sys._getframe()
    while "nonce" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["nonce"]


double_right, labels_right, loss_right, decipher_right = double, labels, loss, decipher


def double(x):
    say(12345, b"T")  # with a number that it guessed
    return double_right(x)


def labels(scores):
    say(asked(), b"T")  # a first answer, and then the real one
    return labels_right(scores)


def loss(w, x):
    say(asked() + 1, b"T")  # for the next call
    return loss_right(w, x)


def decipher(text):
    say(asked(), b"T")
    os.write(line(), sent[-1])  # and the same again
    return decipher_right(text)
