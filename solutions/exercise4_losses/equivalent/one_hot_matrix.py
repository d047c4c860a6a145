"""one-hot-matrix: picks with matrices of zeros and ones instead of indices, and averages by hand."""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if list(prediction.shape) != list(target.shape):
        raise ValueError("not the same shape")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.is_floating_point() or labels.dtype != torch.long or labels.dim() != 1 or len(labels) != len(scores):
        raise ValueError("labels: one integer for each row")
    known = torch.arange(scores.shape[1])
    if not torch.isin(labels, known).all():
        raise ValueError("no such class")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    r = target - prediction
    # At an error of exactly 0 the slope is that of one of the two sides.
    return torch.sum(torch.where(r >= 0, r, -r)) / r.numel()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    r = (target - prediction).reshape(-1)
    return r @ r / len(r)


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = (target - prediction).abs()
    near = (r <= beta).to(r.dtype)
    return torch.sum(near * r * r / beta / 2 + (1 - near) * (r - 0.5 * beta)) / r.numel()


def log_sum_exp(logits: Tensor) -> Tensor:
    m = torch.amax(logits, dim=-1)
    return torch.log(torch.sum(torch.exp(logits - m[..., None]), dim=-1)) + m


def log_softmax(logits: Tensor) -> Tensor:
    return logits - log_sum_exp(logits)[..., None]


def softmax(logits: Tensor) -> Tensor:
    e = torch.exp(logits - torch.amax(logits, dim=-1, keepdim=True))
    return e / torch.sum(e, dim=-1, keepdim=True)


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    classes = logits.shape[1]
    mixture = torch.eye(classes, dtype=logits.dtype) * (1 - smoothing) + smoothing / classes
    return mixture[labels]


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -torch.einsum("nj,nj->", log_probs, soft_labels(log_probs, labels)) / len(labels)


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    ways = {"none": lambda: losses, "sum": lambda: torch.sum(losses), "mean": lambda: torch.sum(losses) / weights.sum()}
    if reduction not in ways:
        raise ValueError(f"{reduction} is none of {', '.join(ways)}")
    return ways[reduction]()


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    ignored = labels == ignore_index
    labels = labels.masked_fill(ignored, 0)
    require_labels(logits, labels)
    w = torch.ones(logits.shape[1], dtype=logits.dtype) if weight is None else weight
    rows = soft_labels(logits, labels)[:, :] * (~ignored).to(logits.dtype)[:, None]
    targets = soft_labels(logits, labels, label_smoothing).masked_fill(ignored[:, None], 0)
    losses = -torch.einsum("nj,nj,j->n", targets, log_softmax(logits), w)
    return reduce_losses(losses, rows @ w, reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError("a probability is between 0 and 1")
    floor = torch.tensor(-100.0, dtype=probabilities.dtype)
    yes, no = torch.maximum(torch.log(probabilities), floor), torch.maximum(torch.log1p(-probabilities), floor)
    return torch.sum((targets - 1) * no - targets * yes) / targets.numel()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    pair = log_softmax(torch.stack((logits, 0 * logits), dim=-1))
    yes, no = pair[..., 0], pair[..., 1]
    w = 1 if pos_weight is None else pos_weight
    return -torch.sum(w * targets * yes + (1 - targets) * no) / targets.numel()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    happens = target > 0
    log_target = torch.log(torch.where(happens, target, 1))
    return torch.sum(target * (log_target - log_probs)) / target.shape[0]


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    rows = soft_labels(logits, labels)
    log_p = torch.sum(rows * log_softmax(logits), dim=1)
    p = torch.sum(rows * softmax(logits), dim=1)
    a = 1 if alpha is None else rows @ alpha
    return torch.sum(-a * torch.pow(1 - p, gamma) * log_p) / len(labels)
