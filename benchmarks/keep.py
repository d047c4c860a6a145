"""Run one of the benchmarks that print, show what it prints and keep it with machine and date.

    python -m benchmarks.keep NAME [OPTIONS OF THE BENCHMARK]

Writes benchmarks/results/NAME.json; an exit code other than 0 keeps nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.machine import described

_HERE = Path(__file__).parent


def main(name: str, *options: str) -> None:
    """Run, show, keep."""
    machine, began = described(), time.perf_counter()
    command = [sys.executable, "-u", str(_HERE / f"{name}.py"), *options]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    if process.returncode:
        raise SystemExit(process.returncode)
    found = {"machine": machine, "options": options, "wall_s": round(time.perf_counter() - began, 1), "lines": lines}
    folder = _HERE / "results"
    folder.mkdir(exist_ok=True)
    folder.joinpath(f"{name}.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
