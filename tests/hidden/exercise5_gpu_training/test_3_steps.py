"""One training step: what happens, what comes of it, what it returns."""

import pytest

from grader.suite import (
    devices,
    event,
    expect_close,
    expect_equal,
    expect_trace,
    expect_trajectory,
    in_order,
    needs,
    points,
    times,
    training_step,
)

from . import probe as own
from .loops import BATCH, MODES, labelled, ours, probe_of, theirs

STEP, NUMBERS = "test_a_step_is_forward_backward_step", "test_steps_follow_the_gradient_of_their_own_batch"
STEPS = 4


@pytest.fixture
def data(rng):
    """Examples and classes."""
    return labelled(rng)


def steps(loop, train_step, data, count=STEPS):
    """Take one step for each of the first batches; return the losses."""
    x, t = (part.split(BATCH)[:count] for part in data)
    return [
        train_step(loop.model, rows, classes, loop.loss, loop.optimizer, loop.device)
        for rows, classes in zip(x, t, strict=True)
    ]


@points(1)
def test_a_step_is_forward_backward_step(submission, guest, device, data):
    """train_step: forward, backward, step, in this order.

    zh_CN: train_step：依次是前向、反向、更新。
    """
    loop = theirs(guest, data, device)
    loop.model.train()
    steps(loop, submission.train_step, data)
    expect_trace(loop.record.events(), times(STEPS, training_step(device=device)), label="train_step")


@points(2)
def test_steps_follow_the_gradient_of_their_own_batch(submission, guest, device, data, reference):
    """train_step: loss and weights after every step.

    zh_CN: train_step：每一步之后的损失和权重。
    """
    here, there = ours(data), theirs(guest, data, device)
    steps(here, reference.train_step, data)
    steps(there, submission.train_step, data)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_step")


@points(1)
def test_a_step_returns_the_loss_before_it(submission, guest, device, data, reference):
    """train_step returns the loss before it, as a tensor.

    zh_CN: train_step 返回更新之前的损失，是一个张量。
    """
    here, there = ours(data), theirs(guest, data, device)
    expected = steps(here, reference.train_step, data)
    for number, (got, wanted) in enumerate(zip(steps(there, submission.train_step, data), expected, strict=True), 1):
        expect_close(got, wanted, rtol=1e-8, label=f"loss returned by step {number}", device=device)


@points(1)
@needs("test_a_step_returns_the_loss_before_it")
def test_the_loss_of_a_step_has_no_graph(submission, guest, device, data, reference):
    """train_step: what it returns keeps no graph alive.

    zh_CN: train_step：它返回的东西不保留计算图。
    """
    (expected,) = steps(ours(data), reference.train_step, data, 1)
    (got,) = steps(theirs(guest, data, device), submission.train_step, data, 1)
    expect_close(got, expected, rtol=1e-8, label="loss returned by the step")
    expect_equal(got.requires_grad, False, label="whether the loss that is returned has a graph")


@devices("sim")
@points(1)
def test_a_step_brings_its_batch_to_the_device(submission, guest, device, data, reference):
    """train_step: x and t are moved, and the moved ones used.

    zh_CN: train_step：移动 x 和 t，并使用移动后的张量。
    """
    there, (x, t) = theirs(guest, data, device), (part[:BATCH] for part in data)
    before = guest.transfers()["to_device"]
    probe_of(guest).attempted(submission.train_step, there.model, x, t, there.loss, there.optimizer, device)
    # Where the copies are dropped, it raises as if there had been none: they are counted first.
    copies = min(guest.transfers()["to_device"] - before, 2)
    expect_equal(copies, 2, label="copies to the device, one of x and one of t")
    (got,) = steps(theirs(guest, data, device), submission.train_step, data, 1)
    (expected,) = steps(ours(data), reference.train_step, data, 1)
    expect_close(got, expected, rtol=1e-8, label="loss returned by the step")


@devices("cpu")
@points(1)
def test_gradients_that_were_left_do_not_count(submission, guest, data, reference):
    """train_step: gradients of an earlier batch are cleared first.

    zh_CN: train_step：先清除之前批次的梯度。
    """
    here, there = ours(data), theirs(guest, data)
    for loop, tools, fn in ((here, own, reference.train_step), (there, probe_of(guest), submission.train_step)):
        loop.model.train()
        tools.leave_gradients(loop.model, data[0][20:], data[1][20:])
        steps(loop, fn, data)
    expect_trace(
        there.record.events(), in_order("forward", "backward", times(STEPS, training_step())), label="train_step"
    )
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_step")


@devices("cpu")
@points(1)
@needs(NUMBERS)
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_a_step_leaves_the_mode_to_others(submission, guest, data, reference, training):
    """train_step: the mode of the model stays as it is.

    zh_CN: train_step：模型的模式保持不变。
    """
    here, there = ours(data, layers=MODES), theirs(guest, data, layers=MODES)
    for loop, fn in ((here, reference.train_step), (there, submission.train_step)):
        loop.model.train(training)
        loop.record.seed(3)
        steps(loop, fn, data)
    pattern = times(STEPS, in_order(event("forward", training=training), "backward", "step"))
    expect_trace(there.record.events(), pattern, label=f"train_step of a model whose training is {training}")
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_step")
    expect_equal(there.model.get("training"), training, label="training of the model afterwards")
