"""stale-activations: remembers the hidden layer of the last batch, even after the weights have changed.

H0: The first gradients are right; after the first step, with the same batch, they are not.
H1: What does the hidden layer depend on, besides x?
H2: The hidden layer belongs to x *and* w1. Remember it for both, or compute it again.
zh_CN: 权重已经变了，却还在用上一次记住的隐藏层。
H0_zh_CN: 第一次的梯度是对的；走一步之后，同样的批次就不对了。
H1_zh_CN: 除了 x，隐藏层还依赖什么？
H2_zh_CN: 隐藏层由 x *和* w1 共同决定。要么两者都记住，要么重新计算。
Fails: test_training_follows_the_same_path, test_an_answer_depends_on_its_arguments_only
"""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w + b


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    return {"dx": upstream @ w.T, "dw": x.T @ upstream, "db": upstream.sum(dim=0)}


def relu(x: Tensor) -> Tensor:
    return x.clamp(min=0)


def relu_backward(upstream: Tensor, x: Tensor) -> Tensor:
    return upstream * (x > 0)


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def sigmoid_backward(upstream: Tensor, x: Tensor) -> Tensor:
    s = sigmoid(x)
    return upstream * s * (1 - s)


def _log_softmax(logits: Tensor) -> Tensor:
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


def softmax(logits: Tensor) -> Tensor:
    return _log_softmax(logits).exp()


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return -_log_softmax(logits)[torch.arange(len(labels)), labels].mean()


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    dz = softmax(logits)
    dz[torch.arange(len(labels)), labels] -= 1
    return dz / len(labels)


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return w - lr * dw


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return ((relu(x @ w1) @ w2 - t) ** 2).sum()


_last_x, _last_a = None, None


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    global _last_x, _last_a
    if _last_x is None or not torch.equal(x, _last_x):
        _last_x, _last_a = x, x @ w1
    a = _last_a
    h = relu(a)
    dy = 2 * (h @ w2 - t)
    dh = dy @ w2.T
    return {"dw1": x.T @ relu_backward(dh, a), "dw2": h.T @ dy}


def train_regression(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor, lr: float, steps: int) -> dict[str, Tensor]:
    losses = []
    for _ in range(steps):
        losses.append(regression_loss(x, t, w1, w2))
        grads = regression_backward(x, t, w1, w2)
        w1, w2 = sgd_step(w1, grads["dw1"], lr), sgd_step(w2, grads["dw2"], lr)
    return {"losses": torch.stack(losses), "w1": w1, "w2": w2}


def classifier_forward(x: Tensor, labels: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> dict[str, Tensor]:
    a = linear(x, w1, b1)
    h = relu(a)
    z = linear(h, w2, b2)
    return {"a": a, "h": h, "z": z, "loss": softmax_cross_entropy(z, labels)}


def classifier_backward(
    stages: dict[str, Tensor], x: Tensor, labels: Tensor, w1: Tensor, w2: Tensor
) -> dict[str, Tensor]:
    dz = softmax_cross_entropy_backward(stages["z"], labels)
    output = linear_backward(dz, stages["h"], w2)
    dh = output["dx"]
    da = relu_backward(dh, stages["a"])
    hidden = linear_backward(da, x, w1)
    return {
        "dz": dz, "dw2": output["dw"], "db2": output["db"],
        "dh": dh, "da": da,
        "dw1": hidden["dw"], "db1": hidden["db"], "dx": hidden["dx"],
    }  # fmt: skip
