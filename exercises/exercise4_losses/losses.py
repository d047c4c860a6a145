"""Exercise 4: losses. Sixteen short functions, about 60 lines; README.md has the mathematics.

Every tensor is a plain torch tensor, float64 or float32; results have the dtype of what was predicted; no input is
changed. Autograd must find its way from each loss back to the predictions: return tensors, and never detach them (the
m of log-sum-exp may be). Work from top to bottom: each loss calls the guard that fits, and the later functions are
made of the earlier ones. Logits and log-probabilities are finite. Only what the docstrings name has to raise.

Allowed      + - * / ** and comparisons, indexing, exp, log, log1p, expm1, abs, sign, sum, mean, max, amax, argmax,
             clamp, maximum, where, gather, scatter, xlogy, sigmoid, einsum, arange, zeros_like, ones_like, eye, stack,
             cat, squeeze, clone, and whatever else merely computes or rearranges. Autograd itself is allowed.
Not allowed  torch.nn (so no torch.nn.functional either), torch.distributions, and ready-made versions of what you are
             asked to write: softmax, log_softmax, logsumexp, logaddexp, logcumsumexp, every function that is a loss
             (binary_cross_entropy_with_logits, kl_div, …), also as methods of a tensor, in torch.special, torch.sparse
             and torch.masked, and under other names.
Not needed   loops.
"""

import torch
from torch import Tensor

