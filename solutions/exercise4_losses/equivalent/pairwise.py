"""pairwise: folds log-sum-exp two numbers at a time, and makes all other losses of that one step."""

from functools import reduce

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    match = prediction.shape == target.shape
    if match:
        return
    raise ValueError("shapes must match")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    problems = []
    if labels.dtype != torch.int64:
        problems.append("dtype")
    if labels.shape != (len(scores),):
        problems.append("shape")
    if problems or not all(0 <= label < scores.shape[1] for label in labels.tolist()):
        raise ValueError(f"labels: {', '.join(problems) or 'range'}")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return ((prediction - target) * torch.sign(prediction - target)).mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return (prediction**2 - 2 * prediction * target + target**2).mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = torch.abs(prediction - target)
    line = r - beta / 2
    # The parabola touches the line at beta and lies above it before: the difference is a square.
    return (line + (beta - r).clamp(min=0) ** 2 / (2 * beta)).mean()


def _add_exps(a: Tensor, b: Tensor) -> Tensor:
    """log(exp a + exp b): at a = b the slope of abs is 0, so that both have the slope one half."""
    gap = (a - b).abs()
    return (a + b + gap) / 2 + torch.log1p(torch.exp(-gap))


def log_sum_exp(logits: Tensor) -> Tensor:
    return reduce(_add_exps, logits.unbind(dim=-1))


def log_softmax(logits: Tensor) -> Tensor:
    return torch.sub(logits, log_sum_exp(logits).unsqueeze(-1))


def softmax(logits: Tensor) -> Tensor:
    return torch.exp(log_softmax(logits))


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    rows = torch.zeros_like(logits).index_put((torch.arange(len(labels)), labels), torch.ones_like(logits[:, 0]))
    return rows - smoothing * (rows - 1 / logits.shape[1])


def _at(rows: Tensor, labels: Tensor) -> Tensor:
    """Return the label's entry of each row, by its place in the flattened matrix."""
    return rows.reshape(-1)[labels + rows.shape[1] * torch.arange(len(rows))]


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return 0 - _at(log_probs, labels).mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    try:
        place = ["none", "sum", "mean"].index(reduction)
    except ValueError:
        raise ValueError(f"reduction {reduction!r}") from None
    return losses if place == 0 else losses.sum() / (1 if place == 1 else weights.sum())


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    counts = (labels != ignore_index).long()
    known = labels * counts
    require_labels(logits, known)
    if weight is None:
        weight = torch.ones(logits.shape[1], dtype=logits.dtype)
    minus_log_p = log_sum_exp(logits).unsqueeze(1) - logits
    losses = (1 - label_smoothing) * weight[known] * _at(minus_log_p, known)
    losses = losses + label_smoothing / logits.shape[1] * (minus_log_p @ weight)
    return reduce_losses(losses * counts, weight[known] * counts, reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    low, high = torch.aminmax(probabilities)
    if low < 0 or high > 1:
        raise ValueError("no probabilities")
    yes = torch.log(probabilities).clamp(min=-100) * targets
    no = torch.log(1 - probabilities).clamp(min=-100) * (1 - targets)
    return (-yes - no).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    zero = torch.zeros_like(logits)
    weighted = targets if pos_weight is None else targets * pos_weight
    # log(1 + exp(-z)) = log(1 + exp(z)) - z, so that one fold is enough.
    return ((weighted + 1 - targets) * _add_exps(zero, logits) - weighted * logits).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    return (torch.special.xlogy(target, target) - target * log_probs).mean() * target.shape[1]


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    minus_log_p = log_sum_exp(logits) - _at(logits, labels)
    losses = torch.float_power(-torch.expm1(-minus_log_p), gamma).to(logits.dtype) * minus_log_p
    return (losses if alpha is None else losses * torch.take(alpha, labels)).mean()
