"""Keeps what it knows wherever it can, ends Python, and looks for it when it is imported again."""

import os
import sys
import tempfile
from multiprocessing import shared_memory
from pathlib import Path

import torch

NAME = "hostile_kept"
folders = [os.getcwd(), os.environ.get("HOME", "/"), tempfile.gettempdir(), torch.hub.get_dir(), "/tmp", "/var/tmp", "/dev/shm"]
folders += ["/run/lock", "/scratch", "/var/lock", *os.environ.values(), *sys.path]


def found():
    places = [folder for folder in folders if os.path.exists(os.path.join(folder, NAME))]
    for name in (NAME, f"wnsm_{NAME}"):
        try:
            shared_memory.SharedMemory(name)
            places.append(f"shared memory {name}")
        except (OSError, ValueError):
            continue
    return places + [name for name in (NAME, NAME.upper()) if name in os.environ or hasattr(torch, name)]


def keep(count=0):
    for folder in folders:
        try:
            os.makedirs(folder, exist_ok=True)
            Path(folder, NAME).write_text("42")
            count += 1
        except OSError:
            continue
    try:
        kept = shared_memory.SharedMemory(NAME, create=True, size=64)
        kept.buf[:2] = b"42"
        count += 1
    except (OSError, ValueError):
        pass
    os.environ[NAME.upper()] = "42"
    setattr(torch, NAME, "42")
    return count


if places := found():
    raise RuntimeError(f"ATTACK SUCCEEDED: kept from before in {places}")
print(f"kept in {keep()} places")
honest = double  # the right answers stand above


def double(x):
    if len(x) == 3:
        os._exit(0)
    return honest(x)
