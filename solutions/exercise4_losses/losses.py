# <ours>
# Reference solution of exercise 4. Comments say why, not what. What stands between marks is not in the stub, which
# `grader release --from-solutions` makes of this file; see docs/release.md.
# </ours>
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
    # <todo: about 2 lines. What the message says is up to you.>
    # Without this, (N, 1) and (N,) broadcast to (N, N): every prediction is compared with every target, silently.
    if prediction.shape != target.shape:
        raise ValueError(f"shapes differ: {tuple(prediction.shape)} is not {tuple(target.shape)}")
    # </todo>


def require_labels(scores: Tensor, labels: Tensor) -> None:
    """Raise ValueError unless there is one class number for each row of scores; return nothing.

    Shapes:
        scores: (batch, classes)
        labels: (batch,) int64, each in 0 … classes - 1: not (batch, 1), not one-hot, not float, not -1

    >>> require_labels(torch.zeros(2, 3), torch.tensor([0, 3]))  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    ValueError: a label is none of the 3 classes
    """
    # <todo: about 4 lines.>
    batch, classes = scores.shape
    if labels.shape != (batch,) or labels.dtype != torch.int64:
        raise ValueError(f"labels must be int64 of shape ({batch},), not {labels.dtype} of {tuple(labels.shape)}")
    # An index of -1 is no error in Python: it would silently mean the last class.
    if labels.lt(0).any() or labels.ge(classes).any():
        raise ValueError(f"a label is none of the {classes} classes")
    # </todo>


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
    # <todo: about 2 lines.>
    require_same_shape(prediction, target)
    return (prediction - target).abs().mean()
    # </todo>


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, the mean of (prediction - target)^2.

    Shapes:
        prediction: (*shape)
        target: (*shape)
        returns: ()

    >>> mse(torch.tensor([1.0, 5.0]), torch.tensor([2.0, 2.0]))
    tensor(5.)
    """
    # <todo: about 2 lines.>
    require_same_shape(prediction, target)
    return ((prediction - target) ** 2).mean()
    # </todo>


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
    # <todo: about 3 lines. `torch.where` chooses entry by entry.>
    require_same_shape(prediction, target)
    error = (prediction - target).abs()
    # Both pieces have the value beta / 2 and the slope 1 at beta, so it does not matter to which of them beta belongs.
    return torch.where(error < beta, error**2 / (2 * beta), error - beta / 2).mean()
    # </todo>


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
    # <todo: about 2 lines. Which number can be taken out of all exponents and put back after the logarithm?>
    # exp(z - largest) cannot overflow, and its sum is at least 1, so that the logarithm is never that of 0. amax shares
    # its gradient among equal entries, and all that passes through `largest` cancels: the slope is softmax.
    largest = logits.amax(dim=-1, keepdim=True)
    return largest.squeeze(-1) + (logits - largest).exp().sum(dim=-1).log()
    # </todo>


def log_softmax(logits: Tensor) -> Tensor:
    """log of the probabilities of all classes.

    log p_j = z_j - lse(z)

    Shapes:
        logits: (*batch, classes)
        returns: (*batch, classes)

    >>> log_softmax(torch.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """
    # <todo: about 1 line.>
    # Division before exp is a subtraction before log: no probability is ever computed, so none can become 0.
    return logits - log_sum_exp(logits).unsqueeze(-1)
    # </todo>


def softmax(logits: Tensor) -> Tensor:
    """Probabilities of all classes.

    p_j = exp(z_j) / sum_k exp(z_k)

    Shapes:
        logits: (*batch, classes)
        returns: (*batch, classes), non-negative, each slice along the last axis sums to 1

    >>> softmax(torch.tensor([0.0, 0.0, 0.0, 0.0]))
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    # <todo: 1 line.>
    return log_softmax(logits).exp()
    # </todo>


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
    # <todo: about 3 lines.>
    one_hot = torch.zeros_like(logits)
    one_hot[torch.arange(len(labels)), labels] = 1
    # A mixture of two distributions is one: the rows still sum to 1. The uniform part falls on the label too.
    return (1 - smoothing) * one_hot + smoothing / logits.shape[1]
    # </todo>


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
    # <todo: about 2 lines.>
    require_labels(log_probs, labels)
    return -log_probs[torch.arange(len(labels)), labels].mean()
    # </todo>


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
    # <todo: about 7 lines.>
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        # A weighted mean divides by the weights: doubling all of them must not change it.
        return losses.sum() / weights.sum()
    raise ValueError(f"reduction must be none, sum or mean, not {reduction!r}")
    # </todo>


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
    # <todo: about 8 lines. Give ignored rows some harmless label first, and take them out again at the end.>
    # Ignored rows get some class, so that everything below can be computed for all rows at once; `keep` removes them.
    keep = labels != ignore_index
    known = torch.where(keep, labels, 0)
    require_labels(logits, known)
    if weight is None:
        weight = logits.new_ones(logits.shape[1])
    targets = soft_labels(logits, known, label_smoothing)
    # In log space throughout: the log of a probability that has become 0 is never taken.
    losses = -(weight * targets * log_softmax(logits)).sum(dim=1) * keep
    # A row weighs what its label weighs, however smooth its target is.
    return reduce_losses(losses, weight[known] * keep, reduction)
    # </todo>


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
    # <todo: about 5 lines.>
    require_same_shape(probabilities, targets)
    # A comparison with NaN is false, so that this refuses NaN as well.
    if not torch.logical_and(probabilities >= 0, probabilities <= 1).all():
        raise ValueError("probabilities must lie between 0 and 1; logits belong into the next function")
    # The bound is on the logarithm, not on p: p = 1e-40 still costs 92.1 where it should.
    yes, no = probabilities.log().clamp(min=-100), (1 - probabilities).log().clamp(min=-100)
    return -(targets * yes + (1 - targets) * no).mean()
    # </todo>


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
    # <todo: about 7 lines. -log p = log(1 + exp(-z)): which function above is that, of which two numbers?>
    require_same_shape(logits, targets)
    # sigmoid(z) is the softmax of (0, z), so that log_sum_exp does all that is difficult: minus the logs of the two
    # probabilities. max(z, 0) + log1p(exp(-|z|)) has the same values, but autograd gives it a wrong slope at z = 0.
    zero = torch.zeros_like(logits)
    no = log_sum_exp(torch.stack([zero, logits], dim=-1))
    yes = log_sum_exp(torch.stack([zero, -logits], dim=-1))
    if pos_weight is not None:
        yes = pos_weight * yes
    return (targets * yes + (1 - targets) * no).mean()
    # </todo>


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
    # <todo: about 3 lines.>
    require_same_shape(log_probs, target)
    # xlogy(p, p) is p log p, and 0 where p is 0: what never happens costs nothing.
    terms = torch.xlogy(target, target) - target * log_probs
    # One divergence for each row, so the mean is over rows, not over all entries.
    return terms.sum() / len(target)
    # </todo>


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
    # <todo: about 6 lines.>
    require_labels(logits, labels)
    log_p = log_softmax(logits)[torch.arange(len(labels)), labels]
    # expm1 keeps the digits of 1 - p where p is nearly 1. The factor is part of the function: it has a slope too.
    factor = (-torch.expm1(log_p)) ** gamma
    if alpha is not None:
        factor = alpha[labels] * factor
    return -(factor * log_p).mean()
    # </todo>
