"""The codec: what crosses, what becomes a handle, and that no bytes whatever do more than raise ProtocolViolation."""

from __future__ import annotations

import math
import struct
import tracemalloc
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import nn

from grader.errors import ProtocolViolation
from grader.sandbox.wire import (
    ARRAY_DTYPES,
    TENSOR_DTYPES,
    Caps,
    Decoded,
    HandleRef,
    TooLarge,
    Unsendable,
    decode,
    decode_frame,
    encode,
    encode_frame,
    map_tensors,
)

CAPS = Caps(payload_bytes=1 << 20)
Pair = namedtuple("Pair", "left right")


def sent(value: object, caps: Caps = CAPS) -> bytearray:
    """Encode a value; what cannot cross becomes handle 7."""
    encoded = encode(value, caps, lambda _, name: HandleRef(7, name))
    data = bytearray(b"".join(encoded.buffers))
    assert encoded.length_bytes == len(data)
    return data


def read(data: bytes | bytearray, caps: Caps = CAPS) -> Decoded:
    """Decode a frame that may hold handles."""
    return decode(data, caps, lambda handle: handle)


def crossed(value: object) -> Any:
    """Send a value and read it back."""
    return read(sent(value)).value


def same(left: Any, right: Any) -> bool:
    """Whether two plain values are of one type and equal bit by bit, NaN and the sign of zero included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return (math.isnan(left) and math.isnan(right)) or struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return all(map(same, left.keys(), right.keys())) and all(map(same, left.values(), right.values()))
    return bool(left == right)


def u64(*numbers: int) -> bytes:
    """Pack sizes as a frame holds them."""
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def tensor_frame(*, code: int = 8, flags: int = 2, device: int = 0, shape: tuple[int, ...] = (), data: bytes) -> bytes:
    """Write a tensor by hand; the default is float32, a leaf, on the CPU."""
    return b"X" + bytes([code, flags, device, 0, len(shape)]) + u64(*shape) + data


# --- what crosses -----------------------------------------------------------------------------------------------

PLAIN_VALUES = [
    None, True, False, 0, -1, (1 << 63) - 1, -(1 << 63), 0.0, -0.0, 5e-324, 1.7976931348623157e308,
    math.inf, -math.inf, math.nan, "", "naïve 数 \0", b"", b"\x00\xff", [], (), {}, [[], ((),), {}],
    {"a": [1, (2.5, None)], 7: b"x", 2.5: "y", True: None, None: {}}, {math.nan: 1}, {-0.0: 1},
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN_VALUES, ids=repr)
def test_a_plain_value_arrives_as_it_was_sent(value: object) -> None:
    """Type, value, order, NaN and the sign of zero survive."""
    assert same(crossed(value), value)


def test_a_dict_keeps_its_order() -> None:
    """Keys come in the order in which they were put in."""
    assert list(crossed({"b": 1, "a": 2, "c": 3})) == ["b", "a", "c"]


def test_a_lone_surrogate_is_replaced() -> None:
    """What arrives can be written to a UTF-8 file."""
    assert crossed("a\ud800b") == "a?b"


COERCED = [
    (np.float16(1.5), 1.5), (np.float32(0.5), 0.5), (np.float64(-0.0), -0.0), (np.int8(-3), -3),
    (np.uint64(5), 5), (np.bool_(True), True), (np.str_("s"), "s"), (np.bytes_(b"b"), b"b"),
    (torch.Size([2, 3]), (2, 3)), (Pair(1, [2]), (1, [2])), (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (bytearray(b"abc"), b"abc"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), COERCED, ids=[type(value).__name__ for value, _ in COERCED])
def test_a_close_relative_arrives_as_the_plain_type(value: object, expected: object) -> None:
    """numpy scalars, Size, namedtuple and OrderedDict arrive as what they stand for."""
    assert same(crossed(value), expected)


def test_a_parameter_arrives_as_a_leaf_that_requires_a_gradient() -> None:
    """nn.Parameter is a tensor with two flags."""
    decoded = read(sent(nn.Parameter(torch.tensor([1.5]))))
    assert type(decoded.value) is torch.Tensor
    assert (decoded.tensors[0].requires_grad, decoded.tensors[0].is_leaf) == (True, True)


@pytest.mark.parametrize("dtype", TENSOR_DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (5,), (2, 3), (1,) * 8], ids=str)
def test_a_tensor_of_every_dtype_and_shape_arrives_bit_by_bit(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    """0-d, empty, and up to 8 dims."""
    count = math.prod(shape)
    tensor = (torch.arange(count) % 2 if dtype is torch.bool else torch.arange(count)).to(dtype).reshape(shape)
    arrived = crossed(tensor)
    assert arrived.dtype is dtype
    assert arrived.shape == tensor.shape
    assert torch.equal(arrived, tensor)


VIEWS: dict[str, Callable[[], torch.Tensor]] = {
    "transposed": lambda: torch.arange(6.0).reshape(2, 3).T,
    "strided": lambda: torch.arange(10.0)[1::3],
    "strided bfloat16": lambda: torch.arange(10).to(torch.bfloat16)[1::3],
    "expanded": lambda: torch.tensor([1.0, 2.0]).expand(3, 2),
    "conjugated": lambda: torch.tensor([1 + 2j, 3 - 4j]).conj(),
    "negated": lambda: torch.tensor([1 + 2j, 3 - 4j]).conj().imag,
    "large and transposed": lambda: torch.arange(40_000.0).reshape(200, 200).T,
    "infinite": lambda: torch.tensor([math.inf, -math.inf, -0.0]),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_arrives_with_the_values_it_shows(name: str) -> None:
    """Strides, conjugation and negation are resolved; they do not travel."""
    tensor = VIEWS[name]()
    arrived = crossed(tensor)
    assert torch.equal(arrived, tensor.resolve_conj().resolve_neg())
    assert arrived.is_contiguous()


def test_nan_payloads_of_a_tensor_arrive_unchanged() -> None:
    """Tensor bytes are copied, never interpreted."""
    bits = torch.tensor([0x7FC01234, -0x3FEDCC], dtype=torch.int32)
    assert torch.equal(crossed(bits.view(torch.float32)).view(torch.int32), bits)


@pytest.mark.parametrize(
    ("make", "flags"),
    [
        (lambda: torch.ones(2), (False, True)),
        (lambda: torch.ones(2, requires_grad=True), (True, True)),
        (lambda: torch.ones(2, requires_grad=True) * 2, (True, False)),
        (lambda: (torch.ones(2, requires_grad=True) * 2).detach(), (False, True)),
        (lambda: torch.ones(2, dtype=torch.complex64, requires_grad=True), (True, True)),
    ],
    ids=["plain", "leaf", "computed", "detached", "complex leaf"],
)
def test_requires_grad_and_is_leaf_travel(make: Callable[[], torch.Tensor], flags: tuple[bool, bool]) -> None:
    """They come beside the tensor, in the order in which tensors were met; the tensor itself has no graph."""
    decoded = read(sent([make(), torch.zeros(1)]))
    assert [(item.requires_grad, item.is_leaf) for item in decoded.tensors] == [flags, (False, True)]
    assert decoded.tensors[0].tensor is decoded.value[0]
    assert not decoded.value[0].requires_grad


@pytest.mark.parametrize("dtype", ARRAY_DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_an_array_of_every_dtype_arrives_bit_by_bit(dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    """0-d and empty ones too; the result can be written to."""
    array = (np.arange(math.prod(shape)) % 2).astype(dtype).reshape(shape)
    arrived = crossed(array)
    assert arrived.dtype == dtype
    assert arrived.shape == shape
    assert np.array_equal(arrived, array)
    assert arrived.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">i4").reshape(2, 3), np.arange(5.0).astype(">f8"), np.arange(12).reshape(3, 4).T[::2],
        np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.broadcast_to(np.float32(2), (3, 2)),
        np.arange(20_000, dtype=">i8").reshape(100, 200).T, np.array([1, 2], dtype="longlong"),
    ],
    ids=["big-endian", "big-endian float", "strided", "fortran", "broadcast", "large big-endian", "longlong"],
)  # fmt: skip
def test_an_array_arrives_in_native_order(array: np.ndarray[Any, Any]) -> None:
    """Byte order and strides do not travel, values and kind do."""
    arrived = crossed(array)
    assert arrived.dtype == array.dtype.newbyteorder("=")
    assert np.array_equal(arrived, array)


def test_bulk_bytes_are_sent_without_a_copy() -> None:
    """A large tensor is a buffer of its own that shares the tensor's memory."""
    tensor = torch.zeros(100_000)
    encoded = encode(tensor, CAPS)
    tensor[0] = 1.0
    assert read(bytearray(b"".join(encoded.buffers))).value[0] == 1.0
    assert len(encoded.buffers) == 2


