"""sums-of-outer-products: no matrix product but in training; loops over features and classes, logaddexp by pairs."""

import torch
from torch import Tensor


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Return left @ right as what it is: a sum of outer products, column of the left by row of the right."""
    total = left.new_zeros(left.shape[0], right.shape[1])
    for column, row in zip(left.unbind(dim=1), right.unbind(dim=0), strict=True):
        total = total + column[:, None] * row[None, :]
    return total


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return _product(x, w) + b.expand(x.shape[0], -1)


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    db = torch.stack([upstream[:, k].sum() for k in range(upstream.shape[1])])
    return {"dx": _product(upstream, w.T), "dw": _product(x.T, upstream), "db": db}


def relu(x: Tensor) -> Tensor:
    return (x + x.abs()) / 2


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return upstream * torch.heaviside(x, torch.zeros_like(x))


def sigmoid(x: Tensor) -> Tensor:
    return torch.exp(-torch.logaddexp(-x, torch.zeros_like(x)))


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    half = torch.cosh((x / 2).clamp(-300, 300))  # beyond that the slope is 0 in every float anyway
    return upstream / (2 * half) ** 2


def _log_totals(logits: Tensor) -> Tensor:
    first, *others = logits.unbind(dim=1)
    for column in others:
        first = torch.logaddexp(first, column)
    return first


def softmax(logits: Tensor) -> Tensor:
    totals = _log_totals(logits)
    return torch.stack([torch.exp(column - totals) for column in logits.unbind(dim=1)], dim=1)


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    correct = sum(
        torch.where(labels == label, logits[:, label], torch.zeros_like(logits[:, label]))
        for label in range(logits.shape[1])
    )
    return torch.mean(_log_totals(logits) - correct)


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    totals = _log_totals(logits)
    columns = [
        torch.exp(logits[:, label] - totals) - (labels == label).to(logits.dtype) for label in range(logits.shape[1])
    ]
    return torch.stack(columns, dim=1) / len(labels)


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return -(lr * dw - w)


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    y = _product(relu(_product(x, w1)), w2)
    return sum(((y[:, k] - t[:, k]) ** 2).sum() for k in range(t.shape[1]))


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    a = _product(x, w1)
    h = relu(a)
    dy = 2 * _product(h, w2) - 2 * t
    return {"dw2": _product(h.T, dy), "dw1": _product(x.T, relu_backward(_product(dy, w2.T), a))}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    losses = []
    for _ in range(steps):  # a loop in here would take minutes
        a = x @ w1
        h = relu(a)
        error = h @ w2 - t
        losses.append(float((error**2).sum()))
        dw2, dw1 = h.T @ (2 * error), x.T @ relu_backward(2 * error @ w2.T, a)
        w1, w2 = sgd_step(w1, dw1, lr), sgd_step(w2, dw2, lr)
    return {"losses": torch.tensor(losses, dtype=x.dtype), "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    z = linear(relu(linear(x, w1, b1)), w2, b2)
    return {
        "a": linear(x, w1, b1),
        "h": relu(linear(x, w1, b1)),
        "z": z,
        "loss": softmax_cross_entropy(z, labels),
    }


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    output = linear_backward(dz, stages["h"], w2)
    da = relu_backward(output["dx"], stages["a"])
    hidden = linear_backward(da, x, w1)
    return {
        "dz": dz,
        "da": da,
        "dh": output["dx"],
        "dx": hidden["dx"],
        **{f"d{kind}{layer}": back[f"d{kind}"] for layer, back in ((1, hidden), (2, output)) for kind in "wb"},
    }