# --- two guards, for the losses that follow -----------------------------------------------------------------------


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    """Raise ValueError unless both have the same shape; return nothing.

    (N, 1) minus (N,) is (N, N): torch would compare every prediction with every target, and warn of nothing.

    Shapes:
        prediction: (*shape)
        target: (*shape)

    >>> require_same_shape(torch.zeros(3, 1), torch.zeros(3))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ValueError: shapes differ: (3, 1) is not (3,)
    """
    # TODO: about 2 lines. What the message says is up to you.
    raise NotImplementedError("require_same_shape")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless there is one class number for each row of scores; return nothing.

    Shapes:
        scores: (batch, classes)
        labels: (batch,) int64, each in 0 … classes - 1: not (batch, 1), not one-hot, not float, not -1

    >>> require_labels(torch.zeros(2, 3), torch.tensor([0, 3]))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ValueError: a label is none of the 3 classes
    """
    # TODO: about 4 lines.
    raise NotImplementedError("require_labels")


# --- distances: what is predicted is a number -----------------------------------------------------------------------
#
# All three raise ValueError where prediction and target differ in shape, and are means over all entries.


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, the mean of |prediction - target|.

    Shapes:
        prediction: (*shape)
        target: (*shape)
        returns: ()

    Edge: where an error is exactly 0, every slope from -1 to 1 is right, but not NaN.

    >>> mae(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(2.)
    """
    # TODO: about 2 lines.
    raise NotImplementedError("mae")


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, the mean of (prediction - target)^2.

    Shapes:
        prediction: (*shape)
        target: (*shape)
        returns: ()

    >>> mse(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(5.)
    """
    # TODO: about 2 lines.
    raise NotImplementedError("mse")


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    """Mean of s(prediction - target): a parabola for small errors, straight lines for large ones.

    s(r) = r^2 / (2 beta)  where |r| < beta        s(r) = |r| - beta / 2  elsewhere

    Shapes:
        prediction: (*shape)
        target: (*shape)
        beta: a number > 0
        returns: ()

    >>> smooth_l1(torch.tensor([1.5, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(1.3125)
    """
    # TODO: about 3 lines. `torch.where` chooses entry by entry.
    raise NotImplementedError("smooth_l1")


# --- from logits to probabilities ---------------------------------------------------------------------------------
#
# All three work along the last axis, and logits of ±10 000 must give finite values and finite slopes.


def log_sum_exp(logits: Tensor) -> Tensor:
    """log of the sum of exp, without overflow: a maximum with its corners rounded off.

    lse(z) = log sum_k exp(z_k)

    Shapes:
        logits: (*batch, classes)
        returns: (*batch)

    Source: Goodfellow, Bengio, Courville, Deep Learning, 4.1.

    >>> log_sum_exp(torch.tensor([100.0, 100.0]))
    tensor(100.6931)
    """
    # TODO: about 2 lines. Which number can be taken out of all exponents and put back after the logarithm?
    raise NotImplementedError("log_sum_exp")


def log_softmax(logits: Tensor) -> Tensor:
    """log of the probabilities of all classes.

    log p_j = z_j - lse(z)

    Shapes:
        logits: (*batch, classes)
        returns: (*batch, classes)

    >>> log_softmax(torch.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """
    # TODO: about 1 line.
    raise NotImplementedError("log_softmax")


def softmax(logits: Tensor) -> Tensor:
    """Probabilities of all classes.

    p_j = exp(z_j) / sum_k exp(z_k)

    Shapes:
        logits: (*batch, classes)
        returns: (*batch, classes), non-negative, each slice along the last axis sums to 1

    >>> softmax(torch.tensor([0.0, 0.0, 0.0, 0.0]))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    # TODO: 1 line.
    raise NotImplementedError("softmax")


# --- cross-entropy: what is predicted is one of several classes ------------------------------------------------------


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Labels as distributions: one-hot rows, mixed with the uniform distribution.

    q_nj = (1 - smoothing) [j is label n] + smoothing / classes        (labels need not be checked here)

    Shapes:
        logits: (batch, classes); only shape and dtype are used
        labels: (batch,) int64, each in 0 … classes - 1
        returns: (batch, classes), the dtype of logits, each row sums to 1

    >>> soft_labels(torch.zeros(1, 4), torch.tensor([2]), 0.2)
    tensor([[0.0500, 0.0500, 0.8500, 0.0500]])
    """
    # TODO: about 3 lines.
    raise NotImplementedError("soft_labels")


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    """Negative log-likelihood: minus the mean of the labels' entries. The logarithm has been taken already.

    L = -(1/N) sum_n log_probs[n, label n]

    Shapes:
        log_probs: (batch, classes)
        labels: (batch,) int64
        returns: ()

    Raises ValueError where labels are not as `require_labels` wants them.

    >>> nll(torch.tensor([[-3.0, -0.5], [-0.25, -1.0]]), torch.tensor([0, 1]))
    tensor(2.)
    """
    # TODO: about 2 lines.
    raise NotImplementedError("nll")


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    """One number, or none of it: what becomes of the losses of the rows.

    "none": the losses as they are        "sum": their sum        "mean": their sum divided by the sum of the weights

    Shapes:
        losses: (batch,), already multiplied by what they weigh
        weights: (batch,), what each of them weighs
        returns: (batch,) for "none", else ()

    Raises ValueError for any other word. Weights whose sum is 0 are not judged.

    >>> reduce_losses(torch.tensor([2.0, 30.0]), torch.tensor([1.0, 3.0]), "mean")
    tensor(8.)
    """
    # TODO: about 7 lines.
    raise NotImplementedError("reduce_losses")


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy between labels and the softmax of logits, with the options that torch's has.

    l_n = - sum_j w_j q_nj log p_nj        with p = softmax(logits), q = soft_labels(logits, labels, label_smoothing)
                                           and w = weight

    A row whose label is `ignore_index` has the loss 0 and weighs 0; every other row weighs w_label. Without `weight`,
    every w_j is 1. Then `reduce_losses`.

    Shapes:
        logits: (batch, classes), finite in ignored rows too
        labels: (batch,) int64, each in 0 … classes - 1 or equal to ignore_index
        weight: (classes,) or None
        returns: (batch,) for the reduction "none", else ()

    Raises ValueError where the labels (but for the ignored ones) are not as `require_labels` wants them.
    Edge: logits of ±10 000 must give finite values and slopes.

    >>> cross_entropy(torch.zeros(3, 4), torch.tensor([2, 0, -100]))
    tensor(1.3863)
    """
    # TODO: about 8 lines. Give ignored rows some harmless label first, and take them out again at the end.
    raise NotImplementedError("cross_entropy")


# --- yes or no: what is predicted is one probability ------------------------------------------------------------------


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of *probabilities* of yes, a mean over all entries. No sigmoid is applied in here.

    l = - (y log p + (1 - y) log(1 - p))        each logarithm is taken as at least -100

    Shapes:
        probabilities: (*shape), each from 0 to 1
        targets: (*shape), each from 0 to 1, mostly 0 or 1, the dtype of probabilities
        returns: ()

    Raises ValueError where shapes differ, or where a probability is not between 0 and 1 (a logit, say).
    Edge: certainty (p of 0 or 1) costs 0 where it is right and 100 where it is wrong; its slope is not judged.

    >>> binary_cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]))
    tensor(0.6931)
    """
    # TODO: about 5 lines.
    raise NotImplementedError("binary_cross_entropy")


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of *logits* of yes, a mean over all entries.

    l = - (w y log p + (1 - y) log(1 - p))        with p = sigmoid(logits), w = pos_weight (without it 1)

    Shapes:
        logits: (*shape)
        targets: (*shape), each from 0 to 1, the dtype of logits
        pos_weight: (outputs,), one number for each place along the last axis, or None
        returns: ()

    Raises ValueError where the shapes of logits and targets differ.
    Edge: logits of ±10 000 must give finite values and slopes, and at a logit of exactly 0 the slope is p - y too.

    >>> binary_cross_entropy_with_logits(torch.tensor([0.0, 1000.0]), torch.tensor([1.0, 0.0]))
    tensor(500.3466)
    """
    # TODO: about 7 lines. -log p = log(1 + exp(-z)): which function above is that, of which two numbers?
    raise NotImplementedError("binary_cross_entropy_with_logits")


# --- two more -----------------------------------------------------------------------------------------------------


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence KL(target || predicted), a mean over the rows.

    L = (1/N) sum_n sum_j q_nj (log q_nj - log p_nj)        with q = target, log p = log_probs

    Shapes:
        log_probs: (batch, classes), what was predicted, as *log*-probabilities, finite
        target: (batch, classes), probabilities, each row sums to 1, the dtype of log_probs
        returns: ()

    Raises ValueError where shapes differ.
    Edge: where a target is 0 its term is 0 (not NaN), and so is its slope with respect to log_probs.

    >>> kl_divergence(torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """
    # TODO: about 3 lines.
    raise NotImplementedError("kl_divergence")


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    """Cross-entropy that counts a row less the better it is predicted, a mean over the batch.

    L = -(1/N) sum_n a_label (1 - p)^gamma log p        with p the softmax probability of label n, and a = alpha

    Without alpha, every a_j is 1. The mean divides by the number of rows, with alpha too.

    Shapes:
        logits: (batch, classes)
        labels: (batch,) int64
        gamma: a number >= 0; with 0 (and no alpha) this is cross-entropy; below 1 the slope at p = 1 is not judged
        alpha: (classes,) or None
        returns: ()

    Raises ValueError where labels are not as `require_labels` wants them.
    Edge: logits of ±10 000 must give finite values, and finite slopes for the default gamma.
    Source: Lin, Goyal, Girshick, He, Dollár, Focal Loss for Dense Object Detection, 2017.

    >>> focal_loss(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.1733)
    """
    # TODO: about 6 lines.
    raise NotImplementedError("focal_loss")
