"""Values to bytes and back: the only format that crosses the trust boundary.

Owns the set of types that may cross and the caps on them. Must not know sockets, processes or autograd graphs.
Invariant: whatever the bytes say, `decode` returns a value built of the types below or raises ProtocolViolation; it
allocates no more than the bytes it was given, and nothing in them is unpickled, evaluated or used as a name or path.

Types: None, bool, 64-bit int, float, str, bytes, list, tuple, dict, tensor, ndarray, handle. Numpy scalars, Size,
namedtuples, OrderedDict and Parameter are coerced on the way out; anything else becomes a handle.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn

from grader.errors import GraderError, ProtocolViolation

MAX_DIMS = 8
MAX_ELEMENTS = 1 << 48
MAX_TYPE_NAME = 200

# The order is the format: append only.
TENSOR_DTYPES: tuple[torch.dtype, ...] = (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
)  # fmt: skip
ARRAY_DTYPES: tuple[np.dtype[Any], ...] = tuple(
    np.dtype(kind)
    for kind in (
        "bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64",
        "float16", "float32", "float64", "complex64", "complex128",
    )
)  # fmt: skip
DEVICE_TYPES = ("cpu", "cuda", "privateuseone")

_TENSOR_CODES = {dtype: code for code, dtype in enumerate(TENSOR_DTYPES)}
_ARRAY_CODES = {dtype: code for code, dtype in enumerate(ARRAY_DTYPES)}
_U32, _I64, _F64 = struct.Struct("<I"), struct.Struct("<q"), struct.Struct("<d")
_TENSOR_HEAD = struct.Struct("<BBBBB")  # dtype, flags, device type, device index, dims
_REQUIRES_GRAD, _IS_LEAF = 1, 2
_NON_FINITE = {0: math.inf, 1: -math.inf, 2: math.nan}

_COPY_BYTES = 1 << 15
Buffer = bytes | bytearray | memoryview


class TooLarge(GraderError):
    """A value breaks a cap while it is being written; the message says which and by how much."""


class Unsendable(GraderError):
    """A value of a type that cannot cross and that the sender has no handle for."""


@dataclass(frozen=True)
class Caps:
    """What one frame may hold."""

    payload_bytes: int
    items: int = 200_000
    depth: int = 32


@dataclass(frozen=True)
class HandleRef:
    """An object that stays on the other side, named by a number it was given there."""

    id: int
    type_name: str


@dataclass(frozen=True, eq=False)
class SentTensor:
    """A tensor as it was met in a value, in order, with what the frame says of it."""

    tensor: torch.Tensor
    requires_grad: bool
    is_leaf: bool
    device: str = "cpu"


@dataclass
class Encoded:
    """One value as buffers to be written one after the other, and the tensors met on the way."""

    buffers: list[Buffer] = field(default_factory=list)
    tensors: list[torch.Tensor] = field(default_factory=list)
    length_bytes: int = 0


@dataclass
class Decoded:
    """One value read back, and the tensors met on the way (the same objects that stand in the value)."""

    value: Any
    tensors: list[SentTensor]


ToHandle = Callable[[object, str], HandleRef]
FromHandle = Callable[[HandleRef], object]


def encode(value: object, caps: Caps, to_handle: ToHandle | None = None) -> Encoded:
    """Write one value.

    Args:
        to_handle: Given an object that cannot cross and its type name, returns its handle; None means it is an error.
    Raises:
        TooLarge: more bytes, items or depth than `caps` allow; checked before anything is materialised.
        Unsendable: an object that cannot cross, and no `to_handle`.
    """
    writer = _Writer(caps, to_handle)
    writer.put(value, 0)
    return writer.finish()


def encode_list(
    length: int, parts: Callable[[list[torch.Tensor]], Iterator[object]], caps: Caps, to_handle: ToHandle | None = None
) -> Encoded:
    """Write a list whose later items may depend on which tensors were met while the earlier ones were written.

    Args:
        parts: Given the (growing) list of tensors met so far, yields `length` items.
    Raises:
        TooLarge, Unsendable: as `encode`.
    """
    writer = _Writer(caps, to_handle)
    writer.small += b"l" + _U32.pack(length)
    for part in parts(writer.out.tensors):
        writer.put(part, 1)
    return writer.finish()


def decode(data: Buffer, caps: Caps, from_handle: FromHandle | None = None) -> Decoded:
    """Read one value that fills `data` exactly.

    Raises:
        ProtocolViolation: anything that `encode` cannot have written.
    """
    reader = _Reader(memoryview(data), caps, from_handle)
    value = reader.take(0)
    if reader.position != len(reader.data):
        raise ProtocolViolation(f"{len(reader.data) - reader.position} bytes follow the answer")
    return Decoded(value, reader.tensors)


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


def type_name_of(value: object) -> str:
    """Name a value's type as a student would: `set`, `torch.device`, `MyNet`."""
    kind = type(value)
    module = getattr(kind, "__module__", "")
    root = module.partition(".")[0] if isinstance(module, str) else ""
    return (f"{root}.{kind.__qualname__}" if root in ("torch", "numpy") else kind.__qualname__)[:MAX_TYPE_NAME]


