"""Thousands of sandboxes, one after the other, and whether anything grows: `make soak`.

    python -m tests.hostile.soak [--count N] [--minutes M] [--tier TIER]

Each is a submission of its own with one cheap check: a judge and a fenced guest. Along the way the memory of zygote,
worker and this process, descriptors, processes, mounts and control groups are looked at. Exit code 1 if one of them
grows, a score is wrong, or no tier could be tried.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

from grader.course import Exercise
from grader.errors import FenceError
from grader.grade import Grader
from grader.sandbox import fence
from grader.sandbox.fence import Tier
from grader.sandbox.fence.rlimits import resident_bytes
from grader.submission import SourceFile, Submission
from tests.grader.tiny_course import REFERENCE, make_course

from .census import groups, mounts, temporary_files

_ROOT = Path(__file__).resolve().parents[2]
_AS_NOBODY = _ROOT / "tests" / "grader" / "unprivileged.py"
_TIERS = (Tier.NAMESPACES, Tier.LANDLOCK)
_HIDDEN = """
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
_MIB = 1 << 20
_SAMPLES = 20
_WARM_UP = 0.2  # of the samples: caches fill, the allocator finds its size
_MEMORY_GROWTH_MIB = 4.0


class Sample(NamedTuple):
    """What there is after so many sandboxes. Memory is what no file stands behind, shared with forks or not."""

    sandboxes: int
    zygote_mib: float
    worker_mib: float
    host_mib: float
    descriptors: int
    processes: int
    mounts: int
    groups: int
    files: int


class Soak(NamedTuple):
    """One tier's run: samples, wrong results, and how long it took."""

    samples: list[Sample]
    wrong: int
    wall_s: float


def look(grader: Grader, sandboxes: int) -> Sample:
    """Measure once nothing is at work."""
    zygote = psutil.Process(grader.zygote.pid)
    below = _settled(zygote)
    (worker,) = [process for process in below if process.name() == "grader worker"]
    here = psutil.Process()
    return Sample(
        sandboxes, *(round(resident_bytes(process.pid) / _MIB, 1) for process in (zygote, worker, here)),
        sum(process.num_fds() for process in (zygote, worker, here)), len(below), len(mounts()), len(groups()),
        len(temporary_files()),
    )  # fmt: skip


def _settled(zygote: psutil.Process) -> list[psutil.Process]:
    """Return what runs below the zygote when only the worker and its keeper do, or after a while whatever does."""
    due = time.monotonic() + 5
    while len(below := zygote.children(recursive=True)) > 2 and time.monotonic() < due:
        time.sleep(0.01)
    return below


def grown(samples: Sequence[Sample]) -> list[str]:
    """Return what there is more at the end than after the warm-up."""
    first, last = samples[min(int(len(samples) * _WARM_UP), len(samples) - 1)], samples[-1]
    found = []
    for name in Sample._fields[1:]:
        before, after = getattr(first, name), getattr(last, name)
        if after - before > (_MEMORY_GROWTH_MIB if name.endswith("_mib") else 0):
            found.append(f"{name}: {before} after {first.sandboxes} sandboxes, {after} after {last.sandboxes}")
    return found


def soak(exercise: Exercise, tier: Tier, count: int, wall_s: float) -> Soak:
    """Judge so many submissions, or as many as the time allows."""
    samples, wrong, began = [], 0, time.monotonic()
    with Grader(exercise, tier) as grader:
        for number in range(1, count + 1):
            text = f"{REFERENCE}# submission {number}\n"
            result = grader.grade(Submission(f"{number:064x}", (SourceFile("work.py", text),)))
            wrong += result.score != 1 or not result.complete
            is_late = time.monotonic() - began > wall_s
            if number % max(count // _SAMPLES, 1) == 0 or is_late:
                samples.append(look(grader, number))
                print(f"{tier:<11} {_row(samples[-1])}", flush=True)
            if is_late:
                break
    return Soak(samples, wrong, time.monotonic() - began)


def _row(sample: Sample) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in sample._asdict().items())


def main(arguments: list[str]) -> int:
    """Soak what is asked for; return 1 if anything grows."""
    asked = _parser().parse_args(arguments)
    tiers = [Tier(asked.tier)] if asked.tier else list(_TIERS)
    ends = [_at(tier, asked, len(tiers)) for tier in tiers]
    return 1 if 1 in ends or all(end is None for end in ends) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="how many sandboxes on each tier")
    parser.add_argument("--minutes", type=float, default=120.0, help="how long all of it may take")
    parser.add_argument("--tier", choices=[tier.value for tier in _TIERS], help="only at this tier")
    return parser


def _at(tier: Tier, asked: argparse.Namespace, parts: int) -> int | None:
    """Soak one tier, here or, if only an ordinary user can have it, by one; None where it is not to be had."""
    minutes = asked.minutes / parts
    try:
        fence.require_tier(tier)
    except FenceError as error:
        if os.geteuid() != 0 or asked.tier:
            print(f"tier {tier} is not to be had here: {error}")
            return None
        options = ["--tier", tier.value, "--count", str(asked.count), "--minutes", str(minutes)]
        command = [sys.executable, str(_AS_NOBODY), sys.executable, "-m", "tests.hostile.soak", *options]
        return subprocess.run(command, cwd=_ROOT, check=False).returncode
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        done = soak(make_course(Path(folder), _HIDDEN), tier, asked.count, 60 * minutes)
    found = grown(done.samples)
    print(f"{tier}: {done.samples[-1].sandboxes:,} sandboxes in {done.wall_s:.0f} s, wrong results: {done.wrong}")
    print("\n".join(f"    grows: {line}" for line in found) or "    nothing grows")
    return 1 if found or done.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
