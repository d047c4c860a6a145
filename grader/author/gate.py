"""What a gate found, as plain data. Owns the words of `grader verify --json`; knows no gate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

SCHEMA: Literal["grader.verify/1"] = "grader.verify/1"


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to put right: in which file (relative to the course), at which check if it is about one, and what."""

    file: str
    check: str
    text: str


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One claim about an exercise: it holds if nothing speaks against it.

    `counted` says how much was looked at, `advice` what to do about problems; `notes` are worth knowing either way.
    """

    name: str
    title: str
    counted: int
    advice: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the claim holds."""
        return not self.problems


class MutantCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the mutants of a reference fared.

    `judged` = `killed` + `survived` + `unsettled`, the last ones by failures of ours; of the killed `killed_by_time`
    were stopped by a limit, of those that survived `explained` are. `kill_rate` is raw: killed of judged. `skipped`
    were not worth judging, by reason. Each mutant had `limit_s`; `per_s` of them were judged with `workers` at once.
    """

    judged: int
    killed: int
    killed_by_time: int
    survived: int
    explained: int
    unsettled: int
    skipped: dict[str, int]
    kill_rate: float
    limit_s: float
    per_s: float
    workers: int


class Verified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All gates of one exercise; `cached` of the `runs` were known from an earlier time. `mutants` if they were run."""

    exercise: str
    seed: int
    gates: tuple[Gate, ...]
    runs: int
    cached: int
    wall_s: float
    mutants: MutantCounts | None = None
    schema: Literal["grader.verify/1"] = SCHEMA

    @property
    def good(self) -> bool:
        """Whether every gate holds."""
        return all(gate.good for gate in self.gates)


def to_json(verified: Iterable[Verified]) -> bytes:
    """Return the gates of several exercises as indented UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(list(verified)), indent=1)