class _Writer:
    """Collects small pieces in one growing buffer and keeps tensor bytes as views, so bulk data is not copied."""

    def __init__(self, caps: Caps, to_handle: ToHandle | None) -> None:
        self.caps, self.to_handle = caps, to_handle
        self.small, self.out, self.items = bytearray(), Encoded(), 0

    def finish(self) -> Encoded:
        self._flush()
        return self.out

    def put(self, value: object, depth: int) -> None:
        self.items += 1
        if depth > self.caps.depth:
            raise TooLarge(f"nested more than {self.caps.depth} levels deep")
        if self.items > self.caps.items:
            raise TooLarge(f"more than {self.caps.items:,} items")
        writer = _WRITERS.get(type(value)) or _writer_for(value)
        if writer is None or not writer(self, value, depth):
            self.put_handle(value)

    def _charge(self, coming_bytes: int) -> None:
        """Refuse what would break the byte cap; plain numbers are not charged, the cap on items bounds them."""
        total = self.out.length_bytes + len(self.small) + coming_bytes
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
        self._charge(len(data))
        self.small += tag + _U32.pack(len(data)) + data

    def put_handle(self, value: object) -> None:
        if isinstance(value, HandleRef):
            handle = value
        elif self.to_handle is None:
            raise Unsendable(f"a value of type {type_name_of(value)} cannot be sent")
        else:
            handle = self.to_handle(value, _describe(value))
        self.small += b"H" + _I64.pack(handle.id)
        name = handle.type_name.encode("utf-8", "replace")[:MAX_TYPE_NAME]
        self.put_text(b"s", name.decode("utf-8", "ignore").encode())


def _describe(value: object) -> str:
    """Say more than the type name where that is what went wrong: an int of 70 bits, a sparse tensor."""
    name = type_name_of(value)
    if type(value) is int:
        return f"int of {value.bit_length()} bits"
    if isinstance(value, torch.Tensor):
        layout = str(value.layout).removeprefix("torch.")
        return f"{name} ({layout}, {str(value.dtype).removeprefix('torch.')}, {value.dim()} dims)"
    return name


def _put_none(writer: _Writer, value: object, depth: int) -> bool:
    writer.small += b"N"
    return True


def _put_bool(writer: _Writer, value: Any, depth: int) -> bool:
    writer.small += b"T" if value else b"F"
    return True


def _put_int(writer: _Writer, value: Any, depth: int) -> bool:
    number = int.__add__(value, 0)
    if not -(1 << 63) <= number < 1 << 63:
        return False
    writer.small += b"i" + _I64.pack(number)
    return True


def _put_float(writer: _Writer, value: Any, depth: int) -> bool:
    number = float.__add__(value, 0.0)
    if math.isfinite(number):
        writer.small += b"f" + _F64.pack(number)
    else:
        writer.small += b"x" + bytes([2 if math.isnan(number) else int(number < 0)])
    return True


def _put_str(writer: _Writer, value: Any, depth: int) -> bool:
    # A lone surrogate would break whoever writes the text to a UTF-8 file later, so it is replaced here.
    writer.put_text(b"s", str.encode(value, "utf-8", "replace"))
    return True


def _put_bytes(writer: _Writer, value: Any, depth: int) -> bool:
    writer.put_text(b"b", bytes(memoryview(value)))
    return True


def _put_list(writer: _Writer, value: Any, depth: int) -> bool:
    items = list.__getitem__(value, slice(None))
    writer.small += b"l" + _U32.pack(min(len(items), 0xFFFFFFFF))
    for item in items:
        writer.put(item, depth + 1)
    return True


def _put_tuple(writer: _Writer, value: Any, depth: int) -> bool:
    items = tuple.__getitem__(value, slice(None))
    writer.small += b"t" + _U32.pack(min(len(items), 0xFFFFFFFF))
    for item in items:
        writer.put(item, depth + 1)
    return True


