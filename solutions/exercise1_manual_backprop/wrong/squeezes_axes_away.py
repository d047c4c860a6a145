"""squeezes-axes-away: removes every axis of length 1 from the probabilities.

H0: A batch of one example comes back without its batch axis, and so does a single class.
H1: What is the shape of p for a batch of one? And of the logits it came from?
H2: squeeze() removes whatever happens to have length 1. Name the axis that you mean, or do not squeeze at all.
zh_CN: 把概率中所有长度为 1 的轴都去掉了。
H0_zh_CN: 只有一个样本的批次回来时没有了批次轴，只有一个类别时也一样。
H1_zh_CN: 批次只有一个样本时，p 的形状是什么？它对应的 logits 呢？
H2_zh_CN: squeeze() 会去掉任何碰巧长度为 1 的轴。要写明是哪一个轴，或者干脆不用 squeeze。
Fails: test_softmax_worked_example, test_a_single_class_is_certain
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
    return _log_softmax(logits).exp().squeeze()


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return -_log_softmax(logits)[torch.arange(len(labels)), labels].mean()


def softmax_cross_entropy_backward(logits: Tensor, labels: Tensor) -> Tensor:
    dz = softmax(logits).reshape(logits.shape)
    dz[torch.arange(len(labels)), labels] -= 1
    return dz / len(labels)


def sgd_step(w: Tensor, dw: Tensor, lr: float) -> Tensor:
    return w - lr * dw


def regression_loss(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
    return ((relu(x @ w1) @ w2 - t) ** 2).sum()


def regression_backward(x: Tensor, t: Tensor, w1: Tensor, w2: Tensor) -> dict[str, Tensor]:
    a = x @ w1
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
