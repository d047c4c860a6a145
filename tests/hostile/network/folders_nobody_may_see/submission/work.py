"""Hides what it writes from whoever watches and clears its folder: behind permissions, and deeper than a path can be."""

import os
import time

COURSE = "@course@"

os.makedirs("locked/below")
os.symlink(COURSE, "locked/below/link")
os.chmod("locked/below", 0)
os.chmod("locked", 0)
here = os.getcwd()
os.mkdir("deep")
os.chdir("deep")
for _ in range(600):  # deeper than the longest path
    os.mkdir("further")
    os.chdir("further")
os.symlink(COURSE, "link")
print("hidden:", os.listdir())
os.chdir(here)


def double(x):
    time.sleep(1)  # until somebody looks
    return 2 * x