def _put_dict(writer: _Writer, value: Any, depth: int) -> bool:
    items = list(dict.items(value))
    if not all(type(key) in (str, int, float, bool, type(None)) for key, _ in items):
        return False
    writer.small += b"d" + _U32.pack(len(items))
    for key, item in items:
        writer.put(key, depth + 1)
        writer.put(item, depth + 1)
    return True


def _put_tensor(writer: _Writer, value: Any, depth: int) -> bool:
    if type(value) in (torch.Tensor, nn.Parameter):
        return _put_plain_tensor(writer, value, value.is_leaf)
    # What a subclass says of itself does not count: everything below, and the graph later, sees the plain tensor.
    with torch._C.DisableTorchFunctionSubclass():
        return _put_plain_tensor(writer, torch.Tensor.as_subclass(value, torch.Tensor), value.is_leaf)


def _put_plain_tensor(writer: _Writer, tensor: torch.Tensor, is_leaf: bool) -> bool:
    code, shape, device = _TENSOR_CODES.get(tensor.dtype), tuple(tensor.shape), tensor.device
    if code is None or tensor.layout is not torch.strided or device.type not in DEVICE_TYPES or not _sane_shape(shape):
        return False
    size_bytes = math.prod(shape) * tensor.dtype.itemsize
    writer._charge(size_bytes)
    flags = _REQUIRES_GRAD * tensor.requires_grad | _IS_LEAF * is_leaf
    head = (code, flags, DEVICE_TYPES.index(device.type), device.index or 0, len(shape))
    writer.small += b"X" + _TENSOR_HEAD.pack(*head) + struct.pack(f"<{len(shape)}Q", *shape)
    writer.out.tensors.append(tensor)
    if size_bytes:
        # numpy knows no bfloat16; its bytes are the same read as integers. `force` detaches, fetches and resolves.
        bits = tensor.detach().view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor
        writer.put_bulk(bits.numpy(force=True))
    return True


def _put_array(writer: _Writer, value: Any, depth: int) -> bool:
    array = np.ndarray.view(value, np.ndarray)
    native = array.dtype.newbyteorder("=") if array.dtype.kind in "biufc" else array.dtype
    code = _ARRAY_CODES.get(native)
    if code is None or not _sane_shape(array.shape):
        return False
    writer._charge(math.prod(array.shape) * array.itemsize)
    writer.small += b"A" + bytes([code, array.ndim]) + struct.pack(f"<{array.ndim}Q", *array.shape)
    if array.size:
        writer.put_bulk(array.astype(native, copy=False))
    return True


def _put_numpy_scalar(writer: _Writer, value: Any, depth: int) -> bool:
    item = value.item()
    writer_of = _WRITERS.get(type(item))
    return writer_of is not None and writer_of(writer, item, depth)


def _sane_shape(shape: tuple[int, ...]) -> bool:
    """Whether a shape may cross: few dims, and no product that overflows even where one of them is zero."""
    return len(shape) <= MAX_DIMS and math.prod(max(size, 1) for size in shape) <= MAX_ELEMENTS


