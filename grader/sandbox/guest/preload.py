"""What student code needs is imported before there is any, so that no guest pays for it.

Runs no tensor operation and leaves the process with one thread, since guests may be forked from it.
"""

from __future__ import annotations


def preload() -> None:
    """Import torch and what it would import later, at the first optimiser step for one."""
    import numpy
    import torch
    import torch._dynamo  # the first optimiser step imports it, which costs most of a second
    import torch.optim
    import torch.utils.data

    from grader.sandbox.guest import sim

    sim.preload()
    del numpy, torch
