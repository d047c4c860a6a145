"""What the accelerator needs changed in torch's Python part, because torch asks for something only C++ can give.

Owns those changes, each for one reason. They happen in guests that have the accelerator and in no other process.
"""

from __future__ import annotations

from typing import Any

import torch

from grader.sandbox.guest.sim import surface
from grader.sandbox.guest.sim.generators import Generator
from grader.sandbox.guest.sim.memory import NAME, on_sim


def apply() -> None:
    """Change what has to be changed."""
    torch.Generator = Generator  # type: ignore[misc]
    torch.accelerator.synchronize = _synchronize
    torch.accelerator.empty_cache = surface.empty_cache
    torch.UntypedStorage.__new__ = _new_storage  # type: ignore[method-assign]
    torch.UntypedStorage.new = lambda storage: type(storage)(device=storage.device)  # type: ignore[method-assign,assignment]


def _synchronize(device: Any = None, /) -> None:
    """Serve `torch.accelerator.synchronize`; torch's own asks the device's streams, and there are none."""
    surface.synchronize(device)


def _new_storage(cls: Any, *args: Any, **kwargs: Any) -> Any:
    """Make a storage; one of the accelerator's cannot be made by torch, which would crash.

    Copying a tensor deeply and loading a file need such storages.
    """
    device = kwargs.get("device")
    if device is None or torch.device(device).type != NAME:
        return torch._C.StorageBase.__new__(cls, *args, **kwargs)
    surface.require_ordinal(device)
    return on_sim(torch.empty(args[0] if args else 0, dtype=torch.uint8)).untyped_storage()
