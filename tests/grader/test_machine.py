"""What the doctor says to whom: from the facts of a machine to the one command, for each kind that a course meets."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from grader.machine import Facts, advice, facts
from grader.sandbox.fence import Tier

APPARMOR, MANY, CLONE = (
    "kernel.apparmor_restrict_unprivileged_userns", "user.max_user_namespaces", "kernel.unprivileged_userns_clone",
)  # fmt: skip
CONTAINER = "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined …"
LANDLOCK = Facts(Tier.LANDLOCK)
# What is known of a machine, and the commands that are named.
MACHINES = {
    "Linux with namespaces": (Facts(Tier.NAMESPACES, switches={MANY: 15000, CLONE: 1}), []),
    "Ubuntu 24.04": (
        dataclasses.replace(LANDLOCK, switches={APPARMOR: 1, MANY: 15000}), [f"sudo sysctl -w {APPARMOR}=0"],
    ),
    "Ubuntu 24.04, as root": (Facts(Tier.NAMESPACES, is_root=True, switches={APPARMOR: 1}), []),
    "Debian, switched off": (
        dataclasses.replace(LANDLOCK, switches={MANY: 15000, CLONE: 0}), [f"sudo sysctl -w {CLONE}=1"],
    ),
    "Red Hat, switched off": (
        dataclasses.replace(LANDLOCK, switches={MANY: 0}), [f"sudo sysctl -w {MANY}=15000"],
    ),
    "both": (
        dataclasses.replace(LANDLOCK, switches={MANY: 0, CLONE: 0}), [f"sudo sysctl -w {MANY}=15000 {CLONE}=1"],
    ),
    "Docker": (dataclasses.replace(LANDLOCK, in_container=True, is_filtered=True, is_root=True), [CONTAINER]),
    "Docker, as a user": (dataclasses.replace(LANDLOCK, in_container=True, is_filtered=True), [CONTAINER]),
    "Docker on Ubuntu 24.04": (
        dataclasses.replace(LANDLOCK, in_container=True, is_filtered=True, is_root=True, switches={APPARMOR: 1}),
        [CONTAINER, f"sudo sysctl -w {APPARMOR}=0"],
    ),
    "a Slurm node": (
        dataclasses.replace(LANDLOCK, in_job=True, switches={MANY: 0}), [f"sudo sysctl -w {MANY}=15000"],
    ),
    "a Slurm node with a reason of its own": (dataclasses.replace(LANDLOCK, in_job=True), ["grader doctor"]),
    "macOS": (
        Facts(Tier.NONE, platform="darwin"),
        ['docker run --rm -it -v "$PWD":/course -w /course python:3.12 bash', "grader doctor"],
    ),
    "an old kernel": (Facts(Tier.NONE), []),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_each_kind_of_machine_gets_its_command(name: str) -> None:
    """The one that improves it, with the setting that is in the way; nothing where nothing is."""
    known, commands = MACHINES[name]
    said = advice(known)
    assert re.findall(r"`([^`]*)`", said) == commands
    assert bool(said) == (known.tier is not Tier.NAMESPACES)
    if known.in_job:
        assert "administrator" in said


@pytest.mark.parametrize("name", ["Ubuntu 24.04", "Debian, switched off", "Docker", "macOS"])
def test_the_table_of_the_documentation_says_the_same(name: str) -> None:
    """What a person looks up before installing is what the doctor says afterwards."""
    table = (Path(__file__).resolve().parents[2] / "docs/security.md").read_text()
    _, commands = MACHINES[name]
    assert f"`{commands[0]}`" in table


def test_facts_are_read_from_the_system(tmp_path: Path) -> None:
    """Settings, a filter around us, the mark of a container and of a job; what is not there is left out."""
    for path, text in {
        "proc/self/status": "Name:\tx\nSeccomp:\t2\n",
        "proc/sys/user/max_user_namespaces": "0\n",
        "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "odd\n",
        ".dockerenv": "",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = facts(Tier.LANDLOCK, tmp_path, {"SLURM_JOB_ID": "7"})
    assert (found.in_container, found.is_filtered, found.in_job, found.switches) == (True, True, True, {MANY: 0})
    bare = facts(Tier.LANDLOCK, tmp_path / "nowhere", {})
    assert (bare.in_container, bare.is_filtered, bare.in_job, bare.switches) == (False, False, False, {})
