"""Cross-entropy: labels as distributions, the negative log-likelihood, reductions, and every option of the whole."""

import math

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, expect_gradients, needs, points

from .oracles import (
    CROSS_ENTROPY,
    SURVIVED,
    C,
    N,
    draw_batch,
    draw_labels,
    dtype_name,
    expect_slopes,
    extreme_logits,
    in_float64,
    normal,
    of,
    one,
    slopes,
    smoothed,
    uniform,
    zeros,
)

WEIGHTS = (1.0, 10.0, 100.0, 30.0)
SLOPE = "slope for the logits"


@pytest.fixture
def batch(rng):
    """Logits and labels."""
    return draw_batch(rng)


@points(1)
def test_soft_labels_are_one_hot_rows(submission, batch):
    """Without smoothing a row is 1 at its label, 0 elsewhere.

    zh_CN: 没有平滑时，一行在标签处是 1，其余处是 0。
    """
    logits, labels = batch
    expect_close(submission.soft_labels(logits, labels), functional.one_hot(labels, C).double(), label="q")


@points(1)
def test_smoothed_labels_are_distributions(submission, batch):
    """Smoothing mixes in the uniform distribution: rows sum to 1.

    zh_CN: 平滑掺入均匀分布：每行之和为 1。
    """
    logits, labels = batch
    for smoothing in (0.1, 0.4, 1.0):
        received = submission.soft_labels(logits, labels, smoothing)
        expect_close(received, smoothed(labels, smoothing), label=f"q, smoothing {smoothing}")


@points(1)
def test_nll_is_the_mean_of_what_stands_at_the_labels(submission, rng):
    """nll takes logs as they are, no softmax, no logarithm.

    zh_CN: nll 直接用给它的对数，不做 softmax，不取对数。
    """
    # Not normalised: whoever normalises first would not be seen on log-probabilities.
    log_probs, labels = -2 * uniform(rng, N, C) - 0.5, draw_labels(rng)
    expect_close(submission.nll(log_probs, labels), functional.nll_loss(log_probs, labels), label="nll")


@points(1)
@needs("test_nll_is_the_mean_of_what_stands_at_the_labels")
def test_nll_has_a_slope_at_the_labels_only(submission, rng):
    """The slope of nll is −1/N at each label and 0 elsewhere.

    zh_CN: nll 的斜率在每个标签处是 −1/N，其余处是 0。
    """
    log_probs, labels = -2 * uniform(rng, N, C), draw_labels(rng)
    inputs = {"slope for the log-probabilities": log_probs}
    expect_slopes(lambda x: submission.nll(x, labels), lambda x: functional.nll_loss(x, labels), inputs)


@points(2)
def test_reductions_do_what_their_names_say(submission, rng):
    """none keeps, sum adds up, mean divides by the weights' sum.

    zh_CN: none 保留，sum 相加，mean 除以权重之和。
    """
    losses, weights = normal(rng, N), uniform(rng, N)
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / weights.sum()}
    for reduction, reduced in expected.items():
        expect_close(submission.reduce_losses(losses, weights, reduction), reduced, label=reduction)


@points(1)
def test_cross_entropy_is_the_mean_of_minus_log_p(submission, batch):
    """cross_entropy is the mean of −log p of the labels.

    zh_CN: cross_entropy 是各标签的 −log p 的平均。
    """
    expect_close(submission.cross_entropy(*batch), functional.cross_entropy(*batch), label="cross_entropy")


@points(2)
@needs(*CROSS_ENTROPY)
def test_slope_of_cross_entropy_is_p_minus_y(submission, batch):
    """The slope for the logits is (p − y) / N.

    zh_CN: 对 logits 的斜率是 (p − y) / N。
    """
    logits, labels = batch
    fn, ours = (lambda z: submission.cross_entropy(z, labels)), (lambda z: functional.cross_entropy(z, labels))
    expect_gradients(fn, (logits,), label="slope of cross_entropy")
    expect_slopes(fn, ours, {SLOPE: logits})


@points(2)
@needs(*CROSS_ENTROPY, SURVIVED)
def test_a_sure_mistake_costs_its_distance(submission):
    """Logits of ±10 000: finite losses, slopes that still teach.

    zh_CN: ±10 000 的 logits：损失有限，斜率仍能教会什么。
    """
    labels = torch.tensor([1, 0, 3])
    fn, ours = (lambda z: submission.cross_entropy(z, labels)), (lambda z: functional.cross_entropy(z, labels))
    for dtype in (torch.float64, torch.float32):
        logits = extreme_logits(dtype)
        expect_close(fn(logits), in_float64(ours, logits), label=f"cross_entropy in {dtype_name(dtype)}")
        leaf = logits.double().requires_grad_()
        (expected,) = torch.autograd.grad(ours(leaf), leaf)
        received = slopes(fn, {SLOPE: logits}, one(dtype))[SLOPE]
        expect_close(received, expected.to(dtype), label=f"{SLOPE} in {dtype_name(dtype)}")


@points(1)
def test_a_guess_costs_the_log_of_the_classes(submission, rng):
    """Equal logits cost log C, sure and right ones nothing.

    zh_CN: logits 相同时代价为 log C，确定且正确时为 0。
    """
    labels = draw_labels(rng)
    equal = normal(rng, N)[:, None].expand(N, C).contiguous()
    expect_close(submission.cross_entropy(equal, labels), of(math.log(C))[0], label="cross_entropy of equal logits")
    sure = 60.0 * functional.one_hot(labels, C).double()
    expect_close(submission.cross_entropy(sure, labels), zeros(), label="cross_entropy of sure and right logits")


