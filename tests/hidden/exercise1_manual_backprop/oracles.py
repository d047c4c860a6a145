"""What the hidden checks of exercise 1 share: draws, oracles, and the form that a law asks for.

Oracle: torch's own autograd on the host. Sizes are pairwise different, so that no transpose and no wrong divisor goes
unseen; draws are float64, then cast.
"""

from collections.abc import Mapping

import torch
from torch.nn import functional

from grader.suite import expect_close, expect_equal, expect_stages

N, D, H, C = 7, 5, 6, 4

# What a check needs that asks for more than values.
LINEAR = ("test_linear_is_x_w_plus_b", "test_linear_gradients")
RELU = ("test_relu_keeps_what_is_positive", "test_relu_gradient_passes_only_where_the_unit_is_open")
SIGMOID = ("test_sigmoid_of_every_entry", "test_sigmoid_gradient")
LOSS = ("test_softmax_makes_probabilities_of_each_row", "test_loss_is_the_mean_negative_log_probability")
SOFTMAX = (*LOSS, "test_softmax_gradient_is_the_slope_of_the_loss")
REGRESSION = ("test_regression_loss_is_the_sum_of_squares", "test_second_layer_gradient", "test_first_layer_gradient")
CLASSIFIER = (
    "test_classifier_backward_begins_with_dz",
    "test_output_layer_gradients_of_the_classifier",
    "test_relu_gradient_of_the_classifier",
    "test_hidden_layer_gradients_of_the_classifier",
)


def normal(rng, *shape, dtype=torch.float64):
    """Draw standard normal numbers, in float64, then cast."""
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def zeros(*shape, dtype=torch.float64):
    """Return zeros of this shape."""
    return torch.zeros(shape, dtype=dtype)


def one(dtype=torch.float64):
    """The upstream gradient of a loss: a loss is a number, and its slope with respect to itself is 1."""
    return torch.ones((), dtype=dtype)


def draw_logits(rng):
    """Return logits of shape (N, C) and labels of shape (N,); every class occurs."""
    labels = torch.arange(N) % C
    return 2 * normal(rng, N, C), labels[torch.randperm(N, generator=rng)]


def draw_network(rng, dtype=torch.float64):
    """Inputs (N, D), targets (N, C) and the weights (D, H) and (H, C)."""
    return tuple(normal(rng, *shape, dtype=dtype) for shape in ((N, D), (N, C), (D, H), (H, C)))


def network_loss(x, t, w1, w2):
    """Return the loss of the two-layer network, by torch."""
    return ((functional.relu(x @ w1) @ w2 - t) ** 2).sum()


def draw_classifier(rng, dtype=torch.float64):
    """Inputs (N, D), labels (N,) and the parameters of a classifier."""
    x, w1, b1, w2, b2 = (normal(rng, *shape, dtype=dtype) for shape in ((N, D), (D, H), (H,), (H, C), (C,)))
    return x, torch.randint(C, (N,), generator=rng), w1, b1, w2, b2


def classifier(x, labels, w1, b1, w2, b2):
    """Return the stages of the classifier and the gradients with respect to everything in it, by torch."""
    x, w1, b1, w2, b2 = (value.clone().requires_grad_() for value in (x, w1, b1, w2, b2))
    a = x @ w1 + b1
    h = functional.relu(a)
    z = h @ w2 + b2
    loss = functional.cross_entropy(z, labels)
    inner = {"dz": z, "dw2": w2, "db2": b2, "dh": h, "da": a, "dw1": w1, "db1": b1, "dx": x}
    gradients = dict(zip(inner, torch.autograd.grad(loss, list(inner.values())), strict=True))
    stages = {"a": a, "h": h, "z": z, "loss": loss}
    return {name: value.detach() for name, value in stages.items()}, gradients


def classifier_gradients(submission, arguments):
    """Return what the student makes of correct stages, and what torch makes of the same classifier."""
    x, labels, w1, _, w2, _ = arguments
    stages, gradients = classifier(*arguments)
    return submission.classifier_backward(stages, x, labels, w1, w2), gradients


def of_form(value, *shape, label, dtype=torch.float64):
    """Return `value` once it is known to be a finite tensor of this shape and dtype that is not all 0."""
    expect_close(value, zeros(*shape, dtype=dtype), rtol=float("inf"), scale=1.0, label=label)
    # Constants fulfil most laws, and no random problem has one for an answer.
    expect_equal(bool((value != value.flatten()[0]).any()), True, label=f"whether the entries of {label} differ")
    return value


def named(received, **shapes):
    """Return the named entries of a dict, each of its form."""
    for name, shape in shapes.items():
        if not isinstance(received, Mapping) or name not in received:
            expect_stages(received, {name: zeros(*shape)})
    return tuple(of_form(received[name], *shape, label=name) for name, shape in shapes.items())
