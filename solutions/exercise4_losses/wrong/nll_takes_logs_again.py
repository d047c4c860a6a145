"""nll-takes-logs-again: takes the logarithm in nll, of what are logarithms already.

H0: Your nll is not a number.
H1: Which sign have log-probabilities, and what is the logarithm of such a number?
H2: The name of the argument says what it holds. All that is left to do is to look up and to average.
zh_CN: 在 nll 中取对数，而输入已经是对数。
H0_zh_CN: 你的 nll 不是数。
H1_zh_CN: 对数概率是什么符号？这种数的对数是什么？
H2_zh_CN: 参数的名字说明了它的内容。剩下要做的只是查找和取平均。
Fails: test_cross_entropy_worked_example, test_nll_is_the_mean_of_what_stands_at_the_labels,
  test_labels_that_are_none_are_refused, test_the_losses_of_classes_keep_float32
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
    return -log_probs.log()[torch.arange(len(labels)), labels].mean()


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
    zero = torch.zeros_like(logits)
    no = log_sum_exp(torch.stack([zero, logits], dim=-1))
    yes = log_sum_exp(torch.stack([zero, -logits], dim=-1))
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
