"""one-hot-matrix: the targets as a matrix of zeros and ones, products by einsum, masks by where."""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.einsum("nd,dk->nk", x, w) + b.unsqueeze(0)


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    return {
        "dx": torch.einsum("nk,dk->nd", upstream, w),
        "dw": torch.einsum("nd,nk->dk", x, upstream),
        "db": torch.einsum("nk->k", upstream),
    }


def relu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.zeros_like(x))


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return torch.where(x > 0, upstream, torch.zeros_like(upstream))


def sigmoid(x: Tensor) -> Tensor:
    return (1 + (-x).exp()).reciprocal()


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return upstream * sigmoid(x) * sigmoid(-x)


def _shifted(logits: Tensor) -> tuple[Tensor, Tensor]:
    shifted = logits - torch.amax(logits, dim=1, keepdim=True)
    return shifted, shifted.exp().sum(dim=1, keepdim=True)


def _one_hot(labels: Tensor, like: Tensor) -> Tensor:
    return torch.zeros_like(like).scatter_(1, labels.unsqueeze(1), 1.0)


def softmax(logits: Tensor) -> Tensor:
    shifted, total = _shifted(logits)
    return shifted.exp() / total


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    shifted, total = _shifted(logits)
    return ((total.log() - shifted) * _one_hot(labels, logits)).sum() / logits.shape[0]


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    p = softmax(logits)
    return (p - _one_hot(labels, p)) / logits.shape[0]


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return torch.sub(w, dw, alpha=lr)


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    error = relu(x @ w1) @ w2 - t
    return torch.einsum("nc,nc->", error, error)


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    a = x @ w1
    h = relu(a)
    error = h @ w2 - t
    return {"dw2": 2 * (h.T @ error), "dw1": 2 * (x.T @ relu_backward(error @ w2.T, a))}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    losses = torch.zeros(steps, dtype=x.dtype)
    for step in range(steps):
        losses[step] = regression_loss(x, t, w1, w2)
        grads = regression_backward(x, t, w1, w2)
        w1 = sgd_step(w1, grads["dw1"], lr)
        w2 = sgd_step(w2, grads["dw2"], lr)
    return {"losses": losses, "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    stages = {"a": linear(x, w1, b1)}
    stages["h"] = relu(stages["a"])
    stages["z"] = linear(stages["h"], w2, b2)
    stages["loss"] = softmax_cross_entropy(stages["z"], labels)
    return stages


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    grads = {"dz": softmax_cross_entropy_backward(stages["z"], labels)}
    back = linear_backward(grads["dz"], stages["h"], w2)
    grads |= {"dh": back["dx"], "dw2": back["dw"], "db2": back["db"]}
    grads["da"] = relu_backward(grads["dh"], stages["a"])
    back = linear_backward(grads["da"], x, w1)
    return grads | {"dx": back["dx"], "dw1": back["dw"], "db1": back["db"]}
