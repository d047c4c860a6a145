"""Is it drawn from where it should be? Judged statistically; the bands are stated in standard deviations."""

import math

import torch

from grader.suite import expect_equal

# A right answer is outside of five standard deviations of an estimate with a probability of 6e-7.
BAND = 5.0


def expect_normal(drawn, sd, label):
    """See that independent draws have mean 0, this standard deviation and a normal distribution.

    The standard deviation of the estimates of n draws: sd/sqrt(n) of the mean, sd/sqrt(2n) of the standard deviation.
    Distribution: Kolmogorov and Smirnov's distance, above 3/sqrt(n) with a probability of 3e-8 (P. Massart, The tight
    constant in the Dvoretzky-Kiefer-Wolfowitz inequality, Annals of Probability 18, 1990).
    """
    plain = drawn.detach().double().flatten()
    root = math.sqrt(len(plain))
    expect_equal(bool(abs(plain.mean()) <= BAND * sd / root), True, label=f"whether the mean of {label} is near 0")
    spread = float(plain.std(correction=0)) / sd
    # What is compared is the nearest tenth, so that one mistake gives one value whatever was drawn.
    near = abs(spread - 1) <= BAND / (math.sqrt(2) * root)
    shown = 1.0 if near else round(spread, 1) if round(spread, 1) != 1.0 else 0.9
    expect_equal(shown, 1.0, label=f"standard deviation of {label} ({spread:.2g} times the one asked for)")
    steps = torch.arange(len(plain) + 1, dtype=torch.float64) / len(plain)
    wanted = torch.special.ndtr(plain.sort().values / sd)
    distance = torch.maximum((wanted - steps[:-1]).abs(), (wanted - steps[1:]).abs()).max()
    expect_equal(bool(distance * root <= 3.0), True, label=f"whether {label} is drawn from a normal distribution")


def expect_unrelated(columns, label):
    """See that columns of draws are independent of each other: all correlations are near 0."""
    correlation = torch.corrcoef(columns.double().T) - torch.eye(columns.shape[1], dtype=torch.float64)
    near = bool(correlation.abs().max() <= BAND / math.sqrt(len(columns)))
    expect_equal(near, True, label=f"whether {label} are independent of each other")
