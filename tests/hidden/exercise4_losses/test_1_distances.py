"""Distances: MAE, MSE and smooth L1, their slopes, where each is least, and what an outlier does to them.

Checks are either values and slopes (right or wrong) or laws that hold for any correct answer and single out one idea.
"""

import math

import pytest
import torch
from torch.nn import functional

from grader.suite import expect_close, expect_gradients, needs, points

from .oracles import DISTANCES, C, D, N, draw_errors, expect_slopes, normal, of, one, slopes, smooth_l1_loss, zeros

GRADIENTS = "test_slopes_of_the_distances"
ORACLES = {"mae": functional.l1_loss, "mse": functional.mse_loss, "smooth_l1": smooth_l1_loss()}


@pytest.fixture
def errors(rng):
    """Predictions and targets."""
    return draw_errors(rng)


@points(1)
def test_mae_is_the_mean_absolute_error(submission, errors):
    """mae is the mean of the absolute errors.

    zh_CN: mae 是误差绝对值的平均。
    """
    expect_close(submission.mae(*errors), functional.l1_loss(*errors), label="mae")


@points(1)
def test_mse_is_the_mean_squared_error(submission, errors):
    """mse is the mean of the squared errors: no root, no sum.

    zh_CN: mse 是误差平方的平均：不开方，不是求和。
    """
    expect_close(submission.mse(*errors), functional.mse_loss(*errors), label="mse")


@points(2)
def test_smooth_l1_is_a_parabola_between_two_lines(submission, errors):
    """smooth_l1 has a parabola inside ±beta and lines outside.

    zh_CN: smooth_l1 在 ±beta 以内是抛物线，以外是直线。
    """
    expect_close(submission.smooth_l1(*errors), smooth_l1_loss()(*errors), label="smooth_l1, beta = 1")
    for beta in (0.4, 2.5):
        label = f"smooth_l1, beta = {beta}"
        expect_close(submission.smooth_l1(*errors, beta), smooth_l1_loss(beta)(*errors), label=label)


@points(2)
@needs(*DISTANCES)
def test_slopes_of_the_distances(submission, errors):
    """Autograd finds the slopes of mae, mse and smooth_l1.

    zh_CN: 自动求导得到 mae、mse 和 smooth_l1 的斜率。
    """
    prediction, target = errors
    for name, oracle in ORACLES.items():
        fn, ours = (lambda p, name=name: submission.call(name, p, target)), (lambda p, fn=oracle: fn(p, target))
        expect_gradients(fn, (prediction,), label=f"slope of {name}")
        expect_slopes(fn, ours, {f"slope of {name}": prediction})


@points(1)
def test_the_pieces_of_smooth_l1_meet(submission):
    """At ±beta smooth_l1 has neither a jump nor a corner.

    zh_CN: smooth_l1 在 ±beta 处既没有跳跃，也没有尖角。
    """
    for beta in (1.0, 0.3):
        for near in (beta * (1 - 1e-12), beta * (1 + 1e-12)):
            error = {"slope": of(near, -near)}
            loss = submission.smooth_l1(error["slope"], zeros(2), beta)
            expect_close(loss, of(beta / 2)[0], label=f"smooth_l1 beside its beta of {beta}")
            slope = slopes(lambda r, beta=beta: submission.smooth_l1(r, zeros(2), beta), error, one())["slope"]
            expect_close(slope, of(0.5, -0.5), label=f"slope beside its beta of {beta}")


@points(1)
def test_smooth_l1_tends_to_mae_and_to_mse(submission, errors):
    """With a tiny beta it is mae; with a huge one, mse / (2 beta).

    zh_CN: beta 极小时它是 mae；极大时是 mse / (2 beta)。
    """
    tiny, huge = 1e-12, 100.0
    expect_close(submission.smooth_l1(*errors, tiny), functional.l1_loss(*errors), label="smooth_l1, tiny beta")
    expected = functional.mse_loss(*errors) / (2 * huge)
    expect_close(submission.smooth_l1(*errors, huge), expected, label="smooth_l1, huge beta")


