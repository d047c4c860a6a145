"""The extra, without points: one step in half precision."""

from dataclasses import dataclass
from typing import Any

import pytest

from grader.suite import expect_close, expect_equal, expect_trajectory, needs, recorder

from . import probe as own
from .loops import BATCH, PLAIN, labelled, probe_of

SCORES, NUMBERS = "test_scores_are_computed_in_half_precision", "test_a_mixed_step_follows_the_true_gradient"
STEPS = 3


@pytest.fixture
def data(rng):
    """Examples in float32, and classes."""
    x, t = labelled(rng)
    return x.float(), t


@dataclass
class Mixed:
    """What steps in mixed precision were given, and what they returned."""

    record: Any
    model: Any
    scores: Any
    scaler: Any
    losses: Any


def mixed(record, tools, mixed_step, data, device="cpu", dtype="bfloat16", scale=1024.0, **options):
    """Take one step for each of the first batches."""
    model = record.model(PLAIN, dtype="float32")
    model.to(device)
    scores, scaler = tools.Scores(model), tools.scaler(device, scale, 2)
    optimizer, loss = record.optimizer(model, "SGD", lr=0.2), record.loss("CrossEntropyLoss")
    losses = [
        mixed_step(model, x, t, loss, optimizer, scaler, device, tools.dtype(dtype), **options)
        for x, t in zip(*(part.split(BATCH)[:STEPS] for part in data), strict=True)
    ]
    return Mixed(record, model, scores, scaler, losses)


def mixed_both(submission, reference, guest, data, device, **how):
    """Return what came of it there and here."""
    there = mixed(recorder(guest), probe_of(guest), submission.mixed_step, data, device, **how)
    return there, mixed(recorder(), own, reference.mixed_step, data, **how)


def tolerance(device):
    """Autocast keeps other operators in float32 on accelerators than on the CPU: seen in the third digit."""
    return 1e-4 if device == "cpu" else 2e-2


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_scores_are_computed_in_half_precision(submission, guest, device, data, reference, dtype):
    """mixed_step: scores in `dtype`, the loss in float32.

    zh_CN: mixed_step：得分用 `dtype`，损失用 float32。
    """
    there, here = mixed_both(submission, reference, guest, data, device, dtype=dtype)
    expect_equal(there.scores.get("dtypes"), [f"torch.{dtype}"] * STEPS, label="dtypes of the scores")
    for number, (got, wanted) in enumerate(zip(there.losses, here.losses, strict=True), start=1):
        expect_close(got, wanted, rtol=tolerance(device), label=f"loss of step {number}", device=device)
        expect_equal(got.requires_grad, False, label=f"whether the loss of step {number} has a graph")


def test_a_mixed_step_follows_the_true_gradient(submission, guest, device, data, reference):
    """mixed_step: the scale is taken out before the step.

    zh_CN: mixed_step：更新之前去掉放大倍数。
    """
    there, here = mixed_both(submission, reference, guest, data, device)
    wanted = here.record.trajectory()
    expect_trajectory(there.record.trajectory(), wanted, rtol=tolerance(device), label="mixed_step")


@needs(NUMBERS)
def test_a_mixed_step_clips_the_true_gradient(submission, guest, device, data, reference):
    """mixed_step: max_norm is meant without the scale.

    zh_CN: mixed_step：max_norm 指的是不带放大倍数的梯度。
    """
    there, here = mixed_both(submission, reference, guest, data, device, max_norm=0.3)
    wanted = here.record.trajectory()
    expect_trajectory(there.record.trajectory(), wanted, rtol=tolerance(device), label="mixed_step, max_norm=0.3")


@needs(NUMBERS)
def test_the_scale_is_kept_up_to_date(submission, guest, device, data, reference):
    """mixed_step: the scaler is kept up to date.

    zh_CN: mixed_step：scaler 保持更新。
    """
    for power in (10, 24):
        there, here = mixed_both(submission, reference, guest, data, device, dtype="float16", scale=2.0**power)
        label = f"after {STEPS} steps that began with a scale of 2**{power}"
        expect_close(there.scaler.call("get_scale"), here.scaler.get_scale(), label=f"scale {label}")
        got = there.model.state_dict()
        for name, value in here.model.state_dict().items():
            expect_close(got[name], value, rtol=tolerance(device), label=f"{name} {label}")
