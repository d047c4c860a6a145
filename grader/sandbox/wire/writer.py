"""Values to bytes. Every cap is checked before anything is materialised.

Invariant: a value is written by what it is, never by what its own methods claim; what cannot cross becomes a handle.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from grader.sandbox.wire.format import (
    ARRAY_CODES,
    DEVICE_TYPES,
    F64,
    I64,
    IS_LEAF,
    MAX_DIMS,
    MAX_TYPE_NAME,
    REQUIRES_GRAD,
    SHAPES,
    TENSOR_CODES,
    TENSOR_HEAD,
    U32,
    Caps,
    Encoded,
    HandleRef,
    ToHandle,
    TooLarge,
    Unsendable,
    sane_shape,
)  # fmt: skip

# A subclass may have a property of that name, so the base class is asked.
_is_leaf = torch.Tensor.is_leaf.__get__  # type: ignore[attr-defined]

_COPY_BYTES = 1 << 15


def type_name_of(value: object) -> str:
    """Name a value's type as a student would: `set`, `torch.device`, `MyNet`."""
    kind = type(value)
    module = getattr(kind, "__module__", "")
    root = module.partition(".")[0] if isinstance(module, str) else ""
    return (f"{root}.{kind.__qualname__}" if root in ("torch", "numpy") else kind.__qualname__)[:MAX_TYPE_NAME]


class Writer:
    """Collects small pieces in one growing buffer and keeps tensor bytes as views, so bulk data is not copied."""

    def __init__(self, caps: Caps, to_handle: ToHandle | None, head: bytes = b"") -> None:
        self.caps, self.to_handle, self.head_bytes = caps, to_handle, len(head)
        self.small, self.out, self.items, self.objects = bytearray(head), Encoded(), 1, 0

    def finish(self) -> Encoded:
        """Return what was written."""
        self._charge(0)
        self._flush()
        return self.out

    def put(self, value: object, depth: int) -> None:
        """Write one value, `depth` containers deep; its items were counted by the container."""
        put = _WRITERS.get(type(value)) or _writer_for(value)
        if put is None or not put(self, value, depth):
            self.put_handle(value)

    def enter(self, tag: bytes, count: int, items: int, depth: int) -> None:
        """Begin a container of `count` entries that hold `items` values; each is one deeper than `depth`."""
        self.items += items
        if items and depth >= self.caps.depth:
            raise TooLarge(f"nested more than {self.caps.depth} levels deep")
        if self.items > self.caps.items:
            raise TooLarge(f"more than {self.caps.items:,} items")
        self.small += tag + U32.pack(count)

    def count_object(self) -> None:
        """Refuse more tensors, arrays and handles than a frame may hold."""
        self.objects += 1
        if self.objects > self.caps.objects:
            raise TooLarge(f"more than {self.caps.objects:,} tensors, arrays and objects")

    def _charge(self, coming_bytes: int) -> None:
        """Refuse what would break the byte cap; plain numbers are charged by `finish`, the cap on items bounds them."""
        total = self.out.length_bytes + len(self.small) + coming_bytes - self.head_bytes
        if total > self.caps.payload_bytes:
            raise TooLarge(f"{total:,} bytes, the limit is {self.caps.payload_bytes:,}")

    def _flush(self) -> None:
        if self.small:
            self.out.buffers.append(self.small)
            self.out.length_bytes += len(self.small)
            self.small = bytearray()

    def put_bulk(self, array: np.ndarray[Any, Any]) -> None:
        """Append the bytes of an array; small ones are copied, which is cheaper than one more buffer to send."""
        if array.nbytes <= _COPY_BYTES:
            self.small += array.tobytes()
            return
        self._flush()
        self.out.buffers.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        self.out.length_bytes += array.nbytes

    def put_text(self, tag: bytes, data: bytes) -> None:
        """Write bytes with their length."""
        self._charge(len(data))
        self.small += tag + U32.pack(len(data)) + data

    def put_handle(self, value: object) -> None:
        """Write a handle for an object that cannot cross."""
        if self.to_handle is None:
            raise Unsendable(f"a value of type {type_name_of(value)} cannot be sent")
        _put_handle_ref(self, self.to_handle(value, _describe(value)), 0)


