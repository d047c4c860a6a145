"""Millions of damaged answers for the host to read: `make fuzz`.

    python -m tests.hostile.fuzz [--frames N] [--seed N] [--engine seeded|atheris] [--findings DIR] [--replay FILE ...]

The search runs in a process of its own, so that an answer which ends Python, or stops it, is known too. It is guided by
coverage where atheris is installed (pip install atheris), else drawn from the seed alone. Exit code 1 on a finding.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import mmap
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .case_note import NOTE_BYTES, noted, turns

_ROOT = Path(__file__).resolve().parents[2]
_LOOK_S = 1.0
_STUCK_S = 120.0


def main(arguments: list[str]) -> int:
    """Search, or look at cases that were found; return 1 if something is not as it must be."""
    asked = _parser().parse_args(arguments)
    if asked.replay:
        return _replay(asked.replay)
    engine = asked.engine or ("atheris" if importlib.util.find_spec("atheris") else "seeded")
    if engine == "seeded" and not asked.engine:
        print(
            "atheris is not installed, so frames are drawn from the seed alone; pip install atheris guides the search"
        )
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found = _search(engine, asked, Path(folder))
    findings = found.pop("findings")
    print(f"engine: {engine}, seed {asked.seed}")
    for what, count in found.items():
        print(f"{what}: {count:,}")
    print(f"time: {time.monotonic() - began:.0f} s")
    print(f"findings: {len(findings)}")
    for case, why in findings:
        print(f"    {why}\n    kept in {_keep(asked.findings, bytes.fromhex(case))}")
    return 1 if findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--frames", type=int, default=1_000_000, help="how many frames to try")
    parser.add_argument("--seed", type=int, default=1, help="seed of all draws")
    parser.add_argument("--engine", choices=["seeded", "atheris"], help="the default is atheris where it is installed")
    parser.add_argument("--findings", type=Path, default=_ROOT / ".fuzz", help="where cases that were found are kept")
    parser.add_argument("--replay", type=Path, nargs="+", help="look at kept cases instead of searching")
    return parser


def _search(
    engine: str, asked: argparse.Namespace, folder: Path, program: Sequence[str] = ("-m", "tests.hostile.fuzz_search")
) -> dict[str, Any]:
    """Run the search and return what it tells; one that ends or stops is a finding: the case it was at."""
    note, log = folder / "note", folder / "log"
    note.write_bytes(bytes(NOTE_BYTES))
    command = [sys.executable, *program, engine, str(asked.frames), str(asked.seed), str(folder)]
    with note.open("r+b") as file, mmap.mmap(file.fileno(), NOTE_BYTES) as memory, log.open("wb") as said:
        with subprocess.Popen(command, cwd=_ROOT, stdout=said, stderr=said) as process:
            is_stuck = _wait(process, memory)
        told = folder / "told"
        if process.returncode == 0 and told.exists():
            found: dict[str, Any] = json.loads(told.read_text())
            return found
        ended = "it stood still" if is_stuck else f"Python ended with {process.returncode}"
        end_of_log = log.read_text(errors="replace")[-2000:]
        return {"frames": turns(memory), "findings": [(noted(memory).hex(), f"{ended}: {end_of_log}")]}


def _wait(process: subprocess.Popen[bytes], memory: mmap.mmap) -> bool:
    """Wait for the search to end; kill it and return True if it is at one case for too long."""
    before, since = -1, time.monotonic()
    while True:
        try:
            process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            if turns(memory) != before:
                before, since = turns(memory), time.monotonic()
            elif time.monotonic() - since > _STUCK_S:
                process.kill()
                return True
        else:
            return False


def _keep(folder: Path, case: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(case).hexdigest()[:16]}.case"
    path.write_bytes(case)
    return path


def _replay(files: list[Path]) -> int:
    """Examine kept cases in this process."""
    from .dialogues import record
    from .wire_fuzz import search_cases

    tally = search_cases(record(), ((file.read_bytes(), True) for file in files))
    for finding in tally.findings:
        print(finding.why)
    print(f"cases: {tally.frames}, findings: {len(tally.findings)}")
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