def test_a_frame_of_immutable_bytes_is_read_like_any_other() -> None:
    """No warning, and the tensor does not share the frame's memory."""
    data = bytes(sent(torch.ones(3)))
    read(data).value.zero_()
    assert torch.equal(read(data).value, torch.ones(3))


def test_map_tensors_reaches_every_container() -> None:
    """Lists, tuples and dict values, at any depth."""
    value = [torch.ones(1), {"a": (torch.ones(1), 2)}]
    assert map_tensors(value, lambda _: "t") == ["t", {"a": ("t", 2)}]


def test_a_frame_lets_later_values_depend_on_the_tensors_met() -> None:
    """Values stand one after the other behind the head; the list of tensors grows while they are written."""
    encoded = encode_frame(
        b"head", lambda met: (part() for part in (lambda: [torch.ones(2)] * 2, lambda: 5, lambda: len(met))), CAPS
    )
    data = bytearray(b"".join(encoded.buffers))
    assert data[:4] == b"head"
    values, tensors = decode_frame(data, 4, 3, CAPS)
    assert values[1:] == [5, 2]
    assert len(tensors) == 2


def test_a_frame_with_more_or_fewer_values_than_it_should_have_is_refused() -> None:
    """The number of values is the reader's, not the frame's."""
    data = bytearray(b"".join(encode_frame(b"", lambda _: iter((1, 2)), CAPS).buffers))
    with pytest.raises(ProtocolViolation, match="bytes follow the answer"):
        decode_frame(data, 0, 1, CAPS)
    with pytest.raises(ProtocolViolation, match="ends in the middle"):
        decode_frame(data, 0, 3, CAPS)


