"""Why a guest ended, as an outcome and a sentence for the student.

Owns the reading of what the channel and the keeper say. Must not know how a guest is reached or what it was asked.
"""

from __future__ import annotations

import signal

from grader import messages
from grader.errors import ProtocolViolation
from grader.limits import MIB, Limits
from grader.results import Outcome
from grader.sandbox.channel import ChannelError, ChannelFlooded, ChannelTimeout


def ending(
    error: ChannelError | ProtocolViolation, status: dict[str, object], limits: Limits, wall_s: float
) -> tuple[Outcome, str]:
    """Return the outcome and what is said; `status` is the keeper's last word, `wall_s` the deadline that was set."""
    match error:
        case ChannelTimeout():
            return Outcome.TIMEOUT, messages.TIMEOUT.format(limit_s=wall_s)
        case ChannelFlooded():
            return Outcome.OUTPUT, messages.OUTPUT.format(limit_kib=limits.output_bytes >> 10)
        case ProtocolViolation():
            return Outcome.PROTOCOL, messages.PROTOCOL.format(detail=error)
    if status.get("keeper_gone"):
        return Outcome.ERROR, messages.NOT_YOUR_FAULT
    if status.get("oom_kills") or status.get("memory_exceeded"):
        return Outcome.MEMORY, messages.MEMORY.format(limit_mib=limits.memory_bytes // MIB)
    if status.get("files_exceeded"):
        return Outcome.OUTPUT, messages.FILES.format(limit_mib=limits.file_bytes // MIB)
    return Outcome.CRASHED, _how_it_ended(status.get("status"))


def is_unexplained_kill(outcome: Outcome, status: dict[str, object]) -> bool:
    """Whether a guest was killed in a way that nobody of ours has a reason for.

    It may have done so itself (not in tier namespaces, but for a limit on its own processor time), or the machine did.
    """
    return outcome is Outcome.CRASHED and status.get("status") == -signal.SIGKILL


def _how_it_ended(status: object) -> str:
    if not isinstance(status, int):
        return messages.CRASHED_SILENT
    if -status in set(signal.Signals):
        return messages.CRASHED_SIGNAL.format(signal=f"{-status} ({signal.Signals(-status).name})")
    return messages.CRASHED_EXIT.format(status=status)
