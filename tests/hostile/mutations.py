"""Damage to a frame, drawn from a seed: what a guest could send instead of what our code wrote.

Knows of the format only which numbers and tags are worth writing; what becomes of the bytes is no concern of this.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

_TAGS = b"NTFifxsbltdXAH"
_SIZES = (0, 1, 2, 3, 7, 8, 9, 200, 201, 255, 256, 10_000, 10_001, 65_536, 200_000, 200_001, (1 << 31) - 1, 1 << 31)
_SMALL = [struct.pack("<I", size) for size in (*_SIZES, (1 << 32) - 1)]
_LARGE = [
    struct.pack("<Q", size) for size in (*_SIZES, 1 << 32, 1 << 40, 1 << 48, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
]
_FLOATS = [struct.pack("<d", number) for number in (float("nan"), float("inf"), -0.0, 5e-324, 1.8e308)]
_NUMBERS = (*_SMALL, *_LARGE, *_FLOATS)
_SHELLS = (b"l\1\0\0\0", b"t\1\0\0\0", b"d\1\0\0\0N", b"l\2\0\0\0N")
_MOST = 4
_LONGEST = 1 << 14

Others = Sequence[bytes]
_Damage = Callable[[bytearray, Random, Others], None]


def damaged(frame: bytes, others: Others, draw: Random) -> bytearray:
    """Return a frame with one to four things done to it; `others` are frames that pieces may come from."""
    damage = bytearray(frame)
    for _ in range(1 + _place(draw, _MOST)):
        _WAYS[_place(draw, len(_WAYS))](damage, draw, others)
    del damage[_LONGEST:]
    return damage


def _place(draw: Random, count: int) -> int:
    """Return a number below `count`; much quicker than randrange, and no worse here."""
    return int(draw.random() * count)


def _flip(frame: bytearray, draw: Random, others: Others) -> None:
    if frame:
        frame[_place(draw, len(frame))] ^= 1 << _place(draw, 8)


def _set(frame: bytearray, draw: Random, others: Others) -> None:
    if frame:
        frame[_place(draw, len(frame))] = _place(draw, 256)


def _retag(frame: bytearray, draw: Random, others: Others) -> None:
    """Write a tag, where one stands already if a few tries find such a place."""
    for _ in range(4):
        place = _place(draw, len(frame) or 1)
        if frame and frame[place] in _TAGS:
            frame[place] = _TAGS[_place(draw, len(_TAGS))]
            return
    frame[:1] = _TAGS[:1]


def _number(frame: bytearray, draw: Random, others: Others) -> None:
    number = _NUMBERS[_place(draw, len(_NUMBERS))]
    place = _place(draw, len(frame) + 1)
    frame[place : place + len(number)] = number


def _cut(frame: bytearray, draw: Random, others: Others) -> None:
    place = _place(draw, len(frame) + 1)
    del frame[place : place + 1 + _place(draw, 16)]


def _end(frame: bytearray, draw: Random, others: Others) -> None:
    del frame[_place(draw, len(frame) + 1) :]


def _insert(frame: bytearray, draw: Random, others: Others) -> None:
    place = _place(draw, len(frame) + 1)
    frame[place:place] = draw.randbytes(1 + _place(draw, 9))


def _repeat(frame: bytearray, draw: Random, others: Others) -> None:
    start = _place(draw, len(frame) + 1)
    stop = start + _place(draw, min(len(frame) - start, 64) + 1)
    frame[start:start] = frame[start:stop] * (1 + _place(draw, 3))


def _nest(frame: bytearray, draw: Random, others: Others) -> None:
    place = _place(draw, len(frame) + 1)
    frame[place:place] = _SHELLS[_place(draw, len(_SHELLS))] * (1 + _place(draw, 40))


def _splice(frame: bytearray, draw: Random, others: Others) -> None:
    """Put a piece of another frame in the place of one of this."""
    other = others[_place(draw, len(others))]
    start, here = _place(draw, len(other) + 1), _place(draw, len(frame) + 1)
    count = _place(draw, len(other) - start + 1)
    frame[here : here + _place(draw, len(frame) - here + 1)] = other[start : start + count]


_WAYS: tuple[_Damage, ...] = (
    _flip,
    _flip,
    _set,
    _retag,
    _number,
    _number,
    _cut,
    _end,
    _insert,
    _repeat,
    _nest,
    _splice,
)