@pytest.mark.parametrize("dtype", TENSOR_DTYPES, ids=str)
def test_a_tensor_at_an_odd_offset_is_read_into_aligned_memory(dtype: torch.dtype) -> None:
    """Reading wide elements in place from an odd offset crashes Python, so a frame must never be read in place."""
    tensor = torch.ones(64).to(dtype)
    for head in range(1, 17):
        data = bytearray(b"".join(encode_frame(bytes(head), lambda _: iter((tensor,)), CAPS).buffers))
        (value,), _ = decode_frame(data, head, 1, CAPS)
        assert torch.equal(value, tensor)
        assert value.data_ptr() % 16 == 0


def test_the_head_counts_towards_no_cap() -> None:
    """A value that just fits fits behind a head too."""
    value = "x" * 95
    assert encode_frame(b"h" * 50, lambda _: iter((value,)), Caps(payload_bytes=100)).length_bytes == 150


# --- what becomes a handle --------------------------------------------------------------------------------------


class Net(nn.Module):
    """A module."""


HANDLES: dict[str, tuple[Callable[[], object], str]] = {
    "set": (lambda: {1}, "set"),
    "range": (lambda: range(3), "range"),
    "int of 70 bits": (lambda: 1 << 69, "int of 70 bits"),
    "one more than the largest int": (lambda: 1 << 63, "int of 64 bits"),
    "one less than the smallest int": (lambda: -(1 << 63) - 1, "int of 64 bits"),
    "sparse": (lambda: torch.eye(2).to_sparse(), "torch.Tensor (sparse_coo, float32, 2 dims)"),
    "9 dims": (lambda: torch.ones((1,) * 9), "torch.Tensor (strided, float32, 9 dims)"),
    "meta": (lambda: torch.empty(2, device="meta"), "torch.Tensor (strided, float32, 1 dims, on meta)"),
    "float8": (lambda: torch.ones(2).to(torch.float8_e5m2), "torch.Tensor (strided, float8_e5m2, 1 dims)"),
    "absurd empty": (lambda: torch.empty(0, 1 << 30, 1 << 30), "torch.Tensor (strided, float32, 3 dims)"),
    "tuple keys": (lambda: {(1, 2): 3}, "dict"),
    "key of 70 bits": (lambda: {1 << 69: 3}, "dict"),
    "two NaN keys": (lambda: {float("nan"): 1, float("nan") * 1: 2}, "dict"),
    "keys alike when made safe": (lambda: dict.fromkeys(["\ud800", "\ud801"], 1), "dict"),
    "object array": (lambda: np.array([None]), "numpy.ndarray (object, 1 dims)"),
    "text array": (lambda: np.array(["a"]), "numpy.ndarray (<U1, 1 dims)"),
    "lying object array": (lambda: np.array([None]).view(LyingArray), "LyingArray (object, 1 dims)"),
    "complex number": (lambda: 1j, "complex"),
    "complex numpy scalar": (lambda: np.complex64(1j), "numpy.complex64"),
    "generator": (lambda: (i for i in ()), "generator"),
    "module": (Net, "Net"),
    "stock module": (nn.ReLU, "torch.ReLU"),
    "dtype": (lambda: torch.float32, "torch.dtype"),
    "function": (lambda: same, "function"),
    "class": (lambda: Net, "type"),
}


