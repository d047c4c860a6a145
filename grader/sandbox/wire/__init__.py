"""Values to bytes and back: the only format that crosses the trust boundary.

Owns the set of types that may cross and the caps on them. Must not know sockets, processes or autograd graphs.
Invariant: whatever the bytes say, `decode` returns a value built of the types below or raises ProtocolViolation; it
allocates no more than the bytes it was given, and nothing in them is unpickled, evaluated or used as a name or path.

Types: None, bool, 64-bit int, float, str, bytes, list, tuple, dict, tensor, ndarray, handle. Numpy scalars, Size,
namedtuples, OrderedDict and Parameter are coerced on the way out; anything else becomes a handle.

`format` is the vocabulary, `writer` and `reader` the two directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from grader.sandbox.wire.format import (
    ARRAY_DTYPES,
    MAX_DIMS,
    MAX_ELEMENTS,
    TENSOR_DTYPES,
    Buffer,
    Caps,
    Decoded,
    Encoded,
    FromHandle,
    HandleRef,
    SentTensor,
    ToHandle,
    TooLarge,
    Unsendable,
)  # fmt: skip
from grader.sandbox.wire.reader import Reader
from grader.sandbox.wire.writer import Writer, type_name_of

__all__ = [
    "ARRAY_DTYPES", "MAX_DIMS", "MAX_ELEMENTS", "TENSOR_DTYPES", "Buffer", "Caps", "Decoded", "Encoded", "HandleRef",
    "SentTensor", "TooLarge", "Unsendable", "decode", "decode_frame", "encode", "encode_frame", "map_tensors",
    "type_name_of",
]  # fmt: skip


def encode(value: object, caps: Caps, to_handle: ToHandle | None = None) -> Encoded:
    """Write one value.

    Args:
        to_handle: Given an object that cannot cross and its type name, returns its handle; None means it is an error.
    Raises:
        TooLarge: more bytes, items or depth than `caps` allow; checked before anything is materialised.
        Unsendable: an object that cannot cross, and no `to_handle`.
    """
    writer = Writer(caps, to_handle)
    writer.put(value, 0)
    return writer.finish()


def encode_frame(
    head: bytes, parts: Callable[[list[torch.Tensor]], Iterator[object]], caps: Caps, to_handle: ToHandle | None = None
) -> Encoded:
    """Write values one after the other behind `head`, which counts towards no cap.

    Args:
        parts: Given the (growing) list of tensors met so far, yields the values; a later one may depend on it.
    Raises:
        TooLarge, Unsendable: as `encode`.
    """
    writer = Writer(caps, to_handle, head)
    for part in parts(writer.out.tensors):
        writer.put(part, 0)
    return writer.finish()


def decode(data: Buffer, caps: Caps, from_handle: FromHandle | None = None) -> Decoded:
    """Read one value that fills `data` exactly.

    Raises:
        ProtocolViolation: anything that `encode` cannot have written.
    """
    (value,), tensors = decode_frame(data, 0, 1, caps, from_handle)
    return Decoded(value, tensors)


def decode_frame(
    data: Buffer, start: int, count: int, caps: Caps, from_handle: FromHandle | None = None
) -> tuple[list[Any], list[SentTensor]]:
    """Read `count` values that fill `data` from `start` exactly, and the tensors met in them.

    Raises:
        ProtocolViolation: anything that `encode_frame` cannot have written.
    """
    reader = Reader(data, caps, from_handle, start)
    values = [reader.take(0) for _ in range(count)]
    reader.end()
    return values, reader.tensors


def map_tensors(value: object, replace: Callable[[torch.Tensor], object]) -> object:
    """Return a decoded value with every tensor replaced."""
    match value:
        case torch.Tensor():
            return replace(value)
        case list():
            return [map_tensors(item, replace) for item in value]
        case tuple():
            return tuple(map_tensors(item, replace) for item in value)
        case dict():
            return {key: map_tensors(item, replace) for key, item in value.items()}
    return value
