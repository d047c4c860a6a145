"""Which devices checks can be judged on here.

Owns that question only: the simulated accelerator itself lives in `sandbox.guest.sim`, where student code runs, and a
guest becomes one of a device when a check is judged there. Invariant: nothing here changes the process that asks.
"""

from __future__ import annotations

from grader.sandbox.guest import sim


def absent_devices() -> dict[str, str]:
    """Return the devices on which nothing is judged here, each with the name of what torch lacks, if that is why."""
    lacking = sim.missing()
    return {"cuda": "", **({sim.NAME: lacking} if lacking else {})}