@pytest.mark.parametrize("name", HANDLES)
def test_what_cannot_cross_becomes_a_handle_that_names_its_type(name: str) -> None:
    """The name is what a message says: `expected a tensor, got set`."""
    make, type_name = HANDLES[name]
    assert crossed([make()]) == [HandleRef(7, type_name)]


def test_a_nested_tensor_becomes_a_handle() -> None:
    """It has no shape that could be sent."""
    with pytest.warns(UserWarning, match="nested"):
        nested = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])
    assert crossed(nested).type_name == "torch.Tensor (nested, float32, 2 dims)"


def test_without_handles_what_cannot_cross_is_an_error() -> None:
    """The message names the type."""
    with pytest.raises(Unsendable, match="a value of type set cannot be sent"):
        encode([{1}], CAPS)


def test_a_handle_is_sent_as_itself() -> None:
    """A handle made earlier keeps its number, and a long name is cut."""
    assert crossed(HandleRef(3, "x")) == HandleRef(3, "x")
    assert len(crossed(HandleRef(3, "é" * 500)).type_name) == 100


# --- subclasses that lie ----------------------------------------------------------------------------------------


class LyingTensor(torch.Tensor):
    """Answers every question about itself wrongly."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return 12345

    shape = property(lambda self: (1 << 40,))  # type: ignore[assignment]
    requires_grad = property(lambda self: 77)  # type: ignore[assignment]
    is_leaf = property(lambda self: 99)  # type: ignore[assignment]

    def numpy(self, *, force: bool = False) -> Any:
        """Lie."""
        return np.zeros(1)


class LyingInt(int):
    """Adds, compares and converts wrongly."""

    __add__ = __int__ = __index__ = lambda self, *_: 1 << 100  # type: ignore[assignment]
    __lt__ = __le__ = lambda self, _: True  # type: ignore[assignment]


class LyingFloat(float):
    """Adds and converts wrongly."""

    __add__ = __pos__ = __float__ = lambda self, *_: math.nan  # type: ignore[assignment]


class LyingStr(str):
    """Encodes to something else, of another length."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        """Lie."""
        return b"\xff"

    def __len__(self) -> int:
        return 1 << 40

    def __str__(self) -> str:
        raise RuntimeError("no")


class LyingBytes(bytes):
    """Gives another buffer where Python lets it."""

    def __len__(self) -> int:
        return 1 << 40

    def __bytes__(self) -> bytes:
        return b"lie"

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(b"lie")

    def __getitem__(self, index: Any) -> Any:
        return b"lie"


class LyingList(list):  # type: ignore[type-arg]
    """Has another length and other items than it says."""

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Any:
        return iter(["lie"])

    def __getitem__(self, index: Any) -> Any:
        return ["lie"]


class LyingTuple(tuple):  # type: ignore[type-arg]
    """The same for a tuple."""

    __slots__ = ()
    __len__ = LyingList.__len__
    __iter__ = LyingList.__iter__
    __getitem__ = LyingList.__getitem__


class LyingDict(dict):  # type: ignore[type-arg]
    """Has other items than it says."""

    def items(self) -> Any:
        """Lie."""
        return [(["unhashable"], "lie")]

    __len__ = LyingList.__len__
    __iter__ = LyingList.__iter__


class LyingArray(np.ndarray):  # type: ignore[type-arg]
    """Claims another shape, dtype and content."""

    shape = property(lambda self: (1 << 40,))  # type: ignore[assignment]
    dtype = property(lambda self: np.dtype("float64"))
    nbytes = property(lambda self: 1)

    def tobytes(self, *_: object) -> bytes:
        """Lie."""
        return b"lie"

    def __array_finalize__(self, obj: object) -> None:
        pass


class LyingScalar(np.float64):
    """Is another item."""

    def item(self, *_: object) -> Any:
        """Lie."""
        return ["lie"]


LIARS = [
    (LyingInt(5), 5), (LyingFloat(0.5), 0.5), (LyingStr("true"), "true"), (LyingBytes(b"true"), b"true"),
    (LyingList([1, 2]), [1, 2]), (LyingTuple((1, 2)), (1, 2)), (LyingDict(a=1), {"a": 1}), (LyingScalar(0.5), 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("liar", "truth"), LIARS, ids=[type(liar).__name__ for liar, _ in LIARS])
def test_a_lying_subclass_is_written_by_what_it_is(liar: object, truth: object) -> None:
    """No method of the student's decides what a frame says."""
    assert same(crossed([liar]), [truth])


