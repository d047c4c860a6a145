"""running-maximum: one pass over the classes that keeps a maximum and a sum, and masks that multiply."""

import torch
from torch import Tensor


def _fail_unless(condition: bool, text: str) -> None:
    if not condition:
        raise ValueError(text)


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    _fail_unless(tuple(prediction.shape) == tuple(target.shape), "shapes")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    _fail_unless(labels.dtype == torch.int64, "labels are integers")
    _fail_unless(tuple(labels.shape) == tuple(scores.shape[:1]), "one label for each row")
    _fail_unless(bool((labels // scores.shape[1] == 0).all()), "labels are class numbers")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    above = (prediction > target).to(prediction.dtype)
    return ((2 * above - 1) * (prediction - target)).mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return (target - prediction).square().mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = (prediction - target) / beta
    near = (r.abs() < 1).to(r.dtype)
    return beta * (near * r**2 / 2 + (1 - near) * (r.abs() - 0.5)).mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    largest, total = logits[..., 0], torch.ones_like(logits[..., 0])
    for z in logits.unbind(dim=-1)[1:]:
        larger = torch.maximum(largest, z)
        # What was summed so far belongs to the maximum before; bring it to the new one.
        total = total * torch.exp(largest - larger) + torch.exp(z - larger)
        largest = larger
    return largest + torch.log(total)


def log_softmax(logits: Tensor) -> Tensor:
    return logits - log_sum_exp(logits).reshape(*logits.shape[:-1], 1)


def softmax(logits: Tensor) -> Tensor:
    return log_softmax(logits).exp()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    classes = logits.shape[1]
    hit = (labels.reshape(-1, 1) == torch.arange(classes)).to(logits.dtype)
    return hit * (1 - smoothing) + smoothing / classes


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -(log_probs * soft_labels(log_probs, labels)).sum() / len(labels)


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    _fail_unless(reduction in ("none", "sum", "mean"), "reduction")
    results = {"none": losses, "sum": losses.sum()}
    return results.get(reduction, losses.sum() / weights.sum())


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    classes = logits.shape[1]
    ignored = labels == ignore_index
    known = torch.where(ignored, classes - 1, labels)
    require_labels(logits, known)
    mask = 1 - ignored.to(logits.dtype)
    weight = torch.ones(classes, dtype=logits.dtype) if weight is None else weight
    surprise = -log_softmax(logits)
    label_part = (soft_labels(logits, known) * weight * surprise).sum(dim=1)
    uniform_part = (weight * surprise).sum(dim=1) / classes
    losses = mask * torch.lerp(label_part, uniform_part, label_smoothing)
    return reduce_losses(losses, mask * weight.gather(0, known), reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    _fail_unless(bool((probabilities >= 0).all() and (probabilities <= 1).all()), "probabilities")
    yes, no = (torch.log(p).clamp(-100, 0) for p in (probabilities, 1 - probabilities))
    return -torch.lerp(no, yes, targets).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    # -log sigmoid(z) of an answer that is surely right is tiny, not 0: log_softmax of the pair (z, 0) has it exactly.
    pair = log_softmax(torch.stack([logits, torch.zeros_like(logits)], dim=-1))
    factor = torch.ones_like(logits) if pos_weight is None else pos_weight
    shares = torch.stack([factor * targets, 1 - targets], dim=-1)
    return -(shares * pair).sum() / targets.numel()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    tiny = torch.finfo(target.dtype).tiny
    return (target * ((target + tiny).log() - log_probs)).sum(dim=-1).mean()


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    q = soft_labels(logits, labels)
    weight = q if alpha is None else q * alpha
    # The focal factor of every class, of which one-hot rows keep the label's.
    return -(weight * (1 - softmax(logits)) ** gamma * log_softmax(logits)).sum() / len(labels)
