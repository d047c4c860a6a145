"""The pieces: linear, ReLU, sigmoid, softmax cross-entropy, a step.

Checks are either values (right or wrong) or laws that hold for any correct answer and single out one idea. A law
compares the student's answers with each other, so it is judged even where values are wrong. Zeros, ones and other
constants would fulfil most laws, so `of_form` refuses them.
"""

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, expect_equal, expect_vjp, needs, points

from .oracles import LOSS, SIGMOID, SOFTMAX, C, D, H, N, draw_logits, named, normal, of_form, one, zeros


@pytest.fixture
def batch(rng):
    """Logits and labels."""
    return draw_logits(rng)


def logit_gradient(submission, logits, labels):
    """Return the student's dz, of the form of the logits."""
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    return of_form(dz, *logits.shape, label="dz", dtype=logits.dtype)


@points(1)
def test_linear_is_x_w_plus_b(submission, rng):
    """A linear layer is x w plus b, which is added to every row.

    zh_CN: 线性层是 x w 加 b，b 加到每一行上。
    """
    x, w, b = normal(rng, N, D), normal(rng, D, H), normal(rng, H)
    expect_close(submission.linear(x, w, b), x @ w + b, label="y")


@points(2)
def test_linear_gradients(submission, rng):
    """linear_backward gives the gradients for x, w and b.

    zh_CN: linear_backward 给出 x、w 和 b 的梯度。
    """
    x, w, b = normal(rng, N, D), normal(rng, D, H), normal(rng, H)
    upstream = normal(rng, N, H)
    inputs = {"dx": x, "dw": w, "db": b}
    expect_vjp(submission.linear_backward(upstream, x, w), lambda x, w, b: x @ w + b, inputs, upstream)


@points(1)
def test_linear_gradients_of_two_batches_add_up(submission, rng):
    """dw and db of a batch are the sums of those of its two parts.

    zh_CN: 一个批次的 dw 和 db 是它的两部分各自结果之和。
    """
    x, w, upstream = normal(rng, N, D), normal(rng, D, H), normal(rng, N, H)
    parts = [slice(0, 3), slice(3, N)]
    shapes = {"dw": (D, H), "db": (H,)}
    dw, db = named(submission.linear_backward(upstream, x, w), **shapes)
    pairs = [named(submission.linear_backward(upstream[part], x[part], w), **shapes) for part in parts]
    expect_close(dw, pairs[0][0] + pairs[1][0], label="dw of the whole batch")
    expect_close(db, pairs[0][1] + pairs[1][1], label="db of the whole batch")


@points(1)
def test_relu_keeps_what_is_positive(submission, rng):
    """relu is 0 where x is negative, and x elsewhere.

    zh_CN: relu 在 x 为负处是 0，其余处是 x。
    """
    x = normal(rng, N, H)
    expect_close(submission.relu(x), functional.relu(x), label="relu(x)")


@points(2)
def test_relu_gradient_passes_only_where_the_unit_is_open(submission, rng):
    """relu_backward stops the gradient where x < 0, only there.

    zh_CN: relu_backward 在 x < 0 处挡住梯度，而且只在那里。
    """
    x, upstream = normal(rng, N, H), normal(rng, N, H)
    expect_vjp({"dx": submission.relu_backward(upstream, x)}, functional.relu, {"dx": x}, upstream)


@points(1)
def test_sigmoid_of_every_entry(submission, rng):
    """sigmoid is 1 / (1 + exp(−x)), entry by entry.

    zh_CN: sigmoid 逐个元素地是 1 / (1 + exp(−x))。
    """
    x = 3 * normal(rng, N, H)
    expect_close(submission.sigmoid(x), torch.sigmoid(x), label="sigmoid(x)")


@points(1)
def test_sigmoid_gradient(submission, rng):
    """sigmoid_backward multiplies by the slope of sigmoid at x.

    zh_CN: sigmoid_backward 乘以 sigmoid 在 x 处的斜率。
    """
    x, upstream = 3 * normal(rng, N, H), normal(rng, N, H)
    expect_vjp({"dx": submission.sigmoid_backward(upstream, x)}, torch.sigmoid, {"dx": x}, upstream)


@points(1)
@needs(*SIGMOID)
def test_sigmoid_is_flat_far_from_zero(submission, rng):
    """At 1000 and −1000 sigmoid is 1 and 0, its slope 0, no NaN.

    zh_CN: 在 1000 和 −1000 处 sigmoid 是 1 和 0，斜率是 0，没有 NaN。
    """
    x, upstream = torch.tensor([1000.0, -1000.0], dtype=torch.float64), normal(rng, 2)
    expect_close(submission.sigmoid(x), torch.tensor([1.0, 0.0], dtype=torch.float64), label="sigmoid(x)")
    expect_close(submission.sigmoid_backward(upstream, x), zeros(2), label="dx")


@points(1)
def test_softmax_makes_probabilities_of_each_row(submission, batch):
    """softmax turns each row into probabilities that sum to 1.

    zh_CN: softmax 把每一行变成和为 1 的概率。
    """
    logits, _ = batch
    expect_close(submission.softmax(logits), functional.softmax(logits, dim=1), label="p")


