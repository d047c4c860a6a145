"""From logits to probabilities: log-sum-exp, log-softmax, softmax, and what they survive."""

from itertools import product

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, needs, points

from .oracles import CLASSES, C, D, N, dtype_name, expect_slopes, extreme_logits, in_float64, normal, of, slopes


def log_sum_exp(logits):
    """Over the last axis, by torch."""
    return torch.logsumexp(logits, dim=-1)


def log_softmax(logits):
    """Over the last axis, by torch."""
    return functional.log_softmax(logits, dim=-1)


def softmax(logits):
    """Over the last axis, by torch."""
    return functional.softmax(logits, dim=-1)


ORACLES = {fn.__name__: fn for fn in (log_sum_exp, log_softmax, softmax)}


@pytest.fixture
def logits(rng):
    """Logits of shape (N, C)."""
    return 2 * normal(rng, N, C)


def expect_along_the_last_axis(submission, rng, name):
    """Compare with torch for one axis, two and three."""
    for shape in ((N, C), (C,), (2, D, C)):
        logits = 2 * normal(rng, *shape)
        expect_close(submission.call(name, logits), ORACLES[name](logits), label=f"{name} of {len(shape)} axes")


@points(1)
def test_log_sum_exp_of_the_last_axis(submission, rng):
    """log_sum_exp is the log of the sum of exp over the last axis.

    zh_CN: log_sum_exp 是 exp 沿最后一个轴之和的对数。
    """
    expect_along_the_last_axis(submission, rng, "log_sum_exp")


@points(1)
def test_log_softmax_of_the_last_axis(submission, rng):
    """log_softmax is the log of the probabilities.

    zh_CN: log_softmax 是概率的对数。
    """
    expect_along_the_last_axis(submission, rng, "log_softmax")


@points(1)
def test_softmax_of_the_last_axis(submission, rng):
    """softmax makes probabilities of the last axis.

    zh_CN: softmax 把最后一个轴变成概率。
    """
    expect_along_the_last_axis(submission, rng, "softmax")


@points(2)
@needs(*CLASSES)
def test_slopes_from_logits_to_probabilities(submission, rng, logits):
    """Autograd finds the slopes of all three functions.

    zh_CN: 自动求导得到这三个函数的斜率。
    """
    for name, ours in ORACLES.items():
        upstream = normal(rng, *ours(logits).shape)
        inputs = {f"slope of {name}": logits}
        expect_slopes(lambda z, name=name: submission.call(name, z), ours, inputs, upstream)


@points(1)
def test_a_shift_moves_log_sum_exp_and_no_probability(submission, logits):
    """A row plus 3000: log_sum_exp plus 3000, the same softmax.

    zh_CN: 一行加 3000：log_sum_exp 加 3000，softmax 不变。
    """
    shift = 1000 * (torch.arange(N)[:, None] - 3.0).double()
    expect_close(submission.softmax(logits + shift), softmax(logits), label="softmax")
    expect_close(submission.log_softmax(logits + shift), log_softmax(logits), label="log_softmax")
    moved = submission.log_sum_exp(logits + shift) - shift[:, 0]
    expect_close(moved, log_sum_exp(logits), label="log_sum_exp less the shift")


@points(2)
def test_logits_of_ten_thousand_are_survived(submission):
    """Logits of ±10 000 give finite values and finite slopes.

    zh_CN: ±10 000 的 logits 给出有限的值和有限的斜率。
    """
    upstream = {"log_sum_exp": of(0.5, -2.0, 1.0), "log_softmax": torch.arange(12.0).double().reshape(3, 4)}
    upstream["softmax"] = upstream["log_softmax"]
    for dtype, (name, ours) in product((torch.float64, torch.float32), ORACLES.items()):
        logits, label = extreme_logits(dtype), f"{name} in {dtype_name(dtype)}"
        expect_close(submission.call(name, logits), in_float64(ours, logits), label=label)
        leaf = logits.double().requires_grad_()
        (expected,) = torch.autograd.grad(ours(leaf), leaf, upstream[name])
        fn = lambda z, name=name: submission.call(name, z)  # noqa: E731
        received = slopes(fn, {"slope": logits}, upstream[name].to(dtype))["slope"]
        expect_close(received, expected.to(dtype), scale=1.0, label=f"slope of {label}")


@points(1)
def test_softmax_goes_from_uniform_to_certain(submission, logits):
    """Tiny logits: all classes alike. Huge ones: the largest.

    zh_CN: logits 很小：各类别相同。很大：只剩最大的。
    """
    uniform = torch.full((N, C), 1 / C, dtype=torch.float64)
    expect_close(submission.softmax(1e-12 * logits), uniform, label="softmax of tiny logits")
    expect_close(submission.softmax(1e4 * logits), softmax(1e4 * logits), label="softmax of huge logits")


@points(1)
def test_log_odds_are_differences_of_logits(submission, logits):
    """log p_i − log p_j is z_i − z_j, whatever the other logits.

    zh_CN: log p_i − log p_j 是 z_i − z_j，与其他 logits 无关。
    """
    log_p = submission.log_softmax(logits)
    expect_close(log_p - log_p[:, :1], logits - logits[:, :1], label="log p less the first log p")
    p = submission.softmax(logits)
    expect_close((p / p[:, :1]).log(), logits - logits[:, :1], label="log of p over the first p")


@points(1)
def test_log_sum_exp_lies_just_above_the_maximum(submission, logits):
    """Of C equal logits it is z + log C; far apart, the largest.

    zh_CN: C 个相同的 logits 时是 z + log C；相差很远时是最大的。
    """
    equal = logits[:, :1].expand(N, C).contiguous()
    expected = logits[:, 0] + torch.log(torch.tensor(float(C)).double())
    expect_close(submission.log_sum_exp(equal), expected, label="log_sum_exp of equal logits")
    apart = 1e4 * torch.stack([torch.arange(C).double().roll(n) for n in range(N)])
    expect_close(submission.log_sum_exp(apart), apart.amax(dim=1), label="log_sum_exp of logits far apart")
