"""Yes or no, KL divergence, focal loss."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from grader.suite import award, expect_close, expect_gradients, needs, points

from .oracles import (
    FOCAL,
    KL,
    SURVIVED,
    YES_OR_NO,
    C,
    D,
    N,
    binary_loss,
    draw_batch,
    draw_distributions,
    draw_yes_or_no,
    dtype_name,
    expect_slopes,
    extreme_logits,
    focal,
    in_float64,
    of,
    one,
    slopes,
    smoothed,
    uniform,
    zeros,
)

TAKES_PROBABILITIES, TAKES_LOGITS = YES_OR_NO


@pytest.fixture
def answers(rng):
    """Logits and targets of shape (N, D)."""
    return draw_yes_or_no(rng)


@pytest.fixture
def batch(rng):
    """Logits and labels."""
    return draw_batch(rng)


@points(1)
def test_binary_cross_entropy_takes_probabilities(submission, rng, answers):
    """binary_cross_entropy takes probabilities: no sigmoid inside.

    zh_CN: binary_cross_entropy 接收概率：里面没有 sigmoid。
    """
    p, (_, targets) = uniform(rng, N, D), answers
    expected = functional.binary_cross_entropy(p, targets)
    expect_close(submission.binary_cross_entropy(p, targets), expected, label="binary_cross_entropy")


@points(1)
@needs(TAKES_PROBABILITIES)
def test_slope_of_binary_cross_entropy(submission, rng, answers):
    """The slope for p is (p − y) / (p (1 − p)), in the mean.

    zh_CN: 对 p 的斜率在平均后是 (p − y) / (p (1 − p))。
    """
    inputs, targets = {"slope for the probabilities": uniform(rng, N, D)}, answers[1]
    oracle = functional.binary_cross_entropy
    expect_slopes(lambda p: submission.binary_cross_entropy(p, targets), lambda p: oracle(p, targets), inputs)


@points(1)
def test_certainty_costs_0_or_100(submission):
    """p of 0 or 1: 0 where right, 100 where wrong. 1e-30: 69.

    zh_CN: p 为 0 或 1：对则 0，错则 100。1e-30：69。
    """
    cases = ((0.0, 0.0), (1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (1e-30, 1.0), (1e-12, 1.0), (1e-9, 1.0))
    for p, target in cases:
        expected = functional.binary_cross_entropy(of(p, 0.3), of(target, 1.0))
        received = submission.binary_cross_entropy(of(p, 0.3), of(target, 1.0))
        expect_close(received, expected, label=f"loss of p = {p:g} with target {target:g}")


@points(1)
def test_binary_cross_entropy_with_logits_takes_logits(submission, answers):
    """binary_cross_entropy_with_logits applies sigmoid, once.

    zh_CN: binary_cross_entropy_with_logits 做一次 sigmoid。
    """
    received = submission.binary_cross_entropy_with_logits(*answers)
    expect_close(received, binary_loss()(*answers), label="binary_cross_entropy_with_logits")


@points(1)
@needs(TAKES_LOGITS)
def test_slope_for_a_logit_is_p_minus_y(submission, answers):
    """The slope for a logit is p − y, in the mean.

    zh_CN: 对 logit 的斜率在平均后是 p − y。
    """
    logits, targets = answers
    fn = submission.binary_cross_entropy_with_logits
    inputs = {"slope for the logits": logits}
    expect_slopes(lambda z: fn(z, targets), lambda z: binary_loss()(z, targets), inputs)


@points(1)
@needs(TAKES_LOGITS)
def test_the_slope_at_a_logit_of_zero_is_half_minus_y(submission):
    """At a logit of exactly 0 too the slope is p − y.

    zh_CN: logit 正好为 0 时，斜率也是 p − y。
    """
    targets = of(0.0, 1.0, 0.25)
    fn = lambda z: submission.binary_cross_entropy_with_logits(z, targets)  # noqa: E731
    slope = slopes(fn, {"slope": zeros(3)}, one())["slope"]
    expect_close(slope, (0.5 - targets) / 3, label="slope at logits of 0")


@points(2)
@needs(TAKES_LOGITS)
def test_a_sure_mistake_still_has_a_slope(submission):
    """Logits of ±10 000 give finite losses, slopes of −1, 0 and 1.

    zh_CN: ±10 000 的 logits：损失有限，斜率为 −1、0 和 1。
    """
    for dtype in (torch.float64, torch.float32):
        logits = of(10_000.0, 10_000.0, -10_000.0, -10_000.0, 500.0, -500.0, 90.0, dtype=dtype)
        targets = of(0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.25, dtype=dtype)
        fn = lambda z, targets=targets: submission.binary_cross_entropy_with_logits(z, targets)  # noqa: E731
        expected = in_float64(binary_loss(), logits, targets)
        expect_close(fn(logits), expected, label=f"loss in {dtype_name(dtype)}")
        slope = slopes(fn, {"slope": logits}, one(dtype))["slope"]
        expected = (torch.sigmoid(logits) - targets) / len(targets)
        expect_close(slope, expected, label=f"slope for the logits in {dtype_name(dtype)}")


@points(2)
def test_pos_weight_counts_yes_more(submission, rng, answers):
    """pos_weight multiplies the part of the loss that is for yes.

    zh_CN: pos_weight 只乘损失中“是”的那一部分。
    """
    logits, targets = answers
    pos_weight = 5 * uniform(rng, D)
    fn = lambda z: submission.binary_cross_entropy_with_logits(z, targets, pos_weight)  # noqa: E731
    ours = lambda z: binary_loss(pos_weight)(z, targets)  # noqa: E731
    expect_close(fn(logits), ours(logits), label="loss with pos_weight")
    expect_slopes(fn, ours, {"slope for the logits": logits})


@points(1)
@needs(TAKES_LOGITS)
def test_sigmoid_is_the_softmax_of_zero_and_the_logit(submission, answers):
    """Two classes with logits 0 and z cost what yes or no costs.

    zh_CN: logits 为 0 和 z 的两个类别，代价与是非题相同。
    """
    logits, targets = answers[0], (answers[1] > 0.5).double()
    pair = torch.stack([torch.zeros_like(logits), logits], dim=-1).reshape(-1, 2)
    as_classes = submission.cross_entropy(pair, targets.long().reshape(-1))
    as_answer = submission.binary_cross_entropy_with_logits(logits, targets)
    expect_close(as_classes, binary_loss()(logits, targets), label="cross_entropy of (0, z)")
    expect_close(as_answer, as_classes, label="binary_cross_entropy_with_logits of z")


@points(1)
@needs(*YES_OR_NO)
def test_binary_cross_entropy_is_least_at_its_target(submission, answers):
    """Whatever the target, nothing costs less than p = target.

    zh_CN: 无论目标是什么，p = 目标时代价最小。
    """
    targets = 0.1 + 0.8 * answers[1]
    inputs = {"slope": targets}
    slope = slopes(lambda p: submission.binary_cross_entropy(p, targets), inputs, one())["slope"]
    expect_close(slope, zeros(N, D), scale=1.0, label="slope for p where p is the target")
    inputs = {"slope": torch.logit(targets)}
    slope = slopes(lambda z: submission.binary_cross_entropy_with_logits(z, targets), inputs, one())["slope"]
    expect_close(slope, zeros(N, D), scale=1.0, label="slope for z where sigmoid(z) is the target")


@points(1)
def test_kl_divergence_is_a_mean_over_the_rows(submission, rng):
    """KL(target ‖ predicted), summed over classes, mean over rows.

    zh_CN: KL(target ‖ predicted)：对类别求和，对行取平均。
    """
    log_probs, target = draw_distributions(rng)
    expected = functional.kl_div(log_probs, target, reduction="batchmean")
    expect_close(submission.kl_divergence(log_probs, target), expected, label="kl_divergence")


@points(1)
@needs(*KL)
def test_slope_of_kl_is_minus_the_target(submission, rng):
    """The slope for the log-probabilities is −target / N.

    zh_CN: 对对数概率的斜率是 −target / N。
    """
    log_probs, target = draw_distributions(rng)
    fn, ours = submission.kl_divergence, lambda x: functional.kl_div(x, target, reduction="batchmean")
    expect_slopes(lambda x: fn(x, target), ours, {"slope for the log-probabilities": log_probs})


@points(1)
def test_kl_is_zero_for_equals_and_positive_for_others(submission, rng):
    """KL(q ‖ q) = 0; KL(q ‖ p) > 0, and not KL(p ‖ q).

    zh_CN: KL(q ‖ q) = 0；KL(q ‖ p) > 0，且不是 KL(p ‖ q)。
    """
    log_probs, target = draw_distributions(rng)
    other = submission.kl_divergence(log_probs, target)
    expect_close(other, functional.kl_div(log_probs, target, reduction="batchmean"), label="KL(q ‖ p)")
    expect_close(submission.kl_divergence(target.log(), target), zeros(), label="KL(q ‖ q)")
    back = functional.kl_div(target.log(), log_probs.exp(), reduction="batchmean")
    expect_close(submission.kl_divergence(target.log(), log_probs.exp()), back, label="KL(p ‖ q)")


@points(1)
@needs(*KL)
def test_what_never_happens_costs_nothing(submission, rng):
    """Targets of exactly 0 add 0 to KL, and have no slope.

    zh_CN: 正好为 0 的目标给 KL 加 0，也没有斜率。
    """
    log_probs, target = draw_distributions(rng)
    target = torch.where(torch.arange(C) == torch.arange(N)[:, None] % C, 0.0, target)
    target = target / target.sum(dim=1, keepdim=True)
    expected = functional.kl_div(log_probs, target, reduction="batchmean")
    expect_close(submission.kl_divergence(log_probs, target), expected, label="kl_divergence")
    slope = slopes(lambda x: submission.kl_divergence(x, target), {"slope": log_probs}, one())["slope"]
    expect_close(slope, -target / N, label="slope for the log-probabilities")


@points(1)
def test_kl_is_cross_entropy_less_entropy(submission, batch):
    """Smoothed cross-entropy less the labels' own entropy is KL.

    zh_CN: 平滑的交叉熵减去标签自身的熵就是 KL。
    """
    logits, labels = batch
    target = smoothed(labels, 0.2)
    entropy = -(target * target.log()).sum() / N
    expected = functional.cross_entropy(logits, labels, label_smoothing=0.2) - entropy
    received = submission.kl_divergence(functional.log_softmax(logits, dim=1), target)
    expect_close(received, expected, label="kl_divergence")


@points(2)
def test_focal_loss_counts_easy_rows_less(submission, batch):
    """focal_loss is the mean of −(1 − p)^gamma log p.

    zh_CN: focal_loss 是 −(1 − p)^gamma log p 的平均。
    """
    logits, labels = batch
    expect_close(submission.focal_loss(logits, labels), focal(logits, labels), label="focal_loss")
    for gamma in (0.5, 3.0):
        received = submission.focal_loss(logits, labels, gamma)
        expect_close(received, focal(logits, labels, gamma), label=f"focal_loss, gamma = {gamma}")


@points(2)
@needs(*FOCAL)
def test_the_factor_of_focal_loss_has_a_slope_too(submission, batch):
    """Its slope is that of the whole, factor included.

    zh_CN: 它的斜率是整个函数的斜率，包括那个系数。
    """
    logits, labels = batch
    expect_gradients(lambda z: submission.focal_loss(z, labels), (logits,), label="slope of focal_loss")
    inputs = {"slope for the logits": logits}
    expect_slopes(lambda z: submission.focal_loss(z, labels), lambda z: focal(z, labels), inputs)
    expect_slopes(lambda z: submission.focal_loss(z, labels, 0.5), lambda z: focal(z, labels, 0.5), inputs)


@points(1)
def test_focal_loss_with_gamma_zero_is_cross_entropy(submission, batch):
    """gamma = 0 and no alpha: cross-entropy, loss and slope.

    zh_CN: gamma = 0、没有 alpha：就是交叉熵，损失和斜率都是。
    """
    logits, labels = batch
    ours = lambda z: functional.cross_entropy(z, labels)  # noqa: E731
    fn = lambda z: submission.focal_loss(z, labels, 0.0)  # noqa: E731
    expect_close(fn(logits), ours(logits), label="focal_loss, gamma = 0")
    expect_slopes(fn, ours, {"slope, gamma = 0": logits})


@points(2)
def test_alpha_is_that_of_the_label(submission, batch):
    """alpha multiplies each row's loss; the mean divides by N.

    zh_CN: alpha 乘每一行的损失；平均除以 N。
    """
    logits, labels = batch
    alpha = of(0.25, 2.0, 0.75, 1.5)
    for gamma in (2.0, 0.0):
        received = submission.focal_loss(logits, labels, gamma, alpha)
        expect_close(received, focal(logits, labels, gamma, alpha), label=f"focal_loss with alpha, gamma = {gamma}")


@points(1)
@needs(*FOCAL, SURVIVED)
def test_focal_loss_survives_ten_thousand(submission):
    """Logits of ±10 000: a finite focal loss, finite slopes.

    zh_CN: ±10 000 的 logits：focal loss 有限，斜率有限。
    """
    labels = torch.tensor([1, 2, 3])
    fn, ours = (lambda z: submission.focal_loss(z, labels)), (lambda z: focal(z, labels))
    for dtype in (torch.float64, torch.float32):
        logits = extreme_logits(dtype)
        expect_close(fn(logits), in_float64(ours, logits), label=f"focal_loss in {dtype_name(dtype)}")
        # The factor is 0 where a row is right and 1 where it is wrong, and flat in both places: of the wrong rows
        # cross-entropy's slope is left.
        wrong = (logits.argmax(dim=1) != labels)[:, None]
        expected = wrong * (functional.softmax(logits, dim=1) - functional.one_hot(labels, C)) / len(labels)
        slope = slopes(fn, {"slope": logits}, one(dtype))["slope"]
        expect_close(slope, expected.to(dtype), label=f"slope for the logits in {dtype_name(dtype)}")


@points(1)
def test_no_focal_loss_exceeds_cross_entropy(submission, batch):
    """The larger gamma, the smaller the loss of every row.

    zh_CN: gamma 越大，每一行的损失越小。
    """
    logits, labels = batch
    falling = 0
    for row in range(N):
        alone = logits[row : row + 1], labels[row : row + 1]
        losses = [submission.focal_loss(*alone, gamma) for gamma in (0.0, 0.5, 2.0, 5.0)]
        expect_close(losses[0], functional.cross_entropy(*alone), label="focal_loss of one row, gamma = 0")
        falling += all(bool(a > b) for a, b in pairwise(losses))
    award(
        falling / N,
        f"In {falling} of {N} rows the loss falls as gamma grows from 0 to 0.5, 2 and 5.",
        f"gamma 从 0 变大到 0.5、2 和 5 时，{N} 行中有 {falling} 行的损失变小。",
    )
