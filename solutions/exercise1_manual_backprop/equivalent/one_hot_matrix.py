"""one-hot-matrix: the targets as a matrix of zeros and ones, probabilities as a quotient, weights by einsum."""

import torch
from torch import Tensor


def _probabilities(logits: Tensor) -> Tensor:
    exps = torch.exp(logits - torch.amax(logits, dim=1, keepdim=True))
    return exps / exps.sum(dim=1, keepdim=True)


def _one_hot(labels: Tensor, like: Tensor) -> Tensor:
    y = torch.zeros_like(like)
    return y.scatter_(1, labels.unsqueeze(1), 1.0)


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    p = _probabilities(logits)
    return -torch.log((p * _one_hot(labels, p)).sum(dim=1)).sum() / logits.shape[0]


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    p = _probabilities(logits)
    return (p - _one_hot(labels, p)) / logits.shape[0]


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return torch.where(x > 0, upstream, torch.zeros_like(upstream))


def two_layer_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    error = torch.maximum(x @ w1, torch.zeros(())) @ w2 - t
    return torch.einsum("nc,nc->", error, error)


def two_layer_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> tuple[Tensor, Tensor]:
    a = torch.einsum("nd,dh->nh", x, w1)
    h = torch.relu(a)
    error = torch.einsum("nh,hc->nc", h, w2) - t
    dw2 = 2 * torch.einsum("nh,nc->hc", h, error)
    dw1 = 2 * torch.einsum("nd,nh->dh", x, relu_backward(error @ w2.T, a))
    return dw1, dw2


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return torch.sub(w, dw, alpha=lr)
