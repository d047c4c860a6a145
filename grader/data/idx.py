"""The IDX format of the MNIST family: a few bytes that say type and shape, then the values. Unsigned bytes only.

Owns the reading of one file that may be anything. Invariant: no more is unpacked than the header promises and the limit
allows, and a file that is cut short, longer than it says or of another type is refused with a sentence.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import Protocol

import numpy

from grader import messages
from grader.errors import CourseError

_UNSIGNED_BYTE = 0x08
_MAX_AXES = 4
MAX_VALUES = 1 << 28  # six times Fashion-MNIST


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_idx(path: Path) -> numpy.ndarray:
    """Return what an IDX file of unsigned bytes holds; one whose name ends in .gz is unpacked.

    Raises:
        CourseError: the file is missing, damaged or of another type; the message names it and says what is wrong.
    Source: http://yann.lecun.com/exdb/mnist, "the IDX file format".
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return _read(path, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _broken(path, messages.IDX_NOT_UNPACKED.format(problem=error)) from error
    except OSError as error:
        raise _broken(path, error.strerror or str(error)) from error


def _read(path: Path, file: _Bytes) -> numpy.ndarray:
    shape = _shape(path, file)
    count = math.prod(shape)
    if count > MAX_VALUES:
        raise _broken(path, messages.IDX_TOO_LARGE.format(shape=shape, count=count, limit=MAX_VALUES))
    data = file.read(count + 1)
    if len(data) != count:
        form = messages.IDX_CUT_SHORT if len(data) < count else messages.IDX_TOO_LONG
        raise _broken(path, form.format(shape=shape, count=count, got=len(data)))
    return numpy.frombuffer(data, numpy.uint8).reshape(shape).copy()


def _shape(path: Path, file: _Bytes) -> tuple[int, ...]:
    """Read the header.

    Shapes: one length for each axis, the first axis counts the examples.
    """
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        raise _broken(path, messages.IDX_NOT_IDX.format(found=head.hex(" ") or "nothing"))
    if head[2] != _UNSIGNED_BYTE or not 1 <= head[3] <= _MAX_AXES:
        raise _broken(path, messages.IDX_OTHER_TYPE.format(type=head[2], axes=head[3]))
    lengths = file.read(4 * head[3])
    if len(lengths) < 4 * head[3]:
        raise _broken(path, messages.IDX_NOT_IDX.format(found=(head + lengths).hex(" ")))
    return struct.unpack(f">{head[3]}I", lengths)


def _broken(path: Path, problem: str) -> CourseError:
    return CourseError(messages.DATA_UNREADABLE.format(file=path, problem=problem))
