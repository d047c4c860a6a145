# <ours>
# Reference solution of exercise 1. Comments say why, not what. What stands between marks is not in the stub, which
# `grader release --from-solutions` makes of this file; see docs/release.md.
# </ours>
"""Exercise 1: gradients by hand. Fifteen short functions, about 50 lines; README.md has the mathematics.

Every tensor is a plain torch tensor, float64 or float32; results have the dtype of the inputs; no input is changed.
Work from top to bottom: each function may call the ones above it, and the last two need nearly all of them.

Allowed      + - * / ** @ and comparisons, indexing, .T, exp, log, abs, sum, mean, max, amax, clamp, maximum, where,
             gather, scatter_, einsum, arange, zeros, zeros_like, eye, stack, cat, clone, and whatever else merely
             computes or rearranges.
Not allowed  autograd in any form (torch.autograd, torch.func, backward, requires_grad), torch.nn (so no
             torch.nn.functional either), torch.optim, and ready-made versions of what you are asked to write: relu,
             sigmoid, softmax, log_softmax, logsumexp, also as methods of a tensor and under other names.
Not needed   loops, but for the one over the steps in `train_regression`.
"""

import torch
from torch import Tensor

# --- the pieces: a function, and how a gradient passes back through it ------------------------------------------


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """A linear layer: every row of x through the same affine map.

    y = x w + b

    Shapes:
        x: (batch, features)
        w: (features, outputs)
        b: (outputs,)
        returns: (batch, outputs)

    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [4.0]]), torch.tensor([0.5]))
    tensor([[11.5000]])
    """
    # <todo: 1 line.>
    return x @ w + b
    # </todo>


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    """Gradients of a linear layer with respect to what went into it.

    dx = upstream w^T        dw = x^T upstream        db = sum of the rows of upstream

    Shapes:
        upstream: (batch, outputs), the gradient of the loss with respect to linear(x, w, b)
        x: (batch, features)
        w: (features, outputs)
        returns: "dx" (batch, features), "dw" (features, outputs), "db" (outputs,)

    Edge: a batch without rows has dw = 0 and db = 0.
    """
    # <todo: about 3 lines.>
    # Each product is the only one whose shape is that of what it is the gradient of: (D, N) @ (N, K) -> (D, K).
    # b is added to every row, so each row tells it something: their gradients add up.
    return {"dx": upstream @ w.T, "dw": x.T @ upstream, "db": upstream.sum(dim=0)}
    # </todo>


def relu(x: Tensor) -> Tensor:
    """What is negative becomes 0, the rest stays: relu(x) = max(x, 0).

    Shapes:
        x: (*shape)
        returns: (*shape)
    """
    # <todo: 1 line.>
    return x.clamp(min=0)
    # </todo>


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    """Pass a gradient back through relu.

    dx = upstream where x > 0, and 0 elsewhere

    Shapes:
        upstream: (*shape), the gradient of the loss with respect to relu(x)
        x: (*shape), what relu was applied to
        returns: (*shape)

    Edge: where x is exactly 0 either answer is right.

    >>> relu_backward(torch.tensor([5.0, -7.0]), torch.tensor([-1.0, 2.0]))
    tensor([ 0., -7.])
    """
    # <todo: 1 line.>
    # The forward pass decides which units are open; the sign of the upstream gradient has no say in it.
    return upstream * (x > 0)
    # </todo>


