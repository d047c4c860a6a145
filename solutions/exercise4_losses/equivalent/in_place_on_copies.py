"""in-place-on-copies: copies what it is given and works on the copies in place."""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if not prediction.shape == target.shape:
        raise ValueError


def require_labels(scores: Tensor, labels: Tensor) -> None:
    counts = torch.bincount if labels.dtype == torch.int64 and labels.dim() == 1 else None
    if counts is None or len(labels) != len(scores) or (labels < 0).any():
        raise ValueError("labels must be one class number for each row")
    if len(counts(labels, minlength=scores.shape[1])) != scores.shape[1]:
        raise ValueError("a label is too large")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    r = prediction.clone()
    r -= target
    return r.abs_().mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    r = prediction.clone().sub_(target)
    return (r * r).mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = (prediction - target).abs()
    near = r < beta
    losses = r - beta / 2
    losses[near] = r[near] ** 2 / (2 * beta)
    return losses.mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    shifted = logits.clone()
    largest = logits.amax(dim=-1)
    shifted -= largest.unsqueeze(-1)
    return shifted.exp().sum(dim=-1).log_().add_(largest)


def log_softmax(logits: Tensor) -> Tensor:
    result = logits.clone()
    result -= log_sum_exp(logits).unsqueeze(-1)
    return result


def softmax(logits: Tensor) -> Tensor:
    return log_softmax(logits).exp_()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    q = torch.empty_like(logits).fill_(smoothing / logits.shape[1])
    q[torch.arange(len(labels)), labels] += 1 - smoothing
    return q


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    picked = log_probs[range(len(labels)), labels].clone()
    return picked.neg_().mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    if reduction not in {"sum", "mean"}:
        raise ValueError(f"{reduction!r}")
    result = losses.sum()
    if reduction == "mean":
        result /= weights.sum()
    return result


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    labels = labels.clone()
    ignored = labels == ignore_index
    labels[ignored] = 0
    require_labels(logits, labels)
    terms = log_softmax(logits)
    terms *= soft_labels(logits, labels, label_smoothing)
    weights = torch.ones_like(labels, dtype=logits.dtype)
    if weight is not None:
        terms *= weight
        weights = weight[labels].clone()
    losses = terms.sum(dim=1).neg_()
    losses[ignored] = 0
    weights[ignored] = 0
    return reduce_losses(losses, weights, reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if (probabilities * (1 - probabilities) < 0).any():
        raise ValueError("probabilities, please")
    total = targets * probabilities.log().clamp_(min=-100)
    total += (1 - targets) * (1 - probabilities).log().clamp_(min=-100)
    return total.neg_().mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    # log(1 + exp(z)) by halves: z / 2 + |z| / 2 + log(1 + exp(-|z|)); at 0 abs has the slope 0, so z / 2 has its say.
    softplus = logits / 2
    softplus += logits.abs() / 2
    softplus += torch.log1p(torch.exp(-logits.abs()))
    yes = softplus - logits
    if pos_weight is not None:
        yes *= pos_weight
    return (targets * yes).add_((1 - targets) * softplus).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    log_target = target.clone().clamp_(min=1e-300 if target.dtype == torch.float64 else 1e-38).log_()
    log_target -= log_probs
    log_target *= target
    return log_target.sum() / log_target.shape[0]


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    log_p = log_softmax(logits)[range(len(labels)), labels]
    losses = (1 - log_p.exp()).pow(gamma)
    losses = losses * -log_p
    if alpha is not None:
        losses *= alpha[labels]
    return losses.mean()
