"""The networks: regression, its training, and the classifier."""

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, expect_stages, expect_vjp, limits, needs, points

from .oracles import (
    REGRESSION,
    C,
    D,
    H,
    N,
    classifier,
    classifier_gradients,
    draw_classifier,
    draw_network,
    named,
    network_loss,
    normal,
    one,
    zeros,
)

# The network of PyTorch's tutorial: batch, features, hidden, outputs, learning rate and steps.
BATCH, FEATURES, HIDDEN, OUTPUTS, LR, STEPS = 64, 1000, 100, 10, 1e-6, 500


@pytest.fixture
def network(rng):
    """The arguments of the regression functions: x, t, w1, w2."""
    return draw_network(rng)


def weight_gradients(submission, x, t, w1, w2):
    """Return the student's dw1 and dw2, each of the form of its weight."""
    return named(submission.regression_backward(x, t, w1, w2), dw1=w1.shape, dw2=w2.shape)


@points(1)
def test_regression_loss_is_the_sum_of_squares(submission, network):
    """The regression loss is the sum of all squared errors.

    zh_CN: 回归的损失是所有误差的平方和。
    """
    expect_close(submission.regression_loss(*network), network_loss(*network), label="L")


@points(1)
def test_second_layer_gradient(submission, network):
    """dw2 is the derivative of the regression loss for w2.

    zh_CN: dw2 是回归损失对 w2 的导数。
    """
    x, t, w1, w2 = network
    _, dw2 = weight_gradients(submission, *network)
    expect_vjp({"dw2": dw2}, lambda w: network_loss(x, t, w1, w), {"dw2": w2}, one())


@points(2)
def test_first_layer_gradient(submission, network):
    """dw1 is the derivative of the regression loss for w1.

    zh_CN: dw1 是回归损失对 w1 的导数。
    """
    x, t, w1, w2 = network
    dw1, _ = weight_gradients(submission, *network)
    expect_vjp({"dw1": dw1}, lambda w: network_loss(x, t, w, w2), {"dw1": w1}, one())


