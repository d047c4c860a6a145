"""What of a guest's fence its keeper holds and has to clear away: the control group and the scratch folder.

Invariant: whatever was made is removed by `remove`, also when making the rest failed.
"""

from __future__ import annotations

import os
import select
import signal
import sys

from grader import messages
from grader.sandbox.fence import cgroup, kernel, privileges, rlimits, scratch
from grader.sandbox.fence.cgroup import Cgroup, homes
from grader.sandbox.fence.failure import Layer, applying, missing
from grader.sandbox.fence.spec import FenceSpec, Tier

# What CUDA's libraries keep in the machine's own memory, which is none of the student's doing. Not measured: generous.
GPU_HOST_BYTES = 2 << 30


def sweep() -> int:
    """Remove what the keepers that were killed left behind; return how many control groups and folders."""
    return cgroup.sweep() + scratch.sweep()


class Cage:
    """Made by `isolate` in the keeper; the guest has to `join` it before `confine`.

    `scratch` is the guest's folder on the machine, or None where it has one in its private root. A pipe that only the
    keeper keeps open for writing tells whether the keeper lives, also from inside another process namespace.
    """

    def __init__(self, spec: FenceSpec, owner: int | None) -> None:
        self.scratch: str | None = None
        self._owner = owner
        self._keeper_lives_fd, self._keeper_fd = os.pipe()
        self._file_bytes = spec.limits.file_bytes
        self._group: Cgroup | None = None
        self._memory_bytes: int | None = None  # only where nothing else limits it
        if spec.tier is not Tier.NAMESPACES:
            with applying(Layer.SCRATCH):
                self.scratch = scratch.make(owner)
        try:
            if spec.tier is not Tier.NONE and homes():
                with applying(Layer.CGROUP):
                    self._group = Cgroup(*_group_limits(spec))
        except BaseException:
            self.remove()
            raise

        if spec.gpu is not None and self._group is None:
            self._memory_bytes = spec.limits.memory_bytes + GPU_HOST_BYTES + rlimits.private_bytes()

    @property
    def watched(self) -> bool:
        """Whether something of this guest is limited by nothing but its keeper's looking at it now and then."""
        return self.scratch is not None or self._memory_bytes is not None

    @property
    def has_group(self) -> bool:
        """Whether the kernel caps the guest's memory as a whole."""
        return self._group is not None

    def join(self) -> None:
        """Enter the control group, and die with the keeper; called in the guest.

        Raises:
            FenceError: the kernel refused, or the keeper is gone already.
        """
        os.close(self._keeper_fd)
        self.die_with_parent()
        if self._group is not None:
            with applying(Layer.CGROUP):
                self._group.join()

    def die_with_parent(self) -> None:
        """Be killed when the parent ends. A change of user makes the kernel forget it, a fork does not inherit it.

        Raises:
            FenceError: the keeper is gone already, so nobody would come to kill us.
        """
        if sys.platform != "linux":
            return
        with applying(Layer.SESSION):
            kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        readable, _, _ = select.select([self._keeper_lives_fd], [], [], 0)
        if readable:
            raise missing(Layer.SESSION, messages.FENCE_KEEPER_GONE)

    def oom_kills(self) -> int:
        """Return how many processes of this guest the kernel killed for want of memory."""
        return self._group.oom_kills() if self._group is not None else 0

    def attend(self) -> None:
        """Look at files with the guest's user from now on; called in the keeper, after the last fork.

        Root in a container has no right to look into another user's process, which is where deleted files can be found.
        """
        if self._owner is not None:
            privileges.see_as(self._owner)
            self.die_with_parent()

    def exceeds_files(self, pid: int) -> bool:
        """Return whether what the guest wrote has outgrown its limit; always False where its folder is limited."""
        return self.scratch is not None and scratch.exceeds(self.scratch, self._file_bytes, pid)

    def exceeds_memory(self, pid: int) -> bool:
        """Return whether the guest holds more memory than it may; always False where the kernel limits it."""
        return self._memory_bytes is not None and rlimits.resident_bytes(pid) > self._memory_bytes

    def remove(self) -> None:
        """Remove the control group and the scratch folder; every process of the guest has to be reaped before.

        Raises:
            FenceError: something could not be removed.
        """
        for fd in (self._keeper_lives_fd, self._keeper_fd):
            os.close(fd)
        if self._owner is not None:
            privileges.see_as(0)
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


def _group_limits(spec: FenceSpec) -> tuple[int, int]:
    """Return how many bytes and how many tasks the control group of a guest allows."""
    has_gpu = spec.gpu is not None
    memory_bytes = spec.limits.memory_bytes + spec.limits.file_bytes + (GPU_HOST_BYTES if has_gpu else 0)
    return memory_bytes, rlimits.thread_limit(spec.limits, has_gpu)