def _put_handle_ref(writer: Writer, handle: HandleRef, depth: int) -> bool:
    writer.count_object()
    name = handle.type_name.encode("utf-8", "replace")[:MAX_TYPE_NAME]
    writer.put_text(b"H" + I64.pack(handle.id), name.decode("utf-8", "ignore").encode() if name else name)
    return True


def _describe(value: object) -> str:
    """Say more than the type name where that is what went wrong: an int of 70 bits, a sparse tensor, objects."""
    name = type_name_of(value)
    if type(value) is int:
        return f"int of {value.bit_length()} bits"
    if isinstance(value, torch.Tensor):
        layout = "nested" if value.is_nested else str(value.layout).removeprefix("torch.")
        elsewhere = "" if value.device.type in DEVICE_TYPES else f", on {value.device.type}"
        return f"{name} ({layout}, {str(value.dtype).removeprefix('torch.')}, {value.dim()} dims{elsewhere})"
    if isinstance(value, np.ndarray):
        array = np.ndarray.view(value, np.ndarray)
        return f"{name} ({array.dtype}, {array.ndim} dims)"
    return name


def _put_none(writer: Writer, value: object, depth: int) -> bool:
    writer.small += b"N"
    return True


def _put_bool(writer: Writer, value: Any, depth: int) -> bool:
    writer.small += b"T" if value else b"F"
    return True


def _put_int(writer: Writer, value: Any, depth: int) -> bool:
    number = int.__add__(value, 0)
    if not -(1 << 63) <= number < 1 << 63:
        return False
    writer.small += b"i" + I64.pack(number)
    return True


def _put_float(writer: Writer, value: Any, depth: int) -> bool:
    number = float.__pos__(value)  # adding 0.0 would lose the sign of a negative zero
    if math.isfinite(number):
        writer.small += b"f" + F64.pack(number)
    else:
        writer.small += b"x" + bytes([2 if math.isnan(number) else int(number < 0)])
    return True


def _put_str(writer: Writer, value: Any, depth: int) -> bool:
    # A lone surrogate would break whoever writes the text to a UTF-8 file later, so it is replaced here.
    writer.put_text(b"s", str.encode(value, "utf-8", "replace"))
    return True


def _put_bytes(writer: Writer, value: Any, depth: int) -> bool:
    # Since Python 3.12 a subclass decides what `bytes` and `memoryview` see of it; the base class's slicing is honest.
    base = bytes if isinstance(value, bytes) else bytearray
    writer.put_text(b"b", bytes(base.__getitem__(value, slice(None))))
    return True


def _put_list(writer: Writer, value: Any, depth: int) -> bool:
    items = value if type(value) is list else list.__getitem__(value, slice(None))
    writer.enter(b"l", len(items), len(items), depth)
    for item in items:
        writer.put(item, depth + 1)
    return True


def _put_tuple(writer: Writer, value: Any, depth: int) -> bool:
    items = value if type(value) is tuple else tuple.__getitem__(value, slice(None))
    writer.enter(b"t", len(items), len(items), depth)
    for item in items:
        writer.put(item, depth + 1)
    return True


def _put_dict(writer: Writer, value: Any, depth: int) -> bool:
    items = list(dict.items(value))
    sent_keys = {_sent_key(key) for key, _ in items}
    if _NO_KEY in sent_keys or len(sent_keys) < len(items):
        return False
    writer.enter(b"d", len(items), 2 * len(items), depth)
    for key, item in items:
        writer.put(key, depth + 1)
        writer.put(item, depth + 1)
    return True


_NO_KEY = b"cannot cross"


def _sent_key(key: Any) -> object:
    """Return a dict key as the other side will read it, or _NO_KEY; two keys that read alike must not be sent."""
    kind = type(key)
    if kind is str:
        return str(str.encode(key, "utf-8", "replace"), "utf-8")
    if kind is float:
        return math.nan if math.isnan(key) else key
    if kind is int:
        return key if -(1 << 63) <= key < 1 << 63 else _NO_KEY
    return key if key is None or kind is bool else _NO_KEY


