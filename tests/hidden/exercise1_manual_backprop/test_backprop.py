"""The hidden checks of exercise 1.

Oracle: torch's own autograd on the host, in float64. Sizes are pairwise different, so that no transpose and no wrong
divisor goes unseen. Checks are either values (right or wrong) or laws that hold for any correct answer and single out
one idea; a law compares the student's answers with each other, so it is judged even where values are wrong.
"""

import math

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, expect_vjp, needs, points

N, D, H, C = 7, 5, 6, 4
STEPS, LR = 20, 1e-3


def normal(rng, *shape, dtype=torch.float64):
    """Draw standard normal numbers, in float64, then cast."""
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


@pytest.fixture
def batch(rng):
    """Logits of shape (N, C) and labels of shape (N,); every class occurs."""
    labels = torch.arange(N) % C
    return 2 * normal(rng, N, C), labels[torch.randperm(N, generator=rng)]


@pytest.fixture
def network(rng):
    """Inputs (N, D), targets (N, C) and the weights (D, H) and (H, C)."""
    return normal(rng, N, D), normal(rng, N, C), normal(rng, D, H), normal(rng, H, C)


def one(dtype=torch.float64):
    """The upstream gradient of a loss: a loss is a number, and its slope with respect to itself is 1."""
    return torch.ones((), dtype=dtype)


def network_loss(x, t, w1, w2):
    """Return the loss of the two-layer network, by torch."""
    return ((functional.relu(x @ w1) @ w2 - t) ** 2).sum()


def of_form(value, *shape, label, bound=math.inf, dtype=torch.float64):
    """Return `value` once it is known to be a finite tensor of this shape and dtype, no entry larger than `bound`."""
    expect_close(value, torch.zeros(shape, dtype=dtype), rtol=bound, scale=1.0, label=label)
    return value


def logit_gradient(submission, logits, labels):
    """Return the student's dz. |p - y| <= 1, so whatever the divisor, no entry is larger than 1."""
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    return of_form(dz, *logits.shape, label="dz", bound=1.0, dtype=logits.dtype)


def weight_gradients(submission, x, t, w1, w2):
    """Return the student's dw1 and dw2, each of the form of its weight."""
    received = submission.two_layer_backward(x, t, w1, w2)
    if not (isinstance(received, list | tuple) and len(received) == 2):
        expect_vjp(received, lambda a, b: network_loss(x, t, a, b), (w1, w2), one(x.dtype))
    dw1, dw2 = received
    return of_form(dw1, *w1.shape, label="dw1", dtype=x.dtype), of_form(dw2, *w2.shape, label="dw2", dtype=x.dtype)


@points(1)
def test_loss_is_the_mean_negative_log_probability(submission, batch):
    """The loss is the batch mean of −log p of the correct class."""
    expect_close(submission.softmax_cross_entropy(*batch), functional.cross_entropy(*batch), label="L")


@points(1)
@needs("test_loss_is_the_mean_negative_log_probability")
def test_loss_is_unmoved_by_shifted_logits(submission, batch):
    """Adding 1000 to every logit leaves the loss as it is."""
    logits, labels = batch
    expect_close(submission.softmax_cross_entropy(logits + 1000, labels), functional.cross_entropy(*batch), label="L")


@points(2)
def test_softmax_gradient_is_the_slope_of_the_loss(submission, batch):
    """dz is the slope of the mean loss along every logit."""
    logits, labels = batch
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    expect_vjp({"dz": dz}, lambda z: functional.cross_entropy(z, labels), {"dz": logits}, one())


@points(1)
def test_softmax_gradient_rows_sum_to_zero(submission, batch):
    """Each row of dz sums to 0."""
    dz = logit_gradient(submission, *batch)
    expect_close(dz.sum(dim=1), torch.zeros(N, dtype=torch.float64), scale=1.0, label="row sums of dz")


@points(1)
def test_repeating_the_batch_leaves_the_gradient_of_a_mean_alone(submission, batch):
    """Repeating the batch leaves the gradient of a mean alone."""
    logits, labels = batch
    once = logit_gradient(submission, logits, labels)
    twice = logit_gradient(submission, torch.cat([logits, logits]), torch.cat([labels, labels]))
    expect_close(twice[:N] + twice[N:], once, label="dz of both copies together")


