"""Random numbers of the accelerator: a default generator of its own, and `torch.Generator(device="sim")`.

As on CUDA, draws on the device and draws on the host do not disturb each other, and a generator of the one is refused
on the other. Unlike CUDA, a seed gives the same numbers here as on the CPU. Underneath each is a CPU generator.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch

from grader.sandbox.guest.sim.memory import DEVICE_TEXT, NAME, require_ordinal

# An operator is handed a new Python object for the generator, so that is recognised by its address.
_ours: dict[int, weakref.ref[SimGenerator]] = {}


class SimGenerator(torch._C.Generator):
    """A generator of the accelerator."""

    def __new__(cls, device: object = None) -> SimGenerator:
        """Make one; the class underneath must not see the device."""
        require_ordinal(device)
        made: SimGenerator = super().__new__(cls)
        address: int = made._cdata  # type: ignore[attr-defined]
        _ours[address] = weakref.ref(made)
        weakref.finalize(made, _ours.pop, address, None).atexit = False
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        """Where it draws."""
        return torch.device(DEVICE_TEXT)

    def __reduce__(self) -> Any:
        """Be copied and pickled as one of the accelerator's; torch's own way would make one of the CPU."""
        return _restored, (self.get_state(),)

    def clone_state(self) -> SimGenerator:
        """Return another one in the same state."""
        return _restored(self.get_state())


def _restored(state: torch.Tensor) -> SimGenerator:
    made = SimGenerator()
    made.set_state(state)
    return made


class _AnyGenerator(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, torch._C.Generator)


class Generator(metaclass=_AnyGenerator):
    """What `torch.Generator` is in a guest with the accelerator: it knows one more device."""

    def __new__(cls, device: Any = "cpu") -> Any:
        """Return a generator of torch's own for every device but ours."""
        return SimGenerator(device) if torch.device(device).type == NAME else torch._C.Generator(device)


DEFAULT = SimGenerator()


def to_draw_with(given: torch._C.Generator | None) -> torch._C.Generator:
    """Return what an operator on the accelerator draws with.

    Raises:
        RuntimeError: the generator belongs to the host; in torch's own words.
    """
    if given is None:
        return DEFAULT
    if given._cdata not in _ours:  # type: ignore[attr-defined]
        raise RuntimeError(f"Expected a '{NAME}' device type for generator but found '{given.device.type}'")
    return given
