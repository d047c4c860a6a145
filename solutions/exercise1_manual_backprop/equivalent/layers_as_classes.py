"""layers-as-classes: small classes with a way there and a way back; the functions that are asked for only call them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Affine:
    """One linear layer and what it was last given."""

    weight: Tensor
    bias: Tensor | None = None
    seen: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        self.seen = x
        product = torch.matmul(x, self.weight)
        return product if self.bias is None else product + self.bias

    def backward(self, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        assert self.seen is not None
        return (
            torch.matmul(upstream, self.weight.transpose(0, 1)),
            torch.matmul(self.seen.transpose(0, 1), upstream),
            torch.sum(upstream, dim=0),
        )


class Rectifier:
    """ReLU; remembers which units are open."""

    def __init__(self) -> None:
        self.is_open = torch.empty(0, dtype=torch.bool)

    def forward(self, x: Tensor) -> Tensor:
        self.is_open = x > 0
        return torch.where(self.is_open, x, 0)

    def backward(self, upstream: Tensor) -> Tensor:
        return torch.where(self.is_open, upstream, 0)


class Squasher:
    """Sigmoid; remembers what it put out."""

    def forward(self, x: Tensor) -> Tensor:
        self.output = 0.5 * torch.tanh(0.5 * x) + 0.5
        return self.output

    def backward(self, upstream: Tensor) -> Tensor:
        return self.output * (1 - self.output) * upstream


class CrossEntropy:
    """Softmax and the mean negative log probability; remembers the probabilities and the labels."""

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        top, _ = logits.max(dim=1, keepdim=True)
        weights = (logits - top).exp()
        totals = weights.sum(dim=1, keepdim=True)
        self.probabilities, self.labels = weights / totals, labels
        every_row = torch.arange(logits.shape[0])
        return (totals.log().squeeze(1) + top.squeeze(1) - logits[every_row, labels]).mean()

    def backward(self) -> Tensor:
        rows, classes = self.probabilities.shape
        answer = torch.eye(classes, dtype=self.probabilities.dtype).index_select(0, self.labels)
        return (self.probabilities - answer).div(rows)


class Network:
    """Two layers without biases, ReLU between."""

    def __init__(self, w1: Tensor, w2: Tensor) -> None:
        self.first, self.rectifier, self.second = Affine(w1), Rectifier(), Affine(w2)

    def error(self, x: Tensor, t: Tensor) -> Tensor:
        return self.second.forward(self.rectifier.forward(self.first.forward(x))) - t

    def gradients(self, error: Tensor) -> tuple[Tensor, Tensor]:
        dh, dw2, _ = self.second.backward(error + error)
        _, dw1, _ = self.first.backward(self.rectifier.backward(dh))
        return dw1, dw2

    def step(self, dw1: Tensor, dw2: Tensor, lr: float) -> None:
        self.first.weight = sgd_step(self.first.weight, dw1, lr)
        self.second.weight = sgd_step(self.second.weight, dw2, lr)


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return Affine(w, b).forward(x)


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    dx, dw, db = Affine(w, seen=x).backward(upstream)
    return dict(dx=dx, dw=dw, db=db)


def relu(x: Tensor) -> Tensor:
    return Rectifier().forward(x)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    rectifier = Rectifier()
    rectifier.forward(x)
    return rectifier.backward(upstream)


def sigmoid(x: Tensor) -> Tensor:
    return Squasher().forward(x)


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    squasher = Squasher()
    squasher.forward(x)
    return squasher.backward(upstream)


def softmax(logits: Tensor) -> Tensor:
    loss = CrossEntropy()
    loss.forward(logits, torch.zeros(logits.shape[0], dtype=torch.int64))
    return loss.probabilities


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return CrossEntropy().forward(logits, labels)


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    loss = CrossEntropy()
    loss.forward(logits, labels)
    return loss.backward()


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return w - dw * lr


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return Network(w1, w2).error(x, t).pow(2).sum()


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    network = Network(w1, w2)
    dw1, dw2 = network.gradients(network.error(x, t))
    return dict(dw1=dw1, dw2=dw2)


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    network, losses = Network(w1, w2), torch.empty(steps, dtype=x.dtype)
    for step in range(steps):
        error = network.error(x, t)
        losses[step] = error.pow(2).sum()
        network.step(*network.gradients(error), lr)
    return dict(losses=losses, w1=network.first.weight, w2=network.second.weight)


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = Affine(w1, b1).forward(x)
    h = Rectifier().forward(a)
    z = Affine(w2, b2).forward(h)
    return dict(a=a, h=h, z=z, loss=CrossEntropy().forward(z, labels))


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    dh, dw2, db2 = Affine(w2, seen=stages["h"]).backward(dz)
    da = relu_backward(dh, stages["a"])
    dx, dw1, db1 = Affine(w1, seen=x).backward(da)
    return dict(dz=dz, dw2=dw2, db2=db2, dh=dh, da=da, dw1=dw1, db1=db1, dx=dx)
