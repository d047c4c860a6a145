"""An epoch of training: its steps and numbers, what it returns, accumulated and clipped gradients."""

import pytest

from grader.suite import (
    any_number,
    devices,
    event,
    expect_close,
    expect_equal,
    expect_throughput,
    expect_trace,
    expect_traffic,
    expect_trajectory,
    expect_tuple,
    in_order,
    limits,
    needs,
    points,
    recorder,
    times,
    traffic,
    training_step,
)

from . import probe as own
from .loops import BATCH, BATCHES, MODES, ROWS, C, D, accumulated, expect_means, labelled, ours, probe_of, theirs

STEPS, NUMBERS = "test_each_batch_is_one_step", "test_an_epoch_gives_the_right_numbers"
MEANS, ACCUMULATED = "test_an_epoch_returns_means_over_examples", "test_accumulated_steps_are_those_of_large_batches"
CLIPPED = "test_the_norm_of_the_gradient_is_limited"
EPOCHS = 2
# Right ways to clip divide by the norm, or by the norm and 1e-6.
CLIP_RTOL = 1e-5


@pytest.fixture
def data(rng):
    """Examples and classes."""
    return labelled(rng)


def run_both(submission, reference, guest, data, device="cpu", layers=None, sgd=None, **options):
    """Train for two epochs there and here; return both loops and what both returned."""
    how = ({"layers": layers} if layers else {}) | (sgd or {})
    there, here = theirs(guest, data, device, **how), ours(data, **how)
    told = []
    for loop, fn in ((there, submission.train_epoch), (here, reference.train_epoch)):
        loop.record.seed(3)
        told.append(loop.epochs(fn, EPOCHS, **options))
    return there, here, *told


@points(1)
def test_each_batch_is_one_step(submission, guest, device, data):
    """train_epoch: one step per batch, in training mode.

    zh_CN: train_epoch：每个批次一步，处于训练模式。
    """
    loop = theirs(guest, data, device)
    loop.epochs(submission.train_epoch, EPOCHS)
    expect_trace(loop.record.events(), times(EPOCHS * BATCHES, training_step(device=device)), label="train_epoch")


@points(2)
def test_an_epoch_gives_the_right_numbers(submission, guest, device, data, reference):
    """train_epoch: loss and weights after every step.

    zh_CN: train_epoch：每一步之后的损失和权重。
    """
    there, here, *_ = run_both(submission, reference, guest, data, device)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_epoch")


@points(2)
def test_an_epoch_returns_means_over_examples(submission, guest, device, data, reference):
    """train_epoch: mean loss and accuracy of all examples.

    zh_CN: train_epoch：所有样本的平均损失和正确率。
    """
    *_, got, expected = run_both(submission, reference, guest, data, device)
    expect_means(got, expected, "train_epoch")


@devices("sim")
@points(1)
def test_an_epoch_brings_its_batches_to_the_device(submission, guest, device, data, reference):
    """train_epoch: x and t are moved, and the moved ones used.

    zh_CN: train_epoch：移动 x 和 t，并使用移动后的张量。
    """
    there = theirs(guest, data, device)
    before = guest.transfers()["to_device"]
    things = there.model, there.loader, there.loss, there.optimizer, device
    probe_of(guest).attempted(submission.train_epoch, *things)
    # Where the copies are dropped, it raises as if there had been none: they are counted first.
    copies = min(guest.transfers()["to_device"] - before, 2)
    expect_equal(copies, 2, label="copies to the device, one of the first x and one of the first t")
    (got,) = theirs(guest, data, device).epochs(submission.train_epoch, 1)
    (wanted,) = ours(data).epochs(reference.train_epoch, 1)
    # The loss alone: how many are right may or may not tell other mistakes, as the draw has it.
    loss, _ = expect_tuple(got, 2, "train_epoch: mean loss and accuracy")
    expect_close(loss, wanted[0], rtol=1e-8, label="train_epoch: mean loss")


@devices("cpu")
@points(1)
def test_epochs_of_one_batch_begin_without_gradients(submission, guest, data, reference):
    """train_epoch: gradients from before the epoch are cleared.

    zh_CN: train_epoch：清除这一轮之前的梯度。
    """
    x, t = data
    there, here = theirs(guest, (x[:BATCH], t[:BATCH])), ours((x[:BATCH], t[:BATCH]))
    for made, tools, fn in ((here, own, reference.train_epoch), (there, probe_of(guest), submission.train_epoch)):
        made.model.train()
        tools.leave_gradients(made.model, x[BATCH:], t[BATCH:])
        made.epochs(fn, 3)
    pattern = in_order("forward", "backward", times(3, training_step()))
    expect_trace(there.record.events(), pattern, label="train_epoch, one batch an epoch")
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_epoch, one batch an epoch")


@devices("cpu")
@points(1)
@needs(NUMBERS)
def test_an_epoch_is_in_training_mode(submission, guest, data, reference):
    """train_epoch: dropout drops, BatchNorm learns its statistics.

    zh_CN: train_epoch：dropout 起作用，BatchNorm 学习统计量。
    """
    there, here, got, expected = run_both(submission, reference, guest, data, layers=MODES)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_epoch")
    expect_means(got, expected, "train_epoch")


@devices("cpu")
@points(1)
@needs(MEANS)
def test_an_epoch_takes_whatever_hands_out_batches(submission, guest, data, reference):
    """train_epoch: a list of batches will do as loader.

    zh_CN: train_epoch：批次的列表也可以当加载器。
    """
    there, here, tools = theirs(guest, data), ours(data), probe_of(guest)
    there.loader, here.loader = tools.Kept(tools.batches, *data, BATCH).value, own.batches(*data, BATCH)
    got, expected = there.epochs(submission.train_epoch), here.epochs(reference.train_epoch)
    expect_means(got, expected, "train_epoch")


