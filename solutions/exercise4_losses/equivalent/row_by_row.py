"""row-by-row: loops over rows and entries and stacks what it finds; slow, and as right as any."""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.dim() != target.dim():
        raise ValueError("another number of axes")
    for axis in range(prediction.dim()):
        if prediction.shape[axis] != target.shape[axis]:
            raise ValueError(f"axis {axis} has another length")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.dim() != 1 or labels.shape[0] != scores.shape[0] or labels.dtype is not torch.int64:
        raise ValueError("labels")
    for label in labels.tolist():
        if label not in range(scores.shape[1]):
            raise ValueError(f"{label} is no class")


def _mean(values: list[Tensor]) -> Tensor:
    return sum(values[1:], values[0]) / len(values)


def _errors(prediction: Tensor, target: Tensor) -> list[Tensor]:
    require_same_shape(prediction, target)
    return list((prediction - target).reshape(-1))


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    return _mean([abs(r) for r in _errors(prediction, target)])


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    return _mean([r * r for r in _errors(prediction, target)])


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    parts = []
    for r in _errors(prediction, target):
        if -beta < r < beta:
            parts.append(r * r / (2 * beta))
        elif r > 0:
            parts.append(r - beta / 2)
        else:
            parts.append(-r - beta / 2)
    return _mean(parts)


def log_sum_exp(logits: Tensor) -> Tensor:
    if logits.dim() > 1:
        return torch.stack([log_sum_exp(row) for row in logits])
    m = max(logits.tolist())
    return m + sum(torch.exp(z - m) for z in logits).log()


def log_softmax(logits: Tensor) -> Tensor:
    if logits.dim() > 1:
        return torch.stack([log_softmax(row) for row in logits])
    return logits - log_sum_exp(logits)


def softmax(logits: Tensor) -> Tensor:
    return torch.exp(log_softmax(logits))


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    classes = logits.shape[1]
    rows = []
    for label in labels.tolist():
        row = [smoothing / classes] * classes
        row[label] += 1 - smoothing
        rows.append(row)
    return torch.tensor(rows, dtype=logits.dtype)


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return _mean([-row[label] for row, label in zip(log_probs, labels.tolist(), strict=True)])


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    match reduction:
        case "none":
            return losses
        case "sum":
            return sum(losses)
        case "mean":
            return sum(losses) / sum(weights)
        case _:
            raise ValueError(reduction)


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    require_labels(logits, torch.where(labels == ignore_index, torch.zeros_like(labels), labels))
    if weight is None:
        weight = torch.tensor([1.0] * logits.shape[1], dtype=logits.dtype)
    losses, weights = [], []
    for row, label in zip(log_softmax(logits), labels, strict=True):
        if label == ignore_index:
            losses.append(0 * row.sum())
            weights.append(0 * weight[0])
        else:
            q = soft_labels(row[None], label[None], label_smoothing)[0]
            losses.append(-sum(w * share * log_p for w, share, log_p in zip(weight, q, row, strict=True)))
            weights.append(weight[label])
    return reduce_losses(torch.stack(losses), torch.stack(weights), reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    losses = []
    for p, y in zip(probabilities.reshape(-1), targets.reshape(-1), strict=True):
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is no probability")
        yes = p.log() if p > 0 else p - 100
        no = (1 - p).log() if p < 1 else 1 - p - 100
        losses.append(-(y * yes.clamp(min=-100) + (1 - y) * no.clamp(min=-100)))
    return _mean(losses)


def _minus_log_sigmoid(z: Tensor) -> Tensor:
    # The branch is chosen by Python, so that autograd never sees the other one.
    return torch.log1p(torch.exp(-z)) if z > 0 else torch.log1p(torch.exp(z)) - z


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    weights = torch.ones_like(logits) if pos_weight is None else pos_weight.expand_as(logits)
    losses = []
    for z, y, w in zip(logits.reshape(-1), targets.reshape(-1), weights.reshape(-1), strict=True):
        losses.append(w * y * _minus_log_sigmoid(z) + (1 - y) * _minus_log_sigmoid(-z))
    return _mean(losses)


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    rows = []
    for log_q, p in zip(log_probs, target, strict=True):
        rows.append(sum(share * (share.log() - b) if share > 0 else 0 * b for share, b in zip(p, log_q, strict=True)))
    return _mean(rows)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    losses = []
    for row, label in zip(log_softmax(logits), labels, strict=True):
        log_p = row[label]
        loss = -((1 - log_p.exp()) ** gamma) * log_p
        losses.append(loss if alpha is None else alpha[label] * loss)
    return _mean(losses)
