"""The operators that have a kernel of their own on the accelerator: memory, copies, convolutions, reading a value.

Owns the list of what is registered. Copies and reads are counted. What stands in `_PLAIN` has a kernel only to be
faster: without one torch would make each of them two operators, an empty result and one that fills it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from grader import messages
from grader.sandbox.guest.sim import recurrent
from grader.sandbox.guest.sim.counters import COUNTER
from grader.sandbox.guest.sim.dispatch import adopt, require_one_device, run
from grader.sandbox.guest.sim.memory import NAME, UnsupportedOnSim, on_cpu, on_sim, require_ordinal

_KEY = "PrivateUse1"
_Library: Any = torch.library.Library  # torch has no types for it
_CPU_KEY = torch._C.DispatchKey.CPU
_CPU = torch.device("cpu")
_aten = torch.ops.aten
_PLAIN = (
    "_log_softmax", "_log_softmax_backward_data", "_softmax", "_softmax_backward_data", "add.Tensor", "add_.Tensor",
    "addcdiv", "addcdiv_", "addcmul", "addcmul_", "addmm", "argmax", "avg_pool2d", "avg_pool2d_backward", "baddbmm",
    "bmm", "clamp", "conj_physical_", "convolution_backward", "cos", "div.Tensor", "div_.Tensor", "eq.Scalar",
    "eq.Tensor", "exp", "gather", "ge.Scalar", "gelu", "gelu_backward", "gt.Scalar", "index.Tensor", "le.Scalar",
    "lerp.Scalar", "lerp_.Scalar", "log", "lt.Scalar", "max.dim", "max_pool2d_with_indices",
    "max_pool2d_with_indices_backward", "maximum", "mean.dim", "minimum", "mm", "mse_loss", "mul.Tensor",
    "mul_.Tensor", "ne.Scalar", "ne.Tensor", "neg", "nll_loss_backward", "nll_loss_forward", "pow.Tensor_Scalar",
    "reciprocal", "rsqrt", "sigmoid", "sigmoid_backward", "silu", "silu_backward", "sin", "smooth_l1_loss",
    "softplus", "softplus_backward", "sqrt", "sqrt_", "sub.Tensor", "sub_.Tensor", "sum.dim_IntList", "tanh",
    "tanh_backward", "threshold_backward", "tril", "triu",
)  # fmt: skip
# For devices unknown to it torch composes these of other operators, which rounds otherwise or does not work at all.
_COMPOSED = (
    "addr", "kaiser_window", "kaiser_window.beta", "kaiser_window.periodic", "mish_backward", "native_channel_shuffle",
    "native_group_norm", "native_layer_norm",
)  # fmt: skip
_LAYOUTS = {
    "NestedTensorPrivateUse1": "nested",
    "QuantizedPrivateUse1": "quantized",
    "SparseCsrPrivateUse1": "sparse_csr",
    "SparsePrivateUse1": "sparse_coo",
}


def register() -> list[Any]:
    """Register everything; it holds as long as the result is kept."""
    everything = _Library("_", "IMPL")
    everything.fallback(run, _KEY)
    for key, layout in _LAYOUTS.items():
        everything.fallback(_refusing(layout), key)
    own = _Library("aten", "IMPL")
    for name in _PLAIN + _COMPOSED:
        own.impl(name, _running(overload(name)), _KEY)
    for name, kernel in _KERNELS.items():
        own.impl(name, kernel, _KEY)
    for name, kernel in recurrent.KERNELS.items():
        own.impl(name, _on_one_device(overload(name), kernel), _KEY)
    for name, kernel in _OF_THE_CPU.items():
        own.impl(name, kernel, "CPU")
    return [everything, own]


def overload(name: str) -> OpOverload:
    """Return the operator of torch's own that is called so, such as `add.Tensor`."""
    packet, _, which = name.partition(".")
    found: OpOverload = getattr(getattr(_aten, packet), which or "default")
    return found


def _running(operator: OpOverload) -> Callable[..., Any]:
    return lambda *args, **kwargs: run(operator, *args, **kwargs)


