"""The simulated accelerator `sim`: the processor's arithmetic behind a device type of its own.

A guest that is asked for it calls `install`; no other process ever does, because it changes torch. Then device mistakes
are found where there is no GPU: what is not on one device raises what CUDA raises. Everything rests on torch's private
`_setup_privateuseone_for_python_backend`, and `missing` says if this torch lacks something that is needed.

`memory` is the trick, `dispatch` runs operators, `kernels`, `recurrent` and `autocast` are those with kernels of their
own, `generators` draw, `counters` count, `surface` is `torch.sim`, `patches` what torch's Python part needs.
"""

from __future__ import annotations

import torch

from grader import messages
from grader.sandbox.guest.policy import locate
from grader.sandbox.guest.sim.counters import COUNTER
from grader.sandbox.guest.sim.memory import NAME, UnsupportedOnSim

__all__ = ["COUNTER", "NAME", "UnsupportedOnSim", "install", "missing", "seed"]

_SETUP = "torch.utils.backend_registration._setup_privateuseone_for_python_backend"
# Private names that this package is built on.
_NEEDED = (
    _SETUP,
    "torch._C._from_dlpack",
    "torch._C._to_dlpack",
    "torch._C._ExcludeDispatchKeyGuard",
    "torch._C.DispatchKey",
    "torch.ops.aten.view.default._op_dk",
    "torch._register_device_module",
)
_registered: list[object] = []


def missing() -> str:
    """Return the name of something that this torch lacks for the accelerator; empty if it has all."""
    return next((name for name in _NEEDED if not _exists(name)), "")


def _exists(name: str) -> bool:
    try:
        locate(name)
    except (ImportError, AttributeError):
        return False
    return True


def preload() -> None:
    """Import what `install` will need and change nothing: for the process that guests are forked from."""
    if not missing():
        from grader.sandbox.guest.sim import autocast, kernels, patches

        del autocast, kernels, patches


def install() -> None:
    """Make this process one that has the accelerator; again does nothing.

    Raises:
        UnsupportedOnSim: this torch lacks something that is needed.
    """
    if _registered:
        return
    if lacking := missing():
        raise UnsupportedOnSim(messages.SIM_MISSING.format(version=torch.__version__, name=lacking))
    from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

    from grader.sandbox.guest.sim import kernels, patches, surface

    _setup_privateuseone_for_python_backend(NAME, backend_module=surface)
    _registered.extend(kernels.register())
    patches.apply()


def seed(value: int) -> None:
    """Seed the accelerator's generator, if there is one."""
    if _registered:
        from grader.sandbox.guest.sim import surface

        surface.manual_seed(value)
