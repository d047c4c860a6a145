"""Is it drawn from where it should be? Judged statistically, with a stated rate of false alarms.

Owns the two tests of a draw and their thresholds. Whatever way a correct answer draws, it passes.
"""

import math

import torch

from grader.suite import expect_equal

# How far the empirical distribution of n independent draws may be from the one they are drawn from, times sqrt(n): a
# correct answer is further off with a probability of at most 2 exp(-2 * 3^2) = 3e-8, whatever n.
# Source: P. Massart, The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality, Annals of Probability 18, 1990;
# for a share of n tosses, W. Hoeffding, Journal of the American Statistical Association 58, 1963.
DISTANCE = 3.0


def expect_scale(drawn, std, label):
    """Compare the standard deviation of a draw with the wanted one, rounded: to tenths, from 10 on to one digit.

    From 9,600 normal or 4,000 uniform draws on, 5 % is at least 6.9 standard deviations of the estimate (relative
    variance of the sample variance: 2/n, and 0.8/n): a correct answer fails with a probability below 1e-11. What is
    compared is rounded, so that one mistake gives one value whatever was drawn; exactly, because the label
    says the tolerance and the one of `expect_close` would contradict it.
    """
    ratio = float(drawn.double().std(correction=0)) / std
    ratio = round(ratio, 1) if ratio < 10 else float(f"{ratio:.1g}")
    expect_equal(ratio, 1.0, label=f"standard deviation of {label}, to within 5 % ({ratio:g} times the one asked for)")


def expect_distribution(drawn, cdf, name, label):
    """See that a draw comes from a distribution: Kolmogorov and Smirnov's distance; `DISTANCE` has the false alarms."""
    plain = drawn.double().flatten().sort().values
    steps = torch.arange(len(plain) + 1, dtype=torch.float64) / len(plain)
    wanted = cdf(plain)
    distance = torch.maximum((wanted - steps[:-1]).abs(), (wanted - steps[1:]).abs()).max()
    near = bool(distance * math.sqrt(len(plain)) <= DISTANCE)
    expect_equal(near, True, label=f"whether {label} is drawn from {name}")


def expect_normal(drawn, std, label):
    """See that a draw is normal with mean 0 and this standard deviation."""
    expect_scale(drawn, std, label)
    expect_distribution(drawn, lambda x: torch.special.ndtr(x / std), "a normal distribution around 0", label)


def expect_uniform(drawn, bound, label):
    """See that a draw is uniform between -bound and bound."""
    expect_scale(drawn, bound / math.sqrt(3), label)

    def cdf(x):
        return ((x + bound) / (2 * bound)).clamp(0, 1)

    expect_distribution(drawn, cdf, "a uniform distribution around 0", label)


def expect_share(zeros, share, label):
    """See that each of many independent tosses came up with this probability."""
    received = float(zeros.double().mean())
    near = abs(received - share) * math.sqrt(zeros.numel()) <= DISTANCE
    # To the nearest tenth, for the same reason as above; `or 0.1` because a small deviation is one too.
    shown = 0.0 if near else round(received - share, 1) or 0.1
    expect_equal(shown, 0.0, label=f"{label} (about {shown:+g} from the one asked for, more than chance allows)")
