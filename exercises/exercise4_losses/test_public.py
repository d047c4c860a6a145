"""The public checks of exercise 4: the worked examples of README.md, nothing random."""

import math

import torch

from grader.suite import expect_close, expect_equal, expect_raises, points


def rows(*values) -> torch.Tensor:
    """Return a matrix of these rows, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def numbers(*values) -> torch.Tensor:
    """Return a vector of these numbers, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def number(value: float) -> torch.Tensor:
    """Return a number as a tensor without axes, in float64."""
    return torch.tensor(value, dtype=torch.float64)


@points(2)
def test_distances_worked_example(submission):
    """Errors 2, 0, −½ and −4: mae, mse, smooth_l1.

    zh_CN: 误差 2、0、−½ 和 −4：mae、mse、smooth_l1。
    """
    prediction, target = numbers(3, -1, 2, 0), numbers(1, -1, 2.5, 4)
    expect_close(submission.mae(prediction, target), number(1.625), label="mae")
    expect_close(submission.mse(prediction, target), number(5.0625), label="mse")
    expect_close(submission.smooth_l1(prediction, target), number(1.28125), label="smooth_l1, beta = 1")
    expect_close(submission.smooth_l1(prediction, target, 2.0), number(1.015625), label="smooth_l1, beta = 2")


@points(2)
def test_guards_worked_example(submission):
    """(3, 1) against (3,) and labels 1 to C raise ValueError.

    zh_CN: (3, 1) 对 (3,)，以及标签 1 到 C，抛出 ValueError。
    """
    column, flat = rows((1,), (2,), (3,)), numbers(1, 2, 3)
    expect_raises("ValueError", submission.require_same_shape, flat, numbers(2), label="guard of (3,) and (1,)")
    expect_raises("ValueError", submission.require_same_shape, column, flat, label="guard of (3, 1) and (3,)")
    expect_raises("ValueError", submission.mse, column, flat, label="mse of (3, 1) and (3,)")
    expect_close(submission.mse(column, column + 2), number(4.0), label="mse of (3, 1) and (3, 1)")
    scores, labels = rows((0, 0), (0, 0)), torch.tensor([1, 2])
    expect_raises("ValueError", submission.require_labels, scores, labels, label="require_labels")
    expect_raises("ValueError", submission.cross_entropy, scores, labels, label="cross_entropy with labels 1 and 2")


@points(2)
def test_logits_worked_example(submission):
    """Logits (0, ln 3), also with 10 000 added: p = (¼, ¾).

    zh_CN: logits (0, ln 3)，各加 10 000 也一样：p = (¼, ¾)。
    """
    logits = rows((0, math.log(3)))
    expect_close(submission.log_sum_exp(logits), numbers(math.log(4)), label="log_sum_exp")
    expect_close(submission.log_softmax(logits), rows((-math.log(4), math.log(3 / 4))), label="log_softmax")
    expect_close(submission.softmax(logits), rows((0.25, 0.75)), label="softmax")
    large = submission.log_sum_exp(logits + 10_000)
    expect_close(large, numbers(10_000 + math.log(4)), label="log_sum_exp, 10 000 added")
    expect_close(submission.softmax(logits + 10_000), rows((0.25, 0.75)), label="softmax, 10 000 added")


