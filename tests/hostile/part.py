"""Which trials are part of `make test`: of each kind one, the quickest first. `make hostile` holds all.

A kind is a layer with an outcome, or a group with a layer that must stop it. On the weaker tier only layers that are
otherwise there are tried again, and what is about that tier.
"""

from __future__ import annotations

from collections.abc import Iterable

from grader.results import Outcome
from grader.sandbox.fence import Tier

from .entries import Entry, Expect, known_checks

QUICK_WALL_S = 8.0
_GO_ON = {Outcome.PASSED, Outcome.FAILED, Outcome.RAISED, Outcome.REJECTED}
_DIFFER = {"namespaces", "landlock", "seccomp", "limits", "cgroup", "user"}


def part_of(entries: Iterable[Entry], tier: Tier) -> list[Entry]:
    """Return the entries that `make test` tries on a tier, in the order of the corpus."""
    entries = [entry for entry in entries if is_possible(entry.expect, tier)]
    seen, chosen = set[object](), set[str]()
    for entry in sorted(entries, key=lambda entry: (_cost(entry.expect), entry.name)):
        its_own = kinds(entry, tier)
        if its_own - seen:
            chosen.add(entry.name)
            seen |= its_own
    return [entry for entry in entries if entry.name in chosen]


def is_possible(expect: Expect, tier: Tier) -> bool:
    """Whether an entry can be had on a tier and is quick."""
    return tier.value in expect.tiers and expect.wall_s_at_most <= QUICK_WALL_S and not expect.skip


def kinds(entry: Entry, tier: Tier) -> set[object]:
    """Return what an entry is an example of."""
    is_stronger = tier is Tier.NAMESPACES
    layers = {layer for layer in entry.expect.layer if is_stronger or layer in _DIFFER}
    found: set[object] = {(layer, outcome) for layer in layers for outcome in _outcomes(entry.expect)}
    if is_stronger:
        found |= {(entry.folder.parent.name, layer) for layer in layers}
    elif Tier.NAMESPACES.value not in entry.expect.tiers:
        found.add(entry.name)  # it is about this tier
    return found


def _outcomes(expect: Expect) -> set[Outcome]:
    return {outcome for check in expect.outcomes for outcome in expect.allowed(check)}


def _cost(expect: Expect) -> tuple[int, int, float]:
    """Return how many checks may use up their time, in how many Python may have to be started anew, and the bound."""
    allowed = [expect.allowed(check) for check in known_checks()]
    waits = sum(Outcome.TIMEOUT in outcomes for outcomes in allowed)
    return waits, sum(not _GO_ON.issuperset(outcomes) for outcomes in allowed), expect.wall_s_at_most
