"""Resource limits of one submission: what exercise.toml's `[limits]` says, with defaults.

Owns the numbers only; the fence, the channel and the judge each apply their part.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

KIB = 1 << 10
MIB = 1 << 20
# What a notebook may have with its outputs; whoever hands in more has not written it.
MAX_SOURCE_BYTES = 32 * MIB


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of a guest and of the checks that use it.

    `check_wall_s` is one deadline for a check, host and guest together; `wall_s` is for the whole submission.
    `memory_bytes` is what a guest may add to what the zygote already maps. `processes` caps threads (starting
    processes is refused altogether). `output_bytes` is what may be printed before the guest is stopped, `reply_bytes`
    the largest answer, `file_bytes` the private scratch folder, `gpu_memory_bytes` what of a GPU's memory may be used.
    `source_bytes` is what one handed-in file may have, of a notebook the file that is made of its code cells.
    """

    check_wall_s: float = 5.0
    wall_s: float = 60.0
    memory_bytes: int = 2048 * MIB
    processes: int = 64
    output_bytes: int = 8 * MIB
    reply_bytes: int = 256 * MIB
    file_bytes: int = 64 * MIB
    gpu_memory_bytes: int = 4096 * MIB
    source_bytes: Annotated[int, msgspec.Meta(le=MAX_SOURCE_BYTES)] = MIB


def size_text(size_bytes: int) -> str:
    """Return a limit as people read it, and exactly: "1 MB", "200 kB", "1000 bytes"; a kB has 1024 bytes."""
    for unit_bytes, unit in ((MIB, "MB"), (KIB, "kB")):
        if size_bytes >= unit_bytes and size_bytes % unit_bytes == 0:
            return f"{size_bytes // unit_bytes} {unit}"
    return f"{size_bytes} bytes"
