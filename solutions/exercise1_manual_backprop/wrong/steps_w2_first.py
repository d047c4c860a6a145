"""steps-w2-first: computes the gradient of w1 after w2 has been stepped.

H0: After one step w2 is right and w1 is not, the less so the smaller the learning rate.
H1: At which weights is your first layer's gradient taken: all old, or some of them new?
H2: The gradient is the slope at one point. Compute both parts of it there, then move both weights.
zh_CN: 先更新了 w2，再计算 w1 的梯度。
H0_zh_CN: 一步之后 w2 是对的，w1 不对；学习率越小，差得越少。
H1_zh_CN: 你的第一层梯度是在哪里求的：全是旧权重，还是有些已经是新的？
H2_zh_CN: 梯度是某一点的斜率。先在那一点把两部分都算出来，再移动两个权重。
Fails: test_a_step_of_training_moves_both_weights_at_once
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
        w2 = sgd_step(w2, regression_backward(x, t, w1, w2)["dw2"], lr)
        w1 = sgd_step(w1, regression_backward(x, t, w1, w2)["dw1"], lr)
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
