"""Turning a refused kernel call into a FenceError that names the primitive and the fix.

Owns the names of the primitives and which fix belongs to which. Invariant: whatever is asked for and does not apply is
raised; nothing in the fence is best effort in silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from grader import messages
from grader.errors import FenceError


class Layer(StrEnum):
    """The layers of a fence, in the order they are applied; `confine` returns those that stand."""

    SESSION = "session"
    CGROUP = "cgroup"
    NAMESPACES = "namespaces"
    ROOT = "private root"
    PROC = "private proc"
    USER = "unused user"
    SCRATCH = "scratch folder"
    DESCRIPTORS = "descriptors"
    LIMITS = "limits"
    LANDLOCK = "landlock"
    CAPABILITIES = "no capabilities"
    SECCOMP = "seccomp"


FIXES: dict[str, str] = {
    Layer.NAMESPACES: messages.FENCE_FIX_NAMESPACES,
    Layer.ROOT: messages.FENCE_FIX_ROOT,
    Layer.PROC: messages.FENCE_FIX_PROC,
    Layer.SCRATCH: messages.FENCE_FIX_SCRATCH,
    Layer.USER: messages.FENCE_FIX_USER,
    Layer.LANDLOCK: messages.FENCE_FIX_LANDLOCK,
    Layer.SECCOMP: messages.FENCE_FIX_SECCOMP,
    Layer.CGROUP: messages.FENCE_FIX_CGROUP,
}


def missing(layer: Layer, problem: str) -> FenceError:
    """Return the error for a layer that cannot be had, with its fix."""
    return FenceError(layer, problem, FIXES.get(layer, ""))


@contextmanager
def applying(layer: Layer) -> Iterator[None]:
    """Raise whatever the kernel refuses inside as the failure of `layer`.

    Raises:
        FenceError: an OSError or ValueError (setrlimit's way to refuse) was raised inside.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise missing(layer, messages.FENCE_CALL_FAILED.format(error=_describe(error))) from error


def _describe(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)
