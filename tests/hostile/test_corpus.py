"""The corpus through the production path: every submission ends as its expect.toml says and leaves nothing behind.

Here is a part of it, see `part`; `make hostile` runs everything on both tiers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from grader.errors import FenceError
from grader.sandbox import fence
from grader.sandbox.fence import Tier
from tests.grader.conftest import usable

from . import __main__
from .__main__ import main
from .canaries import PATTERN
from .entries import Entry, load_entries
from .part import is_possible, kinds, part_of
from .trial import Trials

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = load_entries()
_CANARY = re.compile(PATTERN.encode())


@pytest.fixture(scope="module")
def trials() -> Iterator[Trials]:
    """Trials on the stronger tier."""
    with Trials(usable(Tier.NAMESPACES)) as trials:
        yield trials


@pytest.mark.parametrize("entry", part_of(ENTRIES, Tier.NAMESPACES), ids=lambda entry: entry.name)
def test_a_hostile_submission_ends_as_it_must(trials: Trials, entry: Entry) -> None:
    """Outcome, sentence, ceiling of the score, time, secrets, debris, and the honest ones before and after it."""
    assert trials.hold(entry).findings == []


@pytest.mark.parametrize("tier", [Tier.NAMESPACES, Tier.LANDLOCK])
def test_the_part_leaves_no_kind_out(tier: Tier) -> None:
    """It is smaller, and has every group, layer and outcome that quick entries of the tier have."""
    part = part_of(ENTRIES, tier)
    quick = [entry for entry in ENTRIES if is_possible(entry.expect, tier)]
    assert len(part) < len(quick) / 2
    assert set[object]().union(*(kinds(entry, tier) for entry in part)) == set().union(
        *(kinds(entry, tier) for entry in quick)
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read another process")
def test_what_guests_are_forked_from_holds_no_canary(trials: Trials) -> None:
    """Every guest can read its memory; this process, which knows them all, is the control."""
    bench = trials.bench()
    zygote = bench.grader.zygote.pid
    assert zygote is not None
    assert canaries_in(zygote) == set()
    assert canaries_in(os.getpid()) >= {canary.encode() for canary in bench.canaries.values()}


def test_hostile_submissions_end_as_they_must_without_namespaces() -> None:
    """The same on the weaker tier, for what differs there; by an ordinary user where root cannot have it."""
    try:
        fence.require_tier(Tier.LANDLOCK)
    except FenceError as error:
        if os.geteuid() != 0:
            pytest.skip(str(error))
    command = [sys.executable, "-m", "tests.hostile", "--tier", "landlock", "--part"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]


def test_a_name_that_is_no_entry_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A run of nothing must not look like one that found nothing."""
    assert main(["forging/exits_at_imprt"]) == 2
    assert "no entry of the corpus is called forging/exits_at_imprt" in capsys.readouterr().out


def test_a_run_that_tried_nothing_does_not_count_as_one_that_found_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is skipped is listed with its reason, and the command fails."""
    skipped = replace(ENTRIES[0], expect=structs.replace(ENTRIES[0].expect, skip="for want of a reason"))
    monkeypatch.setattr(__main__, "load_entries", lambda: [skipped])
    assert main([skipped.name]) == 1
    said = capsys.readouterr().out
    assert "for want of a reason" in said
    assert "entries run: 0 at tier namespaces, 0 at tier landlock, of 1 in the corpus; skipped: 1" in said


def canaries_in(pid: int) -> set[bytes]:
    """Return every canary in the memory of a process."""
    found: set[bytes] = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" in rights and not line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                start, end = (int(part, 16) for part in span.split("-"))
                memory.seek(start)
                found |= set(_CANARY.findall(memory.read(end - start)))
    return found
