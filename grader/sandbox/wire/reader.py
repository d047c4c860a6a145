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
    TENSOR_DTYPES,
    TENSOR_HEAD,
    U32,
    Caps,
    FromHandle,
    HandleRef,
    SentTensor,
    sane_shape,
)  # fmt: skip


class Reader:
    """Walks one frame. Every size is checked against what is really there before anything is built from it."""

    def __init__(self, data: memoryview, caps: Caps, from_handle: FromHandle | None) -> None:
        if len(data) > caps.payload_bytes:
            raise ProtocolViolation(f"an answer of {len(data):,} bytes, the limit is {caps.payload_bytes:,}")
        self.data, self.caps, self.from_handle = data, caps, from_handle
        self.position, self.items = 0, 0
        self.tensors: list[SentTensor] = []

    def bytes_of(self, count: int) -> memoryview:
        """Return the next `count` bytes, which must be there."""
        end = self.position + count
        if end > len(self.data):
            raise ProtocolViolation("the answer ends in the middle of a value")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def u32(self) -> int:
        """Read a length."""
        return int(U32.unpack(self.bytes_of(4))[0])

    def take(self, depth: int) -> Any:
        """Read the next value, `depth` containers deep."""
        self.items += 1
        if depth > self.caps.depth or self.items > self.caps.items:
            raise ProtocolViolation("the answer is nested too deep or holds too many items")
        reader = _READERS.get(bytes(self.bytes_of(1)))
        if reader is None:
            raise ProtocolViolation("the answer holds an unknown kind of value")
        return reader(self, depth)

    def take_shape(self, dims: int) -> tuple[int, ...]:
        """Read the sizes of `dims` dimensions whose product cannot overflow."""
        if dims > MAX_DIMS:
            raise ProtocolViolation(f"a tensor of {dims} dimensions")
        shape = struct.unpack(f"<{dims}Q", self.bytes_of(8 * dims))
        if not sane_shape(shape):
            raise ProtocolViolation("a tensor whose size overflows")
        return shape


def _take_int(reader: Reader, depth: int) -> int:
    return int(I64.unpack(reader.bytes_of(8))[0])


def _take_float(reader: Reader, depth: int) -> float:
    number = float(F64.unpack(reader.bytes_of(8))[0])
    if not math.isfinite(number):
        raise ProtocolViolation("a float that is not tagged as non-finite")
    return number


def _take_non_finite(reader: Reader, depth: int) -> float:
    number = NON_FINITE.get(reader.bytes_of(1)[0])
    if number is None:
        raise ProtocolViolation("an unknown non-finite float")
    return number


def _take_str(reader: Reader, depth: int) -> str:
    try:
        return str(reader.bytes_of(reader.u32()), "utf-8")
    except UnicodeDecodeError:
        raise ProtocolViolation("a text that is not UTF-8") from None


def _take_bytes(reader: Reader, depth: int) -> bytes:
    return bytes(reader.bytes_of(reader.u32()))


def _take_items(reader: Reader, depth: int) -> list[Any]:
    return [reader.take(depth + 1) for _ in range(_bounded_count(reader))]


def _bounded_count(reader: Reader) -> int:
    count = reader.u32()
    if count > reader.caps.items:
        raise ProtocolViolation(f"a container of {count:,} items")
    return count


def _take_dict(reader: Reader, depth: int) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for _ in range(_bounded_count(reader)):
        key = reader.take(depth + 1)
        if type(key) not in (str, int, float, bool, type(None)) or key in result:
            raise ProtocolViolation("a dict with a repeated key or a key of a wrong type")
        result[key] = reader.take(depth + 1)
    return result


def _take_tensor(reader: Reader, depth: int) -> torch.Tensor:
    code, flags, device_code, device_index, dims = TENSOR_HEAD.unpack(reader.bytes_of(TENSOR_HEAD.size))
    if code >= len(TENSOR_DTYPES) or flags > 3 or device_code >= len(DEVICE_TYPES):
        raise ProtocolViolation("a tensor of unknown dtype, flags or device")
    dtype, shape = TENSOR_DTYPES[code], reader.take_shape(dims)
    if flags & REQUIRES_GRAD and not (dtype.is_floating_point or dtype.is_complex):
        raise ProtocolViolation("a tensor of integers that requires a gradient")
    raw = reader.bytes_of(math.prod(shape) * dtype.itemsize)
    tensor = _tensor_from(raw, dtype).reshape(shape)
    device = "cpu" if device_code == 0 else f"{DEVICE_TYPES[device_code]}:{device_index}"
    reader.tensors.append(SentTensor(tensor, bool(flags & REQUIRES_GRAD), bool(flags & IS_LEAF), device))
    return tensor


def _tensor_from(raw: memoryview, dtype: torch.dtype) -> torch.Tensor:
    if not raw:
        return torch.empty(0, dtype=dtype)
    # The copy gives aligned memory of its own, which a tensor at an odd offset of the frame would not have.
    owned = torch.empty(len(raw), dtype=torch.uint8)
    owned.numpy()[:] = np.frombuffer(raw, dtype=np.uint8)
    return owned.ne(0) if dtype is torch.bool else owned.view(dtype)


def _take_array(reader: Reader, depth: int) -> np.ndarray[Any, Any]:
    code, dims = reader.bytes_of(2)
    if code >= len(ARRAY_DTYPES):
        raise ProtocolViolation("an array of unknown dtype")
    dtype, shape = ARRAY_DTYPES[code], reader.take_shape(dims)
    raw = np.frombuffer(reader.bytes_of(math.prod(shape) * dtype.itemsize), dtype=np.uint8)
    return (raw != 0 if dtype == np.bool_ else raw.copy().view(dtype)).reshape(shape)


def _take_handle(reader: Reader, depth: int) -> object:
    identifier = _take_int(reader, depth)
    if bytes(reader.bytes_of(1)) != b"s":
        raise ProtocolViolation("a handle without a type name")
    name = _take_str(reader, depth)
    if reader.from_handle is None or len(name) > MAX_TYPE_NAME:
        raise ProtocolViolation("a handle where none is allowed")
    return reader.from_handle(HandleRef(identifier, name))


_READERS: dict[bytes, Callable[[Reader, int], Any]] = {
    b"N": lambda reader, depth: None,
    b"T": lambda reader, depth: True,
    b"F": lambda reader, depth: False,
    b"i": _take_int,
    b"f": _take_float,
    b"x": _take_non_finite,
    b"s": _take_str,
    b"b": _take_bytes,
    b"l": _take_items,
    b"t": lambda reader, depth: tuple(_take_items(reader, depth)),
    b"d": _take_dict,
    b"X": _take_tensor,
    b"A": _take_array,
    b"H": _take_handle,
}
