"""Which devices checks can be judged on here.

Owns that question only: the simulated accelerator itself lives in `sandbox.guest.sim`, where student code runs, and a
guest becomes one of a device when a check is judged there. Invariant: nothing here changes the process that asks, and
none that guests are forked from ever calls CUDA: whether it works is found out in a guest.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection

import torch

from grader.events import Line, Preparing
from grader.sandbox.fence import Gpu, Lack, Tier, find_gpus, gpu_lack
from grader.sandbox.gpu_lock import Held, hold, try_to_hold
from grader.sandbox.guest import cuda, sim
from grader.sandbox.rehearsal import what_cuda_lacks
from grader.sandbox.spawn import GuestSource

SLOW_DEVICES = (cuda.NAME,)
"""Starting a guest of one of these takes seconds."""

Rehearse = Callable[[Gpu], str]


def absent_devices(listed: Collection[str] = (), rehearse: Rehearse | None = None) -> dict[str, str]:
    """Return the devices on which nothing is judged here, each with what is lacking: see `unjudged.why_absent`.

    Args:
        listed: The devices that are asked about; what takes long is found out for these only.
        rehearse: Tries CUDA in a guest and says what is wrong; None believes the device nodes.
    """
    found = {cuda.NAME: _lacks_for_cuda(rehearse if cuda.NAME in listed else None), sim.NAME: sim.missing()}
    return {name: lacking for name, lacking in found.items() if lacking}


def rehearsal(line: Line, guests: GuestSource, tier: Tier) -> Rehearse:
    """Return what tries CUDA in a guest, and says before that it takes a while and after that all time begins anew."""

    def rehearse(gpu: Gpu) -> str:
        line.send(Preparing(cuda.NAME))
        problem = what_cuda_lacks(guests, tier, gpu)
        line.send(Preparing(cuda.NAME))  # the suite has all of its time for being collected
        return problem

    return rehearse


def _lacks_for_cuda(rehearse: Rehearse | None) -> str:
    if lacking := gpu_lack():
        return lacking.value
    if torch.version.cuda is None:
        return Lack.NO_BUILD.value
    if rehearse is None:
        return ""
    held = try_to_hold(find_gpus())
    if held is None:
        return ""  # other submissions are being judged on every GPU, so it works
    with held:
        return rehearse(held.gpu)


def held_for(
    devices: Collection[str], on_wait: Callable[[str], None], wait: Callable[[float], None] = time.sleep
) -> contextlib.AbstractContextManager[Held | None]:
    """Hold a GPU for a block if one of these devices needs it, else nothing.

    Args:
        on_wait: Called with the device if there is none free at once.
        wait: Lets some seconds pass; whatever it raises ends the waiting.
    Raises:
        InfrastructureError: no GPU is there any more.
    """
    if cuda.NAME not in devices:
        return contextlib.nullcontext()
    return hold(find_gpus(), lambda: on_wait(cuda.NAME), wait)
