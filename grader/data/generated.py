"""Data that is made up: points near a plane, points around centres. Drawn in float64, so that a seed is a data set."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from grader.data.sets import Labelled


def linear_data(generator: torch.Generator, w: Sequence[float], b: float, count: int, noise: float = 0.01) -> Labelled:
    """Return `count` points with standard normal features and t = x w + b + noise.

    Args:
        noise: Standard deviation of the normal noise.
    Shapes:
        x: (count, features), t: (count, 1), both float64.
    """
    x = torch.randn(count, len(w), generator=generator, dtype=torch.float64)
    off = noise * torch.randn(count, 1, generator=generator, dtype=torch.float64)
    return Labelled(x, x @ torch.tensor([*w], dtype=torch.float64).reshape(-1, 1) + b + off)


def blobs(generator: torch.Generator, count: int, features: int, classes: int, spread: float = 0.5) -> Labelled:
    """Return `count` points around as many standard normal centres as there are classes, each class equally likely.

    Args:
        spread: Standard deviation of a class around its centre.
    Shapes:
        x: (count, features) float64, t: (count,) int64.
    """
    centres: Tensor = torch.randn(classes, features, generator=generator, dtype=torch.float64)
    t = torch.randint(classes, (count,), generator=generator)
    return Labelled(centres[t] + spread * torch.randn(count, features, generator=generator, dtype=torch.float64), t)
