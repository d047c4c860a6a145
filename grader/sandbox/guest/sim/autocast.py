"""Mixed precision on the accelerator: `torch.autocast("sim")` computes in the dtypes that it computes in on CUDA.

Owns the lists of operators. Those in `LOWER` get the chosen dtype, those in `FLOAT32` are kept from it, those in
`WIDEST` take the widest dtype among their tensors; all others run in the dtype they are given.
Source: torch's documentation of automatic mixed precision, "CUDA Ops that can autocast", and autocast_mode.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from grader.sandbox.guest.sim.kernels import overload
from grader.sandbox.guest.sim.memory import NAME

LOWER = (
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "conv1d", "conv2d", "conv3d", "conv_tbc",
    "conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input", "convolution", "einsum", "gru_cell",
    "linalg_multi_dot", "linalg_vecdot", "linear", "lstm_cell", "matmul", "mm", "mv", "prelu", "rnn_relu_cell",
    "rnn_tanh_cell", "scaled_dot_product_attention",
)  # fmt: skip
FLOAT32 = (
    "acos", "asin", "binary_cross_entropy_with_logits", "cdist", "cosh", "cosine_embedding_loss",
    "cosine_similarity", "cumprod", "cumsum", "dist", "erfinv", "exp", "expm1", "group_norm",
    "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "layer_norm", "log", "log10", "log1p", "log2",
    "log_softmax.int", "logsumexp", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "nll_loss", "nll_loss2d", "norm.Scalar", "norm.ScalarOpt_dim", "nuclear_norm",
    "pdist", "poisson_nll_loss", "pow.Scalar", "pow.Tensor_Scalar", "pow.Tensor_Tensor", "prod", "prod.dim_int",
    "reciprocal", "renorm", "rsqrt", "sinh", "smooth_l1_loss", "soft_margin_loss", "softmax.int", "softplus", "sum",
    "sum.dim_IntList", "tan", "triplet_margin_loss",
)  # fmt: skip
WIDEST = (
    "addcdiv", "addcmul", "atan2", "bilinear", "cat", "cross", "dot", "grid_sampler", "index_put", "scatter_add",
    "stack", "tensordot", "vdot",
)  # fmt: skip
_REFUSED = ("binary_cross_entropy",)

_Choose = Callable[[Sequence[Tensor]], torch.dtype]
_KEYS = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastPrivateUse1)  # type: ignore[attr-defined]


_registered: list[Any] = []
_Library: Any = torch.library.Library  # torch has no types for it


def register() -> None:
    """Register the lists when they are needed first: it takes longer than all the rest of the accelerator."""
    if _registered:
        return
    everything = _Library("_", "IMPL")
    everything.fallback(torch.library.fallthrough_kernel, "AutocastPrivateUse1")
    own = _Library("aten", "IMPL")
    for names, choose in ((LOWER, _chosen), (FLOAT32, _float32), (WIDEST, _widest)):
        for name in names:
            own.impl(name, _casting(overload(name), choose), "AutocastPrivateUse1")
    for name in _REFUSED:
        own.impl(name, _refuse, "AutocastPrivateUse1")
    _registered.extend([everything, own])


def _casting(operator: OpOverload, choose: _Choose) -> Callable[..., Any]:
    """Return a kernel that casts and then runs the operator without autocast, so that autograd sees the casts."""

    def kernel(*args: Any, **kwargs: Any) -> Any:
        found = [tensor for value in (*args, *kwargs.values()) for tensor in _castable(value)]
        dtype = choose(found) if found else torch.float32
        with torch._C._ExcludeDispatchKeyGuard(_KEYS):
            named = {name: _cast(value, dtype) for name, value in kwargs.items()}
            return operator(*[_cast(value, dtype) for value in args], **named)

    return kernel


def _castable(value: Any) -> list[Tensor]:
    """Return the tensors of an argument that autocast may touch: of our device, floating point and no double."""
    items = value if isinstance(value, list | tuple) else (value,)
    return [
        item
        for item in items
        if isinstance(item, Tensor)
        and item.device.type == NAME
        and item.is_floating_point()
        and item.dtype is not torch.float64
    ]


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, list | tuple):
        return [_cast(item, dtype) for item in value]
    return value.to(dtype) if _castable(value) else value


def _chosen(tensors: Sequence[Tensor]) -> torch.dtype:
    return torch.get_autocast_dtype(NAME)


def _float32(tensors: Sequence[Tensor]) -> torch.dtype:
    return torch.float32


def _widest(tensors: Sequence[Tensor]) -> torch.dtype:
    dtype = tensors[0].dtype
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


def _refuse(*args: Any, **kwargs: Any) -> Tensor:
    """Refuse what is unsafe in half precision, as on CUDA."""
    raise RuntimeError(
        "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
        "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
        "In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits\n"
        "or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
        "safe to autocast."
    )
