"""Homework in a fence: a warm torch process forks guests that do what student code does, and prints one JSON object.

    OMP_NUM_THREADS=1 python -m tests.grader.fence_torch TIER

Its own program, because importing torch starts no thread only if the environment says so from the start.
"""

from __future__ import annotations

import getpass
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable

import numpy
import torch
import torch._dynamo
import torch.optim
import torch.utils.data

from grader.limits import Limits
from grader.sandbox import fence
from tests.grader.fence_guest import in_fence


def multiply() -> bool:
    """A matrix product with one thread."""
    a = torch.ones(200, 200)
    return bool((a @ a).sum() == 200.0**3)


def optimise() -> bool:
    """Ten steps of Adam on a small network, with autograd."""
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    x = torch.randn(16, 4)
    losses = []
    for _ in range(10):
        optimiser.zero_grad()
        loss = (net(x) - x.sum(1, keepdim=True)).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses[-1] < losses[0]


def decompose() -> bool:
    """Linear algebra of torch and numpy."""
    a = torch.randn(20, 20, dtype=torch.float64)
    u, s, v = torch.linalg.svd(a)
    return torch.allclose(u @ torch.diag(s) @ v, a) and bool(numpy.linalg.inv(numpy.eye(3)).sum() == 3)


def draw() -> bool:
    """All three generators, seeded, from a fresh source of entropy too."""
    random.seed(1)
    return bool(torch.manual_seed(1).initial_seed() == 1 and numpy.random.default_rng().random() != random.random())


def load() -> bool:
    """A DataLoader without workers."""
    data = torch.utils.data.TensorDataset(torch.arange(10.0))
    return len(list(torch.utils.data.DataLoader(data, batch_size=4, shuffle=True, num_workers=0))) == 3


def save() -> bool:
    """Temporary files, and a model saved and loaded again."""
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"w": torch.ones(3)}, os.path.join(folder, "w.pt"))
        loaded = torch.load(os.path.join(folder, "w.pt"))
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    return bool(loaded["w"].sum() == 3)


def import_late() -> bool:
    """Modules that nobody imported before the fence stood."""
    import sqlite3
    import xml.dom.minidom

    return bool(sqlite3.connect(":memory:").execute("select 1").fetchone() and xml.dom.minidom)


def ask_who() -> bool:
    """Names, processors and folders that libraries ask for."""
    return getpass.getuser() == "student" and bool(os.cpu_count()) and os.path.expanduser("~") == os.getcwd()


def allocate_too_much() -> bool:
    """More memory than allowed is torch's ordinary error, not a crash."""
    try:
        torch.zeros(30 << 30, dtype=torch.uint8)
    except RuntimeError as error:
        return "allocate" in str(error)
    return False


HOMEWORK: tuple[Callable[[], bool], ...] = (
    *(multiply, optimise, decompose, draw, load, save, import_late, ask_who, allocate_too_much),
)


def main(tier: fence.Tier) -> None:
    """Do each piece in a guest of its own; None stands for a guest that did not answer."""
    spec = fence.FenceSpec(tier, Limits(), lane=9)
    fence.prepare(spec)
    threads = len(os.listdir("/proc/self/task"))
    results = {work.__name__: in_fence(tier, work, spec=spec).value for work in HOMEWORK}
    print(json.dumps({"threads": threads, "results": results}))


if __name__ == "__main__":
    main(fence.Tier(sys.argv[1]))
