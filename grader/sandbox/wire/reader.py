"""Bytes to values. Every size is checked against what is really there before anything is built from it."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grader.errors import ProtocolViolation
from grader.sandbox.wire.format import (
    ARRAY_DTYPES,
    DEVICE_TYPES,
    F64,
    I64,
    IS_LEAF,
    MAX_DIMS,
    MAX_TYPE_NAME,
    NON_FINITE,
    REQUIRES_GRAD,
    SHAPES,
    TENSOR_DTYPES,
    TENSOR_HEAD,
    U32,
    Buffer,
    Caps,
    FromHandle,
    HandleRef,
    SentTensor,
    sane_shape,
)

_ARRAY_HEAD = struct.Struct("<BB")
_CUT_OFF = "the answer ends in the middle of a value"


class Reader:
    """Walks one frame. It is asked for thousands of small values a second, so it indexes instead of slicing."""

    def __init__(self, data: Buffer, caps: Caps, from_handle: FromHandle | None, start: int = 0) -> None:
        self.data = data if type(data) is bytearray else bytearray(data)
        if len(self.data) - start > caps.payload_bytes:
            raise ProtocolViolation(f"an answer of {len(self.data):,} bytes, the limit is {caps.payload_bytes:,}")
        self.caps, self.from_handle = caps, from_handle
        self.position, self.items, self.objects = start, 1, 0
        self.tensors: list[SentTensor] = []

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Read a fixed layout, which must be there whole."""
        try:
            values = layout.unpack_from(self.data, self.position)
        except struct.error:
            raise ProtocolViolation(_CUT_OFF) from None
        self.position += layout.size
        return values

    def advance(self, count: int) -> int:
        """Return the position of the next `count` bytes, which must be there, and step over them."""
        start = self.position
        self.position = start + count
        if self.position > len(self.data):
            raise ProtocolViolation(_CUT_OFF)
        return start

    def take(self, depth: int) -> Any:
        """Read the next value, `depth` containers deep; its items were counted by the container."""
        try:
            tag = self.data[self.position]
        except IndexError:
            raise ProtocolViolation(_CUT_OFF) from None
        self.position += 1
        return _READERS[tag](self, depth)

    def count_object(self) -> None:
        """Refuse more tensors, arrays and handles than a frame may hold."""
        self.objects += 1
        if self.objects > self.caps.objects:
            raise ProtocolViolation(f"more than {self.caps.objects:,} tensors, arrays and objects")

    def take_text(self) -> bytearray:
        """Read bytes with their length."""
        (count,) = self.unpack(U32)
        start = self.advance(count)
        return self.data[start : start + count]

    def end(self) -> None:
        """Require that nothing is left."""
        if self.position != len(self.data):
            raise ProtocolViolation(f"{len(self.data) - self.position} bytes follow the answer")


def _take_int(reader: Reader, depth: int) -> int:
    return reader.unpack(I64)[0]  # type: ignore[no-any-return]


def _take_float(reader: Reader, depth: int) -> float:
    (number,) = reader.unpack(F64)
    if not math.isfinite(number):
        raise ProtocolViolation("a float that is not tagged as non-finite")
    return number  # type: ignore[no-any-return]


def _take_non_finite(reader: Reader, depth: int) -> float:
    number = NON_FINITE.get(reader.data[reader.advance(1)])
    if number is None:
        raise ProtocolViolation("an unknown non-finite float")
    return number


def _take_str(reader: Reader, depth: int) -> str:
    try:
        return reader.take_text().decode("utf-8")
    except UnicodeDecodeError:
        raise ProtocolViolation("a text that is not UTF-8") from None


def _take_items(reader: Reader, depth: int) -> list[Any]:
    return [reader.take(depth + 1) for _ in range(_enter(reader, depth, 1))]


def _enter(reader: Reader, depth: int, items_each: int) -> int:
    """Begin a container; return how many entries, of `items_each` values, it says it has."""
    (count,) = reader.unpack(U32)
    if count > reader.caps.items:
        raise ProtocolViolation(f"a container of {count:,} items")
    reader.items += items_each * count
    if (count and depth >= reader.caps.depth) or reader.items > reader.caps.items:
        raise ProtocolViolation("the answer is nested too deep or holds too many items")
    return count  # type: ignore[no-any-return]