@points(1)
def test_loss_is_the_mean_negative_log_probability(submission, batch):
    """The loss is the batch mean of −log p of the correct class.

    zh_CN: 损失是正确类别的 −log p 在批次上的平均。
    """
    expect_close(submission.softmax_cross_entropy(*batch), functional.cross_entropy(*batch), label="L")


@points(1)
@needs(*LOSS)
def test_loss_is_unmoved_by_shifted_logits(submission, batch):
    """Adding a large number to a row of logits changes nothing.

    zh_CN: 给一行 logits 都加上一个很大的数，什么也不变。
    """
    logits, labels = batch
    shifted = logits + 1000 * (torch.arange(N)[:, None] - 3.0)
    expect_close(submission.softmax(shifted), functional.softmax(logits, dim=1), label="p")
    expect_close(submission.softmax_cross_entropy(shifted, labels), functional.cross_entropy(*batch), label="L")


@points(1)
@needs("test_loss_is_the_mean_negative_log_probability")
def test_loss_of_a_confident_mistake_is_finite(submission, batch):
    """A logit 1000 above the correct one costs 1000, not infinity.

    zh_CN: 比正确的 logit 大 1000，代价是 1000，而不是无穷大。
    """
    logits, labels = batch
    logits = logits + 1000 * functional.one_hot((labels + 1) % C, C)
    expect_close(submission.softmax_cross_entropy(logits, labels), functional.cross_entropy(logits, labels), label="L")


@points(2)
def test_softmax_gradient_is_the_slope_of_the_loss(submission, batch):
    """dz is the slope of the mean loss along every logit.

    zh_CN: dz 是平均损失沿每个 logit 的斜率。
    """
    logits, labels = batch
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    expect_vjp({"dz": dz}, lambda z: functional.cross_entropy(z, labels), {"dz": logits}, one())


@points(1)
def test_softmax_gradient_rows_sum_to_zero(submission, batch):
    """Each row of dz sums to 0, as those of p and y sum to 1.

    zh_CN: dz 的每一行之和为 0，因为 p 和 y 的每一行之和都是 1。
    """
    dz = logit_gradient(submission, *batch)
    expect_close(dz.sum(dim=1), zeros(N), scale=float(dz.abs().max()), label="row sums of dz")


@points(1)
def test_only_the_correct_logit_should_rise(submission, batch):
    """dz is negative at the label and positive everywhere else.

    zh_CN: dz 在标签处为负，其余处都为正。
    """
    logits, labels = batch
    dz = logit_gradient(submission, logits, labels)
    expect_equal(dz.sign(), 1.0 - 2.0 * functional.one_hot(labels, C).double(), label="signs of dz")


@points(1)
def test_repeating_the_batch_leaves_the_gradient_of_a_mean_alone(submission, batch):
    """Repeating the batch leaves the gradient of a mean alone.

    zh_CN: 把批次重复一遍，平均值的梯度不变。
    """
    logits, labels = batch
    once = logit_gradient(submission, logits, labels)
    twice = logit_gradient(submission, torch.cat([logits, logits]), torch.cat([labels, labels]))
    expect_close(twice[:N] + twice[N:], once, label="dz of both copies together")


@points(1)
@needs("test_softmax_gradient_is_the_slope_of_the_loss")
def test_softmax_gradient_is_unmoved_by_shifted_logits(submission, batch):
    """Adding a large number to a row of logits leaves dz alone.

    zh_CN: 给一行 logits 都加上一个很大的数，dz 不变。
    """
    logits, labels = batch
    dz = submission.softmax_cross_entropy_backward(logits + 1000 * (torch.arange(N)[:, None] - 3.0), labels)
    expect_vjp({"dz": dz}, lambda z: functional.cross_entropy(z, labels), {"dz": logits}, one())


@points(1)
@needs(*SOFTMAX)
def test_a_single_class_is_certain(submission, rng):
    """With a single class p is 1, the loss 0 and nothing to learn.

    zh_CN: 只有一个类别时 p 是 1，损失是 0，没有什么可学。
    """
    logits, labels = normal(rng, N, 1), torch.zeros(N, dtype=torch.int64)
    expect_close(submission.softmax(logits), torch.ones(N, 1, dtype=torch.float64), label="p")
    expect_close(submission.softmax_cross_entropy(logits, labels), zeros(), label="L")
    expect_close(submission.softmax_cross_entropy_backward(logits, labels), zeros(N, 1), label="dz")


@points(1)
def test_sgd_step_goes_downhill(submission, rng):
    """sgd_step moves against the gradient, by lr times its length.

    zh_CN: sgd_step 逆着梯度移动，距离是 lr 乘以梯度的长度。
    """
    w, dw = normal(rng, D, H), normal(rng, D, H)
    expect_close(submission.sgd_step(w, dw, 0.25), w - 0.25 * dw, label="w_new")
