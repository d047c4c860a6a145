"""On what a benchmark ran: processor, cores, memory, system, load. Never whose machine it is."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil


def described() -> dict[str, Any]:
    """Return what must be said beside every figure."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / (1 << 30)),
        "system": f"{platform.system()} {re.split('[-+]', platform.release())[0]}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 1),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
    }


def sentence(machine: dict[str, Any]) -> str:
    """Return it in one line."""
    return (
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']} GiB, {machine['system']}, "
        f"Python {machine['python']}; {machine['date']}; load before it began {machine['load_before']}."
    )


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text()
    names = re.findall(r"(?m)^model name\s*:\s*(.+)$", text)
    return names[0] if names else platform.machine()
