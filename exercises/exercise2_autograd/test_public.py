"""The public checks of exercise 2: the worked examples of README.md, nothing random."""

import math

import torch

from grader.suite import expect_close, expect_equal, expect_stages, expect_tuple, points


def numbers(*values) -> torch.Tensor:
    """Return a vector of these numbers, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def number(value) -> torch.Tensor:
    """Return a tensor that is one number, in float64."""
    return torch.tensor(value, dtype=torch.float64)


@points(1)
def test_bowl_worked_example(submission):
    """At (1, 2, 3): out = 50, and its gradient is (6, 8, 10).

    zh_CN: 在 (1, 2, 3) 处：out = 50，梯度是 (6, 8, 10)。
    """
    x = numbers(1, 2, 3)
    stages = {"y": numbers(3, 4, 5), "z": numbers(27, 48, 75), "out": number(50.0)}
    expect_stages(submission.bowl(x), stages)
    expected = {"z": numbers(1, 1, 1) / 3, "y": numbers(6, 8, 10), "x": numbers(6, 8, 10)}
    expect_stages(submission.bowl_gradients(x), expected)


@points(1)
def test_step_worked_example(submission, guest):
    """One step with lr = ½ leads from (1, 2, 3) to (−2, −2, −2).

    zh_CN: 以 lr = ½ 走一步，从 (1, 2, 3) 到 (−2, −2, −2)。
    """
    w = guest.tensor(numbers(1, 2, 3), requires_grad=True)
    out = submission.bowl(w)["out"]
    expect_equal(out.requires_grad, True, label="whether out has a graph")
    out.backward()
    submission.sgd_step([w], 0.5)
    expect_close(guest.read(w), numbers(-2, -2, -2), label="w after the step")


@points(1)
def test_training_worked_example(submission):
    """One weight per layer, from 1 and 1: losses 4 and 9⁄16.

    zh_CN: 每层一个权重，从 1 和 1 开始：损失是 4 和 9⁄16。
    """
    one = torch.ones(1, 1, dtype=torch.float64)
    expected = {"losses": numbers(4, 9 / 16), "w1": 57 / 32 * one, "w2": 57 / 32 * one}
    expect_stages(submission.train_regression(one, 3 * one, one.clone(), one.clone(), 0.125, 2), expected)


@points(1)
def test_network_worked_example(submission, guest):
    """Gradients of a linear layer, (7, 8) and 3; a prediction.

    zh_CN: 线性层的梯度 (7, 8) 和 3；一次预测。
    """
    net = guest.build("torch.nn.Linear", 2, 1)
    x, upstream = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[2.0], [1.0]])
    expected = {"weight": torch.tensor([[7.0, 8.0]]), "bias": torch.tensor([3.0])}
    expect_stages(submission.parameter_gradients(net, x, upstream), expected)
    dropout = guest.build("torch.nn.Dropout", 0.5)
    expect_close(submission.predict(dropout, torch.arange(8.0)), torch.arange(8.0), label="prediction")


@points(1)
def test_products_worked_example(submission, guest):
    """Products of (2, 3, 5): vᵀ J, J v, H v and the penalty.

    zh_CN: (2, 3, 5) 处的乘积：vᵀ J、J v、H v 和惩罚项。
    """
    running, whole = guest.build("operator.methodcaller", "cumprod", 0), guest.build("operator.methodcaller", "prod")
    x = numbers(2, 3, 5)
    (gradient,) = expect_tuple(submission.fresh_gradients(whole, [guest.tensor(x, requires_grad=True)]), 1, "gradients")
    expect_close(gradient, numbers(15, 10, 6), label="gradient of the product")
    expect_close(submission.vjp(running, x, numbers(0, 0, 1)), numbers(15, 10, 6), label="vᵀ J")
    expect_close(submission.jvp(running, x, numbers(1, 0, 0)), numbers(1, 3, 15), label="J v")
    expect_close(submission.hessian_vector(whole, x, numbers(1, 0, 0)), numbers(0, 5, 3), label="H v")
    expect_close(submission.slope_penalty(whole, x.requires_grad_()), number(361.0), label="R")


@points(1)
def test_stops_worked_example(submission):
    """The pull of (1, 1) on (3, 5), and 0.2 and 1.7 rounded.

    zh_CN: (1, 1) 对 (3, 5) 的牵引，以及 0.2 和 1.7 的取整。
    """
    moving, anchor = numbers(3, 5).requires_grad_(), numbers(1, 1).requires_grad_()
    loss = submission.pull(moving, anchor)
    expect_close(loss, number(10.0), label="L")
    expect_equal(loss.requires_grad, True, label="whether L has a graph")
    loss.backward()
    expect_equal(moving.grad is None, False, label="whether .grad of `moving` is empty")
    expect_close(moving.grad, numbers(2, 4), label="gradient of `moving`")
    expect_close(submission.rounded(numbers(0.2, 1.7)), numbers(0, 2), label="rounded(x)")


@points(1)
def test_swish_worked_example(submission):
    """Swish at x = ln 3, b = 1, and three gradients that add up.

    zh_CN: x = ln 3、b = 1 处的 Swish，以及相加的三个梯度。
    """
    x, b = numbers(math.log(3), math.log(3)).requires_grad_(), number(1.0).requires_grad_()
    y = submission.Swish.apply(x, b)
    expect_close(y, numbers(0.75, 0.75) * math.log(3), label="y")
    expect_equal(y.requires_grad, True, label="whether y has a graph")
    y.backward(numbers(16, 32))
    expect_close(x.grad, numbers(12, 24) + numbers(3, 6) * math.log(3), label="gradient of x")
    expect_close(b.grad, number(9 * math.log(3) ** 2), label="gradient of b")
    expect_close(submission.unbroadcast(numbers([2, 1], [4, 0], [1, 1]), [2]), numbers(7, 2), label="gradient")


@points(1)
def test_value_worked_example(submission):
    """y = 3 x goes into 2 y and 5 y: their sum has the slope 21.

    zh_CN: y = 3 x 用在 2 y 和 5 y 里：它们之和的斜率是 21。
    """
    x = submission.Value(4.0)
    y = x.call("__mul__", 3.0)
    root = y.call("__mul__", 2.0).call("__add__", y.call("__mul__", 5.0))
    root.call("backward")
    expect_close(root.get("data"), 84.0, label="result")
    expect_close(x.get("grad"), 21.0, label="gradient of x")
