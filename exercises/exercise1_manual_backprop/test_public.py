"""The public checks of exercise 1: the worked examples of README.md, nothing random."""

import math

import torch

from grader.suite import expect_close, expect_stages, points


def row(*values: float) -> torch.Tensor:
    """Return a matrix of one row, in float64."""
    return torch.tensor([values], dtype=torch.float64)


def pair(gradients):
    """Give two gradients their names; anything else is left as it is, for the comparison to say what is wrong."""
    is_pair = isinstance(gradients, list | tuple) and len(gradients) == 2
    return dict(zip(("dw1", "dw2"), gradients, strict=True)) if is_pair else gradients


@points(1)
def test_softmax_worked_example(submission):
    """Softmax of the worked example: L = ln 4, dz = (−¾, ¾)."""
    logits, labels = row(0.0, math.log(3)), torch.tensor([0])
    loss = submission.softmax_cross_entropy(logits, labels)
    expect_close(loss, torch.tensor(math.log(4), dtype=torch.float64), label="L")
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    expect_close(dz, row(-0.75, 0.75), label="dz")


@points(1)
def test_two_layer_worked_example(submission):
    """Two-layer network of the worked example: L, dw1, dw2."""
    x, t = row(1, 2), row(4)
    w1, w2 = torch.cat([row(1, 1), row(1, -1)]), torch.cat([row(2), row(5)])
    expect_close(submission.two_layer_loss(x, t, w1, w2), torch.tensor(4.0, dtype=torch.float64), label="L")
    dw1, dw2 = torch.cat([row(8, 0), row(16, 0)]), torch.cat([row(12), row(0)])
    expect_stages(pair(submission.two_layer_backward(x, t, w1, w2)), {"dw1": dw1, "dw2": dw2})


@points(1)
def test_sgd_step_worked_example(submission):
    """From (1, 2) against (10, −10) with lr = 0.1 to (0, 3)."""
    expect_close(submission.sgd_step(row(1, 2), row(10, -10), 0.1), row(0, 3), label="w_new")
