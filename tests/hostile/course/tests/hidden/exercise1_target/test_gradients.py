"""Gradients, which are asked for across the boundary. @canary:source@."""

import torch

from grader.suite import expect_close, points


def _inputs(rng):
    w = torch.randn(6, generator=rng, dtype=torch.float64, requires_grad=True)
    return w, torch.randn(6, generator=rng, dtype=torch.float64)


@points(1)
def test_loss(submission, rng):
    """Computes the loss."""
    w, x = _inputs(rng)
    expected = ((w * x) ** 2).mean().detach()
    expect_close(submission.loss(w.detach(), x), expected, label="loss(w, x)")


@points(2)
def test_gradient(submission, rng):
    """Autograd finds the gradient of the loss."""
    w, x = _inputs(rng)
    expected = 2 * (w * x * x).detach() / 6
    (gradient,) = torch.autograd.grad(submission.loss(w, x), w)
    expect_close(gradient, expected, label="dloss/dw")
