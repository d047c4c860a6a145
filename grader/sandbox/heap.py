"""The heap of a process that others are forked from: no holes, so that a fork's own memory is new and in one place.

A fork that allocates in a hole writes to a page that it shares, which the kernel then copies; thousands of small holes
between what lives on cost a fork thousands of pages. Only glibc's heap is known here; others stay as they are.
"""

from __future__ import annotations

import ctypes

# Largest first, in bytes. Larger pieces are mapped apart; from 1,032 down it is every size that glibc tells apart.
# Source: mallopt(3), M_MMAP_THRESHOLD; glibc, malloc/malloc.c, MINSIZE, MALLOC_ALIGNMENT, MIN_LARGE_SIZE.
_SIZES = (*range(131_064, 1_032, -1_024), *range(1_032, 23, -16))


class _MallInfo(ctypes.Structure):
    """What glibc says of its heap, in bytes. Source: mallinfo(3)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def fill_holes() -> int:
    """Take for good whatever is free between what the heap holds; return how many bytes. Call it before forks."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):  # glibc before 2.33, or another library
        return 0
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
    libc.mallinfo2.restype = _MallInfo
    libc.malloc_trim(0)
    heap = libc.mallinfo2()
    end = libc.sbrk(0) - heap.keepcost
    most_bytes = 2 * heap.fordblks  # what a thread keeps at hand counts as held; but this must end on any heap
    taken_bytes = 0
    for size in _SIZES:
        piece = libc.malloc(size)
        while piece and piece < end and taken_bytes < most_bytes:
            taken_bytes += size
            piece = libc.malloc(size)
        libc.free(piece)  # it lies behind all that is held
    return taken_bytes
