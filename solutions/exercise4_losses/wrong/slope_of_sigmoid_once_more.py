"""slope-of-sigmoid-once-more: has a backward of its own, with the slope of sigmoid once more in it.

H0: The values are right; the slopes are too small, and vanish where the logits are large.
H1: Which derivative cancels when the sigmoid meets the logarithm?
H2: log(1 + exp(z)) has the slope sigmoid(z). The factor s (1 - s) belongs to a squared error behind a sigmoid, which is
  why that learns so slowly from sure mistakes.
zh_CN: 自己写了反向传播，其中多乘了一次 sigmoid 的斜率。
H0_zh_CN: 数值是对的；斜率太小，在 logits 很大处消失。
H1_zh_CN: sigmoid 遇到对数时，哪个导数约掉了？
H2_zh_CN: log(1 + exp(z)) 的斜率是 sigmoid(z)。因子 s (1 - s) 属于 sigmoid 之后的平方误差，后者因此从自信的错误中
  学得很慢。
Fails: test_slope_for_a_logit_is_p_minus_y, test_the_slope_at_a_logit_of_zero_is_half_minus_y,
  test_a_sure_mistake_still_has_a_slope, test_pos_weight_counts_yes_more
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


class _Softplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.clamp(min=0) + torch.log1p(torch.exp(-z.abs()))

    @staticmethod
    def backward(ctx, upstream):
        (z,) = ctx.saved_tensors
        s = torch.sigmoid(z)
        return upstream * s * s * (1 - s)


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    no, yes = _Softplus.apply(logits), _Softplus.apply(-logits)
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
