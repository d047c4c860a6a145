"""Many epochs: `fit` puts the pieces together."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch

from grader.suite import (
    devices,
    evaluation_step,
    expect_close,
    expect_equal,
    expect_trace,
    expect_trajectory,
    in_any_order,
    in_order,
    needs,
    points,
    recorder,
    times,
    training_step,
)

from . import probe as own
from .loops import (
    BATCH,
    BATCHES,
    MODES,
    NORMED,
    PLAIN,
    VAL_BATCH,
    VAL_BATCHES,
    VAL_ROWS,
    expect_history,
    labelled,
    probe_of,
)

TRACE, NUMBERS = "test_epochs_of_training_and_validation_alternate", "test_fit_follows_the_right_path"
HISTORY, BEST = "test_the_history_tells_of_every_epoch", "test_fit_ends_with_the_weights_of_the_best_epoch"
EPOCHS = 3


@pytest.fixture
def data(rng):
    """Examples and classes to train on, others to validate with."""
    x, t = labelled(rng, 28 + VAL_ROWS)
    return (x[:28], t[:28]), (x[28:], t[28:])


@dataclass
class Fit:
    """What `fit` is given, and what it returned."""

    record: Any
    model: Any
    history: Any


SGD = {"lr": 0.2, "momentum": 0.9}


def fitted(record, fit, data, device="cpu", layers=PLAIN, epochs=EPOCHS, schedule=None, sgd=SGD, **how):
    """Call `fit` on the student's side or on ours, with a model that is still on the CPU."""
    train, val = data
    model = record.model(layers)
    loaders = record.loader(*train, BATCH, shuffle=True), record.loader(*val, VAL_BATCH, name="val")
    loss = how.pop("loss") if "loss" in how else record.loss("CrossEntropyLoss")
    make_optimizer = how.pop("make_optimizer") if "make_optimizer" in how else record.optimizers("SGD", **sgd)
    if schedule:
        how["make_scheduler"] = record.schedulers("MultiStepLR", *schedule)
    record.seed(3)
    return Fit(record, model, fit(model, *loaders, loss, make_optimizer, device, epochs, **how))


def fitted_both(submission, reference, guest, data, device="cpu", **how):
    """Return what came of it there and here."""
    there = fitted(recorder(guest), submission.fit, data, device, **how)
    return there, fitted(recorder(), reference.fit, data, **how)


def expect_weights(there, here, label):
    """Compare the weights and buffers that the model ends with."""
    got = there.model.state_dict()
    for name, value in here.model.state_dict().items():
        expect_close(got[name], value, rtol=1e-8, label=f"{label}: {name} in the end")


@points(1)
def test_epochs_of_training_and_validation_alternate(submission, guest, device, data):
    """fit: training, validation, a scheduler step; again.

    zh_CN: fit：训练、验证、调度器走一步；如此反复。
    """
    there = fitted(recorder(guest), submission.fit, data, device, layers=NORMED, schedule=([2],))
    training = times(BATCHES, training_step(data="train", device=device))
    validation = times(VAL_BATCHES, evaluation_step(data="val", device=device))
    epoch = in_order(training, in_any_order(validation, "scheduler"))
    expect_trace(there.record.events(), in_order("optimizer", times(EPOCHS, epoch)), label="fit")


@points(2)
def test_fit_follows_the_right_path(submission, guest, device, data, reference):
    """fit: loss, weights and lr after every step.

    zh_CN: fit：每一步之后的损失、权重和学习率。
    """
    there, here = fitted_both(submission, reference, guest, data, device, schedule=([1, 2],))
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="fit")


@points(1)
def test_the_history_tells_of_every_epoch(submission, guest, device, data, reference):
    """fit returns lr, losses and accuracies of each epoch.

    zh_CN: fit 返回每一轮的学习率、损失和正确率。
    """
    there, here = fitted_both(submission, reference, guest, data, device, schedule=([1, 2],))
    expect_history(there.history, here.history)


@devices("cpu")
@points(1)
@needs(NUMBERS)
def test_fit_works_without_a_scheduler_and_with_a_plain_loss(submission, guest, data, reference):
    """fit: no scheduler is needed, and the loss may be a function.

    zh_CN: fit：可以没有调度器，损失可以是普通函数。
    """
    there = fitted(recorder(guest), submission.fit, data, loss=probe_of(guest).cross_entropy)
    here = fitted(recorder(), reference.fit, data, loss=own.cross_entropy)
    expect_history(there.history, here.history, "fit, loss a function")


@devices("cpu")
@points(1)
@needs(HISTORY)
def test_the_learning_rate_told_is_that_of_the_first_group(submission, guest, data, reference):
    """fit: of several groups of parameters, the first one's lr.

    zh_CN: fit：有多组参数时，取第一组的学习率。
    """
    there = fitted(recorder(guest), submission.fit, data, make_optimizer=probe_of(guest).in_two_groups)
    here = fitted(recorder(), reference.fit, data, make_optimizer=own.in_two_groups)
    expect_history(there.history, here.history, "fit, an optimiser of two groups")