@devices("sim")
@points(1)
@needs(NUMBERS)
def test_the_device_is_kept_busy(submission, guest, device, data, reference):
    """train_epoch neither waits nor moves more than it must.

    zh_CN: train_epoch 不做多余的等待，也不做多余的搬运。
    """
    there, here, batches = theirs(guest, data, device, batch=4), ours(data, batch=4), ROWS // 4
    with traffic(guest) as counts:
        got = there.epochs(submission.train_epoch, 1)
    expect_means(got, here.epochs(reference.train_epoch, 1), "train_epoch")
    # A number that is put on the device in each batch is let be; of more, it is said what a batch needs. Four waits are
    # fewer than there are batches, and enough to read loss and hits apart.
    copies = 3 if counts["to_device"] <= 3 * batches else 2
    expect_traffic(counts, batches=batches, rows=ROWS, copies=copies, waits=4, label="train_epoch")


@devices("cuda")
@needs(NUMBERS)
@limits(check_wall_s=120)
def test_an_epoch_takes_no_longer_than_needed(submission, ours, guest, device, rng):
    """train_epoch on a GPU: at most twice as long as ours.

    zh_CN: train_epoch 在 GPU 上：最多是我们用时的两倍。
    """
    x, t = labelled(rng, 4096)

    def epoch(record, solution):
        model = record.model([["Linear", D, 2048], ["ReLU"], ["Linear", 2048, C]])
        model.to(device)
        loader, loss = record.loader(x, t, 64), record.loss("CrossEntropyLoss")
        optimizer = record.optimizer(model, "SGD", lr=0.01)
        return lambda: solution.train_epoch(model, loader, loss, optimizer, device)

    expect_throughput(epoch(recorder(guest), submission), epoch(recorder(ours.guest), ours.solution))


# --- accumulate -----------------------------------------------------------------------------------------------------


@points(1)
@needs(STEPS)
def test_several_batches_make_one_step(submission, guest, device, data):
    """accumulate=3: three batches a step, then the rest.

    zh_CN: accumulate=3：三个批次一步，最后是剩下的。
    """
    loop = theirs(guest, data, device)
    loop.epochs(submission.train_epoch, EPOCHS, accumulate=3)
    groups = in_order(accumulated(3, device=device), accumulated(BATCHES - 3, device=device))
    expect_trace(loop.record.events(), times(EPOCHS, groups), label="train_epoch, accumulate=3")


@points(2)
@needs(NUMBERS)
@pytest.mark.parametrize("count", [2, 3])
def test_accumulated_steps_are_those_of_large_batches(submission, guest, device, data, reference, count):
    """accumulate: the mean over all rows of the group.

    zh_CN: accumulate：对整组的所有行取平均。
    """
    there, here, *_ = run_both(submission, reference, guest, data, device, accumulate=count)
    wanted = here.record.trajectory()
    wanted.pop("loss")  # whoever joins the rows has another one
    expect_trajectory(there.record.trajectory(), wanted, label=f"train_epoch, accumulate={count}")


@points(1)
@needs(MEANS)
def test_accumulating_changes_no_mean(submission, guest, device, data, reference):
    """accumulate: the loss returned is still per example.

    zh_CN: accumulate：返回的仍是每个样本的平均损失。
    """
    # No step moves anything: what differs is the mean, not the way there.
    *_, got, expected = run_both(submission, reference, guest, data, device, accumulate=3, sgd={"lr": 0.0})
    expect_means(got, expected, "train_epoch, accumulate=3")


# --- max_norm -------------------------------------------------------------------------------------------------------


@points(1)
@needs(STEPS)
def test_gradients_are_clipped_between_backward_and_step(submission, guest, device, data):
    """max_norm: clip after backward, before step.

    zh_CN: max_norm：在 backward 之后、step 之前裁剪。
    """
    loop = theirs(guest, data, device)
    loop.epochs(submission.train_epoch, EPOCHS, max_norm=0.05)
    forward = event("forward", training=True, grad=True, device=device)
    # Whoever puts gradients into `.grad` that are clipped already leaves no trace of clipping.
    step = in_order(forward, event("backward", holds=0), any_number("clip"), event("step", holds=1, moved=True))
    expect_trace(loop.record.events(), times(EPOCHS * BATCHES, step), label="train_epoch, max_norm=0.05")


@points(2)
@needs(NUMBERS)
def test_the_norm_of_the_gradient_is_limited(submission, guest, device, data, reference):
    """max_norm limits the norm of all gradients together.

    zh_CN: max_norm 限制全部梯度合在一起的范数。
    """
    # The norms of these steps lie between 0.2 and 2: all, some and none of them are above.
    for max_norm in (0.05, 0.65, 10.0):
        there, here, *_ = run_both(submission, reference, guest, data, device, max_norm=max_norm)
        label = f"train_epoch, max_norm={max_norm}"
        expect_trajectory(there.record.trajectory(), here.record.trajectory(), rtol=CLIP_RTOL, label=label)


@devices("cpu")
@points(1)
@needs(ACCUMULATED, CLIPPED)
def test_what_is_clipped_is_the_gradient_of_all_batches(submission, guest, data, reference):
    """accumulate and max_norm: one clip, of the whole gradient.

    zh_CN: accumulate 与 max_norm：只裁剪一次，裁剪整个梯度。
    """
    there, here, *_ = run_both(submission, reference, guest, data, accumulate=3, max_norm=0.1)
    wanted = here.record.trajectory()
    wanted.pop("loss")
    label = "train_epoch, accumulate=3, max_norm=0.1"
    expect_trajectory(there.record.trajectory(), wanted, rtol=CLIP_RTOL, label=label)
