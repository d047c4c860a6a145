"""What this machine offers: versions, devices, fence primitives and witnessed denials, as plain data.

Owns the questions and what counts as a good answer. Never imports torch itself (another interpreter is asked), prints
nothing, and believes a denial only after seeing it on the path that real submissions take.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from grader import messages
from grader.sandbox.fence import Lack, Tier, find_gpus, gpu_lack, probe, strongest_tier
from grader.sandbox.gpu_lock import try_to_hold
from grader.sandbox.spawn import GuestSource, Zygote
from grader.sandbox.spawned import Spawner
from grader.unjudged import why_absent
from grader.workers import Launcher, can_fork, guests_from, start_launcher

SUPPORTED_PYTHON = ((3, 11), (3, 14))
SUPPORTED_TORCH = ((2, 11), (2, 14))
_ASK_TORCH = (
    "import json, torch; print(json.dumps([torch.__version__, "
    "[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())], torch.version.cuda is not None]))"
)
_ASK_TORCH_WALL_S = 120


@dataclass(frozen=True)
class Finding:
    """One answer: good or not, what was found, what to do where it is not good, and whether it has to be good."""

    good: bool
    text: str
    advice: str = ""
    needed: bool = True


def software() -> list[Finding]:
    """Return what is found of Python, torch and its devices."""
    python = platform.python_version()
    fix = messages.DOCTOR_PYTHON_FIX.format(supported=_range_text(SUPPORTED_PYTHON))
    good = _within(python, SUPPORTED_PYTHON)
    return [Finding(good, f"Python {python} ({sys.executable})", messages.DOCTOR_FIX.format(fix=fix)), *_torch()]


def primitives() -> list[Finding]:
    """Return what the fence can be built from on this machine, each tried, none assumed."""
    return [
        Finding(
            primitive.present,
            f"{primitive.name}: {primitive.detail}" if primitive.detail else primitive.name,
            messages.DOCTOR_FIX.format(fix=primitive.fix) if primitive.fix else "",
        )
        for primitive in probe()
    ]


def denials(tier: Tier) -> list[Finding]:
    """Start a real guest at `tier` that tries what a hostile submission would; return what happened.

    Raises:
        InfrastructureError: no guest could be started.
    """
    with Zygote.start() as zygote:
        zygote.wait_until_ready()
        return _denied(zygote, tier)


def how_started(launcher: Launcher | None = None) -> list[str]:
    """Return how student code is started here, by this launcher or the one that this system has, and what follows."""
    return [messages.DOCTOR_FORKS] if can_fork(launcher) else [messages.DOCTOR_SPAWNS, messages.DOCTOR_UNFENCED]


def trials(tier: Tier, launcher: Launcher | None = None) -> tuple[list[Finding], list[Finding]]:
    """Return the same, and what became of training on the devices that checks can be judged on.

    New Pythons have no fence to be tried, and no guest of a GPU.

    Raises:
        InfrastructureError: no guest could be started.
    """
    with start_launcher() if launcher is None else launcher as started, guests_from(started) as guests:
        if isinstance(started, Spawner):
            return [], [_sim(guests, tier)]
        return _denied(started, tier), [_sim(started, tier), _cuda(started, tier)]


def _sim(guests: GuestSource, tier: Tier) -> Finding:
    from grader.sandbox.rehearsal import problem_with_sim

    problem = problem_with_sim(guests, tier)
    text = messages.DOCTOR_SIM_BAD.format(problem=problem) if problem else messages.DOCTOR_SIM
    return Finding(not problem, text, _torch_advice())


def _cuda(zygote: Zygote, tier: Tier) -> Finding:
    """Return whether checks would be judged on a GPU here; a machine without one lacks nothing."""
    from grader.sandbox.rehearsal import problem_with_cuda

    advice = messages.DOCTOR_FIX.format(fix=messages.DOCTOR_CUDA_FIX)
    torch, lacking = _ask_torch(), gpu_lack()
    if lacking is not None or not torch.has_cuda:
        why = why_absent("cuda", lacking or Lack.NO_BUILD, torch.version)
        return Finding(False, messages.DOCTOR_CUDA_ABSENT.format(why=why), advice, needed=False)
    held = try_to_hold(find_gpus())
    if held is None:
        return Finding(True, messages.DOCTOR_CUDA_BUSY)
    with held:
        gpu = held.gpu.nodes[0]
        problem = problem_with_cuda(zygote, tier, held.gpu)
    if problem:
        return Finding(False, messages.DOCTOR_CUDA_BAD.format(gpu=gpu, problem=problem), advice)
    return Finding(True, messages.DOCTOR_CUDA.format(gpu=gpu))


def tier_is_enough(needed: Tier | None) -> bool:
    """Whether this machine offers the tier `needed`, or (None) any that other people's code may be graded at."""
    order = (Tier.NONE, Tier.LANDLOCK, Tier.NAMESPACES)
    return order.index(strongest_tier()) >= order.index(needed or Tier.LANDLOCK)


def problems(found: Sequence[Finding], enough: bool, needed: Tier | None, witnessed: Sequence[Finding]) -> list[str]:
    """Name everything that makes the answer a bad one; a missing primitive that no needed tier uses does not."""
    named = []
    if not all(finding.good for finding in found if finding.needed):
        named.append(messages.DOCTOR_PROBLEM_SOFTWARE)
    if not enough:
        named.append(messages.DOCTOR_PROBLEM_TIER.format(tier=needed or Tier.LANDLOCK))
    if allowed := sum(not finding.good for finding in witnessed):
        named.append(messages.DOCTOR_PROBLEM_DENIALS.format(count=allowed, total=len(witnessed)))
    return named


def _denied(zygote: Zygote, tier: Tier) -> list[Finding]:
    from grader.sandbox.witness import witness

    return [Finding(denial.denied, f"{denial.name}: {denial.detail}") for denial in witness(zygote, tier)]


def _torch_advice() -> str:
    return messages.DOCTOR_FIX.format(fix=messages.DOCTOR_TORCH_FIX.format(supported=_range_text(SUPPORTED_TORCH)))


def _torch() -> list[Finding]:
    advice, torch = _torch_advice(), _ask_torch()
    if torch.problem:
        return [Finding(False, messages.DOCTOR_TORCH_MISSING.format(problem=torch.problem), advice)]
    devices = ", ".join(["cpu", *(f"cuda:{i} ({name})" for i, name in enumerate(torch.gpus))])
    return [
        Finding(_within(torch.version, SUPPORTED_TORCH), f"torch {torch.version}", advice),
        Finding(True, f"devices: {devices}"),
    ]


class _Torch(NamedTuple):
    """What another interpreter says of torch: its version, the GPUs that it sees, whether it is built for CUDA."""

    version: str
    gpus: list[str]
    has_cuda: bool
    problem: str = ""


def _ask_torch() -> _Torch:
    command = [sys.executable, "-I", "-c", _ASK_TORCH]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_TORCH_WALL_S)
        return _Torch(*json.loads(asked.stdout))
    except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
        said = asked.stderr.strip().splitlines() if isinstance(error, json.JSONDecodeError) else [str(error)]
        return _Torch("", [], False, said[-1] if said else str(error))


def _within(version: str, supported: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and supported[0] <= (int(found[1]), int(found[2])) < supported[1]


def _range_text(supported: tuple[tuple[int, int], tuple[int, int]]) -> str:
    (major, first), (_, end) = supported
    return f"{major}.{first} to {major}.{end - 1}"
