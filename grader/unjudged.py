"""The entries of a result that no judge reported: what they say, and on which devices there are others.

Pure functions on the plan. Must not know workers or processes.
"""

from __future__ import annotations

from collections.abc import Sequence

from grader import messages
from grader.course import DEVICES
from grader.events import PlannedCheck
from grader.results import CheckResult, Outcome
from grader.sandbox.fence.gpus import Lack


def is_pending(planned: PlannedCheck, devices: Sequence[str] | None) -> bool:
    """Return whether a check waits for another machine or another command; `devices` None means all that are here."""
    return planned.pending or (devices is not None and planned.device not in devices)


def not_judged(planned: PlannedCheck, devices: Sequence[str] | None, torch: str) -> CheckResult:
    """Return the entry of a check that nobody reported; `torch` is the version that judges here."""
    why = why_absent(planned.device, planned.lacks, torch) if planned.lacks else ""
    return unjudged(planned, Outcome.PENDING if is_pending(planned, devices) else Outcome.NOT_RUN, why)


def why_absent(device: str, lacks: str, torch: str) -> str:
    """Return why nothing is judged on a device here; `lacks` is what was found out about it."""
    if device != "cuda":
        return messages.SIM_MISSING.format(version=torch, name=lacks)
    match lacks:
        case Lack.NO_BUILD:
            return messages.CUDA_NO_BUILD.format(version=torch)
        case Lack.NO_NODES:
            return messages.CUDA_NO_NODES
        case Lack.NO_CONTROL_NODES:
            return messages.CUDA_NO_CONTROL_NODES
        case Lack.CLOSED_NODES:
            return messages.CUDA_CLOSED_NODES
        case Lack.NOT_VISIBLE:
            return messages.CUDA_NOT_VISIBLE
    return messages.CUDA_NO_GUEST.format(problem=lacks)


def devices_used(plan: Sequence[PlannedCheck], devices: Sequence[str] | None) -> list[str]:
    """Return where checks were judged, or would have been; a result names them in this order."""
    used = {planned.device for planned in plan if not is_pending(planned, devices)}
    return [device for device in DEVICES if device in used]


def unjudged(planned: PlannedCheck, outcome: Outcome, message: str = "") -> CheckResult:
    """Return an entry without points."""
    return CheckResult(
        id=planned.id,
        title=planned.shown_title,
        visibility=planned.visibility,
        device=planned.device,
        outcome=outcome,
        points=0.0,
        max_points=planned.max_points,
        message=message,
    )
