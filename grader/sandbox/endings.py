"""Why a guest ended, as an outcome and a sentence for the student.

Owns the reading of what the channel and the keeper say. Must not know how a guest is reached or what it was asked.
"""

from __future__ import annotations

import signal

from grader import messages
from grader.errors import GuestLost, ProtocolViolation
from grader.limits import MIB, Limits
from grader.results import Frame, Outcome
from grader.sandbox.channel import ChannelError, ChannelFlooded, ChannelTimeout
from grader.sandbox.spawn import OUT_OF_MEMORY

_KILLED = -getattr(signal, "SIGKILL", 9)  # Windows has no such signal, and no status that looks like it


def loss(
    error: ChannelError | ProtocolViolation,
    status: dict[str, object],
    limits: Limits,
    wall_s: float,
    doing: str,
    frames: tuple[Frame, ...],
) -> GuestLost:
    """Return what is raised: outcome and sentence of `ending`, and whether it was killed for no reason of ours.

    It may have killed itself (not in tier namespaces, but for a limit on its own processor time), or the machine did.
    """
    outcome, message = ending(error, status, limits, wall_s, doing)
    is_unexplained = outcome is Outcome.CRASHED and status.get("status") == _KILLED
    return GuestLost(outcome, message, frames, killed=is_unexplained)


def ending(
    error: ChannelError | ProtocolViolation,
    status: dict[str, object],
    limits: Limits,
    wall_s: float,
    doing: str = "",
) -> tuple[Outcome, str]:
    """Return the outcome and what is said.

    `status` is the keeper's last word, `wall_s` the deadline that was set, `doing` the operation that was asked for.
    """
    match error:
        case ChannelTimeout():
            return Outcome.TIMEOUT, _too_late(doing).format(limit_s=wall_s)
        case ChannelFlooded():
            return Outcome.OUTPUT, messages.OUTPUT.format(limit_kib=limits.output_bytes >> 10)
        case ProtocolViolation():
            return Outcome.PROTOCOL, messages.PROTOCOL.format(detail=error)
    if status.get("keeper_gone"):
        return Outcome.ERROR, messages.NOT_YOUR_FAULT
    if status.get("oom_kills") or status.get("memory_exceeded") or status.get("status") == OUT_OF_MEMORY:
        return Outcome.MEMORY, messages.MEMORY.format(limit_mib=limits.memory_bytes // MIB)
    if status.get("files_exceeded"):
        return Outcome.OUTPUT, messages.FILES.format(limit_mib=limits.file_bytes // MIB)
    return Outcome.CRASHED, _how_it_ended(status.get("status"))


def _too_late(doing: str) -> str:
    """Return what is said where the time ran out; before a function is called, there is none to look at."""
    match doing:
        case "scan":
            return messages.TIMEOUT_AT_SCAN
        case "load" | "module":
            return messages.TIMEOUT_AT_IMPORT
    return messages.TIMEOUT


def _how_it_ended(status: object) -> str:
    if not isinstance(status, int):
        return messages.CRASHED_SILENT
    if -status in set(signal.Signals):
        return messages.CRASHED_SIGNAL.format(signal=f"{-status} ({signal.Signals(-status).name})")
    return messages.CRASHED_EXIT.format(status=status)