def test_a_lying_tensor_is_written_by_what_it_is() -> None:
    """Shape, flags and values come from the base class."""
    decoded = read(sent(torch.tensor([1.0, 2.0]).as_subclass(LyingTensor)))
    assert torch.equal(decoded.value, torch.tensor([1.0, 2.0]))
    assert (decoded.tensors[0].requires_grad, decoded.tensors[0].is_leaf) == (False, True)


def test_a_lying_leaf_keeps_its_true_flags() -> None:
    """A subclass that requires a gradient is sent as such, and the tensor kept for its graph is a plain one."""
    encoded = encode(torch.ones(2, requires_grad=True).as_subclass(LyingTensor), CAPS)
    (item,) = read(bytearray(b"".join(encoded.buffers))).tensors
    assert item.requires_grad
    assert type(encoded.tensors[0]) is torch.Tensor


def test_a_lying_array_is_written_by_what_it_is() -> None:
    """Shape, dtype and bytes come from the base class."""
    arrived = crossed(np.arange(3, dtype=np.int16).view(LyingArray))
    assert arrived.dtype == np.int16
    assert arrived.tolist() == [0, 1, 2]


# --- caps while writing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(1).expand(10**12),
        np.broadcast_to(np.float32(0), (10**6, 10**6)),
        [torch.ones(1), torch.ones(1).expand(1 << 40)],
    ],
    ids=["tensor", "array", "second of two"],
)
def test_a_huge_view_is_refused_before_it_is_materialised(value: object) -> None:
    """Terabytes on paper are refused by their size, and nothing is allocated."""
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match=r"[\d,]+ bytes, the limit is 1,048,576"):
            sent(value)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def nested(levels: int) -> list[Any]:
    """Return lists in lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_depth_is_capped_on_both_sides() -> None:
    """As deep as allowed passes, one deeper does not."""
    assert crossed(nested(32)) == nested(32)
    with pytest.raises(TooLarge, match="nested more than 32 levels deep"):
        sent(nested(33))
    with pytest.raises(ProtocolViolation, match="nested too deep or holds too many items"):
        read(sent(nested(33), Caps(1 << 20, depth=99)))


def test_a_list_that_contains_itself_is_refused() -> None:
    """The cap on depth ends it."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(TooLarge, match="levels deep"):
        sent(loop)


