"""One trial: some hand-ins, one contender, so many cores. What it took and what became of each hand-in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from benchmarks.peers.contenders import Contender, Handin, Lanes, Place, Standing
from benchmarks.peers.contenders.base import ROOT, SLUG
from benchmarks.peers.venvs import python_of

GIB = 1 << 30
MEMORY_BYTES = 6 * GIB  # of addresses, for each process; torch takes three of them
FILE_BYTES = 64 << 20


@cache
def digest() -> str:
    """Return what changes with the checks, the contenders and exercise 1: what is made of them is kept by it."""
    folders = (Path(__file__).parent, ROOT / "exercises" / SLUG, ROOT / "solutions" / SLUG)
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".toml"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


class Taken(msgspec.Struct, frozen=True):
    """What a trial took: of everything that was started, peak memory with shared pages counted once."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    timed_out: bool
    left_behind: int
    codes: list[int | None]
    load: float


@dataclass(frozen=True)
class Bench:
    """Where trials take place."""

    cache: Path

    def place(self, contender: Contender) -> Place:
        """Return where a contender finds its things."""
        return Place(
            python_of(contender.requirements, self.cache), self.cache / "kept" / digest(), self.cache / "trial"
        )

    def run(
        self, contender: Contender, handins: Sequence[Handin], cores: int, limit_s: float, *, is_hostile: bool = False
    ) -> tuple[Taken, dict[str, Standing]]:
        """Lay out, measure, read; hostile hand-ins run under limits of memory and of what is written to a file."""
        place = self.place(contender)
        shutil.rmtree(place.work, ignore_errors=True)
        place.work.mkdir(parents=True)
        lanes = _scripts(place.work, contender.lay_out(place, handins, cores))
        wanted = {"lanes": lanes, "cores": cores, "limit_s": limit_s}
        if is_hostile:
            wanted |= {"memory_bytes": MEMORY_BYTES, "file_bytes": FILE_BYTES}
        command = [sys.executable, Path(__file__).with_name("measure.py"), json.dumps(wanted)]
        done = subprocess.run(command, env=contender.environment(place), cwd=place.work, stdout=subprocess.PIPE)
        if done.returncode:
            raise SystemExit(f"{contender.name} could not be measured")
        return msgspec.json.decode(done.stdout, type=Taken), contender.standings(place, handins)


def _scripts(work: Path, lanes: Lanes) -> list[str]:
    """Write what each lane runs into a script; an empty lane needs none."""
    paths = []
    for number, lines in enumerate(lanes):
        if lines:
            path = work / f"{number}.sh"
            path.write_text("".join(f"({line})\n" for line in lines))
            paths.append(str(path))
    return paths


def tail(place: Place, lane: int = 0) -> str:
    """Return the end of what a lane printed, to find out why there is no result."""
    path = place.work / f"{lane}.out"
    with path.open("rb") as file:
        file.seek(max(0, os.path.getsize(path) - 2000))
        return file.read().decode(errors="replace")
