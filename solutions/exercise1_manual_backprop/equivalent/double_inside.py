"""double-inside: whatever comes in, all is computed in float64 and rounded to the inputs' dtype at the very end."""

from collections.abc import Callable
from functools import wraps

import torch
from torch import Tensor

Answer = Tensor | dict[str, Tensor]


def _cast(value: object, dtype: torch.dtype) -> object:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if isinstance(value, dict):
        return {name: _cast(entry, dtype) for name, entry in value.items()}
    return value


def _dtype_of(arguments: tuple[object, ...]) -> torch.dtype:
    first = arguments[0]
    value = next(iter(first.values())) if isinstance(first, dict) else first
    assert isinstance(value, Tensor)
    return value.dtype


def in_double(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """Let a function see float64 only; what it returns has the dtype of its first argument again."""

    @wraps(function)
    def computed(*arguments: object) -> Answer:
        result = function(*(_cast(argument, torch.float64) for argument in arguments))
        return _cast(result, _dtype_of(arguments))  # type: ignore[return-value]

    return computed


@in_double
def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.tensordot(x, w, dims=1) + b


@in_double
def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    return {
        "dx": torch.tensordot(upstream, w, dims=([1], [1])),
        "dw": torch.tensordot(x, upstream, dims=([0], [0])),
        "db": upstream.sum(dim=0),
    }


@in_double
def relu(x: Tensor) -> Tensor:
    return x.mul(x.sign().clamp(min=0))


@in_double
def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return upstream.mul(x.sign().clamp(min=0))


@in_double
def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.e**-x)


@in_double
def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    decay = torch.exp(-torch.abs(x))
    return upstream * decay / (1 + decay) / (1 + decay)


def _log_odds(logits: Tensor) -> Tensor:
    top = logits.max(1, keepdim=True)[0]
    return logits - (top + torch.sum(torch.exp(logits - top), 1, keepdim=True).log())


@in_double
def softmax(logits: Tensor) -> Tensor:
    return torch.e ** _log_odds(logits)


@in_double
def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return -torch.diagonal(_log_odds(logits)[:, labels]).mean()


@in_double
def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    p = _log_odds(logits).exp()
    y = torch.zeros_like(p).index_put((torch.arange(len(p)), labels), p.new_tensor(1))
    return p.sub(y).mul(1 / len(p))


@in_double
def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return w - torch.mul(dw, lr)


@in_double
def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    y = torch.linalg.multi_dot([(x @ w1).clamp_min(0), w2])
    return torch.linalg.norm(y - t).square()


@in_double
def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    a = x @ w1
    dy = 2 * (a.clamp_min(0) @ w2 - t)
    passed = (dy @ w2.T) * a.sign().clamp_min(0)
    return {"dw1": torch.inner(x.T, passed.T), "dw2": torch.inner(a.clamp_min(0).T, dy.T)}


@in_double
def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    losses = []
    for _ in range(steps):
        losses.append(regression_loss(x, t, w1, w2))
        slopes = regression_backward(x, t, w1, w2)
        w1, w2 = w1 - lr * slopes["dw1"], w2 - lr * slopes["dw2"]
    return {"losses": torch.hstack(losses), "w1": w1, "w2": w2}


@in_double
def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = linear(x, w1, b1)
    h = relu(a)
    z = linear(h, w2, b2)
    return {"a": a, "h": h, "z": z, "loss": softmax_cross_entropy(z, labels)}


@in_double
def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    output = linear_backward(dz, stages["h"], w2)
    da = relu_backward(output["dx"], stages["a"])
    hidden = linear_backward(da, x, w1)
    return {
        "dz": dz, "dh": output["dx"], "da": da, "dx": hidden["dx"],
        "dw1": hidden["dw"], "db1": hidden["db"], "dw2": output["dw"], "db2": output["db"],
    }  # fmt: skip
