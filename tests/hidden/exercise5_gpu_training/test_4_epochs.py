"""An epoch of training: its steps and numbers, what it returns, accumulated and clipped gradients."""

import pytest

from grader.suite import (
    any_number,
    devices,
    event,
    expect_equal,
    expect_trace,
    expect_trajectory,
    expect_tuple,
    in_order,
    needs,
    points,
    times,
    training_step,
)

from . import probe as own
from .loops import BATCH, BATCHES, MODES, accumulated, expect_means, labelled, ours, probe_of, theirs

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


@points(2)
def test_each_batch_is_one_step(submission, guest, device, data):
    """train_epoch: one step per batch, in training mode."""
    loop = theirs(guest, data, device)
    loop.epochs(submission.train_epoch, EPOCHS)
    expect_trace(loop.record.events(), times(EPOCHS * BATCHES, training_step(device=device)), label="train_epoch")


@points(2)
def test_an_epoch_gives_the_right_numbers(submission, guest, device, data, reference):
    """train_epoch: loss and weights after every step."""
    there, here, *_ = run_both(submission, reference, guest, data, device)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_epoch")


@points(2)
def test_an_epoch_returns_means_over_examples(submission, guest, device, data, reference):
    """train_epoch: mean loss and accuracy of all examples."""
    *_, got, expected = run_both(submission, reference, guest, data, device)
    expect_means(got, expected, "train_epoch")


@devices("sim")
@points(1)
def test_an_epoch_brings_its_batches_to_the_device(submission, guest, device, data, reference):
    """train_epoch: x and t are moved, and the moved ones used."""
    there, here = theirs(guest, data, device), ours(data)
    before = guest.transfers()["to_device"]
    things = there.model, there.loader, there.loss, there.optimizer, device
    got, raised = expect_tuple(probe_of(guest).attempted(submission.train_epoch, *things), 2, "train_epoch")
    copies = min(guest.transfers()["to_device"] - before, 2)
    expect_equal(
        [copies, raised], [2, "nothing"], label="copies of x and t to the device (2 or fewer), what was raised"
    )
    expect_means([got], here.epochs(reference.train_epoch, 1), "train_epoch")


@devices("cpu")
@points(1)
@needs(NUMBERS)
def test_an_epoch_is_in_training_mode(submission, guest, data, reference):
    """train_epoch: dropout drops, BatchNorm learns its statistics."""
    there, here, got, expected = run_both(submission, reference, guest, data, layers=MODES)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="train_epoch")
    expect_means(got, expected, "train_epoch")


@devices("cpu")
@points(1)
@needs(MEANS)
def test_an_epoch_takes_whatever_hands_out_batches(submission, guest, data, reference):
    """train_epoch: a list of batches will do as loader."""
    there, here, tools = theirs(guest, data), ours(data), probe_of(guest)
    there.loader, here.loader = tools.Kept(tools.batches, *data, BATCH).value, own.batches(*data, BATCH)
    got, expected = there.epochs(submission.train_epoch), here.epochs(reference.train_epoch)
    expect_means(got, expected, "train_epoch")


# --- accumulate -----------------------------------------------------------------------------------------------------


@points(1)
@needs(STEPS)
def test_several_batches_make_one_step(submission, guest, device, data):
    """accumulate=3: three batches a step, then the rest."""
    loop = theirs(guest, data, device)
    loop.epochs(submission.train_epoch, EPOCHS, accumulate=3)
    groups = in_order(accumulated(3, device=device), accumulated(BATCHES - 3, device=device))
    expect_trace(loop.record.events(), times(EPOCHS, groups), label="train_epoch, accumulate=3")


@points(2)
@needs(NUMBERS)
def test_accumulated_steps_are_those_of_large_batches(submission, guest, device, data, reference):
    """accumulate: the mean over all rows of the group."""
    for count in (2, 3):
        there, here, *_ = run_both(submission, reference, guest, data, device, accumulate=count)
        wanted = here.record.trajectory()
        wanted.pop("loss")  # whoever joins the rows has another one
        label = f"train_epoch, accumulate={count}"
        expect_trajectory(there.record.trajectory(), wanted, label=label)


@points(1)
@needs(MEANS)
def test_accumulating_changes_no_mean(submission, guest, device, data, reference):
    """accumulate: the loss returned is still per example."""
    *_, got, expected = run_both(submission, reference, guest, data, device, accumulate=3, sgd={"lr": 0.0})
    expect_means(got, expected, "train_epoch, accumulate=3")


# --- max_norm -------------------------------------------------------------------------------------------------------


@points(1)
@needs(STEPS)
def test_gradients_are_clipped_between_backward_and_step(submission, guest, device, data):
    """max_norm: clip after backward, before step."""
    loop = theirs(guest, data, device)
    loop.epochs(submission.train_epoch, EPOCHS, max_norm=0.05)
    forward = event("forward", training=True, grad=True, device=device)
    # Whoever puts gradients into `.grad` that are clipped already leaves no trace of clipping.
    step = in_order(forward, event("backward", holds=0), any_number("clip"), event("step", holds=1, moved=True))
    expect_trace(loop.record.events(), times(EPOCHS * BATCHES, step), label="train_epoch, max_norm=0.05")


@points(2)
@needs(NUMBERS)
def test_the_norm_of_the_gradient_is_limited(submission, guest, device, data, reference):
    """max_norm limits the norm of all gradients together."""
    for max_norm in (0.05, 0.5):
        there, here, *_ = run_both(submission, reference, guest, data, device, max_norm=max_norm)
        label = f"train_epoch, max_norm={max_norm}"
        expect_trajectory(there.record.trajectory(), here.record.trajectory(), rtol=CLIP_RTOL, label=label)


@devices("cpu")
@points(1)
@needs(ACCUMULATED, CLIPPED)
def test_what_is_clipped_is_the_gradient_of_all_batches(submission, guest, data, reference):
    """accumulate and max_norm: one clip, of the whole gradient."""
    there, here, *_ = run_both(submission, reference, guest, data, accumulate=3, max_norm=0.1)
    wanted = here.record.trajectory()
    wanted.pop("loss")
    label = "train_epoch, accumulate=3, max_norm=0.1"
    expect_trajectory(there.record.trajectory(), wanted, rtol=CLIP_RTOL, label=label)