def sigmoid(x: Tensor) -> Tensor:
    """Squeeze every number between 0 and 1: s = 1 / (1 + exp(-x)).

    Shapes:
        x: (*shape)
        returns: (*shape)

    Edge: 1000 gives 1 and -1000 gives 0, never NaN.
    """
    # <todo: 1 line.>
    # Where exp(-x) overflows to infinity, 1 / infinity is the 0 that is wanted.
    return 1 / (1 + torch.exp(-x))
    # </todo>


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    """Pass a gradient back through sigmoid.

    dx = upstream s (1 - s)        with s = sigmoid(x)

    Shapes:
        upstream: (*shape), the gradient of the loss with respect to sigmoid(x)
        x: (*shape), what sigmoid was applied to
        returns: (*shape)

    Edge: at 1000 and -1000 the gradient is 0, never NaN.

    >>> sigmoid_backward(torch.tensor([8.0]), torch.tensor([0.0]))
    tensor([2.])
    """
    # <todo: about 2 lines.>
    # The slope is short in terms of the *output*; of the input it would be a quotient of two infinities at -1000.
    s = sigmoid(x)
    return upstream * s * (1 - s)
    # </todo>


# --- the loss of a classifier -----------------------------------------------------------------------------------


# <ours>
def _log_softmax(logits: Tensor) -> Tensor:
    """Log of the softmax of each row."""
    # Softmax does not change when a row is shifted, so shift its largest logit to 0: exp then never overflows.
    shifted = logits - logits.max(dim=1, keepdim=True).values
    # Staying in log space: log(exp(z) / s) = z - log(s) never takes the logarithm of a probability that became 0.
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


