"""One submission on a GPU at a time: a lock file per GPU, which the kernel gives up when its holder dies.

Owns the files and the waiting. Must not know what a GPU is used for. Two submissions on one GPU would share its memory,
and what one leaves there, or breaks, would be the other's. Invariant: whoever holds a `Held` is the only one on this
machine, among graders that see the same /tmp, until it is released or its process and that process's forks have ended.

Source: flock(2).
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from grader import messages, turns
from grader.errors import InfrastructureError
from grader.sandbox.fence import Gpu

FOLDER = "/tmp"  # not TMPDIR: that may differ from user to user, and the GPUs are the same
_LOOK_AGAIN_S = 0.2


class Held:
    """A GPU that nobody else uses; `release` gives it up, also where a fork of this process still lives."""

    def __init__(self, gpu: Gpu, fd: int) -> None:
        self.gpu, self._fd = gpu, fd

    def release(self) -> None:
        """Let others have the GPU; again does nothing."""
        if self._fd >= 0:
            turns.let_go(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Held:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


def try_to_hold(gpus: Sequence[Gpu]) -> Held | None:
    """Return the first of these GPUs that nobody uses; None if all are in use.

    Raises:
        InfrastructureError: a lock file can neither be made nor opened.
    """
    for gpu in gpus:
        fd = _opened(gpu)
        if turns.try_for(fd):
            return Held(gpu, fd)
        os.close(fd)
    return None


def hold(gpus: Sequence[Gpu], on_wait: Callable[[], None], wait: Callable[[float], None] = time.sleep) -> Held:
    """Return the first of these GPUs that is free, waiting for one if none is.

    Args:
        on_wait: Called once, before waiting.
        wait: Lets some seconds pass; whatever it raises ends the waiting.
    Raises:
        InfrastructureError: there is none, or its lock file cannot be used.
    """
    if not gpus:
        raise InfrastructureError(messages.CUDA_NO_GPU)
    held = try_to_hold(gpus)
    if held is None:
        on_wait()
    while held is None:
        wait(_LOOK_AGAIN_S)
        held = try_to_hold(gpus)
    return held


def path_of(gpu: Gpu) -> str:
    """Return the lock file of a GPU."""
    return os.path.join(FOLDER, f"grader-gpu-{gpu.number}.lock")


def _opened(gpu: Gpu) -> int:
    """Open the lock file. It may be another user's: reading it is enough to lock it, and it is never removed."""
    path = path_of(gpu)
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags)
        with contextlib.suppress(FileExistsError):  # another grader was faster
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
        return os.open(path, flags)
    except OSError as error:
        raise InfrastructureError(messages.CUDA_LOCK.format(file=path, problem=error.strerror)) from error
