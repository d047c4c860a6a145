"""The same tests again as an ordinary user: tier landlock with namespaces switched off, and namespaces without root.

Each run is a pytest of its own below tests/grader/unprivileged.py, because only root can become somebody else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "tests" / "grader" / "unprivileged.py"
REFERENCE = ROOT / "solutions" / "exercise1_manual_backprop"

TIERS = [("landlock", False), ("namespaces", True)]
# Tests that are not run must not pass for tests that hold.
LEAST_PASSED = {"limits": 20, "hostile_guests": 50, "fence_denials": 45, "fence_tiers": 4, "killed": 5}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="has to be started by root, to become an ordinary user")


def as_nobody(*command: str, userns: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command as an ordinary user; without `userns` no namespaces are to be had, as in a default container."""
    options = ["--userns"] if userns else []
    return subprocess.run(
        [sys.executable, str(HARNESS), *options, *command], cwd=ROOT, capture_output=True, text=True, timeout=600
    )


@pytest.mark.parametrize("name", ["limits", "hostile_guests", "fence_denials", "fence_tiers", "killed"])
@pytest.mark.parametrize(("tier", "userns"), TIERS)
def test_a_tier_holds_for_an_ordinary_user(tier: str, userns: bool, name: str) -> None:
    """Limits and denials need no root: with namespaces, and where a container refuses unshare and mount."""
    suite = f"tests/grader/test_{name}.py"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", suite, "-k", tier]
    done = as_nobody(*command, userns=userns)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= LEAST_PASSED[name], done.stdout[-1000:]  # type: ignore[index]


@pytest.mark.parametrize(("tier", "userns"), TIERS)
def test_the_main_job_is_done_at_each_tier_without_root(tier: str, userns: bool) -> None:
    """The reference of exercise 1 gets full score, and the fence that is printed is the one that was asked for."""
    command = [sys.executable, "-m", "grader", "check", "exercise1", "--submission", str(REFERENCE), "--fence", tier]
    done = as_nobody(*command, userns=userns)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert f"fence: {tier}" in done.stdout
    assert "Score 50 / 50" in done.stdout