def _take_dict(reader: Reader, depth: int) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for _ in range(_enter(reader, depth, 2)):
        key = reader.take(depth + 1)
        if type(key) not in (str, int, float, bool, type(None)) or key in result:
            raise ProtocolViolation("a dict with a repeated key or a key of a wrong type")
        result[key] = reader.take(depth + 1)
    return result


def _take_tensor(reader: Reader, depth: int) -> torch.Tensor:
    reader.count_object()
    reader.position -= 1  # the head begins with the tag
    _, code, flags, device_code, device_index, dims = reader.unpack(TENSOR_HEAD)
    if code >= len(TENSOR_DTYPES) or flags > 3 or device_code >= len(DEVICE_TYPES):
        raise ProtocolViolation("a tensor of unknown dtype, flags or device")
    dtype = TENSOR_DTYPES[code]
    if flags & REQUIRES_GRAD and not (dtype.is_floating_point or dtype.is_complex):
        raise ProtocolViolation("a tensor of integers that requires a gradient")
    shape, count, start = _take_extent(reader, dims, dtype.itemsize)
    tensor = _tensor_at(reader.data, start, count, dtype)
    if dims != 1:
        tensor = tensor.reshape(shape)
    device = "cpu" if device_code == 0 else f"{DEVICE_TYPES[device_code]}:{device_index}"
    reader.tensors.append(SentTensor(tensor, bool(flags & REQUIRES_GRAD), bool(flags & IS_LEAF), device))
    return tensor


def _take_extent(reader: Reader, dims: int, itemsize: int) -> tuple[tuple[int, ...], int, int]:
    """Read a shape; return it, its number of elements, and where in the frame their bytes begin."""
    if dims > MAX_DIMS:
        raise ProtocolViolation(f"a tensor of {dims} dimensions")
    shape = reader.unpack(SHAPES[dims])
    count = math.prod(shape)
    # With elements, their bytes have to be in the frame, which bounds them; without, a product may still overflow.
    if count == 0 and not sane_shape(shape):
        raise ProtocolViolation("a tensor whose size overflows")
    return shape, count, reader.advance(count * itemsize)


def _tensor_at(data: bytearray, start: int, count: int, dtype: torch.dtype) -> torch.Tensor:
    if not count:
        return torch.empty(0, dtype=dtype)
    # Copied as bytes: a tensor of wider elements at an odd offset of the frame may crash the instruction that reads it.
    raw = torch.frombuffer(data, dtype=torch.uint8, count=count * dtype.itemsize, offset=start)
    return raw.ne(0) if dtype is torch.bool else raw.clone().view(dtype)


def _take_array(reader: Reader, depth: int) -> np.ndarray[Any, Any]:
    reader.count_object()
    code, dims = reader.unpack(_ARRAY_HEAD)
    if code >= len(ARRAY_DTYPES):
        raise ProtocolViolation("an array of unknown dtype")
    dtype = ARRAY_DTYPES[code]
    shape, count, start = _take_extent(reader, dims, dtype.itemsize)
    raw = np.frombuffer(reader.data, dtype=np.uint8, count=count * dtype.itemsize, offset=start)
    array: np.ndarray[Any, Any] = raw != 0 if dtype == np.bool_ else raw.copy().view(dtype)
    return array.reshape(shape)


def _take_handle(reader: Reader, depth: int) -> object:
    reader.count_object()
    (identifier,) = reader.unpack(I64)
    name = _take_str(reader, depth)
    if reader.from_handle is None or len(name) > MAX_TYPE_NAME:
        raise ProtocolViolation("a handle where none is allowed")
    return reader.from_handle(HandleRef(identifier, name))


def _unknown(reader: Reader, depth: int) -> Any:
    raise ProtocolViolation("the answer holds an unknown kind of value")


_BY_TAG: dict[bytes, Callable[[Reader, int], Any]] = {
    b"N": lambda reader, depth: None,
    b"T": lambda reader, depth: True,
    b"F": lambda reader, depth: False,
    b"i": _take_int,
    b"f": _take_float,
    b"x": _take_non_finite,
    b"s": _take_str,
    b"b": lambda reader, depth: bytes(reader.take_text()),
    b"l": _take_items,
    b"t": lambda reader, depth: tuple(_take_items(reader, depth)),
    b"d": _take_dict,
    b"X": _take_tensor,
    b"A": _take_array,
    b"H": _take_handle,
}
_READERS = [_BY_TAG.get(bytes([tag]), _unknown) for tag in range(256)]
