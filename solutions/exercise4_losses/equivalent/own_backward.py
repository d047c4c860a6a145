"""own-backward: hands autograd the slopes of log-sum-exp, softplus and the absolute value itself."""

import torch
from torch import Tensor


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits):
        m = logits.amax(dim=-1, keepdim=True)
        e = (logits - m).exp()
        total = e.sum(dim=-1, keepdim=True)
        ctx.save_for_backward(e / total)
        return (m + total.log()).squeeze(-1)

    @staticmethod
    def backward(ctx, upstream):
        (p,) = ctx.saved_tensors
        return upstream.unsqueeze(-1) * p


class _Softplus(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z.clamp(min=0) + torch.log1p(torch.exp(-z.abs()))

    @staticmethod
    def backward(ctx, upstream):
        (z,) = ctx.saved_tensors
        return upstream * torch.sigmoid(z)


class _Absolute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx, upstream):
        (x,) = ctx.saved_tensors
        return upstream * x.sign()


def require_same_shape(prediction: Tensor, target: Tensor) -> None:
    if prediction.shape != target.shape:
        raise ValueError("prediction and target must have the same shape")


def require_labels(scores: Tensor, labels: Tensor) -> None:
    rows, classes = scores.shape
    fits = labels.dtype == torch.int64 and tuple(labels.shape) == (rows,)
    if not fits or bool(((labels < 0) + (labels > classes - 1)).any()):
        raise ValueError("labels must be class numbers, one for each row")


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return _Absolute.apply(prediction - target).mean()


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    require_same_shape(prediction, target)
    return (prediction - target).pow(2).sum().div(prediction.numel())


def smooth_l1(prediction: Tensor, target: Tensor, beta: float = 1.0) -> Tensor:
    require_same_shape(prediction, target)
    r = _Absolute.apply(prediction - target)
    near = r < beta
    return torch.cat([r[near].square() / (2 * beta), r[~near] - beta / 2]).mean()


def log_sum_exp(logits: Tensor) -> Tensor:
    return _LogSumExp.apply(logits)


def log_softmax(logits: Tensor) -> Tensor:
    return logits - log_sum_exp(logits)[..., None]


def softmax(logits: Tensor) -> Tensor:
    return log_softmax(logits).exp()


def soft_labels(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    classes = logits.shape[1]
    hit = torch.arange(classes)[None, :] == labels[:, None]
    rest = torch.full_like(logits, smoothing / classes)
    return torch.where(hit, 1 - smoothing + rest, rest)


def nll(log_probs: Tensor, labels: Tensor) -> Tensor:
    require_labels(log_probs, labels)
    return -log_probs.take_along_dim(labels[:, None], dim=1).mean()


def reduce_losses(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return (losses / weights.sum()).sum()
    elif reduction == "sum":
        return losses.sum(dim=0)
    elif reduction == "none":
        return losses.clone()
    else:
        raise ValueError(f"what is {reduction}?")


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    keep = labels.ne(ignore_index)
    labels = labels * keep
    require_labels(logits, labels)
    class_weight = torch.ones_like(logits).mean(dim=0) if weight is None else weight
    log_p = log_softmax(logits)
    row_weight = class_weight[labels]
    # The label's part and the uniform part, each by itself.
    at_label = row_weight * log_p.take_along_dim(labels[:, None], dim=1)[:, 0]
    uniform = (log_p * class_weight).mean(dim=1)
    losses = torch.where(keep, -((1 - label_smoothing) * at_label + label_smoothing * uniform), 0)
    return reduce_losses(losses, torch.where(keep, row_weight, 0), reduction)


def binary_cross_entropy(probabilities: Tensor, targets: Tensor) -> Tensor:
    require_same_shape(probabilities, targets)
    if not torch.equal(probabilities, probabilities.clamp(0, 1)):
        raise ValueError("outside of 0 to 1")
    losses = targets * probabilities.log().clamp(min=-100) + (1 - targets) * torch.log1p(-probabilities).clamp(min=-100)
    return losses.mean().neg()


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, pos_weight: Tensor | None = None) -> Tensor:
    require_same_shape(logits, targets)
    weight = torch.ones_like(logits) if pos_weight is None else pos_weight
    return (weight * targets * _Softplus.apply(-logits) + (1 - targets) * _Softplus.apply(logits)).mean()


def kl_divergence(log_probs: Tensor, target: Tensor) -> Tensor:
    require_same_shape(log_probs, target)
    positive = target > 0
    p, log_q = target[positive], log_probs[positive]
    return (p * (p.log() - log_q)).sum() / len(log_probs)


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = 2.0, alpha: Tensor | None = None) -> Tensor:
    require_labels(logits, labels)
    log_p = log_softmax(logits).take_along_dim(labels[:, None], dim=1)[:, 0]
    others = 1 - log_p.exp()
    losses = -log_p * others**gamma
    return losses.mean() if alpha is None else (losses * alpha.index_select(0, labels)).mean()
