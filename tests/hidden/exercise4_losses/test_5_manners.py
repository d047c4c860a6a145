"""Manners: what must be refused, float32, arguments left alone."""

import torch
from torch.nn import functional

from grader.suite import expect_close, expect_equal, expect_raises, needs, points

from .oracles import (
    CLASSES,
    CROSS_ENTROPY,
    DISTANCES,
    FOCAL,
    KL,
    YES_OR_NO,
    C,
    D,
    N,
    binary_loss,
    draw_batch,
    draw_distributions,
    draw_errors,
    draw_yes_or_no,
    expect_alive,
    focal,
    in_float64,
    normal,
    of,
    smooth_l1_loss,
    uniform,
)


def expect_equal_shapes(submission, rng, name):
    """See that a loss, and the guard in it, refuse what would broadcast."""
    # Each row a distribution, so that every loss takes it.
    first, second = (torch.softmax(normal(rng, N, C), dim=1) for _ in range(2))
    expect_alive(lambda p, t: submission.call(name, p, t), (first, second), (second, second))
    columns, flat = first[:, :1].contiguous(), second[:, 0].contiguous()
    for prediction, target in ((first, second[0]), (columns, flat), (flat, columns), (first, second[0, 0])):
        # The labels say what is tried; all shapes of a try broadcast.
        shapes = f"{tuple(prediction.shape)} and {tuple(target.shape)}"
        label = f"require_same_shape of {shapes}"
        expect_raises("ValueError", submission.require_same_shape, prediction, target, label=label)
        expect_raises("ValueError", getattr(submission, name), prediction, target, label=f"{name} of {shapes}")


@points(2)
def test_distances_refuse_what_would_broadcast(submission, rng):
    """mae, mse and smooth_l1 refuse targets of another shape.

    zh_CN: mae、mse 和 smooth_l1 拒绝形状不同的目标。
    """
    for name in ("mae", "mse", "smooth_l1"):
        expect_equal_shapes(submission, rng, name)


@points(2)
def test_other_losses_refuse_what_would_broadcast(submission, rng):
    """Yes or no, and KL, refuse targets of another shape.

    zh_CN: 是非题和 KL 的损失拒绝形状不同的目标。
    """
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_divergence"):
        expect_equal_shapes(submission, rng, name)


def expect_labels(submission, rng, name):
    """See that a loss, and the guard in it, refuse labels that are none."""
    scores, labels = draw_batch(rng)
    expect_alive(lambda s, y: submission.call(name, s, y), (scores, labels), (3 * scores, labels))
    expect_equal(submission.require_labels(scores, labels), None, label="require_labels of right labels")
    refused = {
        "labels counted from 1": labels + 1,
        "labels of shape (N, 1)": labels[:, None],
        "one-hot labels": functional.one_hot(labels, C),
        "labels that are floats": labels.double(),
        "too few labels": labels[:-1],
        "a label of -1": torch.where(labels == 0, -1, labels),
        "a label of 255": torch.where(labels == 0, 255, labels),
    }
    for what, wrong in refused.items():
        expect_raises("ValueError", submission.require_labels, scores, wrong, label=f"require_labels, {what}")
        expect_raises("ValueError", getattr(submission, name), scores, wrong, label=f"{name}, {what}")


@points(2)
def test_labels_that_are_none_are_refused(submission, rng):
    """Labels of another shape, dtype or range raise ValueError.

    zh_CN: 形状、dtype 或范围不对的标签抛出 ValueError。
    """
    for name in ("nll", "cross_entropy", "focal_loss"):
        expect_labels(submission, rng, name)


@points(1)
@needs(YES_OR_NO[0])
def test_logits_are_no_probabilities(submission, rng):
    """Probabilities below 0 or above 1 raise ValueError.

    zh_CN: 小于 0 或大于 1 的概率抛出 ValueError。
    """
    p, targets = uniform(rng, N), (uniform(rng, N) < 0.5).double()
    for place, value in ((0, 1.5), (N - 1, -0.5), (3, 1 + 1e-9), (2, -1e-9)):
        wrong = torch.where(torch.arange(N) == place, value, p)
        label = f"binary_cross_entropy with a probability of {value:g}"
        expect_raises("ValueError", submission.binary_cross_entropy, wrong, targets, label=label)


@points(1)
@needs("test_reductions_do_what_their_names_say", *CROSS_ENTROPY)
def test_unknown_reductions_are_refused(submission, rng):
    """A reduction that is none, sum or mean in no way: ValueError.

    zh_CN: reduction 不是 none、sum 或 mean：ValueError。
    """
    logits, labels = draw_batch(rng)
    losses, weights = normal(rng, N), uniform(rng, N)
    for word in ("average", "median", "total", ""):
        expect_raises("ValueError", submission.reduce_losses, losses, weights, word, label=f"reduction {word!r}")
        fn = lambda word=word: submission.cross_entropy(logits, labels, reduction=word)  # noqa: E731
        expect_raises("ValueError", fn, label=f"cross_entropy, reduction {word!r}")


@points(1)
@needs(*DISTANCES)
def test_the_distances_keep_float32(submission, rng):
    """float32 in, float32 out: mae, mse, smooth_l1.

    zh_CN: 输入 float32，输出也是 float32：mae、mse、smooth_l1。
    """
    errors = draw_errors(rng, torch.float32)
    ours = {"mae": functional.l1_loss, "mse": functional.mse_loss, "smooth_l1": smooth_l1_loss()}
    for name, fn in ours.items():
        expect_close(submission.call(name, *errors), in_float64(fn, *errors), label=name)


