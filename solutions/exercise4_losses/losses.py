"""Reference solution of exercise 4. Comments say why, not what."""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    """Refuse predictions and targets whose shapes differ."""
    # Without this, (N, 1) and (N,) broadcast to (N, N): every prediction is compared with every target, silently.
    if prediction.shape != target.shape:
        raise ValueError(f"shapes differ: {tuple(prediction.shape)} is not {tuple(target.shape)}")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    """Refuse labels that are not one class number for each row of scores."""
    batch, classes = scores.shape
    if labels.shape != (batch,) or labels.dtype != torch.int64:
        raise ValueError(f"labels must be int64 of shape ({batch},), not {labels.dtype} of {tuple(labels.shape)}")
    # An index of -1 is no error in Python: it would silently mean the last class.
    if labels.lt(0).any() or labels.ge(classes).any():
        raise ValueError(f"a label is none of the {classes} classes")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of the absolute errors."""
    require_same_shape(prediction, target)
    return (prediction - target).abs().mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean of the squared errors."""
    require_same_shape(prediction, target)
    return ((prediction - target) ** 2).mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    """A parabola near 0 and straight lines outside, joined without jump or corner at beta."""
    require_same_shape(prediction, target)
    error = (prediction - target).abs()
    # Both pieces have the value beta / 2 and the slope 1 at beta, so it does not matter to which of them beta belongs.
    return torch.where(error < beta, error**2 / (2 * beta), error - beta / 2).mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    """log of the sum of exp over the last axis."""
    # exp(z - largest) cannot overflow, and its sum is at least 1, so that the logarithm is never that of 0. amax shares
    # its gradient among equal entries, and all that passes through `largest` cancels: the slope is softmax.
    largest = logits.amax(dim=-1, keepdim=True)
    return largest.squeeze(-1) + (logits - largest).exp().sum(dim=-1).log()


def log_softmax(logits: Tensor) -> Tensor:
    """Logarithm of the softmax over the last axis."""
    # Division before exp is a subtraction before log: no probability is ever computed, so none can become 0.
    return logits - log_sum_exp(logits).unsqueeze(-1)


def softmax(logits: Tensor) -> Tensor:
    """Probabilities over the last axis."""
    return log_softmax(logits).exp()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """One-hot rows, mixed with the uniform distribution."""
    one_hot = torch.zeros_like(logits)
    one_hot[torch.arange(len(labels)), labels] = 1
    # A mixture of two distributions is one: the rows still sum to 1. The uniform part falls on the label too.
    return (1 - smoothing) * one_hot + smoothing / logits.shape[1]


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    """Mean of minus the log-probability of the label."""
    require_labels(log_probs, labels)
    return -log_probs[torch.arange(len(labels)), labels].mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    """Losses of the rows as they are, added up, or divided by what they weigh together."""
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        # A weighted mean divides by the weights: doubling all of them must not change it.
        return losses.sum() / weights.sum()
    raise ValueError(f"reduction must be none, sum or mean, not {reduction!r}")


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy of logits and labels with all its options."""
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


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of probabilities of yes."""
    require_same_shape(probabilities, targets)
    # A comparison with NaN is false, so that this refuses NaN as well.
    if not torch.logical_and(probabilities >= 0, probabilities <= 1).all():
        raise ValueError("probabilities must lie between 0 and 1; logits belong into the next function")
    # The bound is on the logarithm, not on p: p = 1e-40 still costs 92.1 where it should.
    yes, no = probabilities.log().clamp(min=-100), (1 - probabilities).log().clamp(min=-100)
    return -(targets * yes + (1 - targets) * no).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of logits of yes."""
    require_same_shape(logits, targets)
    # sigmoid(z) is the softmax of (0, z), so that log_sum_exp does all that is difficult: minus the logs of the two
    # probabilities. max(z, 0) + log1p(exp(-|z|)) has the same values, but autograd gives it a wrong slope at z = 0.
    zero = torch.zeros_like(logits)
    no = log_sum_exp(torch.stack([zero, logits], dim=-1))
    yes = log_sum_exp(torch.stack([zero, -logits], dim=-1))
    if pos_weight is not None:
        yes = pos_weight * yes
    return (targets * yes + (1 - targets) * no).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    """Divergence of predicted log-probabilities from target probabilities, as a mean over the rows."""
    require_same_shape(log_probs, target)
    # xlogy(p, p) is p log p, and 0 where p is 0: what never happens costs nothing.
    terms = torch.xlogy(target, target) - target * log_probs
    # One divergence for each row, so the mean is over rows, not over all entries.
    return terms.sum() / len(target)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    """Cross-entropy that counts a row less the better it is predicted."""
    require_labels(logits, labels)
    log_p = log_softmax(logits)[torch.arange(len(labels)), labels]
    # expm1 keeps the digits of 1 - p where p is nearly 1. The factor is part of the function: it has a slope too.
    factor = (-torch.expm1(log_p)) ** gamma
    if alpha is not None:
        factor = alpha[labels] * factor
    return -(factor * log_p).mean()
