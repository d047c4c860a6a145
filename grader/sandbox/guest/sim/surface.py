"""What student code finds as `torch.sim`: the functions that torch and its users expect of a kind of device.

There is one device, it is always ready, and nothing runs at the same time; so most answers are constants. Streams,
events and memory statistics are not there, and whoever asks for them is told so.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import torch

from grader import messages
from grader.sandbox.guest.sim.counters import COUNTER
from grader.sandbox.guest.sim.generators import DEFAULT
from grader.sandbox.guest.sim.memory import NAME, require_ordinal


class device:
    """`with torch.sim.device(0):`, which has nothing to switch."""

    def __init__(self, which: Any = None) -> None:
        require_ordinal(which)

    def __enter__(self) -> None:
        """Nothing has to be remembered."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing has to be restored."""


def is_available() -> bool:
    """Return whether the device can be used."""
    return True


def is_initialized() -> bool:
    """Return whether the device was used already."""
    return True


def init() -> None:
    """Make the device ready; it is."""


def device_count() -> int:
    """Return how many devices of this kind there are."""
    return 1


def current_device() -> int:
    """Return the number of the device that `sim` without a number means."""
    return 0


def set_device(which: Any) -> None:
    """Choose the device that `sim` without a number means."""
    require_ordinal(which)


def get_device_name(which: Any = None) -> str:
    """Return the device's name."""
    require_ordinal(which)
    return "simulated accelerator"


def synchronize(which: Any = None) -> None:
    """Wait for the device; counted, although there is nothing to wait for."""
    require_ordinal(which)
    COUNTER.waited()


def empty_cache() -> None:
    """Give cached memory back; none is cached."""


def manual_seed(seed: int) -> None:
    """Seed the device's generator."""
    DEFAULT.manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all devices of this kind."""
    manual_seed(seed)


def initial_seed() -> int:
    """Return the seed of the device's generator."""
    return DEFAULT.initial_seed()


def get_rng_state(which: Any = NAME) -> torch.Tensor:
    """Return the state of the device's generator, a CPU tensor of bytes."""
    require_ordinal(which)
    return DEFAULT.get_state()


def get_rng_state_all() -> list[torch.Tensor]:
    """Return the state of the generator of every device of this kind."""
    return [get_rng_state()]


def set_rng_state(state: torch.Tensor, which: Any = NAME) -> None:
    """Set the state of the device's generator."""
    require_ordinal(which)
    DEFAULT.set_state(state)


def set_rng_state_all(states: list[torch.Tensor]) -> None:
    """Set the state of the generator of every device of this kind."""
    for number, state in enumerate(states):
        set_rng_state(state, number)


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return whether bfloat16 can be computed with."""
    return True


def get_amp_supported_dtype() -> list[torch.dtype]:
    """Return the dtypes that autocast may choose; asked when the first autocast block is made."""
    from grader.sandbox.guest.sim import autocast

    autocast.register()
    return [torch.float16, torch.bfloat16]


def _is_in_bad_fork() -> bool:
    return False


def __getattr__(name: str) -> Any:
    raise AttributeError(messages.SIM_NAME.format(name=f"torch.{NAME}.{name}"))


# torch's checkpointing saves the generator's state only of devices that say so.
_initialized = True
