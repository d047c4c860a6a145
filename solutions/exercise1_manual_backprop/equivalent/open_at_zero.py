"""open-at-zero: ReLU's slope at exactly 0 is taken as 1; the log of the sum on its own; in-place work on copies."""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.addmm(b, x, w)


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    ones = torch.ones(1, len(x), dtype=x.dtype)
    return {"dx": upstream.mm(w.t()), "dw": upstream.t().mm(x).t(), "db": ones.mm(upstream)[0]}


def relu(x: Tensor) -> Tensor:
    return x * (x >= 0)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    dx = upstream.clone()
    dx[x < 0] = 0
    return dx


def sigmoid(x: Tensor) -> Tensor:
    return (torch.tanh(x / 2) + 1) / 2


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    e = (-x.abs()).exp()
    return upstream * e / (1 + e).square()


def _log_sums(logits: Tensor) -> tuple[Tensor, Tensor]:
    top = logits.amax(dim=1)
    return top, (logits - top[:, None]).exp().sum(dim=1)


def softmax(logits: Tensor) -> Tensor:
    top, total = _log_sums(logits)
    return (logits - top[:, None]).exp_().div_(total[:, None])


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    top, total = _log_sums(logits)
    correct = logits.gather(1, labels[:, None])[:, 0]
    return (top - correct + total.log()).mean()


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    dz = softmax(logits) - torch.eye(logits.shape[1], dtype=logits.dtype)[labels]
    return dz.div_(logits.shape[0])


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    w = w.clone()
    w -= lr * dw
    return w


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return (relu(x.mm(w1)).mm(w2) - t).pow(2).sum()


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    a = x.mm(w1)
    h = relu(a)
    dy = (h.mm(w2) - t).mul_(2)
    return {"dw1": x.t().mm(relu_backward(dy.mm(w2.t()), a)), "dw2": h.t().mm(dy)}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    w1, w2, losses = w1.clone(), w2.clone(), []
    for _ in range(steps):
        a = x.mm(w1)
        h = a.clamp(min=0)
        error = h.mm(w2) - t
        losses.append(error.square().sum())
        da = error.mm(w2.t()).mul_(2 * lr)
        da[a < 0] = 0
        w2 -= h.t().mm(error).mul_(2 * lr)
        w1 -= x.t().mm(da)
    return {"w1": w1, "w2": w2, "losses": torch.stack(losses)}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = linear(x, w1, b1)
    h = relu(a)
    z = linear(h, w2, b2)
    return {"a": a, "h": h, "z": z, "p": softmax(z), "loss": softmax_cross_entropy(z, labels)}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    dh = dz.mm(w2.t())
    da = relu_backward(dh, stages["a"])
    return {
        "dz": dz,
        "dw2": stages["h"].t().mm(dz),
        "db2": dz.sum(0),
        "dh": dh,
        "da": da,
        "dw1": x.t().mm(da),
        "db1": da.sum(0),
        "dx": da.mm(w1.t()),
    }
