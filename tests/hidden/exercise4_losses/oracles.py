"""What the hidden checks of exercise 4 share: draws, oracles, and what a law asks for before it counts.

Oracle: torch's own losses on the host, in float64. Sizes are pairwise different, so that no transpose and no wrong
divisor goes unseen; draws are float64, then cast.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from grader.suite import award, expect_close, expect_equal, expect_gradients, expect_vjp

N, D, C = 7, 5, 4

# What a check needs that asks for more than values.
DISTANCES = (
    "test_mae_is_the_mean_absolute_error",
    "test_mse_is_the_mean_squared_error",
    "test_smooth_l1_is_a_parabola_between_two_lines",
)
CLASSES = ("test_log_sum_exp_of_the_last_axis", "test_log_softmax_of_the_last_axis", "test_softmax_of_the_last_axis")
SURVIVED = "test_logits_of_ten_thousand_are_survived"
CROSS_ENTROPY = ("test_cross_entropy_is_the_mean_of_minus_log_p",)
YES_OR_NO = (
    "test_binary_cross_entropy_takes_probabilities",
    "test_binary_cross_entropy_with_logits_takes_logits",
)
KL, FOCAL = ("test_kl_divergence_is_a_mean_over_the_rows",), ("test_focal_loss_counts_easy_rows_less",)


def normal(rng, *shape, dtype=torch.float64):
    """Draw standard normal numbers, in float64, then cast."""
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)


def uniform(rng, *shape):
    """Draw numbers that are well inside (0, 1)."""
    return 0.02 + 0.96 * torch.rand(shape, generator=rng, dtype=torch.float64)


def of(*values, dtype=torch.float64):
    """Return a tensor of these values."""
    return torch.tensor(values, dtype=dtype)


def zeros(*shape, dtype=torch.float64):
    """Return zeros of this shape."""
    return torch.zeros(shape, dtype=dtype)


def one(dtype=torch.float64):
    """The upstream gradient of a loss: a loss is a number, and its slope with respect to itself is 1."""
    return torch.ones((), dtype=dtype)


def dtype_name(dtype):
    """Return what a student calls a dtype."""
    return str(dtype).removeprefix("torch.")


def draw_labels(rng):
    """Return labels of shape (N,); every class occurs."""
    return (torch.arange(N) % C)[torch.randperm(N, generator=rng)]


def draw_batch(rng, dtype=torch.float64):
    """Return logits of shape (N, C) and labels of shape (N,)."""
    labels = draw_labels(rng)
    return 2 * normal(rng, N, C, dtype=dtype), labels


def draw_errors(rng, dtype=torch.float64):
    """Return predictions and targets (N, D) whose errors are on both sides of 0, near it and far from it."""
    target = normal(rng, N, D, dtype=dtype)
    return target + 2 * normal(rng, N, D, dtype=dtype), target


def draw_yes_or_no(rng):
    """Return logits and targets of shape (N, D); the targets are 0, 1, and numbers between."""
    targets = torch.where(torch.arange(N)[:, None] < 5, (uniform(rng, N, D) < 0.4).double(), uniform(rng, N, D))
    return 2 * normal(rng, N, D), targets


def draw_distributions(rng):
    """Return predicted log-probabilities and target probabilities, both of shape (N, C)."""
    return functional.log_softmax(normal(rng, N, C), dim=1), functional.softmax(2 * normal(rng, N, C), dim=1)


def extreme_logits(dtype=torch.float64):
    """Logits of 10 000, 0 and -10 000; in each row one is far above the others, so that rounding tells nothing."""
    rows = (10000.0, -10000.0, 0.0, -3.0), (0.0, -10000.0, 9000.0, 1.0), (-10000.0, -9000.0, -9990.0, 300.0)
    return torch.tensor(rows, dtype=dtype)


def smoothed(labels, smoothing):
    """Return labels as distributions (N, C), in float64."""
    return (1 - smoothing) * functional.one_hot(labels, C).double() + smoothing / C


def smooth_l1_loss(beta=1.0):
    """Return torch's smooth L1 for this beta."""
    return lambda prediction, target: functional.smooth_l1_loss(prediction, target, beta=beta)


def binary_loss(pos_weight=None):
    """Return torch's binary cross-entropy of logits; it is right at a logit of 0 too."""
    return lambda z, y: functional.binary_cross_entropy_with_logits(z, y, pos_weight=pos_weight)


def focal(logits, labels, gamma=2.0, alpha=None):
    """Focal loss by its formula: torch has none."""
    minus_log_p = functional.cross_entropy(logits, labels, reduction="none")
    weight = 1.0 if alpha is None else alpha[labels]
    return (weight * (1 - torch.exp(-minus_log_p)) ** gamma * minus_log_p).mean()


def in_float64(fn: Callable[..., Tensor], *inputs) -> Tensor:
    """Return fn of the inputs, worked out in float64, in the dtype of the first."""
    wide = [x.double() if isinstance(x, Tensor) and x.is_floating_point() else x for x in inputs]
    return fn(*wide).to(inputs[0].dtype)


def slopes(fn, inputs: Mapping[str, Tensor], upstream: Tensor) -> dict[str, Tensor]:
    """Return the gradient that autograd finds through a student's function, for each input by name."""
    leaves = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    result = fn(*leaves.values())
    if not (isinstance(result, Tensor) and result.requires_grad):
        # It says in words that the way back is cut; in float64 only, and float32 is asked for after float64.
        expect_gradients(fn, [x.double() for x in inputs.values()], label=", ".join(inputs))
    return dict(zip(leaves, torch.autograd.grad(result, list(leaves.values()), upstream), strict=True))


def expect_slopes(fn, ours, inputs: Mapping[str, Tensor], upstream: Tensor | None = None):
    """Compare autograd through a student's function with autograd through ours, for each input by name."""
    upstream = one() if upstream is None else upstream
    expect_vjp(slopes(fn, inputs, upstream), ours, inputs, upstream)


def expect_alive(fn, first, second):
    """See that a loss is a number which is the same again for the same arguments and another one for others.

    Whoever returns constants or noise would pass what only asks whether something raises.
    """
    losses = [fn(*arguments) for arguments in (first, first, second)]
    for loss in losses:
        expect_close(loss, zeros(), rtol=float("inf"), scale=1.0, label="loss")
    expect_equal(losses[0], losses[1], label="loss, asked for again")
    award(float(losses[0] != losses[2]), "The loss is the same whatever is predicted.", "无论预测什么，损失都一样。")
