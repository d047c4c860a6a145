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


class Verified(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All gates of one exercise; `cached` of the `runs` were known from an earlier time."""

    exercise: str
    seed: int
    gates: tuple[Gate, ...]
    runs: int
    cached: int
    wall_s: float
    schema: Literal["grader.verify/1"] = SCHEMA

    @property
    def good(self) -> bool:
        """Whether every gate holds."""
        return all(gate.good for gate in self.gates)


def to_json(verified: Iterable[Verified]) -> bytes:
    """Return the gates of several exercises as indented UTF-8 JSON."""
    return msgspec.json.format(msgspec.json.encode(list(verified)), indent=1)
