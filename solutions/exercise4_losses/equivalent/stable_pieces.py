"""stable-pieces: chooses the harmless formula for each size of number, and masks what must not be seen."""

import math

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.ndim != target.ndim or any(a != b for a, b in zip(prediction.shape, target.shape, strict=True)):
        raise ValueError(f"{tuple(prediction.shape)} != {tuple(target.shape)}")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.shape != scores[:, 0].shape:
        raise ValueError(f"labels of shape {tuple(labels.shape)}")
    if labels.dtype != torch.int64:
        raise ValueError(f"labels of dtype {labels.dtype}")
    if not torch.equal(labels, labels.clamp(0, scores.shape[1] - 1)):
        raise ValueError("labels out of range")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return torch.maximum(prediction, target).sub(torch.minimum(prediction, target)).mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return torch.mean((prediction - target) * (prediction - target))


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = prediction - target
    pull = r.clamp(-beta, beta)
    # r c - c^2 / 2 is both: r^2 / 2 where c is r, and beta |r| - beta^2 / 2 where c is beta.
    return ((r * pull - pull**2 / 2) / beta).mean()


def _shifted(logits: Tensor) -> tuple[Tensor, Tensor]:
    m = logits.max(dim=-1, keepdim=True).values.detach()
    return logits - m, m


def log_sum_exp(logits: Tensor) -> Tensor:
    shifted, m = _shifted(logits)
    return torch.log(torch.exp(shifted).sum(dim=-1)) + m[..., 0]


def log_softmax(logits: Tensor) -> Tensor:
    shifted, _ = _shifted(logits)
    return shifted - torch.log(torch.exp(shifted).sum(dim=-1, keepdim=True))


def softmax(logits: Tensor) -> Tensor:
    shifted, _ = _shifted(logits)
    e = torch.exp(shifted)
    return e / e.sum(dim=-1, keepdim=True)


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    one_hot = torch.stack([(labels == j).to(logits.dtype) for j in range(logits.shape[1])], dim=1)
    return torch.lerp(one_hot, torch.full_like(logits, 1 / logits.shape[1]), smoothing)


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -torch.diagonal(log_probs[:, labels]).mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    divisor = {"sum": torch.ones_like(weights[0]), "mean": weights.sum()}.get(reduction)
    if divisor is None:
        raise ValueError(f"no such reduction: {reduction}")
    return losses.sum() / divisor


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    ignored = labels == ignore_index
    known = torch.where(ignored, torch.zeros_like(labels), labels)
    require_labels(logits, known)
    weight = torch.ones_like(logits[0]) if weight is None else weight
    q = soft_labels(logits, known, label_smoothing)
    # log p_j = z_j - lse, so that the loss of a row is a weighted lse less weighted logits.
    lse = log_sum_exp(logits)
    losses = (q * weight).sum(dim=1) * lse - (q * weight * logits).sum(dim=1)
    return reduce_losses(torch.where(ignored, 0.0, losses), torch.where(ignored, 0.0, weight[known]), reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if ((probabilities - 0.5).abs() > 0.5).any():
        raise ValueError("a probability outside of 0 … 1")
    lowest = math.exp(-100) if probabilities.dtype == torch.float64 else 1e-44
    yes = torch.where(probabilities > lowest, probabilities, lowest).log().clamp(min=-100)
    no = torch.where(1 - probabilities > lowest, 1 - probabilities, lowest).log().clamp(min=-100)
    return -(targets * yes).mean() - ((1 - targets) * no).mean()


def _log_sigmoid(z: Tensor) -> Tensor:
    # Both branches see only what is harmless for them.
    high, low = torch.where(z >= 0, z, 0), torch.where(z >= 0, 0, z)
    return torch.where(z >= 0, -torch.log1p(torch.exp(-high)), low - torch.log1p(torch.exp(low)))


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    yes = -targets * _log_sigmoid(logits)
    no = -(1 - targets) * _log_sigmoid(-logits)
    return (yes if pos_weight is None else pos_weight * yes).mean() + no.mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    safe = target.masked_fill(target == 0, 1)
    return (target * safe.log() - target * log_probs).sum(dim=1).mean()


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    q = soft_labels(logits, labels)
    # 1 - p is the sum of the other probabilities: nothing is lost where p is nearly 1.
    others = ((1 - q) * softmax(logits)).sum(dim=1)
    log_p = (q * log_softmax(logits)).sum(dim=1)
    a = torch.ones_like(log_p) if alpha is None else (q * alpha).sum(dim=1)
    return -torch.mean(a * others**gamma * log_p)