@points(1)
def test_one_row_can_be_had_without_a_mean(submission, batch):
    """reduction="none" gives one loss a row, "sum" their sum.

    zh_CN: reduction="none" 每行一个损失，"sum" 是它们的和。
    """
    logits, labels = batch
    losses = functional.cross_entropy(logits, labels, reduction="none")
    expect_close(submission.cross_entropy(logits, labels, reduction="none"), losses, label="none")
    expect_close(submission.cross_entropy(logits, labels, reduction="sum"), losses.sum(), label="sum")


@points(2)
def test_a_weighted_mean_divides_by_the_weights(submission, batch):
    """With class weights the mean divides by the weights' sum.

    zh_CN: 有类别权重时，平均要除以权重之和。
    """
    logits, labels = batch
    weight = of(*WEIGHTS)
    expected = functional.cross_entropy(logits, labels, weight)
    expect_close(submission.cross_entropy(logits, labels, weight), expected, label="weighted mean")
    doubled = submission.cross_entropy(logits, labels, 2 * weight)
    expect_close(doubled, expected, label="weighted mean, all weights doubled")


@points(1)
def test_the_weight_is_that_of_the_label(submission, batch):
    """Each loss is multiplied by the weight of its row's label.

    zh_CN: 每个损失乘以该行标签的权重。
    """
    logits, labels = batch
    weight = of(*WEIGHTS)
    for reduction in ("none", "sum"):
        expected = functional.cross_entropy(logits, labels, weight, reduction=reduction)
        received = submission.cross_entropy(logits, labels, weight, reduction=reduction)
        expect_close(received, expected, label=f"weighted, {reduction}")


@points(1)
def test_smoothing_asks_for_a_little_of_every_class(submission, batch):
    """With smoothing every class has its share of the loss.

    zh_CN: 有平滑时，每个类别在损失中都有一份。
    """
    logits, labels = batch
    for smoothing in (0.1, 0.4):
        expected = functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        received = submission.cross_entropy(logits, labels, label_smoothing=smoothing)
        expect_close(received, expected, label=f"cross_entropy, smoothing {smoothing}")


@points(1)
def test_smoothed_cross_entropy_is_least_at_its_target(submission, batch):
    """Logits that are logs of the smoothed labels: no slope left.

    zh_CN: logits 是平滑标签的对数时，斜率为 0。
    """
    _, labels = batch
    target = smoothed(labels, 0.2)
    fn = lambda z: submission.cross_entropy(z, labels, label_smoothing=0.2)  # noqa: E731
    entropy = -(target * target.log()).sum() / N
    expect_close(fn(target.log()), entropy, label="cross_entropy of the best logits")
    slope = slopes(fn, {SLOPE: target.log()}, one())[SLOPE]
    expect_close(slope, zeros(N, C), scale=1.0, label=SLOPE)


@points(2)
def test_ignored_rows_do_not_count(submission, batch):
    """Ignored rows neither add to the mean nor divide it.

    zh_CN: 被忽略的行既不计入和，也不计入除数。
    """
    logits, labels = batch
    for index in (-100, 2):
        some = torch.where(torch.arange(N) % 3 == 1, index, labels)
        # -100 is the default: it is not said.
        named = {} if index == -100 else {"ignore_index": index}
        for weight in (None, of(*WEIGHTS)):
            expected = functional.cross_entropy(logits, some, weight, ignore_index=index)
            label = f"cross_entropy without label {index}" + ("" if weight is None else ", with weights")
            expect_close(submission.cross_entropy(logits, some, weight, **named), expected, label=label)


@points(1)
def test_ignored_rows_keep_their_place(submission, rng, batch):
    """An ignored row stays in its place with loss 0, no slope.

    zh_CN: 被忽略的行留在原位，损失为 0，没有斜率。
    """
    logits, labels = batch
    labels = torch.where(torch.arange(N) % 3 == 1, -100, labels)
    expected = functional.cross_entropy(logits, labels, reduction="none")
    expect_close(submission.cross_entropy(logits, labels, reduction="none"), expected, label="none")
    fn = lambda z: submission.cross_entropy(z, labels, reduction="none")  # noqa: E731
    ours = lambda z: functional.cross_entropy(z, labels, reduction="none")  # noqa: E731
    expect_slopes(fn, ours, {f"{SLOPE}, none": logits}, normal(rng, N))


@points(3)
@needs(*CROSS_ENTROPY)
def test_all_options_go_together(submission, rng, batch):
    """Weights, smoothing and ignored rows at once: loss and slope.

    zh_CN: 权重、平滑和忽略的行同时使用：损失和斜率。
    """
    logits, labels = batch
    labels = torch.where(torch.arange(N) % 3 == 1, -1, labels)
    for reduction in ("none", "sum", "mean"):
        options = {"weight": of(*WEIGHTS), "label_smoothing": 0.3, "ignore_index": -1, "reduction": reduction}
        fn = lambda z, options=options: submission.cross_entropy(z, labels, **options)  # noqa: E731
        ours = lambda z, options=options: functional.cross_entropy(z, labels, **options)  # noqa: E731
        expected = ours(logits)
        expect_close(fn(logits), expected, label=f"cross_entropy, {reduction}")
        expect_slopes(fn, ours, {f"{SLOPE}, {reduction}": logits}, normal(rng, *expected.shape))