@points(1)
def test_distances_scale_with_their_errors(submission, errors):
    """3 times the errors: 3 times mae, 9 times mse.

    zh_CN: 误差变成 3 倍：mae 变成 3 倍，mse 变成 9 倍。
    """
    prediction, target = errors
    # Quotients, because a constant 0 would scale too.
    for name, factor in (("mae", 3.0), ("mse", 9.0)):
        quotient = submission.call(name, 3 * prediction, 3 * target) / submission.call(name, prediction, target)
        expect_close(quotient, of(factor)[0], label=f"{name} of 3 times the errors, divided by {name}")
    quotient = submission.smooth_l1(3 * prediction, 3 * target, 3.0) / submission.smooth_l1(prediction, target)
    expect_close(quotient, of(3.0)[0], label="smooth_l1 of 3 times the errors and beta, divided by smooth_l1")


@points(1)
@needs(GRADIENTS)
def test_an_outlier_pulls_mse_alone(submission, errors):
    """An error of 10 000 pulls mae no more than any other error.

    zh_CN: 误差 10 000 对 mae 的牵引不比别的误差大。
    """
    prediction, target = errors
    prediction = prediction.clone()
    prediction[3, 2] += 10_000
    inputs = {"slope for prediction": prediction}
    for name, ours in ORACLES.items():
        gradient = slopes(lambda p, name=name: submission.call(name, p, target), inputs, one())
        leaf = prediction.clone().requires_grad_()
        (expected,) = torch.autograd.grad(ours(leaf, target), leaf)
        expect_close(gradient["slope for prediction"], expected, label=f"slope of {name}")


@points(1)
def test_mse_is_least_at_the_mean_and_mae_at_the_median(submission, rng):
    """The best constant is the mean for mse, the median for mae.

    zh_CN: 最好的常数对 mse 是平均值，对 mae 是中位数。
    """
    target = normal(rng, N)
    ordered, mean = target.sort().values, target.mean()
    for offset in (-0.5, 0.0, 0.5):
        inputs = {"slope": mean + offset}
        slope = slopes(lambda c: submission.mse(c.expand(N), target), inputs, one())["slope"]
        expect_close(slope, of(2 * offset)[0], scale=1.0, label="slope of mse near the mean")
    for below in range(1, N):
        # Between two neighbours of the sorted targets, `below` of them pull down and the others up.
        inputs = {"slope": (ordered[below - 1] + ordered[below]) / 2}
        slope = slopes(lambda c: submission.mae(c.expand(N), target), inputs, one())["slope"]
        expect_close(slope, of((2 * below - N) / N)[0], label="slope of mae near the median")


@points(1)
def test_least_squares_have_no_slope_left(submission, rng):
    """mse of a linear model is flat at the least-squares solution.

    zh_CN: 线性模型的 mse 在最小二乘解处是平的。
    """
    x, t = normal(rng, N, D), normal(rng, N, C)
    best = torch.linalg.lstsq(x, t).solution
    away = normal(rng, D, C)
    for distance_away in (0.0, 1.0):
        inputs = {"slope": best + distance_away * away}
        slope = slopes(lambda w: submission.mse(x @ w, t), inputs, one())["slope"]
        expected = distance_away * 2 / (N * C) * (x.T @ (x @ away))
        expect_close(slope, expected, scale=float(x.abs().max()), label="slope for the weights")


@points(1)
def test_mse_measures_gaussian_likelihood(submission, errors):
    """mse ranks predictions as Gaussian likelihood does.

    zh_CN: mse 给预测排的名次与高斯似然相同。
    """
    prediction, target = errors
    sigma = 0.7
    density = torch.distributions.Normal(prediction, sigma).log_prob(target)
    loss = submission.mse(prediction, target) / (2 * sigma**2) + math.log(sigma * math.sqrt(2 * math.pi))
    expect_close(loss, -density.mean(), label="mse, turned into a negative log-likelihood")


@points(1)
@needs(*DISTANCES)
def test_a_perfect_prediction_costs_nothing(submission, rng):
    """Where errors are exactly 0, losses are 0 and slopes finite.

    zh_CN: 误差正好为 0 处，损失为 0，斜率有限。
    """
    target = normal(rng, N, D)
    for name, least in (("mae", 1 / (N * D)), ("mse", 0.0), ("smooth_l1", 0.0)):
        expect_close(submission.call(name, target, target), zeros(), label=name)
        inputs = {"slope": target}
        slope = slopes(lambda p, name=name: submission.call(name, p, target), inputs, one())["slope"]
        # At its corner any slope between those of the two sides is right for mae.
        expect_close(slope, zeros(N, D), rtol=1.0, scale=least, label=f"slope of {name}")
