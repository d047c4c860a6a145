"""Which trials are part of `make test`: those that are quick, and on the weaker tier those that differ there."""

from __future__ import annotations

from grader.sandbox.fence import Tier

from .entries import Entry

QUICK_WALL_S = 8.0
_DIFFER = {"namespaces", "landlock", "seccomp", "limits", "cgroup", "user"}


def is_part(entry: Entry, tier: Tier) -> bool:
    """Whether an entry is tried on a tier by `make test`."""
    expect = entry.expect
    is_quick = expect.wall_s_at_most <= QUICK_WALL_S
    differs = tier is Tier.NAMESPACES or bool(_DIFFER & set(expect.layer)) or "namespaces" not in expect.tiers
    return tier.value in expect.tiers and is_quick and differs