@points(1)
def test_weights_of_closed_units_get_no_gradient(submission, network):
    """Hidden units that are closed for every example do not learn.

    zh_CN: 对所有样本都关闭的隐藏单元学不到东西。
    """
    x, t, w1, w2 = network
    # Positive inputs and weights of one sign: the first half of the units is closed for all examples, the rest open.
    closed = torch.arange(H) < H // 2
    w1 = (w1.abs() + 0.1) * torch.where(closed, -1.0, 1.0)
    dw1, dw2 = weight_gradients(submission, x.abs() + 0.1, t, w1, w2)
    expect_close(dw1[:, closed], zeros(D, H // 2), label="dw1 of closed units")
    expect_close(dw2[closed], zeros(H // 2, C), label="dw2 of closed units")


@points(1)
@needs(*REGRESSION, "test_sgd_step_goes_downhill")
def test_a_step_of_training_moves_both_weights_at_once(submission, network):
    """One step of training uses both gradients at the old weights.

    zh_CN: 训练的一步所用的两个梯度都在旧权重处计算。
    """
    x, t, w1, w2 = network
    lr = 1e-2  # large enough to see whether dw1 was taken before or after w2 moved
    leaves = [w.clone().requires_grad_() for w in (w1, w2)]
    loss = network_loss(x, t, *leaves)
    dw1, dw2 = torch.autograd.grad(loss, leaves)
    expected = {"losses": loss.detach()[None], "w1": w1 - lr * dw1, "w2": w2 - lr * dw2}
    expect_stages(submission.train_regression(x, t, w1, w2, lr, 1), expected)


def path_of_training(x, t, w1, w2):
    """Return the losses and the last weights of gradient descent, worked out among the examples.

    x never changes, so w1 matters only through a = x w1, and a step of w1 moves a by -lr (x x^T) da: 64 x 64 instead of
    64 x 1000. A tenth of the work, and another way of arriving at the same numbers than any student's.
    """
    among_examples, a, moved, losses = x @ x.T, x @ w1, zeros(BATCH, HIDDEN), []
    for _ in range(STEPS):
        h = a.clamp(min=0)
        error = h @ w2 - t
        losses.append((error**2).sum())
        da = 2 * (error @ w2.T) * (a > 0)
        w2 = w2 - LR * 2 * (h.T @ error)
        a, moved = a - LR * (among_examples @ da), moved + da
    return {"losses": torch.stack(losses), "w1": w1 - LR * (x.T @ moved), "w2": w2}


@points(2)
@limits(check_wall_s=20)
@needs("test_a_step_of_training_moves_both_weights_at_once")
def test_training_follows_the_same_path(submission, rng):
    """500 steps on 64 × 1000 × 100 × 10: all losses, last weights.

    zh_CN: 64 × 1000 × 100 × 10 训练 500 步：全部损失和最后的权重。
    """
    shapes = ((BATCH, FEATURES), (BATCH, OUTPUTS), (FEATURES, HIDDEN), (HIDDEN, OUTPUTS))
    x, t, w1, w2 = (normal(rng, *shape) for shape in shapes)
    received = submission.train_regression(x, t, w1, w2, LR, STEPS)
    # The largest loss is the first, so each loss is compared to 1e-8 of the first.
    expect_stages(received, path_of_training(x, t, w1, w2), rtol=1e-8)


@points(1)
def test_classifier_keeps_its_stages(submission, rng):
    """classifier_forward returns a, h, z and the loss.

    zh_CN: classifier_forward 返回 a、h、z 和损失。
    """
    arguments = draw_classifier(rng)
    stages, _ = classifier(*arguments)
    expect_stages(submission.classifier_forward(*arguments), stages)


@points(1)
def test_classifier_backward_begins_with_dz(submission, rng):
    """The way back begins with dz, the gradient of the loss for z.

    zh_CN: 反向从 dz 开始，它是损失对 z 的梯度。
    """
    received, expected = classifier_gradients(submission, draw_classifier(rng))
    expect_stages(received, {"dz": expected["dz"]})


# From here on each gradient is judged by the student's own one before it: a mistake costs the stage where it was made.


@points(2)
def test_output_layer_gradients_of_the_classifier(submission, rng):
    """From your dz follow dw2, db2 and dh.

    zh_CN: 由你的 dz 得出 dw2、db2 和 dh。
    """
    arguments = draw_classifier(rng)
    received, _ = classifier_gradients(submission, arguments)
    (dz,) = named(received, dz=(N, C))
    *_, w2, b2 = arguments
    inputs = {"dw2": w2, "db2": b2, "dh": classifier(*arguments)[0]["h"]}
    expect_vjp(received, lambda w2, b2, h: h @ w2 + b2, inputs, dz)


@points(1)
def test_relu_gradient_of_the_classifier(submission, rng):
    """From your dh follows da: dh where a unit is open, else 0.

    zh_CN: 由你的 dh 得出 da：单元打开处是 dh，否则是 0。
    """
    arguments = draw_classifier(rng)
    received, _ = classifier_gradients(submission, arguments)
    (dh,) = named(received, dh=(N, H))
    expect_vjp(received, functional.relu, {"da": classifier(*arguments)[0]["a"]}, dh)


@points(2)
def test_hidden_layer_gradients_of_the_classifier(submission, rng):
    """From your da follow dw1, db1 and dx.

    zh_CN: 由你的 da 得出 dw1、db1 和 dx。
    """
    arguments = draw_classifier(rng)
    received, _ = classifier_gradients(submission, arguments)
    (da,) = named(received, da=(N, H))
    x, _, w1, b1, *_ = arguments
    expect_vjp(received, lambda x, w1, b1: x @ w1 + b1, {"dx": x, "dw1": w1, "db1": b1}, da)


@points(1)
def test_repeating_the_batch_leaves_the_classifier_alone(submission, rng):
    """Repeating the batch leaves gradients of parameters alone.

    zh_CN: 把批次重复一遍，参数的梯度不变。
    """
    x, labels, *parameters = draw_classifier(rng)
    shapes = {"dw2": (H, C), "db2": (C,), "dw1": (D, H), "db1": (H,)}
    once, _ = classifier_gradients(submission, (x, labels, *parameters))
    twice, _ = classifier_gradients(submission, (torch.cat([x, x]), torch.cat([labels, labels]), *parameters))
    expected = dict(zip(shapes, named(once, **shapes), strict=True))
    expect_stages(dict(zip(shapes, named(twice, **shapes), strict=True)), expected)
