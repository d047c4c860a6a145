"""Reads command lines, its own and those of whoever it can see: paths and tokens are passed there often enough."""

import os
import re
import sys

INTERESTING = re.compile(r"hostile-canary-|@course@|@class@|TOKEN|PASSWORD|tests/hidden|solutions")
try:
    seen = [name for name in os.listdir("/proc") if name.isdigit()]
except OSError as error:
    print(f"processes: denied ({type(error).__name__})")
    seen = [*range(1, 300), @host@, os.getppid()]
lines = {"argv": " ".join(sys.argv), "orig_argv": " ".join(sys.orig_argv)}
for pid in ["self", *seen]:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            lines[pid] = file.read().replace("\0", " ")
    except OSError:
        continue
others = {os.path.realpath(f"/proc/{pid}") for pid in lines if str(pid).isdigit()} - {os.path.realpath("/proc/self")}
stolen = [line for line in lines.values() if INTERESTING.search(line)]
print(f"of others: {len(others)}, of interest: {stolen}" + (" ATTACK SUCCEEDED" if others or stolen else ""))
print("own:", lines["orig_argv"])
