"""The public checks of exercise 1: the worked examples of README.md, nothing random."""

import math

import torch

from grader.suite import expect_close, expect_stages, points

# README.md gives the numbers of the 2-2-2 network to eight decimals; the smallest group of them begins at the second.
ROUNDED = 1e-6


def rows(*values) -> torch.Tensor:
    """Return a matrix of these rows, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def numbers(*values) -> torch.Tensor:
    """Return a vector of these numbers, in float64."""
    return torch.tensor(values, dtype=torch.float64)


@points(1)
def test_linear_worked_example(submission):
    """Linear layer of the worked example: y, dx, dw, db.

    zh_CN: 手算例子的线性层：y、dx、dw、db。
    """
    x, w, b = rows((1, 2), (0, 1)), rows((1, 1, 0), (1, -1, 2)), numbers(0.5, 0, -1)
    expect_close(submission.linear(x, w, b), rows((3.5, -1, 3), (1.5, -1, 1)), label="y")
    expected = {"dx": rows((3, 1), (1, -1)), "dw": rows((2, 1, 0), (5, 2, -1)), "db": numbers(3, 1, -1)}
    expect_stages(submission.linear_backward(rows((2, 1, 0), (1, 0, -1)), x, w), expected)


@points(1)
def test_activations_worked_example(submission):
    """ReLU at −1 and 2, sigmoid at 0 and ln 3, and their slopes.

    zh_CN: ReLU 在 −1 和 2 处，sigmoid 在 0 和 ln 3 处，及各处斜率。
    """
    expect_close(submission.relu(numbers(-1, 2)), numbers(0, 2), label="relu(x)")
    expect_close(submission.relu_backward(numbers(5, -7), numbers(-1, 2)), numbers(0, -7), label="dx of relu")
    x = numbers(0, math.log(3))
    expect_close(submission.sigmoid(x), numbers(1 / 2, 3 / 4), label="sigmoid(x)")
    expect_close(submission.sigmoid_backward(numbers(8, 16), x), numbers(2, 3), label="dx of sigmoid")


@points(1)
def test_softmax_worked_example(submission):
    """Softmax: p = (¼, ¾), L = ln 4, dz = (−¾, ¾).

    zh_CN: Softmax：p = (¼, ¾)，L = ln 4，dz = (−¾, ¾)。
    """
    logits, labels = rows((0, math.log(3))), torch.tensor([0])
    expect_close(submission.softmax(logits), rows((0.25, 0.75)), label="p")
    loss = submission.softmax_cross_entropy(logits, labels)
    expect_close(loss, torch.tensor(math.log(4), dtype=torch.float64), label="L")
    expect_close(submission.softmax_cross_entropy_backward(logits, labels), rows((-0.75, 0.75)), label="dz")


@points(1)
def test_sgd_step_worked_example(submission):
    """From (1, 2) against (10, −10) with lr = 0.1 to (0, 3).

    zh_CN: 从 (1, 2) 出发，逆着 (10, −10)，lr = 0.1，走到 (0, 3)。
    """
    expect_close(submission.sgd_step(numbers(1, 2), numbers(10, -10), 0.1), numbers(0, 3), label="w_new")


@points(1)
def test_regression_worked_example(submission):
    """Two-layer ReLU network of the worked example: L, dw1, dw2.

    zh_CN: 手算例子的两层 ReLU 网络：L、dw1、dw2。
    """
    x, t, w1, w2 = rows((1, 2)), rows((4,)), rows((1, 1), (1, -1)), rows((2,), (5,))
    expect_close(submission.regression_loss(x, t, w1, w2), torch.tensor(4.0, dtype=torch.float64), label="L")
    expected = {"dw1": rows((8, 0), (16, 0)), "dw2": rows((12,), (0,))}
    expect_stages(submission.regression_backward(x, t, w1, w2), expected)


@points(1)
def test_two_two_two_worked_example(submission):
    """The 2-2-2 sigmoid network: forward, gradients, one step.

    zh_CN: 2-2-2 的 sigmoid 网络：前向、梯度、走一步。
    """
    x, t = rows((0.05, 0.10)), rows((0.01, 0.99))
    w1, b1 = rows((0.15, 0.25), (0.20, 0.30)), numbers(0.35, 0.35)
    w2, b2 = rows((0.40, 0.50), (0.45, 0.55)), numbers(0.60, 0.60)
    a = submission.linear(x, w1, b1)
    expect_close(a, rows((0.3775, 0.3925)), label="a")
    h = submission.sigmoid(a)
    expect_close(h, rows((0.59326999, 0.59688438)), ROUNDED, label="h")
    z = submission.linear(h, w2, b2)
    expect_close(z, rows((1.10590597, 1.22492140)), ROUNDED, label="z")
    o = submission.sigmoid(z)
    expect_close(o, rows((0.75136507, 0.77292847)), ROUNDED, label="o")
    dz = submission.sigmoid_backward(o - t, z)
    expect_close(dz, rows((0.13849856, -0.03809824)), ROUNDED, label="dz")
    dw2 = rows((0.08216704, -0.02260254), (0.08266763, -0.02274024))
    output = submission.linear_backward(dz, h, w2)
    expect_stages(output, {"dw": dw2, "dx": rows((0.03635031, 0.04137032))}, ROUNDED)
    da = submission.sigmoid_backward(output["dx"], a)
    expect_close(da, rows((0.00877135, 0.00995425)), ROUNDED, label="da")
    dw1 = rows((4.385677e-4, 4.977127e-4), (8.771355e-4, 9.954255e-4))
    hidden = submission.linear_backward(da, x, w1)
    expect_stages(hidden, {"dw": dw1}, ROUNDED)
    w2_new = rows((0.35891648, 0.51130127), (0.40866619, 0.56137012))
    expect_close(submission.sgd_step(w2, output["dw"], 0.5), w2_new, ROUNDED, label="w2_new")
    w1_new = rows((0.14978072, 0.24975114), (0.19956143, 0.29950229))
    expect_close(submission.sgd_step(w1, hidden["dw"], 0.5), w1_new, ROUNDED, label="w1_new")
