"""What is asked of a fence: plain data, sent to the zygote as JSON.

Knows nothing of how a tier is made.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from grader.limits import Limits
from grader.sandbox.fence.gpus import Gpu


class Tier(StrEnum):
    """How strong the isolation around a guest is, strongest first; printed in every report."""

    NAMESPACES = "namespaces"
    LANDLOCK = "landlock"
    NONE = "none"


class FenceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fence of one guest.

    `read_only` are absolute paths a guest may read besides installed software. `lane` separates guests that run side
    by side when root starts them: each lane has an unused user of its own. With a `gpu` the guest reaches that GPU's
    nodes and what its driver needs, and no other guest is given them.
    """

    tier: Tier
    limits: Limits
    read_only: tuple[str, ...] = ()
    lane: int = 0
    gpu: Gpu | None = None