@points(1)
@needs("test_softmax_gradient_is_the_slope_of_the_loss")
def test_softmax_gradient_is_unmoved_by_shifted_logits(submission, batch):
    """Adding 1000 to every logit leaves dz as it is."""
    logits, labels = batch
    dz = submission.softmax_cross_entropy_backward(logits + 1000, labels)
    expect_vjp({"dz": dz}, lambda z: functional.cross_entropy(z, labels), {"dz": logits}, one())


@points(2)
def test_relu_gradient_passes_only_where_the_unit_is_open(submission, rng):
    """relu_backward stops the gradient where x ≤ 0, only there."""
    x, upstream = normal(rng, N, H), normal(rng, N, H)
    expect_vjp({"dx": submission.relu_backward(upstream, x)}, functional.relu, {"dx": x}, upstream)


@points(1)
def test_two_layer_loss_is_the_sum_of_squares(submission, network):
    """The two-layer loss is the sum of all squared errors."""
    expect_close(submission.two_layer_loss(*network), network_loss(*network), label="L")


@points(1)
def test_second_layer_gradient(submission, network):
    """dw2 is the derivative of the loss with respect to w2."""
    x, t, w1, w2 = network
    _, dw2 = weight_gradients(submission, *network)
    expect_vjp({"dw2": dw2}, lambda w: network_loss(x, t, w1, w), {"dw2": w2}, one())


@points(2)
def test_first_layer_gradient(submission, network):
    """dw1 is the derivative of the loss with respect to w1."""
    x, t, w1, w2 = network
    dw1, _ = weight_gradients(submission, *network)
    expect_vjp({"dw1": dw1}, lambda w: network_loss(x, t, w, w2), {"dw1": w1}, one())


@points(1)
def test_hidden_gradient_is_zero_where_relu_is_closed(submission, network):
    """Where all hidden units are closed nothing gets a gradient."""
    x, t, w1, w2 = network
    dw1, dw2 = weight_gradients(submission, x.abs() + 0.1, t, -w1.abs() - 0.1, w2)
    expect_close(dw1, torch.zeros(D, H, dtype=torch.float64), label="dw1")
    expect_close(dw2, torch.zeros(H, C, dtype=torch.float64), label="dw2")


@points(1)
@needs("test_softmax_gradient_is_the_slope_of_the_loss", "test_first_layer_gradient", "test_second_layer_gradient")
def test_gradients_keep_float32(submission, rng, batch):
    """float32 in, float32 out: dz, dw1 and dw2."""
    logits, labels = batch[0].float(), batch[1]
    dz = submission.softmax_cross_entropy_backward(logits, labels)
    expect_vjp({"dz": dz}, lambda z: functional.cross_entropy(z, labels), {"dz": logits}, one(torch.float32))
    x, t, w1, w2 = (normal(rng, *shape, dtype=torch.float32) for shape in [(N, D), (N, C), (D, H), (H, C)])
    dw1, dw2 = weight_gradients(submission, x, t, w1, w2)
    weights = {"dw1": w1, "dw2": w2}
    expect_vjp({"dw1": dw1, "dw2": dw2}, lambda a, b: network_loss(x, t, a, b), weights, one(torch.float32))


@points(1)
@needs("test_first_layer_gradient", "test_second_layer_gradient", "test_sgd_step_worked_example")
def test_training_follows_the_same_path(submission, network):
    """Twenty steps with your gradients end where they should."""
    x, t, w1, w2 = network
    a, b = w1.clone().requires_grad_(), w2.clone().requires_grad_()
    for _ in range(STEPS):
        da, db = torch.autograd.grad(network_loss(x, t, a, b), (a, b))
        a, b = (a - LR * da).detach().requires_grad_(), (b - LR * db).detach().requires_grad_()
        dw1, dw2 = weight_gradients(submission, x, t, w1, w2)
        w1 = of_form(submission.sgd_step(w1, dw1, LR), D, H, label="w1")
        w2 = of_form(submission.sgd_step(w2, dw2, LR), H, C, label="w2")
    expect_close(w1, a, label="w1 after 20 steps")
    expect_close(w2, b, label="w2 after 20 steps")


@points(1)
def test_sgd_step_leaves_the_old_weights_alone(submission, guest, rng):
    """sgd_step does not change the weights it is given."""
    w, dw = normal(rng, D, H), normal(rng, D, H)
    theirs = guest.tensor(w)
    expect_close(submission.sgd_step(theirs, dw, 0.25), w - 0.25 * dw, label="w_new")
    expect_close(guest.read(theirs), w, label="w after the step")
