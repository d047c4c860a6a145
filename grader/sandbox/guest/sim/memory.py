"""The same bytes as a tensor of the processor and as one of the simulated accelerator.

Owns the one trick that everything here rests on: DLPack says in one word on which device a tensor's memory lies, and
that word can be changed. Both tensors are ordinary ones of torch's own class, share their memory and keep it alive.
Must not know operators. The second place of ours that uses ctypes, beside the fence's kernel calls.
"""

from __future__ import annotations

import ctypes
from typing import Any

import torch
from torch import Tensor

from grader import messages

NAME = "sim"
DEVICE_TEXT = f"{NAME}:0"

# Source: dlpack.h, enum DLDeviceType and struct DLTensor, whose first member is the pointer to the data.
_ON_CPU, _ON_EXTENSION = 1, 12
_DEVICE_TYPE_OFFSET = ctypes.sizeof(ctypes.c_void_p)
_CAPSULE = b"dltensor"

_export: Any = getattr(torch._C, "_to_dlpack", None)
_import: Any = getattr(torch._C, "_from_dlpack", None)
_address_in: Any = ctypes.pythonapi.PyCapsule_GetPointer
_address_in.restype, _address_in.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_word_at = ctypes.c_int32.from_address


class UnsupportedOnSim(NotImplementedError):
    """Something that a real accelerator can do and the simulated one cannot; the message says what to do instead."""


def require_ordinal(which: Any) -> None:
    """Refuse every device of the kind but the first, as CUDA refuses one that the machine lacks.

    Raises:
        RuntimeError: it does not exist.
    """
    index = which if isinstance(which, int) else torch.device(which).index if which is not None else None
    if index not in (None, -1, 0):
        raise RuntimeError(f"{NAME} error: invalid device ordinal: there is one device, {DEVICE_TEXT}, not {which}")


def on_sim(tensor: Tensor) -> Tensor:
    """Return the memory of a CPU tensor as a tensor of the accelerator, without its graph.

    Raises:
        UnsupportedOnSim: it is sparse, quantised or otherwise not plain memory.
    """
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_nested:
        layout = str(tensor.layout).removeprefix("torch.")
        layout = "quantized" if tensor.is_quantized else "nested" if tensor.is_nested else layout
        raise UnsupportedOnSim(messages.SIM_LAYOUT.format(layout=layout))
    if tensor._is_zerotensor():  # torch's stand-in for zeros has no memory
        tensor = torch.zeros(tensor.shape, dtype=tensor.dtype)
    elif tensor.is_conj() or tensor.is_neg():
        tensor = tensor.resolve_conj().resolve_neg()
    return _relabelled(tensor, _ON_EXTENSION)


def on_cpu(tensor: Tensor) -> Tensor:
    """Return the memory of one of the accelerator's tensors as a CPU tensor, without its graph."""
    same = _relabelled(tensor, _ON_CPU)
    if tensor.is_conj():
        same = same.conj()
    return torch._neg_view(same) if tensor.is_neg() else same


def _relabelled(tensor: Tensor, device_type: int) -> Tensor:
    capsule = _export(tensor)
    _word_at(_address_in(capsule, _CAPSULE) + _DEVICE_TYPE_OFFSET).value = device_type
    same: Tensor = _import(capsule)
    return same