@devices("cpu")
@points(1)
@needs(NUMBERS)
def test_training_goes_on_in_training_mode_after_validation(submission, guest, data, reference):
    """fit: dropout and BatchNorm train in every epoch.

    zh_CN: fit：dropout 和 BatchNorm 在每一轮都处于训练模式。
    """
    there, here = fitted_both(submission, reference, guest, data, layers=MODES)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="fit, BatchNorm and dropout")


# From the fourth epoch on the learning rate is negative: the loss, on validation as well, goes up again.
TURNING = {"schedule": ([3], -1.0), "sgd": {"lr": 0.1}}


def told_apart(rng, reference, apart, **how):
    """Return data and our own run on them, for which `apart` holds of the epochs of best accuracy and of best loss.

    On many data these are one epoch, and whoever keeps the other one is right by luck. Validated is on rows that were
    trained on, so that what the turn does is certain.
    """
    for _ in range(40):  # of which at least one in five will do
        x, t = labelled(rng)
        data = (x, t), (x[:VAL_ROWS], t[:VAL_ROWS])
        here = fitted(recorder(), reference.fit, data, **how, **TURNING)
        accuracy, loss = ([row[name] for row in here.history] for name in ("val_accuracy", "val_loss"))
        if apart(accuracy.index(max(accuracy)), loss.index(min(loss))):
            break
    return data, here


@points(2)
@needs(NUMBERS)
def test_fit_ends_with_the_weights_of_the_best_epoch(submission, guest, device, rng, reference):
    """fit ends with the weights of the best epoch.

    zh_CN: fit 结束时是最好一轮的权重。
    """
    how = {"layers": NORMED, "epochs": 6}
    data, here = told_apart(rng, reference, lambda accurate, best: accurate != best, **how)
    there = fitted(recorder(guest), submission.fit, data, device, **how, **TURNING)
    expect_weights(there, here, "fit without patience")


@points(1)
@needs(NUMBERS)
def test_fit_stops_when_patience_is_over(submission, guest, device, rng, reference):
    """patience=2: two epochs no better are the last ones.

    zh_CN: patience=2：两轮没有更好，就到此为止。
    """
    how = {"epochs": 8, "patience": 2}
    # One epoch apart, stopping by accuracy looks like waiting one epoch less.
    data, here = told_apart(rng, reference, lambda accurate, best: accurate not in (best - 1, best), **how)
    there = fitted(recorder(guest), submission.fit, data, device, **how, **TURNING)
    steps = [len(one.record.trajectory()["lr"]) for one in (there, here)]
    expect_equal(*steps, label="fit, patience=2: number of steps")
    expect_history(there.history, here.history, "fit, patience=2")
    expect_weights(there, here, "fit, patience=2")


@devices("cpu")
@points(1)
@needs(NUMBERS)
def test_patience_that_is_not_used_up_changes_nothing(submission, guest, rng, reference):
    """patience=5, used in part: the best weights all the same.

    zh_CN: patience=5 没有用完：仍是最好的权重。
    """
    how = {"epochs": 6, "patience": 5}
    data, here = told_apart(rng, reference, lambda accurate, best: accurate != best, **how)
    there = fitted(recorder(guest), submission.fit, data, **how, **TURNING)
    expect_weights(there, here, "fit, patience=5")


@devices("cpu")
@points(1)
@needs(NUMBERS)
def test_fit_passes_on_how_to_accumulate_and_clip(submission, guest, data, reference):
    """fit: accumulate and max_norm reach the training.

    zh_CN: fit：accumulate 和 max_norm 传到训练中。
    """
    options = {"accumulate": 2, "max_norm": 0.02, "epochs": 2}
    there, here = fitted_both(submission, reference, guest, data, **options)
    wanted = here.record.trajectory()
    wanted.pop("loss")
    expect_trajectory(there.record.trajectory(), wanted, rtol=1e-5, label="fit, accumulate=2, max_norm=0.02")


@devices("sim", "cuda")
@points(1)
@needs(NUMBERS)
def test_a_loss_with_class_weights_moves_too(submission, guest, device, data, reference):
    """fit moves a loss that has tensors of its own.

    zh_CN: fit 也移动自带张量的损失。
    """
    weight = torch.tensor([1.0, 10.0, 3.0]).double()
    record, own = recorder(guest), recorder()
    there = fitted(record, submission.fit, data, device, loss=record.loss("CrossEntropyLoss", weight=weight), epochs=2)
    here = fitted(own, reference.fit, data, loss=own.loss("CrossEntropyLoss", weight=weight), epochs=2)
    expect_trajectory(there.record.trajectory(), here.record.trajectory(), label="fit, loss with class weights")
