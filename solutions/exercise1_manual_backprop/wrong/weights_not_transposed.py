"""weights-not-transposed: multiplies by w on the way back as on the way forward.

H0: The product of your upstream gradient and w does not exist: the sizes do not fit.
H1: How many columns has the upstream gradient, and how many must dx have?
H2: If y = x w, then dL/dx_j adds up what every output k sends back through w_jk: a product with w transposed.
zh_CN: 反向时像前向一样乘以 w，没有转置。
H0_zh_CN: 上游梯度与 w 的乘积不存在：大小对不上。
H1_zh_CN: 上游梯度有几列？dx 应该有几列？
H2_zh_CN: 若 y = x w，那么 dL/dx_j 要把每个输出 k 经 w_jk 传回的量加起来，也就是乘以 w 的转置。
Fails: test_linear_worked_example, test_two_two_two_worked_example, test_linear_gradients,
  test_linear_gradients_of_two_batches_add_up, test_classifier_backward_begins_with_dz,
  test_output_layer_gradients_of_the_classifier, test_relu_gradient_of_the_classifier,
  test_hidden_layer_gradients_of_the_classifier, test_repeating_the_batch_leaves_the_classifier_alone
"""

import torch
from torch import Tensor


def linear(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return x @ w + b


def linear_backward(upstream: Tensor, x: Tensor, w: Tensor) -> dict[str, Tensor]:
    return {"dx": upstream @ w, "dw": x.T @ upstream, "db": upstream.sum(dim=0)}


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
