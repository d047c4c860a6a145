"""From the scores of many right trainings to a threshold, and to how often it would fail a right solution. Pure.

Owns the statistics. A normal distribution is not assumed where it matters: of 200 trainings of a small convolutional
network two scored lower than 3.7 standard deviations below the mean, a hundred times as many as normal ones would.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

SHARE_BELOW = 0.03
CONFIDENCE = 0.95
FAIR = 1e-4
_DIGITS = 1000


class Threshold(NamedTuple):
    """What a training has to reach, and what is known of it; scores and shares from 0 to 1."""

    mean: float
    sd: float
    minimum: float
    quantile: float
    maximum: float
    threshold: float
    false_fail: float


def threshold(scores: Sequence[float], attempts: int) -> Threshold:
    """Return two standard deviations below the mean, or the score that 3 % do not exceed, whichever is lower.

    A right solution fails if it misses in every attempt. The bound holds without any assumption on how scores are
    distributed: it is that of the order statistic, of which the threshold is never above.
    """
    ordered = sorted(scores)
    mean, sd = statistics.fmean(ordered), statistics.stdev(ordered) if len(ordered) > 1 else 0.0
    rank = max(1, math.floor(SHARE_BELOW * len(ordered)))
    quantile = ordered[rank - 1]
    # Rounded down to what is shown, so that what is compared is what is read.
    lowest = math.floor(min(mean - 2 * sd, quantile) * _DIGITS) / _DIGITS
    false_fail = missed_at_most(rank, len(ordered)) ** attempts
    return Threshold(mean, sd, ordered[0], quantile, ordered[-1], lowest, false_fail)


def missed_at_most(rank: int, count: int) -> float:
    """Return the share of further scores that, at 95 % confidence, lie below the score of this rank of so many.

    Source: the share below an order statistic is distributed as Beta(rank, count - rank + 1), whatever the scores are;
    e.g. H. David, H. Nagaraja, Order Statistics, 3rd ed., 7.2. It equals the bound of Clopper and Pearson (1934).
    """
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        low, high = (low, share) if _at_least(rank, count, share) > CONFIDENCE else (share, high)
    return high


def _at_least(rank: int, count: int, share: float) -> float:
    """Return the probability of at least `rank` successes in `count` trials."""
    return 1 - sum(math.comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(rank))
