"""What keeps a machine from the strongest fence, and the one command that changes it: from facts to a sentence.

Owns how a container, Ubuntu, Debian, a node of a cluster and other systems are told apart. Tries nothing: which tier
there is was found out by raising it (`sandbox.fence`), and a fact is only asked to explain that.

Sources: Docker, "Seccomp security profiles for Docker" (unshare, clone and mount need CAP_SYS_ADMIN) and "AppArmor
security profiles for Docker" (docker-default denies mount); Ubuntu, "Restricted unprivileged user namespaces are coming
to Ubuntu 23.10" (on by default in 24.04); Linux, admin-guide/sysctl/user.rst (user.max_user_namespaces); Debian's
kernel, "add sysctl to disallow unprivileged CLONE_NEWUSER by default" (kernel.unprivileged_userns_clone).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grader import messages
from grader.sandbox.fence import Tier

# The value at which a setting forbids namespaces to ordinary users, and the one that allows them.
_SWITCHES = {
    "kernel.apparmor_restrict_unprivileged_userns": (1, 0),
    "user.max_user_namespaces": (0, 15000),
    "kernel.unprivileged_userns_clone": (0, 1),
}
_CONTAINER_MARKS = (".dockerenv", "run/.containerenv")
_FILTERED = 2  # of /proc/self/status, Seccomp: a filter stands around us


@dataclass(frozen=True)
class Facts:
    """What is known of a machine. `tier` is the strongest that was raised, `switches` are settings of its kernel."""

    tier: Tier
    platform: str = "linux"
    is_root: bool = False
    in_container: bool = False
    is_filtered: bool = False
    in_job: bool = False
    switches: Mapping[str, int] = field(default_factory=dict)


def facts(tier: Tier, root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Facts:
    """Return what this machine says of itself; what cannot be read is left out."""
    status = _text(root / "proc/self/status")
    found = {name: _text(root / "proc/sys" / name.replace(".", "/")).strip() for name in _SWITCHES}
    return Facts(
        tier=tier,
        platform=sys.platform,
        is_root=hasattr(os, "geteuid") and os.geteuid() == 0,
        in_container=any((root / mark).exists() for mark in _CONTAINER_MARKS) or "container" in environment,
        is_filtered=f"Seccomp:\t{_FILTERED}" in status,
        in_job="SLURM_JOB_ID" in environment,
        switches={name: int(value) for name, value in found.items() if value.isdecimal()},
    )


def advice(known: Facts) -> str:
    """Return why the fence is not the strongest and the command that makes it so; nothing if it is."""
    if known.tier is Tier.NAMESPACES:
        return ""
    if known.platform != "linux":
        return messages.MACHINE_NOT_LINUX
    closed = [name for name, (forbids, _) in _SWITCHES.items() if known.switches.get(name) == forbids]
    command = "sudo sysctl -w " + " ".join(f"{name}={_SWITCHES[name][1]}" for name in closed)
    if known.in_container and (known.is_filtered or known.is_root):
        # Settings of the host's kernel are seen in here too, and hold for what the command starts.
        then = messages.MACHINE_ON_THE_HOST.format(command=command) if closed else ""
        return messages.MACHINE_CONTAINER + then
    if closed and not known.is_root:
        form = messages.MACHINE_JOB if known.in_job else messages.MACHINE_SWITCHED_OFF
        return form.format(settings=", ".join(f"{name}={known.switches[name]}" for name in closed), command=command)
    return messages.MACHINE_JOB_UNKNOWN if known.in_job else messages.MACHINE_UNKNOWN


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
