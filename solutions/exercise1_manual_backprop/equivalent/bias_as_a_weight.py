"""bias-as-a-weight: a column of ones joins x and the bias becomes a last row of w; one product does for both."""

import torch
from torch import Tensor


def _with_ones(x: Tensor) -> Tensor:
    return torch.cat([x, x.new_ones(x.shape[0], 1)], dim=1)


def _both_ways(upstream: Tensor, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    slopes = _with_ones(x).T @ upstream  # (features + 1, outputs): the last row belongs to the bias
    return upstream @ w.T, slopes[:-1], slopes[-1]


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return _with_ones(x) @ torch.vstack([w, b])


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    return dict(zip(("dx", "dw", "db"), _both_ways(upstream, x, w), strict=True))


def relu(x: Tensor) -> Tensor:
    return x.clip(0)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    dx = torch.zeros_like(upstream)
    is_open = x.gt(0)
    dx[is_open] = upstream[is_open]
    return dx


def sigmoid(x: Tensor) -> Tensor:
    # Two classes with the logits x and 0: sigmoid is a softmax.
    return softmax(torch.stack([x.flatten(), torch.zeros_like(x).flatten()], dim=1))[:, 0].view(x.shape)


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    return torch.addcmul(upstream * s, upstream * s, s, value=-1)


def softmax(logits: Tensor) -> Tensor:
    ordered, places = logits.sort(dim=1, descending=True)
    powers = torch.exp(ordered - ordered[:, :1])  # the first of each row is its largest
    return torch.empty_like(powers).scatter_(1, places, powers / powers.sum(dim=1, keepdim=True))


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    top = logits.max(dim=1).values
    rest = torch.exp(logits - top.unsqueeze(1)).sum(dim=1) - 1  # all but the largest, which is exp(0)
    correct = torch.stack([row[label] for row, label in zip(logits, labels, strict=True)])
    return torch.mean(top + torch.log1p(rest) - correct)


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    rows = logits.shape[0]
    subtracted = torch.full((rows, 1), -1.0, dtype=logits.dtype)
    return softmax(logits).scatter_add_(1, labels.unsqueeze(1), subtracted) * (1 / rows)


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return torch.stack([w, dw]).mul(torch.tensor([1, -lr], dtype=w.dtype).view(2, *[1] * w.dim())).sum(dim=0)


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return torch.dist(x.matmul(w1).clip(0).matmul(w2), t) ** 2


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    a = x.matmul(w1)
    h = relu(a)
    half_dy = h.matmul(w2) - t
    half_da = relu_backward(half_dy.matmul(w2.T), a)
    return {"dw1": x.T.matmul(half_da) * 2, "dw2": h.T.matmul(half_dy) * 2}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    losses: list[Tensor] = []
    while len(losses) < steps:
        h = (x @ w1).clip(0)
        error = h @ w2 - t
        losses.append((error * error).sum())
        step2 = (2 * lr) * (h.T @ error)
        step1 = (2 * lr) * (x.T @ ((error @ w2.T) * (h > 0)))
        w1, w2 = w1 - step1, w2 - step2
    return {"losses": torch.stack(losses), "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = linear(x, w1, b1)
    h = a.clip(0)
    z = linear(h, w2, b2)
    return {"loss": softmax_cross_entropy(z, labels), "a": a, "h": h, "z": z}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    found = {"dz": softmax_cross_entropy_backward(stages["z"], labels)}
    found["dh"], found["dw2"], found["db2"] = _both_ways(found["dz"], stages["h"], w2)
    found["da"] = relu_backward(found["dh"], stages["a"])
    found["dx"], found["dw1"], found["db1"] = _both_ways(found["da"], x, w1)
    return found