_Put = Callable[[_Writer, Any, int], bool]
_WRITERS: dict[type, _Put] = {
    type(None): _put_none, bool: _put_bool, int: _put_int, float: _put_float, str: _put_str, bytes: _put_bytes,
    list: _put_list, tuple: _put_tuple, dict: _put_dict, torch.Tensor: _put_tensor, np.ndarray: _put_array,
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


class _Reader:
    """Walks one frame. Every size is checked against what is really there before anything is built from it."""

    def __init__(self, data: memoryview, caps: Caps, from_handle: FromHandle | None) -> None:
        if len(data) > caps.payload_bytes:
            raise ProtocolViolation(f"an answer of {len(data):,} bytes, the limit is {caps.payload_bytes:,}")
        self.data, self.caps, self.from_handle = data, caps, from_handle
        self.position, self.items = 0, 0
        self.tensors: list[SentTensor] = []

    def bytes_of(self, count: int) -> memoryview:
        end = self.position + count
        if end > len(self.data):
            raise ProtocolViolation("the answer ends in the middle of a value")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def u32(self) -> int:
        return int(_U32.unpack(self.bytes_of(4))[0])

    def take(self, depth: int) -> Any:
        self.items += 1
        if depth > self.caps.depth or self.items > self.caps.items:
            raise ProtocolViolation("the answer is nested too deep or holds too many items")
        reader = _READERS.get(bytes(self.bytes_of(1)))
        if reader is None:
            raise ProtocolViolation("the answer holds an unknown kind of value")
        return reader(self, depth)

    def take_shape(self, dims: int) -> tuple[int, ...]:
        if dims > MAX_DIMS:
            raise ProtocolViolation(f"a tensor of {dims} dimensions")
        shape = struct.unpack(f"<{dims}Q", self.bytes_of(8 * dims))
        if not _sane_shape(shape):
            raise ProtocolViolation("a tensor whose size overflows")
        return shape


def _take_int(reader: _Reader, depth: int) -> int:
    return int(_I64.unpack(reader.bytes_of(8))[0])


def _take_float(reader: _Reader, depth: int) -> float:
    number = float(_F64.unpack(reader.bytes_of(8))[0])
    if not math.isfinite(number):
        raise ProtocolViolation("a float that is not tagged as non-finite")
    return number


def _take_non_finite(reader: _Reader, depth: int) -> float:
    number = _NON_FINITE.get(reader.bytes_of(1)[0])
    if number is None:
        raise ProtocolViolation("an unknown non-finite float")
    return number


def _take_str(reader: _Reader, depth: int) -> str:
    try:
        return str(reader.bytes_of(reader.u32()), "utf-8")
    except UnicodeDecodeError:
        raise ProtocolViolation("a text that is not UTF-8") from None


def _take_bytes(reader: _Reader, depth: int) -> bytes:
    return bytes(reader.bytes_of(reader.u32()))


def _take_items(reader: _Reader, depth: int) -> list[Any]:
    return [reader.take(depth + 1) for _ in range(_bounded_count(reader))]


def _bounded_count(reader: _Reader) -> int:
    count = reader.u32()
    if count > reader.caps.items:
        raise ProtocolViolation(f"a container of {count:,} items")
    return count


def _take_dict(reader: _Reader, depth: int) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for _ in range(_bounded_count(reader)):
        key = reader.take(depth + 1)
        if type(key) not in (str, int, float, bool, type(None)) or key in result:
            raise ProtocolViolation("a dict with a repeated key or a key of a wrong type")
        result[key] = reader.take(depth + 1)
    return result


def _take_tensor(reader: _Reader, depth: int) -> torch.Tensor:
    code, flags, device_code, device_index, dims = _TENSOR_HEAD.unpack(reader.bytes_of(_TENSOR_HEAD.size))
    if code >= len(TENSOR_DTYPES) or flags > 3 or device_code >= len(DEVICE_TYPES):
        raise ProtocolViolation("a tensor of unknown dtype, flags or device")
    dtype, shape = TENSOR_DTYPES[code], reader.take_shape(dims)
    if flags & _REQUIRES_GRAD and not (dtype.is_floating_point or dtype.is_complex):
        raise ProtocolViolation("a tensor of integers that requires a gradient")
    raw = reader.bytes_of(math.prod(shape) * dtype.itemsize)
    tensor = _tensor_from(raw, dtype).reshape(shape)
    device = "cpu" if device_code == 0 else f"{DEVICE_TYPES[device_code]}:{device_index}"
    reader.tensors.append(SentTensor(tensor, bool(flags & _REQUIRES_GRAD), bool(flags & _IS_LEAF), device))
    return tensor


def _tensor_from(raw: memoryview, dtype: torch.dtype) -> torch.Tensor:
    if not raw:
        return torch.empty(0, dtype=dtype)
    # The copy gives aligned memory of its own, which a tensor at an odd offset of the frame would not have.
    owned = torch.frombuffer(raw, dtype=torch.uint8).clone()
    return owned.ne(0) if dtype is torch.bool else owned.view(dtype)


def _take_array(reader: _Reader, depth: int) -> np.ndarray[Any, Any]:
    code, dims = reader.bytes_of(2)
    if code >= len(ARRAY_DTYPES):
        raise ProtocolViolation("an array of unknown dtype")
    dtype, shape = ARRAY_DTYPES[code], reader.take_shape(dims)
    raw = np.frombuffer(reader.bytes_of(math.prod(shape) * dtype.itemsize), dtype=np.uint8)
    return (raw != 0 if dtype == np.bool_ else raw.copy().view(dtype)).reshape(shape)


def _take_handle(reader: _Reader, depth: int) -> object:
    identifier = _take_int(reader, depth)
    if bytes(reader.bytes_of(1)) != b"s":
        raise ProtocolViolation("a handle without a type name")
    name = _take_str(reader, depth)
    if reader.from_handle is None or len(name) > MAX_TYPE_NAME:
        raise ProtocolViolation("a handle where none is allowed")
    return reader.from_handle(HandleRef(identifier, name))


_READERS: dict[bytes, Callable[[_Reader, int], Any]] = {
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
