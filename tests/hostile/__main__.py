"""Run the corpus on every fenced tier of this machine and say what was found: `make hostile`.

    python -m tests.hostile [--tier TIER] [--part] [--show] [GROUP or GROUP/NAME ...]
    python -m tests.hostile --controls

At its end, and alone with --controls, stands for each layer a submission that succeeds without it.

Where root's Python lies below a private home, guests of tier landlock cannot read it; that tier is then tried by an
ordinary user, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from grader.errors import CourseError, FenceError
from grader.sandbox import fence
from grader.sandbox.fence import Tier

from . import controls
from .bench import Judged
from .entries import Entry, load_entries
from .part import part_of
from .trial import KINDS, Trials

_TIERS = (Tier.NAMESPACES, Tier.LANDLOCK)
_ROOT = Path(__file__).resolve().parents[2]
_AS_NOBODY = _ROOT / "tests" / "grader" / "unprivileged.py"


def main(arguments: list[str]) -> int:
    """Run what is asked for; return 1 if anything is not as it must be."""
    asked = _parser().parse_args(arguments)
    if asked.controls:
        return _show_controls()
    try:
        entries = [entry for entry in load_entries() if _is_named(entry, asked.names)]
    except CourseError as error:
        print(error)
        return 2
    if not entries:
        print(f"no entry of the corpus is called {', '.join(asked.names)}")
        return 2
    began = time.monotonic()
    tally = Counter[str]()
    for tier in [Tier(asked.tier)] if asked.tier else _TIERS:
        tally.update(_at(tier, entries, asked))
    if asked.tally:
        print(json.dumps(tally))
    else:
        _summarise(tally, entries, time.monotonic() - began)
    failed = sum(tally[kind] for kind in KINDS) or not any(tally[tier.value] for tier in _TIERS)
    is_whole = not (asked.names or asked.part or asked.tier or asked.tally)
    return 1 if (_show_controls() if is_whole else 0) or failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="a group, or an entry as GROUP/NAME; all without one")
    parser.add_argument("--tier", choices=[tier.value for tier in _TIERS], help="only at this tier")
    parser.add_argument("--part", action="store_true", help="only what `make test` tries")
    parser.add_argument("--controls", action="store_true", help="only the positive controls of the layers")
    parser.add_argument("--show", action="store_true", help="tell what came of each")
    parser.add_argument("--tally", action="store_true", help="end with the numbers as JSON")
    return parser


def _is_named(entry: Entry, names: list[str]) -> bool:
    return not names or entry.name in names or entry.folder.parent.name in names


def _at(tier: Tier, entries: list[Entry], asked: argparse.Namespace) -> Counter[str]:
    """Hold the trials of one tier, here or, if only an ordinary user can have it, by one."""
    possible = [entry for entry in entries if tier.value in entry.expect.tiers and not entry.expect.skip]
    chosen = part_of(possible, tier) if asked.part else possible
    if not chosen:
        return Counter()
    try:
        fence.require_tier(tier)
    except FenceError as error:
        if os.geteuid() == 0 and _AS_NOBODY.exists():
            return _as_nobody(tier, asked)
        print(f"tier {tier} is not to be had here, so nothing was tried on it: {error}")
        return Counter()
    tally = Counter[str]()
    with Trials(tier) as trials:
        for entry in chosen:
            tally[tier.value] += 1
            tally.update(_hold(trials, tier, entry, asked.show))
    return tally


def _as_nobody(tier: Tier, asked: argparse.Namespace) -> Counter[str]:
    options = ["--tier", tier.value, "--tally", *asked.names]
    options += [f"--{name}" for name in ("part", "show") if getattr(asked, name)]
    command = [sys.executable, str(_AS_NOBODY), sys.executable, "-m", "tests.hostile", *options]
    last = ""
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(last, end="", flush=True)
            last = line
    try:
        return Counter(json.loads(last))
    except ValueError:  # its traceback stands above
        sys.exit(f"{last}the run of tier {tier} broke off and ended with {process.returncode}")


def _hold(trials: Trials, tier: Tier, entry: Entry, show: bool) -> list[str]:
    """Hold one trial and print what was found; return the kinds of the findings."""
    judged, findings = trials.hold(entry)
    print(f"{tier:<11} {entry.name:<44} {'' if findings else 'as it must be'}".rstrip(), flush=True)
    for finding in findings:
        print(f"    {finding.kind}: {finding.text}", flush=True)
    if show:
        _show(judged)
    return [finding.kind for finding in findings]


def _show(judged: Judged) -> None:
    """Print what came of it: to see while an entry is written whether the attack is made at all."""
    result = judged.result
    print(f"    {result.score:g} points in {judged.wall_s:.2f} s; it printed: {judged.printed.strip() or 'nothing'}")
    for check in result.checks:
        print(f"    {check.id:<20} {check.outcome:<9} {check.message}")
    for flag in result.flags:
        print(f"    flag, line {flag.line}: {flag.message}")


def _summarise(tally: Counter[str], entries: list[Entry], wall_s: float) -> None:
    skipped = [entry for entry in entries if entry.expect.skip]
    for entry in skipped:
        print(f"skipped     {entry.name:<44} {entry.expect.skip}")
    run = ", ".join(f"{tally[tier.value]} at tier {tier}" for tier in _TIERS)
    print(f"\nentries run: {run}, of {len(entries)} in the corpus; skipped: {len(skipped)}")
    for kind in KINDS:
        print(f"{kind}: {tally[kind]}")
    print(f"time: {wall_s:.0f} s")


def _show_controls() -> int:
    """Print what each layer is good for; return how many do not show it."""
    print("\npositive controls, by layer:")
    failed = 0
    for shown in controls.run():
        print(shown, flush=True)
        failed += not (shown.skipped or shown.proves_it)
    print(f"layers that no control proves: {failed}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
