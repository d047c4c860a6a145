"""plain-numbers-added-up: adds up plain numbers in a loop and makes a tensor of the sum.

H0: The values are right, and they have no slope.
H1: Which operations has autograd seen between the prediction and the loss?
H2: tolist and item leave the world of tensors, and nothing leads back. Sum the tensor's own entries; then no loop is
  needed either.
zh_CN: 在循环中把普通的数相加，再把和变成张量。
H0_zh_CN: 数值是对的，但没有斜率。
H1_zh_CN: 从预测到损失，自动求导看到了哪些运算？
H2_zh_CN: tolist 和 item 离开了张量的世界，再也回不来。请对张量自己的元素求和；这样连循环也不需要。
Fails: test_nll_has_a_slope_at_the_labels_only, test_slope_of_binary_cross_entropy,
  test_binary_cross_entropy_is_least_at_its_target, test_slope_of_kl_is_minus_the_target,
  test_what_never_happens_costs_nothing
"""

import math

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
    total = 0.0
    for row, label in zip(log_probs.tolist(), labels.tolist(), strict=True):
        total -= row[label]
    return torch.tensor(total / len(labels), dtype=log_probs.dtype)


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
    total = 0.0
    for p, y in zip(probabilities.reshape(-1).tolist(), targets.reshape(-1).tolist(), strict=True):
        if not 0 <= p <= 1:
            raise ValueError(f"{p} is no probability")
        yes = math.log(p) if p > 0 else -100
        no = math.log(1 - p) if p < 1 else -100
        total -= y * max(yes, -100) + (1 - y) * max(no, -100)
    return torch.tensor(total / targets.numel(), dtype=probabilities.dtype)


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    zero = torch.zeros_like(logits)
    no = log_sum_exp(torch.stack([zero, logits], dim=-1))
    yes = log_sum_exp(torch.stack([zero, -logits], dim=-1))
    if pos_weight is not None:
        yes = yes * pos_weight
    return (targets * yes + (1 - targets) * no).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    total = 0.0
    for log_q, p in zip(log_probs.reshape(-1).tolist(), target.reshape(-1).tolist(), strict=True):
        if p > 0:
            total += p * (math.log(p) - log_q)
    return torch.tensor(total / len(target), dtype=log_probs.dtype)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    log_p = log_softmax(logits)[torch.arange(len(labels)), labels]
    factor = (1 - log_p.exp()) ** gamma
    if alpha is not None:
        factor = factor * alpha[labels]
    return -(factor * log_p).mean()
