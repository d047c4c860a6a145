"""corner-at-zero: has the right values and, at a logit of exactly 0, a wrong slope.

H0: Everywhere else your slopes are right; at 0 they are too large.
H1: Which slopes does autograd give clamp and abs at exactly 0, and do they add up to that of the whole?
H2: The sum of max(z, 0) and log(1 + exp(-|z|)) is smooth, its parts are not: each has a corner at 0. A network that
  starts from zeros starts right there.
zh_CN: 数值是对的，但在 logit 恰好为 0 处斜率是错的。
H0_zh_CN: 其他地方你的斜率都对；在 0 处太大。
H1_zh_CN: 自动求导在恰好为 0 处给 clamp 和 abs 的斜率是多少？加起来等于整体的斜率吗？
H2_zh_CN: max(z, 0) 与 log(1 + exp(-|z|)) 之和是光滑的，但各部分在 0 处都有折角。从零开始的网络恰恰就从那里出发。
Fails: test_the_slope_at_a_logit_of_zero_is_half_minus_y
"""

import torch
from torch import Tensor


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {tuple(prediction.shape)} and target {tuple(target.shape)} differ in shape")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    if labels.dtype != torch.int64 or labels.shape != scores.shape[:1]:
        raise ValueError("labels must be int64, one for each row")
    if (labels < 0).any() or (labels >= scores.shape[1]).any():
        raise ValueError("a label is not a class")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return (prediction - target).abs().mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return ((prediction - target) ** 2).mean()


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = (prediction - target).abs()
    return torch.where(r < beta, r**2 / (2 * beta), r - beta / 2).mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    m = logits.max(dim=-1, keepdim=True).values
    return (m + (logits - m).exp().sum(dim=-1, keepdim=True).log()).squeeze(-1)


def log_softmax(logits: Tensor) -> Tensor:
    return logits - log_sum_exp(logits).unsqueeze(-1)


def softmax(logits: Tensor) -> Tensor:
    return log_softmax(logits).exp()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    one_hot = torch.zeros_like(logits)
    one_hot[torch.arange(len(labels)), labels] = 1
    return (1 - smoothing) * one_hot + smoothing / logits.shape[1]


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -log_probs[torch.arange(len(labels)), labels].mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    elif reduction == "sum":
        return losses.sum()
    elif reduction == "mean":
        return losses.sum() / weights.sum()
    raise ValueError(f"unknown reduction {reduction}")


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    keep = labels != ignore_index
    labels = torch.where(keep, labels, 0)
    require_labels(logits, labels)
    if weight is None:
        weight = torch.ones(logits.shape[1], dtype=logits.dtype)
    q = soft_labels(logits, labels, label_smoothing)
    losses = -(weight * q * log_softmax(logits)).sum(dim=1) * keep
    return reduce_losses(losses, weight[labels] * keep, reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if (probabilities < 0).any() or (probabilities > 1).any():
        raise ValueError("not probabilities")
    yes = probabilities.log().clamp(min=-100)
    no = (1 - probabilities).log().clamp(min=-100)
    return -(targets * yes + (1 - targets) * no).mean()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    rest = torch.log1p(torch.exp(-logits.abs()))
    yes = (-logits).clamp(min=0) + rest
    no = logits.clamp(min=0) + rest
    if pos_weight is not None:
        yes = yes * pos_weight
    return (targets * yes + (1 - targets) * no).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    terms = torch.xlogy(target, target) - target * log_probs
    return terms.sum() / len(target)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    log_p = log_softmax(logits)[torch.arange(len(labels)), labels]
    factor = (1 - log_p.exp()) ** gamma
    if alpha is not None:
        factor = factor * alpha[labels]
    return -(factor * log_p).mean()
