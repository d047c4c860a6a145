"""What a store keeps, row by row, as plain data, and how a value becomes a column and back.

Knows no SQL. Everything that is kept is JSON or text; what is large is compressed.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from grader.classroom.diff import Why
from grader.classroom.handin import Handin
from grader.diagnosis.evidence import Evidence
from grader.results import ExerciseResult

T = TypeVar("T")


class HandinRow(NamedTuple):
    """What a student handed in; `submission` is the key of the files, `told` the rest of the `Handin` as JSON."""

    student: str
    exercise: str
    run: int
    submission: str | None
    told: str

    @property
    def rest(self) -> HandinTold:
        """Everything but the files."""
        return from_json(self.told, HandinTold)


class HandinTold(msgspec.Struct, frozen=True):
    """A `Handin` without its student, exercise and files."""

    origin: str
    problem: str = ""
    submitted_at: datetime | None = None
    marked_late: bool = False
    times: int = 1
    notes: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    cells: dict[str, tuple[tuple[int, int], ...]] = {}


class PlanRow(NamedTuple):
    """What the checks of an exercise are worth, by id, in a suite that judges as `judging` says."""

    exercise: str
    suite: str
    judging: str
    worth: dict[str, float]


class AttemptRow(NamedTuple):
    """That a judgement was the newest of a student from a run on."""

    student: str
    exercise: str
    number: int
    judgement: int
    run: int
    why: str


class JudgementRow(NamedTuple):
    """One judgement of one submission, which may be that of several students."""

    id: int
    key: str
    exercise: str
    run: int
    files: str
    judging: str
    seed: int
    at: str
    wall_s: float
    why: str
    trouble: str
    settled: int
    names: str
    packed_result: bytes
    packed_evidence: bytes

    @property
    def result(self) -> ExerciseResult:
        """The result as it was judged: with the points of then, without overrides."""
        return ExerciseResult.from_json(unpacked(self.packed_result))

    @property
    def evidence(self) -> dict[str, Evidence]:
        """What diagnosis needs of the checks that failed."""
        return msgspec.json.decode(unpacked(self.packed_evidence), type=dict[str, Evidence])


@dataclass(frozen=True)
class NewJudgement:
    """What is to be kept of a judgement. `names` is `names_digest` where mistakes were looked for, else empty."""

    key: str
    files: str
    judging: str
    result: ExerciseResult
    evidence: Mapping[str, Evidence]
    wall_s: float
    settled: bool
    why: str = ""
    trouble: str = ""
    names: str = ""


def handin_told(handin: Handin) -> str:
    """Return what is kept of a hand-in besides its files."""
    fields = {name: getattr(handin, name) for name in HandinTold.__struct_fields__}
    return to_json(HandinTold(**{**fields, "cells": dict(handin.cells)}))


def why_again(before: JudgementRow, now: JudgementRow) -> str:
    """Return why a student's newest judgement is another one."""
    if before.key == now.key:
        return now.why or Why.RETRY
    if before.files != now.files:
        return Why.SUBMISSION
    if before.judging != now.judging:
        return Why.SUITE
    return Why.SEED if before.seed != now.seed else Why.ENVIRONMENT


def text_digest(text: str) -> str:
    """Return the name under which a text is kept."""
    return hashlib.sha256(text.encode()).hexdigest()


def to_json(value: Any) -> str:
    """Return a value as JSON."""
    return msgspec.json.encode(value).decode()


def from_json(text: str, kind: type[T]) -> T:
    """Return a value of this kind.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return msgspec.json.decode(text, type=kind)


def packed_json(value: Any) -> bytes:
    """Return a value as compressed JSON."""
    return packed(msgspec.json.encode(value))


def packed(data: bytes) -> bytes:
    """Return data compressed."""
    return zlib.compress(data, 6)


def unpacked(data: bytes) -> bytes:
    """Return what was packed.

    Raises:
        zlib.error: nothing was.
    """
    return zlib.decompress(data)
