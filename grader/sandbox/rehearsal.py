"""A few training steps in a real guest, on the CPU and on an accelerator, simulated or not: do both come to the same?

Owns the small program and what counts as the same. For the doctor, and for deciding whether cuda is there at all: that
torch has the functions which the accelerator is built on, or that a driver lists a GPU, does not say that it works.
"""

from __future__ import annotations

import math
import time

from grader import messages
from grader.errors import GraderError, GuestLost
from grader.limits import Limits
from grader.sandbox.fence import Gpu, Tier
from grader.sandbox.host import CUDA, GuestSpec, Session, Source
from grader.sandbox.spawn import GuestSource

_WALL_S = 60.0
_PROGRAM = """
import torch
from torch import nn


def losses(device):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)  # before the move: it must follow the parameters
    model.to(device)
    x, y = torch.randn(7, 1, 6, 6).to(device), torch.tensor([0, 1, 2, 3, 0, 1, 2]).to(device)
    found = []
    for _ in range(3):
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


def mixed(device):
    try:
        torch.ones(2, device=device) + torch.ones(2)
    except RuntimeError:
        return True
    return False
"""


def problem_with_sim(guests: GuestSource, tier: Tier) -> str:
    """Return what is wrong with the simulated accelerator, as part of a sentence; empty if it works."""
    return _problem(guests, _spec(tier), "sim", 1e-5)


def problem_with_cuda(guests: GuestSource, tier: Tier, gpu: Gpu) -> str:
    """Return what is wrong with training on a GPU, which the caller holds, as part of a sentence; empty if it works."""
    return _problem(guests, _spec(tier, gpu), CUDA, 1e-3)


def what_cuda_lacks(guests: GuestSource, tier: Tier, gpu: Gpu) -> str:
    """Return why no guest of this GPU can be had; empty if one was started and computed something right."""
    with Session(guests, _spec(tier, gpu)) as session:
        try:
            session.prepare(CUDA)
        except GraderError as error:
            return str(error)
    return ""


def _spec(tier: Tier, gpu: Gpu | None = None) -> GuestSpec:
    return GuestSpec(tier, Limits(check_wall_s=_WALL_S), (Source("program.py", _PROGRAM),), gpu=gpu)


def _problem(guests: GuestSource, spec: GuestSpec, device: str, rtol: float) -> str:
    try:
        with Session(guests, spec) as session:
            session.prepare(device)
            session.open(0, device=device)
            there, refuses = _run(session, device)
            on_cpu, _ = _run(session, "cpu")
    except (GraderError, GuestLost) as error:
        return str(error)
    if not refuses:
        return messages.DEVICE_MIXES
    alike = all(math.isclose(a, b, rel_tol=rtol) for a, b in zip(there, on_cpu, strict=True))
    return "" if alike else messages.DEVICE_DIFFERS.format(there=there, cpu=on_cpu)


def _run(session: Session, device: str) -> tuple[list[float], bool]:
    session.begin_check(0, time.monotonic() + _WALL_S, device)
    try:
        return session.submission.call("losses", device), session.submission.call("mixed", device)
    finally:
        session.end_check()
