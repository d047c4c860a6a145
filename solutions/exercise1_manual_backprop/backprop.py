"""Reference solution of exercise 1. Comments say why, not what."""

import torch
from torch import Tensor


def _log_probabilities(logits: Tensor) -> Tensor:
    """Log of the softmax of each row."""
    # Softmax does not change when a row is shifted, so shift its largest logit to 0: exp then never overflows.
    shifted = logits - logits.max(dim=1, keepdim=True).values
    # Staying in log space: log(exp(z) / s) = z - log(s) never takes the logarithm of a probability that became 0.
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the batch of -log p of the correct class."""
    rows = torch.arange(len(labels))
    return -_log_probabilities(logits)[rows, labels].mean()


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of `softmax_cross_entropy` with respect to the logits: (p - y) / N."""
    # exp gives a new tensor, so subtracting in place leaves the caller's logits alone.
    dz = _log_probabilities(logits).exp()
    dz[torch.arange(len(labels)), labels] -= 1
    # The loss is a mean: each example owns 1/N of it, and so of the gradient.
    return dz / len(labels)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    """Gradient with respect to x of relu(x)."""
    # The forward pass decides which units are open; the sign of the upstream gradient has no say in it.
    return upstream * (x > 0)


def two_layer_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """Sum of squared errors of relu(x w1) w2 against t."""
    h = (x @ w1).clamp(min=0)
    return ((h @ w2 - t) ** 2).sum()


def two_layer_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients (dw1, dw2) of `two_layer_loss`."""
    a = x @ w1
    h = a.clamp(min=0)
    dy = 2 * (h @ w2 - t)
    # Each product is the only one whose shape is that of what it is the gradient of: (H, N) @ (N, C) -> (H, C).
    dw2 = h.T @ dy
    dh = dy @ w2.T
    dw1 = x.T @ relu_backward(dh, a)
    return dw1, dw2


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    """New weights after one step of gradient descent."""
    # Not `w -= …`: the caller may still need the old weights, for the gradient of another layer for example.
    return w - lr * dw
