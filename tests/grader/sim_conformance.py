"""What a sim guest runs to compare the simulated accelerator with the CPU: operators, modules, optimisers.

Loaded into the guest as a submission; the test process imports it too, for the names only. Each case is run on both
devices in the guest: values, dtypes, shapes and strides, then the gradients of everything that has one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_flatten, tree_map

Case = Callable[[SimpleNamespace], Any]


def _names(text: str) -> list[str]:
    return text.split()


UNARY = _names(
    """
    abs acos acosh angle asin asinh atan atanh ceil clone cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 floor
    frac isfinite isinf isnan lgamma log log10 log1p log2 logical_not logit neg positive rad2deg real reciprocal round
    rsqrt sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh trunc nan_to_num i0 ravel flatten contiguous t
    """
)
BINARY = _names(
    """
    add sub mul div atan2 copysign eq ne lt le gt ge fmax fmin fmod hypot logaddexp logaddexp2 maximum minimum pow
    remainder true_divide xlogy logical_and logical_or logical_xor nextafter dist isclose
    """
)
REDUCTIONS = _names(
    """
    sum mean prod amax amin max min argmax argmin all any std var median logsumexp norm cumsum cumprod logcumsumexp
    softmax log_softmax argsort sort mode nansum nanmean count_nonzero aminmax flip diff
    """
)
IN_PLACE = _names(
    """
    abs_ ceil_ cos_ exp_ floor_ log_ neg_ reciprocal_ relu_ round_ rsqrt_ sigmoid_ sin_ sqrt_ tan_ tanh_ trunc_ zero_ t_
    square_ erf_ expm1_ log1p_ sign_ frac_ logit_
    """
)
ACTIVATIONS = _names(
    """
    relu relu6 elu selu celu leaky_relu gelu silu mish hardtanh hardswish hardsigmoid logsigmoid softplus softsign
    tanhshrink hardshrink softshrink softmin
    """
)
LINALG = _names(
    """
    cholesky_ex det eigvalsh inv lu matrix_norm matrix_power:2 matrix_rank norm pinv qr slogdet svdvals vector_norm
    matrix_exp cond
    """
)

OTHERS: dict[str, Case] = {
    "add a number": lambda t: t.a + 2,
    "number to a tensor without dimensions": lambda t: t.a.sum() * 3,
    "subtract from a number": lambda t: 1 - t.a,
    "mixed dtypes": lambda t: t.a.float() + t.i4.view(4, 1),
    "remainder of a number": lambda t: t.i4 % 3,
    "floor division": lambda t: (t.i4 // 2, t.a.detach() // t.b.detach()),
    "heaviside": lambda t: torch.heaviside(t.a.detach() - 0.5, t.b.detach()),
    "power": lambda t: t.a**3,
    "bitwise": lambda t: (t.i4 & 3) | (t.i4 ^ 1) | (~t.i4 << 1),
    "broadcasting": lambda t: t.a * t.v + t.a[:, :1],
    "clamp": lambda t: t.a.clamp(0.3, 0.6),
    "where": lambda t: torch.where(t.mask, t.a, t.b),
    "where with a number": lambda t: torch.where(t.mask, t.a, 0.0),
    "masked_fill": lambda t: t.a.masked_fill(t.mask, -1.0),
    "masked_select": lambda t: t.a.masked_select(t.mask),
    "lerp": lambda t: t.a.lerp(t.b, 0.3),
    "half the precision": lambda t: _in_bfloat16(t),
    "fftfreq": lambda t: torch.fft.fftfreq(5, device=t.device, dtype=torch.float64),
    "kaiser_window": lambda t: torch.kaiser_window(5, True, 3.0, device=t.device),
    "stft": lambda t: torch.stft(t.v.repeat(4), 4, window=t.v[:4].detach(), return_complex=True).abs(),
    "view of complex": lambda t: (torch.view_as_real(t.z), torch.view_as_real((2 * t.z.conj()).resolve_conj())),
    "addmm_": lambda t: _changed(t.s, lambda x: x.addmm_(t.s, t.s, beta=0.5)),
    "index with CPU indices": lambda t: t.a[torch.tensor([2, 0]), torch.tensor([1, 3])],
    "index with a CPU mask": lambda t: t.a[torch.tensor([True, False, True, False])],
    "set by CPU indices": lambda t: _changed(t.a, lambda x: x.__setitem__(torch.tensor([2, 0]), 1.0)),
    "index_put that adds": lambda t: t.a.index_put((t.i4[[0, 0]],), t.b[:2], accumulate=True),
    "masked_scatter": lambda t: t.a.masked_scatter(t.mask, t.b),
    "a CPU number": lambda t: (t.a + torch.tensor(2.0), torch.maximum(t.a, torch.tensor(0.5)), torch.tensor(2) * t.a),
    "per-sample gradients": lambda t: torch.func.vmap(torch.func.grad(lambda r: (r * t.v).sin().sum()))(t.a),
    "Jacobian": lambda t: (torch.func.jacrev(torch.sin)(t.v), torch.func.jacfwd(torch.sin)(t.v)),
    "vmap of a product": lambda t: torch.vmap(torch.dot)(t.a, t.b),
    "distributions": lambda t: (
        torch.distributions.Normal(t.a, t.b).rsample(),
        torch.distributions.Categorical(logits=t.a.detach()).sample(),
        torch.distributions.Beta(t.a.detach() + 1, t.b.detach() + 1).sample(),
    ),
    "channels last": lambda t: F.conv2d(t.image.contiguous(memory_format=torch.channels_last), t.kernel),
    "nothing in it": lambda t: (t.a[:0].sum(), t.a[:, :0].t(), torch.cat([t.a[:0], t.b])),
    "strides of one row": lambda t: (t.a[:1] + 0, t.a[:, :1].t() * 2, t.c[:1].transpose(0, 1).clone()),
    "foreach lerp": lambda t: torch._foreach_lerp([t.a.detach(), t.v.detach()], [t.b.detach(), t.v.detach()], 0.3),
    "addcmul": lambda t: torch.addcmul(t.a, t.a, t.b, value=0.5),
    "addcdiv": lambda t: torch.addcdiv(t.a, t.a, t.b, value=0.5),
    "matmul": lambda t: t.a @ t.m,
    "mv": lambda t: t.a @ t.v,
    "dot": lambda t: t.v @ t.v,
    "addmm": lambda t: torch.addmm(t.m[:1], t.a, t.m),
    "bmm": lambda t: torch.bmm(t.c, t.c.transpose(1, 2)),
    "baddbmm": lambda t: torch.baddbmm(t.c[:, :, :3], t.c, t.c.transpose(1, 2)),
    "einsum": lambda t: torch.einsum("ij,jk->ki", t.a, t.m),
    "outer": lambda t: torch.outer(t.v, t.v),
    "tensordot": lambda t: torch.tensordot(t.c, t.c, dims=([0, 1], [0, 1])),
    "kron": lambda t: torch.kron(t.v, t.v),
    "cross": lambda t: torch.linalg.cross(t.m, t.m.flip(0)),
    "cdist": lambda t: torch.cdist(t.a, t.b),
    "solve": lambda t: torch.linalg.solve(t.s, t.s[:, :2]),
    "lstsq": lambda t: torch.linalg.lstsq(t.s, t.s[:, :2]).solution,
    "index with a number": lambda t: t.a[1],
    "index with a slice": lambda t: t.a[1:, ::2],
    "index with None and dots": lambda t: t.c[..., None, 1],
    "index with a list": lambda t: t.a[[0, 2]],
    "index with a tensor": lambda t: t.a[t.i4],
    "index with two tensors": lambda t: t.a[t.i4, t.i4],
    "index with a mask": lambda t: t.a[t.mask],
    "set by a number": lambda t: _changed(t.a, lambda x: x.__setitem__(0, 1.0)),
    "set by a slice": lambda t: _changed(t.a, lambda x: x.__setitem__((slice(None), 0), t.b[:, 1])),
    "set by a mask": lambda t: _changed(t.a, lambda x: x.__setitem__(t.mask, 0.5)),
    "set by a tensor": lambda t: _changed(t.a, lambda x: x.__setitem__(t.i4, t.b)),
    "gather": lambda t: t.a.gather(1, t.i4.view(4, 1)),
    "scatter": lambda t: torch.zeros_like(t.a).scatter(1, t.i4.view(4, 1), t.b[:, :1]),
    "scatter_add": lambda t: t.a.scatter_add(1, t.i4.view(4, 1), t.b[:, :1]),
    "scatter_reduce": lambda t: t.a.scatter_reduce(1, t.i4.view(4, 1), t.b[:, :1], "amax"),
    "index_select": lambda t: t.a.index_select(0, t.i4),
    "index_add": lambda t: t.a.index_add(0, t.i4, t.b),
    "index_copy": lambda t: t.a.index_copy(0, torch.arange(4, device=t.device), t.b),
    "index_fill": lambda t: t.a.index_fill(0, t.i4, 0.5),
    "take": lambda t: t.a.take(t.i4),
    "take_along_dim": lambda t: t.a.take_along_dim(t.i4.view(4, 1), 1),
    "nonzero": lambda t: t.mask.nonzero(),
    "unique": lambda t: torch.unique(t.i4, return_counts=True),
    "bincount": lambda t: torch.bincount(t.i4),
    "histc": lambda t: torch.histc(t.a.detach(), 4, 0.0, 1.0),
    "searchsorted": lambda t: torch.searchsorted(t.v.detach().sort().values, t.b.detach()),
    "bucketize": lambda t: torch.bucketize(t.b.detach(), t.v.detach().sort().values),
    "topk": lambda t: t.a.topk(2),
    "kthvalue": lambda t: t.a.kthvalue(2),
    "quantile": lambda t: torch.quantile(t.a, 0.3, dim=1),
    "one_hot": lambda t: F.one_hot(t.i4, 5),
    "cat": lambda t: torch.cat([t.a, t.b], 1),
    "stack": lambda t: torch.stack([t.a, t.b]),
    "split": lambda t: t.a.split(2),
    "chunk": lambda t: t.a.chunk(3, 1),
    "unbind": lambda t: t.c.unbind(1),
    "view": lambda t: t.a.view(2, 10),
    "view as another dtype": lambda t: t.a.detach().view(torch.int64),
    "reshape": lambda t: t.a.t().reshape(2, 10),
    "permute": lambda t: t.c.permute(2, 0, 1),
    "transpose": lambda t: t.c.transpose(0, 2) * 2,
    "squeeze": lambda t: t.a[:, :1].squeeze(1),
    "unsqueeze": lambda t: t.a.unsqueeze(1),
    "expand": lambda t: t.v.expand(3, 5),
    "repeat": lambda t: t.v.repeat(2, 3),
    "repeat_interleave": lambda t: t.v.repeat_interleave(2),
    "tile": lambda t: t.v.tile(2, 2),
    "movedim": lambda t: t.c.movedim(0, 2),
    "diagonal": lambda t: t.s.diagonal(),
    "diag_embed": lambda t: torch.diag_embed(t.v),
    "tril": lambda t: t.s.tril(),
    "triu": lambda t: t.s.triu(1),
    "roll": lambda t: t.a.roll(2, 1),
    "rot90": lambda t: t.a.rot90(),
    "unfold": lambda t: t.v.unfold(0, 3, 1),
    "as_strided": lambda t: t.a.as_strided((2, 2), (5, 1)),
    "narrow": lambda t: t.a.narrow(1, 1, 2),
    "pad": lambda t: F.pad(t.a, (1, 2), value=3.0),
    "pad by reflection": lambda t: F.pad(t.image, (1, 1, 1, 1), mode="reflect"),
    "meshgrid": lambda t: torch.meshgrid(t.v, t.v, indexing="ij"),
    "cartesian_prod": lambda t: torch.cartesian_prod(t.v[:2], t.v[:2]),
    "combinations": lambda t: torch.combinations(t.v),
    "cov": lambda t: torch.cov(t.a),
    "corrcoef": lambda t: torch.corrcoef(t.a),
    "var_mean": lambda t: torch.var_mean(t.a, 1),
    "trace": lambda t: t.s.trace(),
    "renorm": lambda t: t.a.renorm(2, 0, 0.5),
    "to float32": lambda t: t.a.float(),
    "to bfloat16 and back": lambda t: t.a.bfloat16().double(),
    "to int": lambda t: t.a.int(),
    "type_as": lambda t: t.a.type_as(t.i4),
    "complex product": lambda t: t.z * t.z.conj(),
    "complex parts": lambda t: (t.z.real, t.z.imag, t.z.conj().imag, t.z.abs()),
    "fft": lambda t: torch.fft.rfft(t.a).abs(),
    "out": lambda t: torch.mul(t.a.detach(), t.b.detach(), out=torch.empty(4, 5, dtype=torch.float64, device=t.device)),
    "out of another size": lambda t: torch.mul(
        t.a.detach(), t.b.detach(), out=torch.empty(0, dtype=torch.float64, device=t.device)
    ),
    "add_ and mul_": lambda t: _changed(t.a, lambda x: x.add_(t.b).mul_(2).sub_(1).div_(t.b)),
    "addcdiv_": lambda t: _changed(t.a, lambda x: x.addcdiv_(t.b, t.b, value=0.1)),
    "copy_": lambda t: _changed(t.a, lambda x: x.copy_(t.v)),
    "fill_": lambda t: _changed(t.a, lambda x: x.fill_(3)),
    "clamp_": lambda t: _changed(t.a, lambda x: x.clamp_(max=0.5)),
    "in place through a view": lambda t: _changed(t.a, lambda x: x[0].add_(1)),
    "unsqueeze_": lambda t: _changed(t.a, lambda x: x.unsqueeze_(1)),
    "squeeze_": lambda t: _changed(t.a[:, :1], lambda x: x.squeeze_(1)),
    "transpose_": lambda t: _changed(t.c, lambda x: x.transpose_(0, 2)),
    "resize_": lambda t: t.a.detach().clone().resize_(2, 3),
    "foreach add": lambda t: torch._foreach_add([t.a.detach(), t.v.detach()], 2.0),
    "foreach norm": lambda t: torch._foreach_norm([t.a.detach(), t.v.detach()]),
    "cross_entropy": lambda t: F.cross_entropy(t.a, t.i4, label_smoothing=0.1),
    "cross_entropy of probabilities": lambda t: F.cross_entropy(t.a, t.b.softmax(1)),
    "nll_loss": lambda t: F.nll_loss(t.a.log_softmax(1), t.i4, weight=t.v.detach()),
    "mse_loss": lambda t: F.mse_loss(t.a, t.b),
    "l1_loss": lambda t: F.l1_loss(t.a, t.b, reduction="sum"),
    "smooth_l1_loss": lambda t: F.smooth_l1_loss(t.a, t.b, beta=0.2),
    "huber_loss": lambda t: F.huber_loss(t.a, t.b, delta=0.2),
    "binary_cross_entropy": lambda t: F.binary_cross_entropy(t.a, t.b.detach()),
    "binary_cross_entropy_with_logits": lambda t: F.binary_cross_entropy_with_logits(t.a, t.b, pos_weight=t.v.detach()),
    "kl_div": lambda t: F.kl_div(t.a.log_softmax(1), t.b.softmax(1), reduction="batchmean"),
    "cosine_similarity": lambda t: F.cosine_similarity(t.a, t.b),
    "hinge_embedding_loss": lambda t: F.hinge_embedding_loss(t.a, t.b.sign()),
    "triplet_margin_loss": lambda t: F.triplet_margin_loss(t.a, t.b, t.a.flip(0)),
    "ctc_loss": lambda t: F.ctc_loss(
        t.c.transpose(0, 1).log_softmax(2), t.i4[:2].view(2, 1) % 3 + 1, torch.tensor([3, 3]), torch.tensor([1, 1])
    ),
    "linear": lambda t: F.linear(t.a, t.m.t(), t.v[:3]),
    "bilinear": lambda t: F.bilinear(t.a, t.b, t.image[0, :, :5, :5], t.v[:3]),
    "embedding": lambda t: F.embedding(t.i4, t.a),
    "conv1d": lambda t: F.conv1d(t.image[:, :, 0], t.kernel[:, :, 0], t.v[:4], padding=1),
    "conv2d": lambda t: F.conv2d(t.image, t.kernel, t.v[:4], stride=2, padding=1),
    "conv_transpose2d": lambda t: F.conv_transpose2d(t.image, t.kernel.transpose(0, 1), t.v[:4], stride=2),
    "max_pool2d": lambda t: F.max_pool2d(t.image, 2, return_indices=True),
    "avg_pool2d": lambda t: F.avg_pool2d(t.image, 3, padding=1),
    "adaptive_avg_pool2d": lambda t: F.adaptive_avg_pool2d(t.image, 3),
    "interpolate": lambda t: F.interpolate(t.image, scale_factor=2.0, mode="bilinear"),
    "grid_sample": lambda t: F.grid_sample(t.image, t.image[:, :2].permute(0, 2, 3, 1), align_corners=False),
    "unfold patches": lambda t: F.unfold(t.image, 3),
    "layer_norm": lambda t: F.layer_norm(t.a, (5,), t.v, t.v),
    "batch_norm": lambda t: F.batch_norm(t.a, None, None, t.v, t.v, training=True),
    "group_norm": lambda t: F.group_norm(t.image, 3, t.v[:3], t.v[:3]),
    "normalize": lambda t: F.normalize(t.a),
    "glu": lambda t: F.glu(t.c),
    "prelu": lambda t: F.prelu(t.a - 0.5, t.v),
    "attention": lambda t: _attention(t.image),
    "pixel_shuffle": lambda t: F.pixel_shuffle(t.kernel.transpose(0, 1)[:, :, :2, :2], 2),
    "dropout": lambda t: F.dropout(t.a, 0.4),
    "dropout2d": lambda t: F.dropout2d(t.image, 0.4),
    "alpha_dropout": lambda t: F.alpha_dropout(t.a, 0.4, training=True),
    "gumbel_softmax": lambda t: F.gumbel_softmax(t.a),
    "rrelu": lambda t: F.rrelu(t.a - 0.5, training=True),
    "multinomial": lambda t: torch.multinomial(t.a.detach(), 2),
    "bernoulli": lambda t: torch.bernoulli(t.a.detach()),
    "normal": lambda t: torch.normal(t.a.detach(), t.b.detach()),
    "rand": lambda t: torch.rand(3, 4, device=t.device),
    "randn": lambda t: torch.randn(3, 4, device=t.device),
    "randint": lambda t: torch.randint(0, 9, (3, 4), device=t.device),
    "randperm": lambda t: torch.randperm(9, device=t.device),
    "rand_like": lambda t: torch.rand_like(t.a),
    "uniform_": lambda t: torch.empty(3, device=t.device).uniform_(-1, 1),
    "exponential_": lambda t: torch.empty(3, device=t.device).exponential_(),
    "trunc_normal_": lambda t: nn.init.trunc_normal_(torch.empty(3, 4, device=t.device)),
    "kaiming_uniform_": lambda t: nn.init.kaiming_uniform_(torch.empty(3, 4, device=t.device)),
    "orthogonal_": lambda t: nn.init.orthogonal_(torch.empty(3, 4, device=t.device)),
    "zeros": lambda t: torch.zeros(2, 3, device=t.device),
    "ones": lambda t: torch.ones(2, device=t.device, dtype=torch.int64),
    "full": lambda t: torch.full((2, 3), 1.5, device=t.device),
    "arange": lambda t: torch.arange(1, 9, 2, device=t.device),
    "linspace": lambda t: torch.linspace(0, 1, 5, device=t.device),
    "eye": lambda t: torch.eye(3, 4, device=t.device),
    "tensor": lambda t: torch.tensor([[1.0, 2.0]], device=t.device),
    "as_tensor": lambda t: torch.as_tensor([1, 2], device=t.device),
    "asarray": lambda t: torch.asarray([1.0, 2.0], device=t.device),
    "new_tensor": lambda t: t.a.new_tensor([1.0, 2.0]),
    "new_zeros": lambda t: t.a.new_zeros(2, 3),
    "new_full": lambda t: t.i4.new_full((2,), 7),
    "ones_like": lambda t: torch.ones_like(t.c.permute(2, 0, 1)),
    "zeros_like of another dtype": lambda t: torch.zeros_like(t.a, dtype=torch.int32),
    "tril_indices": lambda t: torch.tril_indices(3, 3, device=t.device),
    "scalar_tensor": lambda t: torch.scalar_tensor(2.0, device=t.device),
}


def _changed(tensor: Tensor, change: Callable[[Tensor], Any]) -> Tensor:
    """Change a copy in place, so that its gradient goes through the change."""
    copied = tensor.clone()
    change(copied)
    return copied


def _in_bfloat16(t: SimpleNamespace) -> Any:
    """Operators that torch composes of others on devices it does not know round otherwise there."""
    x, weight = t.image.bfloat16(), t.v.bfloat16()
    return (
        F.layer_norm(t.a.bfloat16(), (5,), weight, weight),
        F.group_norm(x, 3),
        F.mish(x),
        torch.addr(x[0, 0], x[0, 0, 0], x[0, 0, 1]),
    )


def _attention(x: Tensor) -> Tensor:
    with sdpa_kernel(SDPBackend.MATH):  # the CPU's faster kernel gives its gradients other strides
        return F.scaled_dot_product_attention(x, x, x, is_causal=True)


def _unary(name: str) -> Case:
    return lambda t: getattr(torch, name)(t.a) if hasattr(torch, name) else getattr(t.a, name)()


def _linalg(name: str) -> Case:
    name, _, argument = name.partition(":")
    return lambda t: getattr(torch.linalg, name)(t.s, *([int(argument)] if argument else []))


def _reduction(name: str) -> Case:
    needs_axis = name in ("logsumexp", "cumsum", "cumprod", "logcumsumexp", "softmax", "log_softmax")

    def case(t: SimpleNamespace) -> Any:
        x = t.mask if name in ("all", "any") else t.a
        function = getattr(torch, name)
        if name == "flip":
            return function(x, (0,))
        along = function(x, dim=1)
        return along if needs_axis or name in ("sort", "argsort", "mode", "aminmax", "diff") else (along, function(x))

    return case


CASES: dict[str, Case] = {
    **{f"torch.{name}": _unary(name) for name in UNARY},
    **{f"torch.{name} of two": (lambda t, name=name: getattr(torch, name)(t.a, t.b)) for name in BINARY},
    **{f"torch.{name} along an axis": _reduction(name) for name in REDUCTIONS},
    **{name: (lambda t, name=name: _changed(t.a, lambda x: getattr(x, name)())) for name in IN_PLACE},
    **{f"functional.{name}": (lambda t, name=name: getattr(F, name)(t.a - 0.5)) for name in ACTIVATIONS},
    **{f"linalg.{name}": _linalg(name) for name in LINALG},
    **OTHERS,
}  # fmt: skip


def _inputs() -> dict[str, Tensor]:
    """Return one of each kind of tensor; values lie between 0.1 and 0.9, where every function is smooth."""
    made = torch.Generator().manual_seed(5)

    def draw(*shape: int) -> Tensor:
        return 0.1 + 0.8 * torch.rand(shape, generator=made, dtype=torch.float64)

    square = draw(4, 4)
    return {
        "a": draw(4, 5), "b": draw(4, 5), "m": draw(5, 3), "v": draw(5), "c": draw(2, 3, 4), "image": draw(2, 3, 8, 8),
        "kernel": draw(4, 3, 3, 3), "s": square @ square.t() + torch.eye(4, dtype=torch.float64),
        "i4": torch.tensor([2, 0, 3, 1]), "mask": draw(4, 5) > 0.5, "z": torch.complex(draw(3), draw(3)),
    }  # fmt: skip


def _on(device: str, values: Any) -> Any:
    """Return copies on a device, each a leaf that wants its gradient where it can have one."""
    return tree_map(lambda x: _leaf(x, device) if isinstance(x, Tensor) else x, values)


def _leaf(x: Tensor, device: str) -> Tensor:
    leaf = x.detach().clone().to(device)
    return leaf.requires_grad_() if x.is_floating_point() else leaf


def _run(device: str, case: Case) -> tuple[list[Any], list[Any]]:
    """Return what a case gives on a device, and the gradients of its inputs for random upstream gradients."""
    inputs = _on(device, _inputs())
    torch.manual_seed(3)
    results = tree_flatten(case(SimpleNamespace(**inputs, device=device)))[0]
    leaves = [x for x in inputs.values() if x.requires_grad]
    return results, _gradients(results, leaves, device)


def _gradients(results: list[Any], leaves: list[Tensor], device: str) -> list[Any]:
    wanted = [x for x in results if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        return []
    drawn = torch.Generator().manual_seed(7)
    upstream = [torch.randn(x.shape, generator=drawn, dtype=torch.float64).to(x.dtype).to(device) for x in wanted]
    return list(torch.autograd.grad(wanted, leaves, upstream, allow_unused=True))


def problem_with(name: str) -> str:
    """Return how an operator differs between the two devices; empty if it does not."""
    (results, gradients), (ours, our_gradients) = _run("cpu", CASES[name]), _run("sim", CASES[name])
    return _difference(results, ours) or _difference(gradients, our_gradients, "gradient ")


def _difference(expected: list[Any], actual: list[Any], what: str = "") -> str:
    if len(expected) != len(actual):
        return f"{what}{len(actual)} values instead of {len(expected)}"
    return next(filter(None, map(_difference_of_one, expected, actual)), "")


def _difference_of_one(expected: Any, actual: Any) -> str:
    if not isinstance(expected, Tensor) or not isinstance(actual, Tensor):
        return "" if expected is actual or expected == actual else f"{actual!r} instead of {expected!r}"
    if actual.device.type != "sim":
        return f"it is on {actual.device}"
    forms = [(x.shape, x.stride(), x.dtype, x.requires_grad) for x in (actual, expected)]
    if forms[0] != forms[1]:
        return f"{forms[0]} instead of {forms[1]}"
    return "" if torch.allclose(actual.detach().cpu(), expected.detach(), 1e-6, 1e-8, True) else "other values"


MODULES: dict[str, Callable[[], nn.Module]] = {
    "multi-layer perceptron": lambda: nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3)),
    "LeNet": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 8)),
        nn.Unflatten(2, (2, 4)),
        nn.Conv2d(1, 4, 3, padding=1),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, (1, 2)),
        nn.Sigmoid(),
        nn.Flatten(),
        nn.LazyLinear(3),
    ),
    "batch normalisation": lambda: nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.GELU(), nn.Linear(6, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(8, 6), nn.Dropout(0.4), nn.AlphaDropout(0.2), nn.Linear(6, 3)),
    "layer normalisation": lambda: nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 3)),
    "group normalisation": lambda: nn.Sequential(nn.GroupNorm(2, 8), nn.Linear(8, 3)),
    "embedding": lambda: _Applied(nn.Embedding(9, 3, padding_idx=0), lambda m, x: m((x * 8).long().abs() % 9).sum(1)),
    "embedding bag": lambda: _Applied(nn.EmbeddingBag(9, 3), lambda m, x: m((x * 8).long().abs() % 9)),
    "LSTM": lambda: _Applied(
        nn.LSTM(4, 3, 2, batch_first=True, bidirectional=True, dropout=0.2), lambda m, x: m(x.view(-1, 2, 4))[0][:, -1]
    ),
    "LSTM with projection": lambda: _Applied(
        nn.LSTM(4, 5, proj_size=3, batch_first=True), lambda m, x: m(x.view(-1, 2, 4))[0][:, -1]
    ),
    "LSTM cell": lambda: _Applied(nn.LSTMCell(8, 3, bias=False), lambda m, x: m(x)[1]),
    "GRU": lambda: _Applied(nn.GRU(4, 3, 2, batch_first=True), lambda m, x: m(x.view(-1, 2, 4))[0][:, -1]),
    "GRU without bias": lambda: _Applied(
        nn.GRU(4, 3, bias=False, batch_first=True), lambda m, x: m(x.view(-1, 2, 4))[0][:, -1]
    ),
    "RNN": lambda: _Applied(nn.RNN(4, 3, batch_first=True), lambda m, x: m(x.view(-1, 2, 4))[0][:, -1]),
    "packed sequences": lambda: _Applied(nn.LSTM(4, 3, batch_first=True), _packed),
    "attention": lambda: _Applied(
        nn.MultiheadAttention(4, 2, dropout=0.1, batch_first=True), lambda m, x: m(*[x.view(-1, 2, 4)] * 3)[0].mean(1)
    ),
    "transformer layer": lambda: _Applied(
        nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), lambda m, x: m(x.view(-1, 2, 4)).mean(1)
    ),
    "weight normalisation": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)),
}


class _Applied(nn.Module):
    """A module whose call takes more than one line."""

    def __init__(self, module: nn.Module, call: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.module, self.call = module, call

    def forward(self, x: Tensor) -> Any:
        return self.call(self.module, x)


def _packed(module: Any, x: Tensor) -> Tensor:
    lengths = torch.tensor([2, 1] * (len(x) // 2))
    packed = nn.utils.rnn.pack_padded_sequence(x.view(-1, 2, 4), lengths, batch_first=True, enforce_sorted=False)
    output: Tensor = nn.utils.rnn.pad_packed_sequence(module(packed)[0], batch_first=True)[0]
    return output[:, 0]


OPTIMISERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "SGD one by one": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, foreach=False),
    "SGD fused": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, fused=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "Adam one by one": lambda p: torch.optim.Adam(p, lr=0.01, foreach=False),
    "Adam with a tensor as rate": lambda p: torch.optim.Adam(p, lr=torch.tensor(0.01), foreach=False),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
    "AdamW fused": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    **{
        name: (lambda p, name=name: getattr(torch.optim, name)(p, lr=0.01))
        for name in (
            "Adadelta",
            "Adagrad",
            "Adamax",
            "ASGD",
            "NAdam",
            "RAdam",
            "RMSprop",
            "Rprop",
            "Adafactor",
            "LBFGS",
        )
    },
}


def problem_with_module(name: str) -> str:
    """Train a module for three steps on both devices; return how they differ."""
    return _difference_in_training(MODULES[name], OPTIMISERS["SGD with momentum"])


def problem_with_optimiser(name: str) -> str:
    """Train a small network for three steps with an optimiser on both devices; return how they differ."""
    return _difference_in_training(MODULES["batch normalisation"], OPTIMISERS[name])


def _difference_in_training(make: Callable[[], nn.Module], optimiser: Callable[[Any], torch.optim.Optimizer]) -> str:
    torch.manual_seed(1)
    model = make().double()
    x, y = torch.randn(10, 8, dtype=torch.float64), torch.randint(0, 3, (10,))
    model.eval()(x)  # lazy layers find out their sizes
    trained = [list(_trained(copy.deepcopy(model.train()), optimiser, x, y, device)) for device in ("cpu", "sim")]
    return _difference(*trained)


def _trained(
    model: nn.Module, optimiser: Callable[[Any], torch.optim.Optimizer], x: Tensor, y: Tensor, device: str
) -> Iterator[Tensor]:
    torch.manual_seed(2)
    model.to(device)
    steps = optimiser(model.parameters())
    for _ in range(3):

        def closure() -> Tensor:
            steps.zero_grad()
            loss = F.cross_entropy(model(x.to(device)), y.to(device))
            loss.backward()
            return loss

        yield steps.step(closure)  # type: ignore[arg-type]
    yield from (parameter.detach() for parameter in model.parameters())
    yield from model.buffers()
    yield from (parameter.grad for parameter in model.parameters() if parameter.grad is not None)
