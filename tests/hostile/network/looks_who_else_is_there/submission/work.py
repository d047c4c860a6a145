"""Looks who else runs on this machine, by calls that need no file and are part of honest programs."""

import os

OWN = os.getpid()
LOOKS = {"session": os.getsid, "processors": os.sched_getaffinity, "patience": lambda pid: os.getpriority(0, pid)}


def seen(look):
    found = []
    for pid in {*range(1, 300), os.getppid(), @host@} - {0, OWN}:
        try:
            look(pid)
        except OSError:
            continue
        found.append(pid)
    return found


for name, look in LOOKS.items():
    found = seen(look)
    print(f"{name} of others: {len(found)}" + (" ATTACK SUCCEEDED" if found else ""))
print("parent:", os.getppid(), "ATTACK SUCCEEDED" if os.getppid() else "")