# </ours>
def softmax(logits: Tensor) -> Tensor:
    """Turn each row of logits into probabilities.

    p_nj = exp(z_nj) / sum_k exp(z_nk)

    Shapes:
        logits: (batch, classes)
        returns: (batch, classes), each row sums to 1

    Edge: logits of 1000 in one row and of -1000 in the next must give finite results.

    >>> softmax(torch.tensor([[0.0, 0.0, 0.0, 0.0]]))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    # <todo: about 3 lines.>
    return _log_softmax(logits).exp()
    # </todo>


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the batch of -log p, where p is the probability given to the correct class.

    L = -(1/N) sum_n log p_n,label(n)        with p = softmax(logits), the natural logarithm

    Shapes:
        logits: (batch, classes)
        labels: (batch,) int64, each in 0 … classes - 1
        returns: ()

    Edge: with logits (0, 1000) and label 0 the loss is 1000, not infinite, although p is too small for any float.
    Source: Goodfellow, Bengio, Courville, Deep Learning, 4.1 and 6.2.2.3.

    >>> softmax_cross_entropy(torch.zeros(1, 4), torch.tensor([2]))
    tensor(1.3863)
    """
    # <todo: about 4 lines. Simplify log(exp(…) / …) on paper first.>
    return -_log_softmax(logits)[torch.arange(len(labels)), labels].mean()
    # </todo>


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of `softmax_cross_entropy` with respect to the logits.

    dz = (p - y) / N        y is one-hot: 1 at the label, 0 elsewhere

    Shapes:
        logits: (batch, classes)
        labels: (batch,) int64
        returns: (batch, classes)

    >>> softmax_cross_entropy_backward(torch.zeros(1, 4), torch.tensor([2]))
    tensor([[ 0.2500,  0.2500, -0.7500,  0.2500]])
    """
    # <todo: about 4 lines.>
    # softmax gives a new tensor, so subtracting in place leaves the caller's logits alone.
    dz = softmax(logits)
    dz[torch.arange(len(labels)), labels] -= 1
    # The loss is a mean: each example owns 1/N of it, and so of the gradient.
    return dz / len(labels)
    # </todo>


# --- a whole network: two layers, ReLU, sum of squares, no biases -----------------------------------------------


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    """One step of gradient descent: the new weights, as a new tensor.

    w_new = w - lr dw

    Shapes:
        w: (*shape)
        dw: (*shape)
        returns: (*shape)

    >>> sgd_step(torch.tensor([1.0, 2.0]), torch.tensor([10.0, -10.0]), 0.1)
    tensor([0., 3.])
    """
    # <todo: 1 line.>
    # Not `w -= …`: the caller may still need the old weights, for the gradient of another layer for example.
    return w - lr * dw
    # </todo>


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """Sum of squared errors of a two-layer ReLU network without biases.

    a = x w1        h = relu(a)        y = h w2        L = sum (y - t)^2

    Shapes:
        x: (batch, features)
        t: (batch, outputs), the targets
        w1: (features, hidden)
        w2: (hidden, outputs)
        returns: ()
    """
    # <todo: about 3 lines.>
    return ((relu(x @ w1) @ w2 - t) ** 2).sum()
    # </todo>


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    """Gradients of `regression_loss` with respect to both weights.

    dy = 2 (y - t)      dw2 = h^T dy      dh = dy w2^T      da = relu_backward(dh, a)      dw1 = x^T da

    Shapes:
        x: (batch, features)
        t: (batch, outputs)
        w1: (features, hidden)
        w2: (hidden, outputs)
        returns: "dw1" (features, hidden), "dw2" (hidden, outputs)
    """
    # <todo: about 6 lines.>
    a = x @ w1
    h = relu(a)
    dy = 2 * (h @ w2 - t)
    # w2 is used here as it was in the forward pass. Whoever has stepped it by now differentiates another network.
    dh = dy @ w2.T
    return {"dw1": x.T @ relu_backward(dh, a), "dw2": h.T @ dy}
    # </todo>


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    """Gradient descent on `regression_loss`, always with the whole batch.

    In each step: the loss, both gradients at the weights as they are, then a step of both weights.

    Shapes:
        x: (batch, features)
        t: (batch, outputs)
        w1: (features, hidden)
        w2: (hidden, outputs)
        returns: "losses" (steps,), each the loss *before* its step, and "w1", "w2" after the last step

    Source: the sizes that are judged, 64, 1000, 100, 10 with lr = 1e-6 and 500 steps, are those of PyTorch's tutorial.
    """
    # <todo: about 7 lines, one of them a loop. `torch.stack` makes one tensor of a list of numbers.>
    losses = []
    for _ in range(steps):
        losses.append(regression_loss(x, t, w1, w2))
        # Both gradients before either step: they belong to the same point.
        grads = regression_backward(x, t, w1, w2)
        w1, w2 = sgd_step(w1, grads["dw1"], lr), sgd_step(w2, grads["dw2"], lr)
    return {"losses": torch.stack(losses), "w1": w1, "w2": w2}
    # </todo>


# --- a classifier: two linear layers with biases, ReLU between, softmax cross-entropy ---------------------------


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    """Run a two-layer classifier and keep every stage: the way back will need them.

    a = linear(x, w1, b1)      h = relu(a)      z = linear(h, w2, b2)      loss = softmax_cross_entropy(z, labels)

    Shapes:
        x: (batch, features)
        labels: (batch,) int64
        w1: (features, hidden)
        b1: (hidden,)
        w2: (hidden, classes)
        b2: (classes,)
        returns: "a" (batch, hidden), "h" (batch, hidden), "z" (batch, classes), "loss" ()
    """
    # <todo: about 5 lines.>
    a = linear(x, w1, b1)
    h = relu(a)
    z = linear(h, w2, b2)
    return {"a": a, "h": h, "z": z, "loss": softmax_cross_entropy(z, labels)}
    # </todo>


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    """Walk back through the classifier: the gradient of the loss with respect to everything on the way.

    loss -> dz -> (dw2, db2, dh) -> da -> (dw1, db1, dx)

    Shapes:
        stages: what `classifier_forward` returned for the same arguments
        x: (batch, features)
        labels: (batch,) int64
        w1: (features, hidden)
        w2: (hidden, classes)
        returns: "dz" (batch, classes), "dw2" (hidden, classes), "db2" (classes,), "dh" (batch, hidden),
            "da" (batch, hidden), "dw1" (features, hidden), "db1" (hidden,), "dx" (batch, features)
    """
    # <todo: about 6 lines, all of them calls of functions above. Why is there no b1 and no b2 among the arguments?>
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
    # </todo>
