"""Reads the tests, the solution, a neighbour's file and the machine's secrets, where it knows them to be and where not."""

import itertools
import os
import re
import sys
import time

CANARY = re.compile(rb"hostile-canary-[0-9a-f]{32}")
KNOWN = [
    "@course@/tests/hidden/exercise1_target/test_text.py", "@course@/solutions/exercise1_target/work.py",
    "@course@/course.toml", "@class@/neighbour/work.py", "@class@/mallory/work.py", "@class@", "@course@",
    "../neighbour/work.py", "/etc/shadow", "/root/.ssh/id_rsa", "/root", "/home", "/var/lib", "/run/secrets",
]
LIKELY = re.compile(r"test_.*\.py|work\.py|answers\..*|.*\.npz|solution.*|exercise\.toml|run\.db|roster\.csv")
SKIPPED = {"/proc", "/sys", "/dev", "/usr/share"}


def read(path):
    if os.path.isdir(path):
        return repr(os.listdir(path)).encode()
    with open(path, "rb") as file:
        return file.read(1 << 20)


for path in KNOWN:
    try:
        data = read(path)
    except OSError as error:
        print(f"{path}: denied ({type(error).__name__})")
    else:
        print(f"{path}: ATTACK SUCCEEDED, {len(data)} bytes")
due, folders, found = time.monotonic() + 0.3, 0, []
starts = ["/", "/etc", "/tmp", "/home", "/root", "/usr/lib", *sys.path, "@course@", "@class@"]
for folder, below, names in itertools.chain.from_iterable(map(os.walk, starts)):
    below[:] = [name for name in below if os.path.join(folder, name) not in SKIPPED and name != "site-packages"]
    folders += 1
    for name in names:
        if LIKELY.fullmatch(name) and "/test" not in folder:  # Python brings tests of its own
            path = os.path.join(folder, name)
            try:
                found += CANARY.findall(read(path))
            except OSError:
                continue
    if time.monotonic() > due:
        break
print(f"walked through many folders: {folders > 20} and found {found}" + (" ATTACK SUCCEEDED" if found else ""))