def test_items_are_capped_on_both_sides() -> None:
    """Items are counted over all containers together."""
    few = Caps(1 << 20, items=10)
    value = [[1] * 4, [1] * 3]
    assert read(sent(value, few), few).value == value
    with pytest.raises(TooLarge, match="more than 10 items"):
        sent([*value, 1], few)
    with pytest.raises(ProtocolViolation, match="too many items"):
        read(sent([*value, 1]), few)


@pytest.mark.parametrize(
    "value",
    ["x" * 990, b"x" * 990, torch.zeros(986, dtype=torch.uint8), np.zeros(1000, np.uint8), [1] * 200, [True] * 1000],
    ids=["str", "bytes", "tensor", "array", "numbers", "flags"],
)
def test_bytes_are_capped_on_both_sides_at_the_same_size(value: object) -> None:
    """What a writer lets pass is never too much for the reader, to the byte: an honest reply is no violation."""
    exact = len(sent(value))
    assert len(sent(value, Caps(exact))) == exact
    read(sent(value), Caps(exact))
    with pytest.raises(TooLarge, match="the limit is"):
        sent(value, Caps(exact - 1))
    with pytest.raises(ProtocolViolation, match="the limit is"):
        read(sent(value), Caps(exact - 1))


# --- what is refused while reading ------------------------------------------------------------------------------

RICH = [
    None,
    True,
    7,
    0.5,
    math.inf,
    "text",
    b"bytes",
    (1, 2),
    {"k": [1]},
    torch.ones(2, 2),
    np.arange(3),
    HandleRef(1, "set"),
]


def test_a_frame_cut_anywhere_is_refused() -> None:
    """Every proper prefix of a frame is a violation."""
    frame = sent(RICH)
    for end in range(len(frame)):
        with pytest.raises(ProtocolViolation, match="ends in the middle of a value"):
            read(frame[:end])


def test_trailing_bytes_are_refused() -> None:
    """A frame is filled exactly."""
    with pytest.raises(ProtocolViolation, match="1 bytes follow the answer"):
        read(sent(RICH) + b"N")


def test_an_unknown_tag_is_refused() -> None:
    """Each byte that is no tag."""
    for tag in set(range(256)) - set(b"NTFifxsbltdXAH"):
        with pytest.raises(ProtocolViolation, match="an unknown kind of value"):
            read(bytes([tag]) + bytes(64))


