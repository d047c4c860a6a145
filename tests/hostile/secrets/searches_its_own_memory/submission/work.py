"""Searches its own memory, page by page, for whatever has the form of a secret."""

import ctypes
import gc
import os
import re
import time

CANARY = re.compile(rb"hostile-canary-[0-9a-f]{32}")
PIECE = 1 << 16
libc = ctypes.CDLL(None, use_errno=True)
libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
libc.write.restype = ctypes.c_ssize_t


def regions():
    """Yield (start, end) of what is mapped: as the kernel says it, or else around everything that Python knows of."""
    try:
        with open("/proc/self/maps") as maps:
            lines = [line.split() for line in maps if "[v" not in line]
        lines.sort(key=lambda line: (not line[1].startswith("rw"), len(line) > 5 and line[5] != "[heap]"))
        for span, rights, *_ in lines:
            start, end = (int(part, 16) for part in span.split("-"))
            if rights.startswith("r"):
                yield start, end
    except OSError as error:
        print(f"maps: denied ({type(error).__name__})")
        gc.unfreeze()
        for block in sorted({id(thing) >> 20 for thing in gc.get_objects()}):
            yield block << 20, (block + 1) << 20


def read(start, end, pipe):
    """Return what can be read there; the kernel refuses what is not mapped, where reading it would be the end."""
    taken, gives = pipe
    while start < end:
        size = libc.write(gives, start, min(PIECE, end - start))
        if size <= 0:
            start = (start // 4096 + 1) * 4096
            continue
        yield os.read(taken, size)
        start += size


pipe = os.pipe()
due, searched, found, rest = time.monotonic() + 0.7, 0, [], b""
for start, end in regions():
    for piece in read(start, end, pipe):
        searched += len(piece)
        found += CANARY.findall(rest[-60:] + piece)
        rest = piece
        if time.monotonic() > due:
            break
    if time.monotonic() > due:
        break
print(f"searched megabytes: {searched > 10 << 20}, found {found}" + (" ATTACK SUCCEEDED" if found else ""))
try:
    with open("/proc/self/mem", "rb") as memory:
        print("mem: opened", memory.fileno() > 0)
except OSError as error:
    print(f"mem: denied ({type(error).__name__})")
