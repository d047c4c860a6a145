"""What the hidden checks of exercise 5 share: data, networks, and a loop's things, made here and there alike.

Oracle: the reference on the host, on the same weights and batches, in float64. Sizes are pairwise different; the last
batch is smaller, and so is the last group of batches.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from grader.suite import (
    either,
    event,
    expect_close,
    expect_equal,
    expect_tuple,
    in_order,
    recorder,
    times,
    training_step,
)

ROWS, BATCH, D, H, C = 28, 6, 5, 7, 3
BATCHES = 5  # of 6, 6, 6, 6 and 4 rows
VAL_ROWS, VAL_BATCH, VAL_BATCHES = 13, 8, 2

PLAIN = [["Linear", D, H], ["Tanh"], ["Linear", H, C]]
NORMED = [["Linear", D, H], ["BatchNorm1d", H], ["Tanh"], ["Linear", H, C]]
MODES = [["Linear", D, H], ["BatchNorm1d", H], ["Dropout", 0.4], ["Tanh"], ["Linear", H, C]]

HISTORY = ("lr", "loss", "accuracy", "val_loss", "val_accuracy")


def normal(rng, *shape, dtype=torch.float64):
    """Draw standard normal numbers, in float64, then cast."""
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def labelled(rng, rows=ROWS):
    """Return examples (rows, D) and classes (rows,): those of a random linear rule, a third of them wrong."""
    x = normal(rng, rows, D)
    t = (x @ normal(rng, D, C)).argmax(1)
    return x, torch.where(torch.rand(rows, generator=rng) < 0.33, (t + 1) % C, t)


def probe_of(guest):
    """Load the helpers that run on the student's side."""
    return guest.load(Path(__file__).with_name("probe.py"))


@dataclass
class Loop:
    """What a training loop is given; `optimizer` is of this model."""

    record: Any
    model: Any
    loader: Any
    loss: Any
    optimizer: Any
    device: str

    def epochs(self, train_epoch, count=2, **options):
        """Train; return what each epoch returned."""
        things = self.model, self.loader, self.loss, self.optimizer, self.device
        return [train_epoch(*things, **options) for _ in range(count)]


def loop(record, data, device="cpu", layers=PLAIN, shuffle=True, batch=BATCH, **sgd):
    """Return a loop's things, in evaluation mode, made by a recorder of the student's side or of ours."""
    model = record.model(layers)
    model.to(device)
    model.eval()
    optimizer = record.optimizer(model, "SGD", **({"lr": 0.2, "momentum": 0.9} | sgd))
    loader = record.loader(*data, batch, shuffle=shuffle)
    return Loop(record, model, loader, record.loss("CrossEntropyLoss"), optimizer, device)


def theirs(guest, data, device="cpu", **how):
    """Return a loop's things on the student's side."""
    return loop(recorder(guest), data, device, **how)


def ours(data, **how):
    """Return the same things here, on the CPU."""
    return loop(recorder(), data, **how)


def expect_means(actual, expected, label):
    """Compare mean loss and accuracy of each epoch: plain numbers."""
    for epoch, (got, wanted) in enumerate(zip(actual, expected, strict=True), start=1):
        loss, accuracy = expect_tuple(got, 2, f"{label}: mean loss and accuracy")
        expect_close(loss, wanted[0], rtol=1e-8, label=f"{label}: mean loss of epoch {epoch}")
        expect_close(accuracy, wanted[1], label=f"{label}: accuracy of epoch {epoch}")


def accumulated(count, **facts):
    """One step for so many batches: their gradients add up, or one backward pass comes through all of them.

    Their rows may also go through the model at once.
    """
    forward = event("forward", training=True, grad=True, **facts)
    at_once = in_order(event("backward", holds=0), event("step", holds=1, moved=True))
    joined = either(times(count, forward), forward) if count > 1 else forward
    return either(training_step(accumulate=count, **facts), in_order(joined, at_once))


def expect_history(actual, expected, label="fit", rtol=1e-8):
    """Compare what `fit` returned, epoch by epoch."""
    rows = expect_tuple(actual, len(expected), f"{label}: history")
    for epoch, (got, wanted) in enumerate(zip(rows, expected, strict=True), start=1):
        known = got if isinstance(got, dict) else {}
        lacking = [name for name in HISTORY if name not in known]
        expect_equal(lacking, [], label=f"{label}: what the history of epoch {epoch} lacks")
        for name in HISTORY:
            expect_close(got[name], wanted[name], rtol=rtol, label=f"{label}: {name} of epoch {epoch}")