def _refusing(layout: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedOnSim(messages.SIM_LAYOUT.format(layout=layout))

    return refuse


def _on_one_device(operator: OpOverload, kernel: Callable[..., Any]) -> Callable[..., Any]:
    def checked(*args: Any, **kwargs: Any) -> Any:
        require_one_device(operator, args, kwargs)
        return kernel(*args, **kwargs)

    return checked


# --- memory ----------------------------------------------------------------------------------------------------------


def _empty(size: list[int], *, device: Any = None, pin_memory: bool | None = None, **form: Any) -> Tensor:
    require_ordinal(device)
    return on_sim(torch.empty(size, device=_CPU, **form))


def _empty_strided(size: list[int], stride: list[int], *, device: Any = None, **form: Any) -> Tensor:
    require_ordinal(device)
    return on_sim(torch.empty_strided(size, stride, device=_CPU, dtype=form.get("dtype")))


def _resize_(tensor: Tensor, size: list[int], *, memory_format: torch.memory_format | None = None) -> Tensor:
    """Give a tensor another shape, and new memory with the old values in front if the old memory is too small."""
    room_bytes = tensor.untyped_storage().nbytes() - tensor.storage_offset() * tensor.itemsize
    if math.prod(size) * tensor.itemsize <= room_bytes:
        _aten.resize_.default._op_dk(_CPU_KEY, tensor, size, memory_format=memory_format)
        return tensor
    larger = torch.empty(size, dtype=tensor.dtype, memory_format=memory_format or torch.contiguous_format)
    if tensor.numel():
        kept = on_cpu(tensor).reshape(-1)
        larger.view(-1)[: len(kept)] = kept
    adopt(tensor, on_sim(larger))
    return tensor


def _showing(operator: OpOverload) -> Callable[..., Tensor]:
    """Return a kernel for `set_`, which only says what memory a tensor shows; the CPU's asks for no device."""
    return lambda *args: operator._op_dk(_CPU_KEY, *args)


def _shows_the_same(one: Tensor, other: Tensor) -> Any:
    """Serve `is_set_to`; only the tensors themselves, not their likes on the CPU, know which storage they show."""
    return _aten.is_set_to.default._op_dk(_CPU_KEY, one, other)


def _cannot_be_nested(tensor: Tensor, mask: Tensor) -> bool:
    """Keep `nn.TransformerEncoder` from packing what is not padded; so it does on CUDA if the mask is a ragged one."""
    return False


def _have_compatible_memory(one: Tensor, other: Tensor) -> bool:
    """Let `.data = …`, and by that `module.to`, keep a parameter's identity across devices, as between CPU and CUDA."""
    return one.layout is other.layout is torch.strided


# --- copies ----------------------------------------------------------------------------------------------------------


def _copy_(into: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    (into if into.is_cpu else on_cpu(into)).copy_(_lowered(source))
    _count_copy(source, into.device, non_blocking)
    return into


def _to_copy(
    tensor: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: Any = None,
    non_blocking: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Copy from, to or on the accelerator; torch's own way to the host would ask for pinned memory."""
    wanted = tensor.device if device is None else torch.device(device)
    arrives = wanted.type == NAME
    form = {"dtype": dtype, "layout": layout, "memory_format": memory_format}
    made: Tensor = _aten._to_copy.default(_lowered(tensor), device=_CPU if arrives else wanted, **form)
    _count_copy(tensor, wanted, non_blocking)
    if arrives:
        require_ordinal(wanted)
        return on_sim(made)
    return made


def _lowered(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_cpu else on_cpu(tensor)


def _count_copy(source: Tensor, to: torch.device, non_blocking: bool) -> None:
    if source.device.type != to.type:
        size_bytes = source.numel() * source.itemsize
        if to.type == NAME:
            COUNTER.moved_to_device(size_bytes)
        else:
            COUNTER.moved_to_host(size_bytes, waits=not non_blocking)


def _clone(tensor: Tensor, *, memory_format: Any = None) -> Tensor:
    return on_sim(on_cpu(tensor).clone(memory_format=memory_format or torch.preserve_format))


def _read_value(tensor: Tensor) -> Any:
    """Serve `item`, `float(tensor)`, `if tensor:` and their like."""
    COUNTER.waited()
    return _aten._local_scalar_dense.default(on_cpu(tensor))


def _forget_stream(tensor: Tensor, stream: Any) -> None:
    """Nothing here runs later than it is called."""


# --- convolutions ----------------------------------------------------------------------------------------------------


def _convolution(tensor: Tensor, weight: Tensor, bias: Tensor | None, *form: Any) -> Tensor:
    """Convolve; torch compares the types, devices included, before anything else, in these words."""
    for name, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.type() != tensor.type():
            raise RuntimeError(f"Input type ({tensor.type()}) and {name} type ({other.type()}) should be the same")
    lowered = [one if one is None else on_cpu(one) for one in (tensor, weight, bias)]
    return on_sim(_aten.convolution.default(*lowered, *form))


# --- pinned memory ---------------------------------------------------------------------------------------------------


def _pin(tensor: Tensor, device: Any = None) -> Tensor:
    """Copy as pinning does; there is nothing to pin for, but a loader or a student may ask for it."""
    pinned = tensor.clone()
    pinned.untyped_storage()._pinned_for_sim = True  # type: ignore[attr-defined]
    return pinned


def _is_pinned(tensor: Tensor, device: Any = None) -> bool:
    return hasattr(tensor.untyped_storage(), "_pinned_for_sim")


def _refuse_to_pin(tensor: Tensor, device: Any = None) -> Tensor:
    """Refuse in torch's own words for a tensor of CUDA."""
    raise RuntimeError(f"cannot pin '{tensor.type()}' only dense CPU tensors can be pinned")


_KERNELS: dict[str, Callable[..., Any]] = {
    "_has_compatible_shallow_copy_type": _have_compatible_memory,
    "_local_scalar_dense": _read_value,
    "_nested_tensor_from_mask_left_aligned": _cannot_be_nested,
    "_pin_memory": _refuse_to_pin,
    "_to_copy": _to_copy,
    "clone": _clone,
    "convolution": _convolution,
    "copy_": _copy_,
    "empty.memory_format": _empty,
    "empty_strided": _empty_strided,
    "is_set_to": _shows_the_same,
    "record_stream": _forget_stream,
    "resize_": _resize_,
    "set_": _showing(_aten.set_.default),
    "set_.source_Storage": _showing(_aten.set_.source_Storage),
    "set_.source_Storage_storage_offset": _showing(_aten.set_.source_Storage_storage_offset),
    "set_.source_Tensor": _showing(_aten.set_.source_Tensor),
}
_OF_THE_CPU: dict[str, Callable[..., Any]] = {"_pin_memory": _pin, "is_pinned": _is_pinned}
