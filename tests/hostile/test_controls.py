"""Attacks that are stopped do succeed where nothing stops them, or their being stopped would prove nothing."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator

import pytest

from grader.sandbox import fence
from grader.sandbox.fence import Tier

from .bench import Bench
from .canaries import PATTERN, SUCCEEDED
from .entries import Entry, load_entries

_CANARY = re.compile(PATTERN.encode())
# Where a secret might come to lie by a mistake of ours: a variable, the environment of Python and that of C.
_PLANTED = """
import os as _os
LEFT_BEHIND = {canary!r}
_os.environ["LEFT_BEHIND"] = LEFT_BEHIND
"""


def controlled(control: str) -> list[Entry]:
    """Return the entries that name this control."""
    return [entry for entry in load_entries() if entry.expect.control == control]


@pytest.fixture(scope="module")
def fenced() -> Iterator[Bench]:
    """A bench at the strongest tier of this machine: no fence keeps a process from what is in it."""
    with started(fence.strongest_tier()) as bench:
        yield bench


@pytest.fixture(scope="module")
def unfenced() -> Iterator[Bench]:
    """A bench without a fence."""
    with started(Tier.NONE) as bench:
        yield bench


@contextlib.contextmanager
def started(tier: Tier) -> Iterator[Bench]:
    """Start a bench and close it."""
    with contextlib.closing(Bench(tier)) as bench:
        bench.start()
        yield bench


@pytest.mark.parametrize("entry", controlled("planted"), ids=lambda entry: entry.name)
def test_an_attack_finds_what_was_planted_for_it(fenced: Bench, entry: Entry) -> None:
    """It recognises a canary where it looks for one."""
    planted = _PLANTED.format(canary="hostile-canary-" + "5" * 32)
    assert SUCCEEDED in fenced.judge(fenced.hand_in(entry, planted)).shown


@pytest.mark.parametrize("entry", controlled("unfenced"), ids=lambda entry: entry.name)
def test_an_attack_succeeds_without_a_fence(unfenced: Bench, entry: Entry) -> None:
    """It is the fence that stops it. One of three tries is enough: a busy machine may be too slow for an attack."""
    folder = unfenced.hand_in(entry)
    assert any(SUCCEEDED in unfenced.judge(folder).shown for _ in range(3))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read another process")
def test_what_guests_are_forked_from_holds_no_canary(fenced: Bench) -> None:
    """Every guest can read its memory; this process, which knows them all, is the control."""
    zygote = fenced.grader.zygote.pid
    assert zygote is not None
    assert canaries_in(zygote) == set()
    assert canaries_in(os.getpid()) >= {canary.encode() for canary in fenced.canaries.values()}


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
