"""one-hot-missing: returns the probabilities, without subtracting the correct answer.

H0: No entry of the gradient is negative, so no logit would ever be raised.
H1: Softmax outputs always sum to 1. What must a row of the gradient then sum to?
H2: The derivative has two parts. One comes from the logarithm of the sum; which one comes from the correct logit?
zh_CN: 只返回了概率，没有减去正确答案。
H0_zh_CN: 梯度里没有一个负数，于是没有任何 logit 会被提高。
H1_zh_CN: softmax 的输出总和为 1。那么梯度的一行之和应该是多少？
H2_zh_CN: 导数有两部分。一部分来自和的对数；来自正确 logit 的是哪一部分？
Fails: test_softmax_worked_example, test_softmax_gradient_is_the_slope_of_the_loss,
  test_softmax_gradient_rows_sum_to_zero, test_only_the_correct_logit_should_rise,
  test_classifier_backward_begins_with_dz
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
