"""What of a guest's fence its keeper holds and has to clear away: the control group and the scratch folder.

Invariant: whatever was made is removed by `remove`, also when making the rest failed.
"""

from __future__ import annotations

import os

from grader.sandbox.fence import scratch
from grader.sandbox.fence.cgroup import Cgroup, homes
from grader.sandbox.fence.failure import Layer, applying
from grader.sandbox.fence.spec import FenceSpec, Tier


class Cage:
    """Made by `isolate` in the keeper; the guest reads it in `confine`.

    `keeper_pid` lets the guest see whether its keeper is still there; `scratch` is the guest's folder on the machine,
    or None where it has one in its private root.
    """

    def __init__(self, spec: FenceSpec, owner: int | None) -> None:
        self.keeper_pid = os.getpid()
        self.scratch: str | None = None
        self._file_bytes = spec.limits.file_bytes
        self._group: Cgroup | None = None
        if spec.tier is not Tier.NAMESPACES:
            with applying(Layer.SCRATCH):
                self.scratch = scratch.make(owner)
        try:
            if spec.tier is not Tier.NONE and homes():
                with applying(Layer.CGROUP):
                    self._group = Cgroup(spec.limits.memory_bytes + spec.limits.file_bytes, spec.limits.processes)
        except BaseException:
            self.remove()
            raise

    @property
    def has_group(self) -> bool:
        """Whether the kernel caps the guest's memory as a whole."""
        return self._group is not None

    def join(self) -> None:
        """Enter the control group; to be called by the guest or its init, before `confine`.

        Raises:
            FenceError: the kernel refused.
        """
        if self._group is not None:
            with applying(Layer.CGROUP):
                self._group.join()

    def oom_kills(self) -> int:
        """Return how many processes of this guest the kernel killed for want of memory."""
        return self._group.oom_kills() if self._group is not None else 0

    def exceeds_files(self) -> bool:
        """Return whether the scratch folder has outgrown its limit; always False where the folder itself is limited."""
        return self.scratch is not None and scratch.exceeds(self.scratch, self._file_bytes)

    def remove(self) -> None:
        """Remove the control group and the scratch folder; every process of the guest has to be reaped before.

        Raises:
            FenceError: something could not be removed.
        """
        try:
            if self._group is not None:
                with applying(Layer.CGROUP):
                    self._group.remove()
                self._group = None
        finally:
            if self.scratch is not None:
                with applying(Layer.SCRATCH):
                    scratch.remove(self.scratch)
                self.scratch = None
