"""Exercise 1: gradients by hand. Six functions, about 20 lines; README.md has the mathematics.

Every tensor is a plain torch tensor, float64 or float32, and results have the dtype of the inputs.
Rules for all six: no loops, no autograd, no torch.nn (so no torch.nn.functional either), no input is changed.
"""

import torch
from torch import Tensor


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the batch of -log p, where p is the probability given to the correct class.

    p_nj = exp(z_nj) / sum_k exp(z_nk)        L = -(1/N) sum_n log p_n,label(n)

    Shapes:
        logits: (batch, classes)
        labels: (batch,) int64, each in 0 … classes - 1
        returns: ()

    Edge: logits of 1000 must give a finite loss. Do not call torch.softmax, log_softmax or logsumexp.
    Source: Goodfellow, Bengio, Courville, Deep Learning, 4.1 and 6.2.2.3.

    >>> softmax_cross_entropy(torch.zeros(1, 4), torch.tensor([2]))
    tensor(1.3863)
    """
    # TODO: about 4 lines.
    raise NotImplementedError("softmax_cross_entropy")


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    """Gradient of `softmax_cross_entropy` with respect to the logits.

    dL/dz = (p - y) / N                       y is one-hot: 1 at the label, 0 elsewhere

    Shapes:
        logits: (batch, classes)
        labels: (batch,) int64
        returns: (batch, classes)

    >>> softmax_cross_entropy_backward(torch.zeros(1, 4), torch.tensor([2]))
    tensor([[ 0.2500,  0.2500, -0.7500,  0.2500]])
    """
    # TODO: about 4 lines.
    raise NotImplementedError("softmax_cross_entropy_backward")


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    """Pass a gradient back through relu(x) = max(x, 0).

    dL/dx = dL/drelu where x > 0, and 0 elsewhere

    Shapes:
        upstream: (*shape), the gradient of the loss with respect to relu(x)
        x: (*shape), what relu was applied to
        returns: (*shape)

    Edge: where x is exactly 0 either answer is right.

    >>> relu_backward(torch.tensor([5.0, -7.0]), torch.tensor([-1.0, 2.0]))
    tensor([ 0., -7.])
    """
    # TODO: 1 line.
    raise NotImplementedError("relu_backward")


def two_layer_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    """Sum of squared errors of a two-layer ReLU network without biases.

    a = x w1        h = relu(a)        y = h w2        L = sum (y - t)^2

    Shapes:
        x: (batch, features)
        t: (batch, outputs), the targets
        w1: (features, hidden)
        w2: (hidden, outputs)
        returns: ()
    """
    # TODO: about 3 lines.
    raise NotImplementedError("two_layer_loss")


def two_layer_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
    """Gradients (dw1, dw2) of `two_layer_loss` with respect to both weights.

    dy = 2 (y - t)      dw2 = h^T dy      dh = dy w2^T      da = relu_backward(dh, a)      dw1 = x^T da

    Shapes:
        x: (batch, features)
        t: (batch, outputs)
        w1: (features, hidden)
        w2: (hidden, outputs)
        returns: dw1 (features, hidden), dw2 (hidden, outputs)
    """
    # TODO: about 7 lines.
    raise NotImplementedError("two_layer_backward")


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
    # TODO: 1 line.
    raise NotImplementedError("sgd_step")