@points(1)
@needs(*CLASSES, *CROSS_ENTROPY, *FOCAL)
def test_the_losses_of_classes_keep_float32(submission, rng):
    """float32 in, float32 out: from log_sum_exp to focal_loss.

    zh_CN: 输入 float32，输出也是：从 log_sum_exp 到 focal_loss。
    """
    logits, labels = draw_batch(rng, torch.float32)
    weight = of(1.0, 10.0, 100.0, 30.0, dtype=torch.float32)
    for name, fn in (("log_sum_exp", torch.logsumexp), ("softmax", torch.softmax), ("log_softmax", torch.log_softmax)):
        expect_close(submission.call(name, logits), in_float64(fn, logits, 1), label=name)
    expected = functional.one_hot(labels, C).float() * 0.9 + 0.1 / C
    expect_close(submission.soft_labels(logits, labels, 0.1), expected, label="soft_labels")
    expected = in_float64(lambda z: functional.nll_loss(z, labels), logits)
    expect_close(submission.nll(logits, labels), expected, label="nll")
    for options in ({}, {"label_smoothing": 0.1}, {"weight": weight}):
        wide = {key: value.double() if torch.is_tensor(value) else value for key, value in options.items()}
        expected = functional.cross_entropy(logits.double(), labels, **wide).float()
        label = f"cross_entropy with {', '.join(options) or 'no options'}"
        expect_close(submission.cross_entropy(logits, labels, **options), expected, label=label)
    expected = in_float64(lambda z: focal(z, labels, 2.0, weight.double()), logits)
    expect_close(submission.focal_loss(logits, labels, 2.0, weight), expected, label="focal_loss")


@points(1)
@needs(*YES_OR_NO, *KL)
def test_the_other_losses_keep_float32(submission, rng):
    """float32 in, float32 out: yes or no, and KL.

    zh_CN: 输入 float32，输出也是 float32：是非题和 KL。
    """
    logits, targets = (value.float() for value in draw_yes_or_no(rng))
    p = uniform(rng, N, D).float()
    expected = in_float64(functional.binary_cross_entropy, p, targets)
    expect_close(submission.binary_cross_entropy(p, targets), expected, label="binary_cross_entropy")
    name, pos_weight = "binary_cross_entropy_with_logits", 5 * uniform(rng, D).float()
    received = submission.binary_cross_entropy_with_logits(logits, targets)
    expect_close(received, in_float64(binary_loss(), logits, targets), label=name)
    received = submission.binary_cross_entropy_with_logits(logits, targets, pos_weight)
    expected = in_float64(binary_loss(pos_weight.double()), logits, targets)
    expect_close(received, expected, label=f"{name} with pos_weight")
    log_probs, target = (value.float() for value in draw_distributions(rng))
    expected = in_float64(lambda x, t: functional.kl_div(x, t, reduction="batchmean"), log_probs, target)
    expect_close(submission.kl_divergence(log_probs, target), expected, label="kl_divergence")


def leaves_alone(guest, fn, **arguments):
    """Call `fn` with tensors that live in the guest and see that they are what they were."""
    theirs = {name: guest.tensor(value) for name, value in arguments.items()}
    fn(*theirs.values())
    for name, value in arguments.items():
        expect_equal(guest.read(theirs[name]), value, label=f"{name} after the call")


@points(1)
@needs(*DISTANCES, *YES_OR_NO, *KL)
def test_predictions_and_targets_are_left_alone(submission, guest, rng):
    """No distance, yes-or-no loss or KL changes what it is given.

    zh_CN: 距离、是非题的损失和 KL 都不改动它们得到的东西。
    """
    prediction, target = draw_errors(rng)
    for name in ("mae", "mse", "smooth_l1"):
        leaves_alone(guest, getattr(submission, name), prediction=prediction, target=target)
    logits, targets = draw_yes_or_no(rng)
    leaves_alone(guest, submission.binary_cross_entropy, probabilities=uniform(rng, N, D), targets=targets)
    fn, pos_weight = submission.binary_cross_entropy_with_logits, 5 * uniform(rng, D)
    leaves_alone(guest, fn, logits=logits, targets=targets, pos_weight=pos_weight)
    # A 0 among the targets: what replaces it must not be written into them.
    log_probs, target = draw_distributions(rng)
    target = target * (torch.arange(C) > 0)
    leaves_alone(guest, submission.kl_divergence, log_probs=log_probs, target=target)


@points(1)
@needs(*CLASSES, *CROSS_ENTROPY, *FOCAL)
def test_logits_labels_and_weights_are_left_alone(submission, guest, rng):
    """No function of logits changes what it is given.

    zh_CN: 没有一个接收 logits 的函数改动它得到的东西。
    """
    logits, labels = draw_batch(rng)
    weight = of(1.0, 10.0, 100.0, 30.0)
    for name in ("log_sum_exp", "log_softmax", "softmax"):
        leaves_alone(guest, getattr(submission, name), logits=logits)
    leaves_alone(guest, submission.soft_labels, logits=logits, labels=labels)
    leaves_alone(guest, submission.nll, log_probs=logits, labels=labels)
    leaves_alone(guest, lambda x, w: submission.reduce_losses(x, w, "mean"), losses=logits[:, 0], weights=logits[:, 1])
    ignored = torch.where(labels == 2, -100, labels)
    leaves_alone(guest, submission.cross_entropy, logits=logits, labels=ignored, weight=weight)
    focal_loss = lambda logits, labels, alpha: submission.focal_loss(logits, labels, 2.0, alpha)  # noqa: E731
    leaves_alone(guest, focal_loss, logits=logits, labels=labels, alpha=weight)