FOUR = bytes(4)
REFUSED: dict[str, tuple[bytes, str]] = {
    "tensor dtype": (tensor_frame(code=len(TENSOR_DTYPES), data=FOUR), "unknown dtype, flags or device"),
    "tensor flags": (tensor_frame(flags=4, data=FOUR), "unknown dtype, flags or device"),
    "tensor device": (tensor_frame(device=3, data=FOUR), "unknown dtype, flags or device"),
    "tensor of 9 dims": (tensor_frame(shape=(1,) * 9, data=FOUR), "a tensor of 9 dimensions"),
    "tensor of 255 dims": (tensor_frame(shape=(1,) * 255, data=FOUR), "a tensor of 255 dimensions"),
    "sizes whose product overflows": (tensor_frame(shape=(1 << 32, 1 << 32), data=b""), "ends in the middle"),
    "sizes whose product wraps to 4": (tensor_frame(shape=((1 << 63) + 2, 2), data=bytes(16)), "ends in the middle"),
    "largest size": (tensor_frame(shape=((1 << 64) - 1,), data=FOUR), "ends in the middle"),
    "empty with huge dims": (tensor_frame(shape=(0, 1 << 40, 1 << 40), data=b""), "size overflows"),
    "too few bytes": (tensor_frame(shape=(2,), data=bytes(7)), "ends in the middle of a value"),
    "too many bytes": (tensor_frame(shape=(2,), data=bytes(9)), "1 bytes follow"),
    "a tebibyte claimed": (tensor_frame(shape=(1 << 38,), data=FOUR), "ends in the middle of a value"),
    "integers with a gradient": (tensor_frame(code=5, flags=1, data=bytes(8)), "integers that requires a gradient"),
    "booleans with a gradient": (tensor_frame(code=0, flags=3, data=b"\1"), "integers that requires a gradient"),
    "array dtype": (b"A" + bytes([len(ARRAY_DTYPES), 0]) + bytes(16), "an array of unknown dtype"),
    "array of 9 dims": (b"A" + bytes([1, 9]) + u64(*(1,) * 9) + b"\0", "a tensor of 9 dimensions"),
    "array whose size overflows": (b"A" + bytes([1, 2]) + u64(0, 1 << 60), "size overflows"),
    "array with too few bytes": (b"A" + bytes([3, 1]) + u64(2) + bytes(3), "ends in the middle of a value"),
    "array that claims a tebibyte": (b"A" + bytes([1, 1]) + u64(1 << 40) + bytes(3), "ends in the middle of a value"),
    "untagged NaN": (b"f" + struct.pack("<d", math.nan), "not tagged as non-finite"),
    "untagged infinity": (b"f" + struct.pack("<d", -math.inf), "not tagged as non-finite"),
    "unknown non-finite": (b"x\x03", "an unknown non-finite float"),
    "text that is not UTF-8": (b"s\x01\0\0\0\xff", "a text that is not UTF-8"),
    "text with a surrogate": (b"s\x03\0\0\0\xed\xa0\x80", "a text that is not UTF-8"),
    "repeated key": (b"d\x02\0\0\0TNTN", "a repeated key"),
    "repeated key of two types": (b"d\x02\0\0\0TNi" + struct.pack("<q", 1) + b"N", "a repeated key"),
    "repeated NaN key": (b"d\x02\0\0\0x\x02Nx\x02N", "a repeated key"),
    "list as key": (b"d\x01\0\0\0l\0\0\0\0N", "a key of a wrong type"),
    "bytes as key": (b"d\x01\0\0\0b\0\0\0\0N", "a key of a wrong type"),
    "tensor as key": (b"d\x01\0\0\0" + tensor_frame(data=FOUR) + b"N", "a key of a wrong type"),
    "handle without a name": (b"H" + bytes(8) + b"N", "ends in the middle"),
    "handle with a long name": (b"H" + bytes(8) + b"\xc9\0\0\0" + b"x" * 201, "a handle where none is allowed"),
    "list of 2**32-1 items": (b"l\xff\xff\xff\xff" + b"N" * 50, "a container of 4,294,967,295 items"),
    "tuple of 2**32-1 items": (b"t\xff\xff\xff\xff" + b"N" * 50, "a container of 4,294,967,295 items"),
    "dict of 2**32-1 items": (b"d\xff\xff\xff\xff" + b"N" * 50, "a container of 4,294,967,295 items"),
    "text of 2**32-1 bytes": (b"s\xff\xff\xff\xff" + b"N" * 50, "ends in the middle of a value"),
    "nothing": (b"", "ends in the middle of a value"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_frame_that_encode_cannot_write_is_refused(name: str) -> None:
    """Each with its own message, and before anything large is allocated."""
    frame, message = REFUSED[name]
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolViolation, match=message):
            read(bytearray(frame))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_handle_is_refused_where_none_is_allowed() -> None:
    """Without `from_handle` a handle is a violation."""
    with pytest.raises(ProtocolViolation, match="a handle where none is allowed"):
        decode(sent({1}), CAPS)


def test_empty_dims_are_read_where_they_cannot_overflow() -> None:
    """A zero among sane sizes is an ordinary empty tensor."""
    assert crossed(torch.empty(0, 1 << 20)).shape == (0, 1 << 20)


def test_bytes_of_booleans_are_normalised() -> None:
    """2 and 255 read as True and are stored as 1, so no later operation sees an impossible boolean."""
    tensor = read(tensor_frame(code=0, shape=(4,), data=b"\0\1\2\xff")).value
    array = read(b"A" + bytes([0, 1]) + u64(4) + b"\0\1\2\xff").value
    assert tensor.view(torch.uint8).tolist() == [0, 1, 1, 1]
    assert array.view(np.uint8).tolist() == [0, 1, 1, 1]


def test_what_was_read_does_not_share_the_memory_of_the_frame() -> None:
    """Overwriting a frame afterwards changes no value."""
    frame = sent([torch.ones(3), np.ones(3), "text", b"bytes"])
    value = read(frame).value
    frame[:] = bytes(len(frame))
    assert torch.equal(value[0], torch.ones(3))
    assert value[1].tolist() == [1.0, 1.0, 1.0]
    assert value[2:] == ["text", b"bytes"]


def test_a_device_is_only_text() -> None:
    """A tensor from another device is a CPU tensor that says where it was."""
    item = read(tensor_frame(device=1, data=FOUR)).tensors[0]
    assert (item.device, item.tensor.device.type) == ("cuda:0", "cpu")


# --- any values, any bytes --------------------------------------------------------------------------------------

KEYS = st.one_of(st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.floats(), st.text(max_size=5))
PLAIN = st.recursive(
    st.one_of(KEYS, st.binary(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.lists(inner, max_size=4).map(tuple), st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def budget(examples: int) -> settings:
    """The same examples in every run, without a clock."""
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


@budget(1500)
@given(PLAIN)
def test_any_nested_value_arrives_as_it_was_sent(value: object) -> None:
    """Whatever is built of the plain types; a dict with keys that read alike may become a handle instead."""
    arrived = crossed(value)
    assert same(arrived, value) or b"H" in sent(value)


@budget(4500)
@given(st.binary(max_size=200))
@example(b"l\x00\x00\x10\x00" * 40)
def test_any_bytes_are_a_value_or_a_violation(data: bytes) -> None:
    """Nothing but ProtocolViolation ever comes out of the reader."""
    accepts_or_refuses(data)


FRAMES = [
    *(bytes(sent(value)) for value in (RICH, *RICH, *PLAIN_VALUES)),
    *(bytes(sent([torch.ones(2, 3).to(dtype)])) for dtype in TENSOR_DTYPES),
    *(bytes(sent({"a": np.ones((2, 3), dtype)})) for dtype in ARRAY_DTYPES),
]
MUTATION = st.tuples(
    st.integers(0, 200), st.sampled_from(["flip", "cut", "insert", "copy"]), st.binary(min_size=1, max_size=9)
)


@budget(4000)
@given(st.sampled_from(FRAMES), st.lists(MUTATION, min_size=1, max_size=4))
def test_a_damaged_frame_is_a_value_or_a_violation(valid: bytes, mutations: list[tuple[int, str, bytes]]) -> None:
    """Valid frames with bytes changed, removed, inserted and repeated."""
    frame = bytearray(valid)
    for where, how, data in mutations:
        start = where % (len(frame) + 1)
        stop = start + (0 if how == "insert" else len(data))
        frame[start:stop] = {"cut": b"", "copy": frame[:stop]}.get(how, data)
    accepts_or_refuses(bytes(frame[:10_000]))


def accepts_or_refuses(data: bytes) -> None:
    """Read a frame; what is accepted can be written again and then reads the same."""
    try:
        value = read(data).value
    except ProtocolViolation:
        return
    again = sent(value)
    assert sent(read(again).value) == again