def _put_tensor(writer: Writer, value: Any, depth: int) -> bool:
    if type(value) in (torch.Tensor, nn.Parameter):
        return _put_plain_tensor(writer, value, value.is_leaf)
    # What a subclass says of itself does not count: everything below, and the graph later, sees the plain tensor.
    with torch._C.DisableTorchFunctionSubclass():
        return _put_plain_tensor(writer, torch.Tensor.as_subclass(value, torch.Tensor), _is_leaf(value))


def _put_plain_tensor(writer: Writer, tensor: torch.Tensor, is_leaf: bool) -> bool:
    if tensor.is_nested:  # it has no shape to ask for
        return False
    dtype, shape = tensor.dtype, tensor.shape
    code, device = TENSOR_CODES.get(dtype), _device_code(tensor)
    if code is None or tensor.layout is not torch.strided or device is None or not _may_cross(shape):
        return False
    writer.count_object()
    size_bytes = math.prod(shape) * dtype.itemsize
    writer._charge(size_bytes)
    flags = REQUIRES_GRAD * tensor.requires_grad | IS_LEAF * is_leaf
    writer.small += TENSOR_HEAD.pack(b"X", code, flags, *device, len(shape)) + SHAPES[len(shape)].pack(*shape)
    writer.out.tensors.append(tensor)
    if size_bytes:
        # numpy knows no bfloat16; its bytes are the same read as integers. `force` detaches, fetches and resolves.
        bits = tensor.detach().view(torch.int16) if dtype is torch.bfloat16 else tensor
        writer.put_bulk(bits.numpy(force=True))
    return True


def _device_code(tensor: torch.Tensor) -> tuple[int, int] | None:
    """Return type and index as they are written, or None for a device that cannot cross."""
    if tensor.is_cpu:  # an attribute; asking for the device builds an object first
        return 0, 0
    device = tensor.device
    return (DEVICE_TYPES.index(device.type), device.index or 0) if device.type in DEVICE_TYPES else None


def _put_array(writer: Writer, value: Any, depth: int) -> bool:
    array = np.ndarray.view(value, np.ndarray)
    native = array.dtype.newbyteorder("=") if array.dtype.kind in "biufc" else array.dtype
    code = ARRAY_CODES.get(native)
    if code is None or not _may_cross(array.shape):
        return False
    writer.count_object()
    writer._charge(math.prod(array.shape) * array.itemsize)
    writer.small += b"A" + bytes([code, array.ndim]) + SHAPES[array.ndim].pack(*array.shape)
    if array.size:
        writer.put_bulk(array.astype(native, copy=False))
    return True


def _may_cross(shape: Sequence[int]) -> bool:
    """Whether a shape can be read back: with elements the byte cap bounds it, without it may still overflow."""
    return len(shape) <= MAX_DIMS and (0 not in shape or sane_shape(tuple(shape)))


def _put_numpy_scalar(writer: Writer, value: Any, depth: int) -> bool:
    item = np.generic.item(value)
    writer_of = _WRITERS.get(type(item))
    return writer_of is not None and writer_of(writer, item, depth)


_Put = Callable[[Writer, Any, int], bool]
_WRITERS: dict[type, _Put] = {
    type(None): _put_none, bool: _put_bool, int: _put_int, float: _put_float, str: _put_str, bytes: _put_bytes,
    list: _put_list, tuple: _put_tuple, dict: _put_dict, HandleRef: _put_handle_ref,
    torch.Tensor: _put_tensor, np.ndarray: _put_array,
}  # fmt: skip
# Subclasses are written by what they are, never by what their own methods claim.
_BASES: tuple[tuple[type, _Put], ...] = (
    (torch.Tensor, _put_tensor), (np.ndarray, _put_array), (np.generic, _put_numpy_scalar),
    (int, _put_int), (float, _put_float), (str, _put_str), (bytes, _put_bytes), (bytearray, _put_bytes),
    (list, _put_list), (tuple, _put_tuple), (dict, _put_dict),
)  # fmt: skip


def _writer_for(value: object) -> _Put | None:
    kind = type(value)
    return next((put for base, put in _BASES if issubclass(kind, base)), None)