@points(2)
def test_cross_entropy_worked_example(submission):
    """Two rows that cost ln 4 and ln 2: every option, the slope.

    zh_CN: 代价为 ln 4 和 ln 2 的两行：每个选项，以及斜率。
    """
    logits, labels = rows((0, math.log(3)), (0, 0)), torch.tensor([0, 1])
    log_probs = rows((-math.log(4), math.log(3 / 4)), (-math.log(2), -math.log(2)))
    ln2, weight = math.log(2), numbers(1, 10)
    expect_close(submission.soft_labels(logits, labels), rows((1, 0), (0, 1)), label="q")
    expect_close(submission.soft_labels(logits, labels, 0.2), rows((0.9, 0.1), (0.1, 0.9)), label="q, smoothed")
    expect_close(submission.nll(log_probs, labels), number(1.5 * ln2), label="nll")
    reduced = submission.reduce_losses(numbers(2, 30), numbers(1, 3), "mean")
    expect_close(reduced, number(8), label="reduce_losses")
    fn = submission.cross_entropy
    expect_close(fn(logits, labels), number(1.5 * ln2), label="cross_entropy")
    expect_close(fn(logits, labels, reduction="none"), numbers(2 * ln2, ln2), label="reduction none")
    expect_close(fn(logits, labels, weight), number(12 / 11 * ln2), label="weights 1 and 10")
    expect_close(fn(logits, labels, weight, reduction="sum"), number(12 * ln2), label="weights 1 and 10, sum")
    smoothed = (0.9 * math.log(4) - 0.1 * math.log(3 / 4) + ln2) / 2
    expect_close(fn(logits, labels, label_smoothing=0.2), number(smoothed), label="smoothing 0.2")
    ignored = fn(logits, torch.tensor([0, -100]))
    expect_close(ignored, number(2 * ln2), label="second row ignored")
    leaf = logits.clone().requires_grad_()
    loss = fn(leaf, labels)
    expect_equal(loss.requires_grad, True, label="whether the loss has a graph")
    loss.backward()
    expect_close(leaf.grad, rows((-0.375, 0.375), (0.25, -0.25)), label="slope of cross_entropy, (p - y) / N")


@points(2)
def test_yes_or_no_worked_example(submission):
    """p = (¾, ¼) or logits ±ln 3, targets (1, 0): ln 4⁄3 each.

    zh_CN: p = (¾, ¼) 或 logits ±ln 3，目标 (1, 0)：各 ln 4⁄3。
    """
    targets, logits, loss = numbers(1, 0), numbers(math.log(3), -math.log(3)), math.log(4 / 3)
    expect_close(submission.binary_cross_entropy(numbers(0.75, 0.25), targets), number(loss), label="of probabilities")
    fn = submission.binary_cross_entropy_with_logits
    expect_close(fn(logits, targets), number(loss), label="of logits")
    expect_close(fn(logits, targets, numbers(3, 1)), number(2 * loss), label="of logits, pos_weight 3 and 1")


@points(2)
def test_kl_and_focal_worked_example(submission):
    """KL of (½, ½) and (¼, ¾); focal loss of 0.9, 0.6, 0.5, 0.1.

    zh_CN: (½, ½) 与 (¼, ¾) 的 KL；0.9、0.6、0.5、0.1 的 focal loss。
    """
    half, quarter = rows((0.5, 0.5)), rows((0.25, 0.75))
    kl, back = math.log(4 / 3) / 2, 0.75 * math.log(3) - math.log(2)
    expect_close(submission.kl_divergence(quarter.log(), half), number(kl), label="KL(½ ½ ‖ ¼ ¾)")
    expect_close(submission.kl_divergence(half.log(), quarter), number(back), label="KL(¼ ¾ ‖ ½ ½)")
    for p, factor in ((0.9, 0.01), (0.6, 0.16), (0.5, 0.25), (0.1, 0.81)):
        logits, label = rows((math.log(p), math.log(1 - p))), torch.tensor([0])
        loss = submission.focal_loss(logits, label)
        expect_close(loss, number(-factor * math.log(p)), label=f"focal_loss of p = {p}")
    logits, labels = rows((0, 0), (math.log(3), 0)), torch.tensor([1, 0])
    loss = submission.focal_loss(logits, labels, 1.0, numbers(1, 4))
    # Alpha 4, p = ½, and alpha 1, p = ¾: (4 · ½ · ln 2 + 1 · ¼ · ln 4⁄3) ⁄ 2.
    expected = math.log(2) + math.log(4 / 3) / 8
    expect_close(loss, number(expected), label="focal_loss, gamma 1, alpha (1, 4)")
