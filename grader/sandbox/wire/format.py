"""The vocabulary of the format: dtypes, struct layouts, caps and the plain classes both directions use.

Knows no bytes of a particular frame. The order of the dtype tables is the format: append only.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from grader.errors import GraderError

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
DEVICE_TYPES = ("cpu", "cuda", "sim")

TENSOR_CODES = {dtype: code for code, dtype in enumerate(TENSOR_DTYPES)}
ARRAY_CODES = {dtype: code for code, dtype in enumerate(ARRAY_DTYPES)}
U32, I64, F64 = struct.Struct("<I"), struct.Struct("<q"), struct.Struct("<d")
TENSOR_HEAD = struct.Struct("<cBBBBB")  # tag, dtype, flags, device type, device index, dims
SHAPES = tuple(struct.Struct(f"<{dims}Q") for dims in range(MAX_DIMS + 1))
REQUIRES_GRAD, IS_LEAF = 1, 2
NON_FINITE = {0: math.inf, 1: -math.inf, 2: math.nan}

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
    objects: int = 10_000  # tensors, arrays and handles: each costs more than a plain item


class HandleRef(NamedTuple):
    """An object that stays on the other side, named by a number it was given there."""

    id: int
    type_name: str


class SentTensor(NamedTuple):
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


def sane_shape(shape: tuple[int, ...]) -> bool:
    """Whether a shape may cross: few dims, and no product that overflows even where one of them is zero."""
    return len(shape) <= MAX_DIMS and math.prod(max(size, 1) for size in shape) <= MAX_ELEMENTS
