"""What an export says of itself. Plain data; every format has the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Exported:
    """What was written, and what a person should know: who was left out, and why."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
