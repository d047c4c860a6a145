"""A schedule of the learning rate, and early stopping."""

import math

import torch

from grader.suite import devices, expect_close, expect_equal, needs, points

from .loops import probe_of

DECISIONS = "test_patience_counts_epochs_in_a_row_without_a_better_loss"


@devices("cpu")
@points(1)
def test_warmup_cosine_goes_up_in_steps_and_down_a_cosine(submission):
    """warmup_cosine: the three pieces, and where they meet.

    zh_CN: warmup_cosine：三段，以及它们相接的地方。
    """
    for warmup, epochs in ((3, 11), (1, 4), (5, 6)):
        for epoch in range(epochs + 3):
            label = f"warmup_cosine({epoch}, {warmup}, {epochs})"
            expect_close(submission.warmup_cosine(epoch, warmup, epochs), factor(epoch, warmup, epochs), label=label)


@devices("cpu")
@points(1)
def test_warmup_cosine_without_warmup_begins_at_the_top(submission):
    """warmup_cosine: with warmup 0 it is a cosine from the start.

    zh_CN: warmup_cosine：warmup 为 0 时从一开始就是余弦。
    """
    for epoch in range(8):
        label = f"warmup_cosine({epoch}, 0, 7)"
        expect_close(submission.warmup_cosine(epoch, 0, 7), factor(epoch, 0, 7), label=label)


def factor(epoch, warmup, epochs):
    """Return the statement's f."""
    if epoch < warmup:
        return (epoch + 1) / warmup
    return (1 + math.cos(math.pi * (epoch - warmup) / (epochs - warmup))) / 2 if epoch < epochs else 0.0


# --- EarlyStopping --------------------------------------------------------------------------------------------------

NAN = math.nan


def net(guest):
    """Return a network with parameters and buffers."""
    return guest.build("torch.nn.BatchNorm1d", 3)


def expect_decisions(submission, guest, patience, losses, stops):
    """Compare what `update` says of each loss."""
    stopping, model = submission.EarlyStopping(patience), net(guest)
    for epoch, (loss, stop) in enumerate(zip(losses, stops, strict=True), start=1):
        told = ", ".join(map(str, losses[:epoch]))
        expect_equal(stopping.update(loss, model), stop, label=f"patience {patience}, losses {told}: whether to stop")
    return stopping


@devices("cpu")
@points(1)
def test_patience_counts_epochs_in_a_row_without_a_better_loss(submission, guest):
    """EarlyStopping: `patience` epochs in a row, then stop.

    zh_CN: EarlyStopping：连续 `patience` 轮没有更好就停。
    """
    no, yes = False, True
    falling = [8.0, 7.0, 6.0, 5.0, 4.0]
    expect_decisions(submission, guest, 3, [*falling, 4.5, 4.25, 3.0, 3.5, 3.25, 3.1], [no] * 10 + [yes])
    expect_decisions(submission, guest, 1, [2.0, 1.0, 1.5, 1.25], [no, no, yes, yes])
    expect_decisions(submission, guest, 2, [-1.0, -3.0, -2.0, -2.5], [no, no, no, yes])


@devices("cpu")
@points(1)
@needs(DECISIONS)
def test_an_equal_loss_is_no_better_one(submission, guest):
    """EarlyStopping: a loss equal to the best is no better.

    zh_CN: EarlyStopping：与最好的损失相等不算更好。
    """
    expect_decisions(submission, guest, 2, [1.0, 1.0, 1.0], [False, False, True])


@devices("cpu")
@points(1)
@needs(DECISIONS)
def test_nan_is_never_the_best_loss(submission, guest):
    """EarlyStopping: NaN is no better loss.

    zh_CN: EarlyStopping：NaN 不算更好的损失。
    """
    stopping = expect_decisions(submission, guest, 2, [NAN, 1.0, NAN, 0.5, NAN, NAN], [False] * 5 + [True])
    expect_close(stopping.get("best_loss"), 0.5, label="best_loss after all")
    expect_decisions(submission, guest, 2, [NAN, NAN], [False, True])


@devices("cpu")
@points(1)
def test_the_best_loss_is_the_smallest(submission, guest):
    """EarlyStopping.best_loss: infinite first, then the smallest.

    zh_CN: EarlyStopping.best_loss：先是无穷大，然后是最小的。
    """
    stopping, model = submission.EarlyStopping(4), net(guest)
    expect_equal(stopping.get("best_loss"), math.inf, label="best_loss before any update")
    for loss, best in ((3.0, 3.0), (2.0, 2.0), (2.5, 2.0), (0.5, 0.5)):
        stopping.update(loss, model)
        expect_close(stopping.get("best_loss"), best, label=f"best_loss after {loss}")


def expect_filled(model, value, label):
    """Compare all parameters and buffers with what `fill` put there."""
    for name, tensor in model.state_dict().items():
        expect_close(tensor, torch.full_like(tensor, value), label=f"{name} {label}")


@devices("cpu")
@points(1)
def test_restore_brings_back_the_weights_of_the_best_epoch(submission, guest):
    """EarlyStopping.restore: weights and buffers at the best.

    zh_CN: EarlyStopping.restore：最好一轮的权重和缓冲区。
    """
    probe, model, stopping = probe_of(guest), net(guest), submission.EarlyStopping(9)
    for value, loss in ((3, 0.9), (5, 0.4), (7, 0.2), (11, 0.2), (13, 0.8), (17, NAN)):
        probe.fill(model, value)
        stopping.update(loss, model)
    other = net(guest)
    probe.fill(model, 19)
    probe.fill(other, 23)
    for place, restored in (("in another network", other), ("in the network itself", model)):
        stopping.restore(restored)
        expect_filled(restored, 7, f"restored {place}")


@devices("cpu")
@points(1)
def test_what_was_restored_may_be_trained_on(submission, guest):
    """EarlyStopping: what was restored may be trained on.

    zh_CN: EarlyStopping：恢复之后可以继续训练。
    """
    probe, model, stopping = probe_of(guest), net(guest), submission.EarlyStopping(9)
    probe.fill(model, 3)
    stopping.restore(model)
    expect_filled(model, 3, "after restore without any update")
    stopping.update(1.0, model)
    other = net(guest)
    probe.fill(model, 5)
    probe.fill(other, 11)
    stopping.restore(other)
    expect_filled(other, 3, "restored in another network")
    for value in (5, 7):
        probe.fill(model, value)
        stopping.restore(model)
        expect_filled(model, 3, "restored")
