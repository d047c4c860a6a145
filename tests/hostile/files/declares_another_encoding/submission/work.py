# coding: utf-7
"""Reads as a wrong answer; Python, if it believed the first line, would find a right one in the comments."""


def double(x):
    return 3 * x


# +AAoACg-def double(x): return 2 * x+AAo-print("ATTACK SUCCEEDED: the comment was run")+AAo-
