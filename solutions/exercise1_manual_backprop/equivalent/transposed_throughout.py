"""transposed-throughout: every example is a column, every weight (outputs, inputs); results are transposed views."""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    columns = w.mT @ x.mT
    return (columns + b[:, None]).mT


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    arriving, entered = upstream.mT, x.mT  # one column for each example
    return {
        "db": arriving.sum(dim=1),
        "dw": (arriving @ entered.mT).mT,
        "dx": (w @ arriving).mT,
    }


def relu(x: Tensor) -> Tensor:
    return torch.amax(torch.stack((x, torch.zeros_like(x)), dim=-1), dim=-1)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return upstream.masked_fill(x <= 0, 0)


def sigmoid(x: Tensor) -> Tensor:
    grown = torch.exp(torch.clamp(x, max=0))
    return grown / (grown + torch.exp(-torch.clamp(x, min=0)))


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    right, left = sigmoid(x), sigmoid(-x)
    return right * left * upstream


def softmax(logits: Tensor) -> Tensor:
    columns = logits.mT
    raised = torch.exp(columns - columns.amax(dim=0))
    return (raised / raised.sum(dim=0)).mT


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    columns = logits.mT
    height = columns.amax(dim=0)
    volume = torch.exp(columns - height).sum(dim=0)
    chosen = columns.take_along_dim(labels[None, :], dim=0)[0]
    return (height + torch.log(volume) - chosen).mean()


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    classes = torch.arange(logits.shape[1])
    correct = (classes[:, None] == labels[None, :]).to(logits.dtype)
    return ((softmax(logits).mT - correct) / labels.numel()).mT


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return torch.add(w, dw, alpha=-lr)


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    predicted = w2.mT @ relu(w1.mT @ x.mT)
    missed = (predicted - t.mT).flatten()
    return missed.dot(missed)


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    before = w1.mT @ x.mT
    after = relu(before)
    pushed = 2 * (w2.mT @ after - t.mT)
    returned = relu_backward(w2 @ pushed, before)
    return {"dw1": (returned @ x).mT, "dw2": after @ pushed.mT}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    entered, wanted, first, second = (value.mT.contiguous() for value in (x, t, w1, w2))
    path = []
    for _ in range(steps):
        before = first @ entered
        after = relu(before)
        missed = second @ after - wanted
        path.append((missed * missed).sum()[None])
        returned = relu_backward(second.mT @ (2 * missed), before)
        second = sgd_step(second, 2 * missed @ after.mT, lr)
        first = sgd_step(first, returned @ x, lr)
    return {"w1": first.mT, "w2": second.mT, "losses": torch.cat(path)}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = w1.mT @ x.mT + b1[:, None]
    h = relu(a)
    z = w2.mT @ h + b2[:, None]
    return {"a": a.mT, "h": h.mT, "z": z.mT, "loss": softmax_cross_entropy(z.mT, labels)}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels).mT
    dh = w2 @ dz
    da = relu_backward(dh, stages["a"].mT)
    return {
        "dx": (w1 @ da).mT,
        "dw1": (da @ x).mT,
        "db1": da.sum(dim=1),
        "da": da.mT,
        "dh": dh.mT,
        "dw2": (dz @ stages["h"]).mT,
        "db2": dz.sum(dim=1),
        "dz": dz.mT,
    }
