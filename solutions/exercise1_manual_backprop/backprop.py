"""Reference solution of exercise 1. Comments say why, not what."""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Every row of x through the same affine map: x w + b."""
    return x @ w + b


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    """Gradients of a linear layer with respect to what went into it."""
    # Each product is the only one whose shape is that of what it is the gradient of: (D, N) @ (N, K) -> (D, K).
    # b is added to every row, so each row tells it something: their gradients add up.
    return {"dx": upstream @ w.T, "dw": x.T @ upstream, "db": upstream.sum(dim=0)}


def relu(x: Tensor) -> Tensor:
    """What is negative becomes 0."""
    return x.clamp(min=0)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    """Gradient with respect to x of relu(x)."""
    # The forward pass decides which units are open; the sign of the upstream gradient has no say in it.
    return upstream * (x > 0)


def sigmoid(x: Tensor) -> Tensor:
    """Squeeze every number between 0 and 1."""
    # Where exp(-x) overflows to infinity, 1 / infinity is the 0 that is wanted.
    return 1 / (1 + torch.exp(-x))


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    """Gradient with respect to x of sigmoid(x)."""
    # The slope is short in terms of the *output*; of the input it would be a quotient of two infinities at -1000.
    s = sigmoid(x)
    return upstream * s * (1 - s)


def _log_softmax(logits: Tensor) -> Tensor:
    """Log of the softmax of each row."""
    # Softmax does not change when a row is shifted, so shift its largest logit to 0: exp then never overflows.
    shifted = logits - logits.max(dim=1, keepdim=True).values
    # Staying in log space: log(exp(z) / s) = z - log(s) never takes the logarithm of a probability that became 0.
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


def softmax(logits: Tensor) -> Tensor:
    """Turn each row of logits into probabilities."""
    return _log_softmax(logits).exp()


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the batch of -log p of the correct class."""
    return -_log_softmax(logits)[torch.arange(len(labels)), labels].mean()


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of `softmax_cross_entropy` with respect to the logits: (p - y) / N."""
    # softmax gives a new tensor, so subtracting in place leaves the caller's logits alone.
    dz = softmax(logits)
    dz[torch.arange(len(labels)), labels] -= 1
    # The loss is a mean: each example owns 1/N of it, and so of the gradient.
    return dz / len(labels)


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    """New weights after one step of gradient descent."""
    # Not `w -= …`: the caller may still need the old weights, for the gradient of another layer for example.
    return w - lr * dw


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """Sum of squared errors of relu(x w1) w2 against t."""
    return ((relu(x @ w1) @ w2 - t) ** 2).sum()


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    """Gradients of `regression_loss` with respect to both weights."""
    a = x @ w1
    h = relu(a)
    dy = 2 * (h @ w2 - t)
    # w2 is used here as it was in the forward pass. Whoever has stepped it by now differentiates another network.
    dh = dy @ w2.T
    return {"dw1": x.T @ relu_backward(dh, a), "dw2": h.T @ dy}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    """Gradient descent on `regression_loss`."""
    losses = []
    for _ in range(steps):
        losses.append(regression_loss(x, t, w1, w2))
        # Both gradients before either step: they belong to the same point.
        grads = regression_backward(x, t, w1, w2)
        w1, w2 = sgd_step(w1, grads["dw1"], lr), sgd_step(w2, grads["dw2"], lr)
    return {"losses": torch.stack(losses), "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    """Every stage of linear, ReLU, linear, softmax cross-entropy."""
    a = linear(x, w1, b1)
    h = relu(a)
    z = linear(h, w2, b2)
    return {"a": a, "h": h, "z": z, "loss": softmax_cross_entropy(z, labels)}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    """Gradient of the loss with respect to every stage, parameter and input, walking back."""
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    # What multiplied w2 in the forward pass was h, not a: each layer's gradient needs that layer's own input.
    output = linear_backward(dz, stages["h"], w2)
    dh = output["dx"]
    da = relu_backward(dh, stages["a"])
    hidden = linear_backward(da, x, w1)
    return {
        "dz": dz, "dw2": output["dw"], "db2": output["db"],
        "dh": dh, "da": da,
        "dw1": hidden["dw"], "db1": hidden["db"], "dx": hidden["dx"],
    }  # fmt: skip
