"""What `grader verify` takes with an empty cache and again with a warm one, in one run.

    python benchmarks/verify.py [EXERCISE] [--cores N] [--mutants]

The command is run as an author runs it, start of Python included, with a cache folder of its own; figures of different
machines do not compare. A gate that does not hold is named; put that right first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 60.0


@click.command()
@click.argument("exercise", default="exercise1")
@click.option("--cores", default=2, show_default=True, help="Cores to use.")
@click.option("--mutants", is_flag=True, help="Judge machine-made mutants of the reference as well; takes minutes.")
def main(exercise: str, cores: int, mutants: bool) -> None:
    """Measure and print one table."""
    available = sorted(os.sched_getaffinity(0))
    if len(available) < cores:
        raise SystemExit(f"{cores} cores are wanted, {len(available)} are there")
    os.sched_setaffinity(0, available[:cores])
    print(f"grader verify {exercise}, cores {cores}")
    with tempfile.TemporaryDirectory() as cache:
        cold_s = gates(f"cache empty, to stay below {LIMIT_S:g} s", exercise, cache)
        warm_s = gates("cache warm", exercise, cache)
        print(f"  {'saved by the cache':<48} {(cold_s - warm_s) / cold_s:>9.0%}")
        if mutants:
            counts = verified(exercise, cache, "--mutants")[0]["mutants"] or {}
            if not counts:
                raise SystemExit("the mutants could not be judged")
            row("mutants, killed of judged", f"{counts['killed']}/{counts['judged']}", f"{counts['kill_rate']:.1%}")
            row("mutants per second", f"{counts['per_s']:.2f}", f"{counts['workers']} at once")


def gates(name: str, exercise: str, cache: str) -> float:
    """Run all gates once, print how long that took, and return it."""
    found, wall_s = verified(exercise, cache)
    bad = [gate["name"] for gate in found["gates"] if gate["problems"]]
    note = f"; DO NOT HOLD: {', '.join(bad)}" if bad else ", every gate holds"
    judged, known = found["runs"] - found["cached"], found["cached"]
    row(name, f"{wall_s:.1f} s", f"{judged} submissions judged, {known} known{note}")
    return wall_s


def verified(exercise: str, cache: str, *options: str) -> tuple[dict[str, Any], float]:
    """Run the command; return what it says of the exercise, and for how long it ran."""
    command = [sys.executable, "-m", "grader", "verify", exercise, "--json", "-", *options]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"XDG_CACHE_HOME": cache}, capture_output=True, text=True)
    wall_s = time.perf_counter() - began
    if done.returncode not in (0, 1):  # 1: a gate does not hold, which is told
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found, wall_s


def row(name: str, value: str, note: str) -> None:
    """Print one figure."""
    print(f"  {name:<48} {value:>9} {note}", flush=True)


if __name__ == "__main__":
    main()
