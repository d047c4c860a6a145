"""What the accelerator needs changed in torch's Python part, because torch asks for something only C++ can give.

Owns those changes, each for one reason. They happen in guests that have the accelerator and in no other process.
"""

from __future__ import annotations

from typing import Any

import torch

from grader import messages
from grader.sandbox.guest.sim import surface
from grader.sandbox.guest.sim.generators import Generator
from grader.sandbox.guest.sim.memory import NAME, UnsupportedOnSim, on_sim, require_ordinal

# What torch asks of an allocator in C++, and the accelerator has none.
_STATISTICS = (
    "get_memory_info", "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved",
    "memory_stats", "reset_accumulated_memory_stats", "reset_peak_memory_stats",
)  # fmt: skip


def apply() -> None:
    """Change what has to be changed."""
    torch.Generator = Generator  # type: ignore[misc]
    torch.accelerator.synchronize = _synchronize
    torch.accelerator.empty_cache = surface.empty_cache
    for name in _STATISTICS:
        setattr(torch.accelerator, name, _refusing(f"torch.accelerator.{name}"))
    if not hasattr(torch._C, "_scatter"):  # a torch without CUDA; nn.DataParallel asks for it
        torch._C._scatter = _scatter  # type: ignore[assignment]
    torch.UntypedStorage.resize_ = _resize_storage  # type: ignore[method-assign,assignment]
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
    require_ordinal(device)
    first = args[0] if args else 0
    made = torch.empty(first, dtype=torch.uint8) if isinstance(first, int) else torch.tensor(first, dtype=torch.uint8)
    return on_sim(made).untyped_storage()


def _resize_storage(storage: Any, size: int) -> Any:
    if storage.device.type == NAME:
        raise UnsupportedOnSim(messages.SIM_OPERATION.format(operation="UntypedStorage.resize_"))
    return torch._C.StorageBase.resize_(storage, size)  # type: ignore[attr-defined]


def _refusing(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise UnsupportedOnSim(messages.SIM_NAME.format(name=name))

    return refuse


def _scatter(tensor: torch.Tensor, devices: list[int], *rest: Any) -> tuple[torch.Tensor, ...]:
    """Serve `nn.DataParallel` as on a machine with one accelerator: the whole batch is copied to that."""
    return tuple(tensor.to(torch.device(NAME, index)) for index in devices)
