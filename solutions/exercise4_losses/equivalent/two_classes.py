"""two-classes: builds everything on cross-entropy: yes or no are two classes, KL is cross-entropy less entropy."""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.size() != target.size():
        raise ValueError(f"{prediction.size()} and {target.size()}")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.dtype != torch.int64:
        raise ValueError("labels are int64")
    if labels.shape != scores.shape[:-1]:
        raise ValueError("one label for each row")
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < scores.shape[-1]:
        raise ValueError("a label out of range")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    return smooth_l1(prediction, target, 1e-30)


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return torch.square(prediction - target).mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = (prediction - target).abs()
    inside = r.clamp(max=beta)
    # The parabola as far as beta, then the slope 1: in one formula.
    return (inside * inside / (2 * beta) + (r - inside)).mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    m = logits.detach().amax(dim=-1, keepdim=True)
    return (logits - m).exp().sum(dim=-1).log() + m.squeeze(-1)


def log_softmax(logits: Tensor) -> Tensor:
    return logits - log_sum_exp(logits).unsqueeze(-1)


def softmax(logits: Tensor) -> Tensor:
    return log_softmax(logits).exp()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    rest = smoothing / logits.shape[-1]
    return torch.full_like(logits, rest).scatter(-1, labels.unsqueeze(-1), 1 - smoothing + rest)


def _against(logits: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Cross-entropy of each row of logits with a row of target probabilities."""
    terms = target * log_softmax(logits)
    return -(terms if weight is None else terms * weight).sum(dim=-1)


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -log_probs.gather(1, labels.unsqueeze(1)).mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction not in ("none", "sum", "mean"):
        raise ValueError("reduction is none, sum or mean")
    if reduction == "none":
        return losses
    total = losses.sum()
    return total / weights.sum() if reduction == "mean" else total


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    if labels.shape != logits.shape[:1]:
        raise ValueError("one label for each row")
    kept = labels != ignore_index
    require_labels(logits[kept], labels[kept])
    chosen = labels[kept]
    target = soft_labels(logits[kept], chosen, label_smoothing)
    # Only the rows that count are computed; then each goes to its place.
    losses = torch.zeros(len(labels), dtype=logits.dtype).masked_scatter(kept, _against(logits[kept], target, weight))
    weights = torch.ones(len(chosen), dtype=logits.dtype) if weight is None else weight[chosen]
    return reduce_losses(losses, weights, reduction)


def _two(no: Tensor, yes: Tensor) -> Tensor:
    return torch.stack([no, yes], dim=-1)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if not bool(torch.logical_and(probabilities >= 0, probabilities <= 1).all()):
        raise ValueError("not a probability")
    log_p = _two(1 - probabilities, probabilities).log().clamp(min=-100)
    return -(_two(1 - targets, targets) * log_p).sum(dim=-1).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    weight = None if pos_weight is None else _two(torch.ones_like(pos_weight), pos_weight)
    return _against(_two(torch.zeros_like(logits), logits), _two(1 - targets, targets), weight).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    entropy = torch.special.entr(target).sum(dim=1)
    return (-(target * log_probs).sum(dim=1) - entropy).mean()


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    losses = cross_entropy(logits, labels, alpha, reduction="none", ignore_index=-(2**40))
    plain = cross_entropy(logits, labels, reduction="none", ignore_index=-(2**40))
    return (-torch.expm1(-plain)).pow(gamma).mul(losses).mean()
