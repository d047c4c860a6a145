"""example-by-example: loops over the examples wherever there are some; slow, and as right as any."""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    y = torch.zeros(len(x), w.shape[1], dtype=x.dtype)
    for n in range(len(x)):
        y[n] = x[n] @ w + b
    return y


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    dx, dw, db = torch.zeros_like(x), torch.zeros_like(w), torch.zeros(w.shape[1], dtype=w.dtype)
    for n in range(len(x)):
        dx[n] = w @ upstream[n]
        dw += torch.outer(x[n], upstream[n])
        db += upstream[n]
    return {"dx": dx, "dw": dw, "db": db}


def relu(x: Tensor) -> Tensor:
    return torch.maximum(x, torch.zeros(1, dtype=x.dtype))


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return upstream * (torch.sign(x) + 1).div(2).floor()


def sigmoid(x: Tensor) -> Tensor:
    e = torch.exp(-x.abs())
    return torch.where(x >= 0, 1 / (1 + e), e / (1 + e))


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    return upstream * (s - s**2)


def _log_total(z: Tensor) -> Tensor:
    return z.max() + (z - z.max()).exp().sum().log()


def softmax(logits: Tensor) -> Tensor:
    p = torch.zeros_like(logits)
    for n in range(len(logits)):
        p[n] = (logits[n] - _log_total(logits[n])).exp()
    return p


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    total = torch.zeros((), dtype=logits.dtype)
    for n in range(len(logits)):
        total += _log_total(logits[n]) - logits[n, labels[n]]
    return total / len(logits)


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    dz = softmax(logits)
    for n in range(len(logits)):
        dz[n, int(labels[n])] -= 1
    return dz / len(logits)


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return w + (-lr) * dw


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    total = torch.zeros((), dtype=x.dtype)
    for n in range(len(x)):
        total += ((relu(x[n] @ w1) @ w2 - t[n]) ** 2).sum()
    return total


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    zero1, zero2 = torch.zeros(w1.shape[1], dtype=x.dtype), torch.zeros(w2.shape[1], dtype=x.dtype)
    a = linear(x, w1, zero1)
    h = relu(a)
    output = linear_backward(2 * (linear(h, w2, zero2) - t), h, w2)
    return {"dw1": linear_backward(relu_backward(output["dx"], a), x, w1)["dw"], "dw2": output["dw"]}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    losses = torch.zeros(0, dtype=x.dtype)
    for _ in range(steps):  # the only loop that has to be one; inside it, whole batches
        a = x @ w1
        dy = 2 * (relu(a) @ w2 - t)
        losses = torch.cat([losses, (dy**2).sum().reshape(1) / 4])
        w1, w2 = w1 - lr * (x.T @ relu_backward(dy @ w2.T, a)), w2 - lr * (relu(a).T @ dy)
    return {"losses": losses, "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = linear(x, w1, b1)
    z = linear(relu(a), w2, b2)
    return {"loss": softmax_cross_entropy(z, labels), "z": z, "h": relu(a), "a": a}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    output = linear_backward(dz, relu(stages["a"]), w2)
    da = relu_backward(output["dx"], stages["a"])
    hidden = linear_backward(da, x, w1)
    first = {f"{name}1": hidden[name] for name in ("dw", "db")}
    second = {f"{name}2": output[name] for name in ("dw", "db")}
    return {"dx": hidden["dx"], **first, "da": da, "dh": output["dx"], **second, "dz": dz}
