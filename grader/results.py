"""Outcomes and results: plain data, to and from JSON (schema `grader.result/1`).

Owns the words a result is written in. Knows nothing of processes, tensors or pytest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

SCHEMA: Literal["grader.result/1"] = "grader.result/1"


class Outcome(StrEnum):
    """How one check ended; every expected check ends in exactly one of these."""

    PASSED = "passed"
    FAILED = "failed"
    RAISED = "raised"
    FORBIDDEN = "forbidden"
    TODO = "todo"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASHED = "crashed"
    PROTOCOL = "protocol"
    REJECTED = "rejected"
    BLOCKED = "blocked"
    PENDING = "pending"
    NOT_RUN = "not_run"
    ERROR = "error"


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One frame of the student's own code in a traceback; `code` is the source line, read by the host."""

    file: str
    line: int
    function: str
    code: str = ""


class Flag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something suspicious that a person should look at; never a silent zero."""

    rule: str
    file: str
    line: int
    message: str


class Diagnosis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The misconception a failing check was matched to."""

    misconception: str
    statement: str
    hint: str


class CheckResult(msgspec.Struct, forbid_unknown_fields=True):
    """One check on one device."""

    id: str
    title: str
    visibility: Literal["public", "hidden"]
    device: str
    outcome: Outcome
    points: float
    max_points: float
    wall_s: float = 0.0
    message: str = ""
    comparison: str | None = None
    blocked_by: str | None = None
    diagnosis: Diagnosis | None = None
    frames: list[Frame] = []
    figures: list[str] = []
    stdout: str = ""


class SubmissionInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which bytes were judged."""

    sha256: str
    files: list[str]


class Environment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where they were judged."""

    grader: str
    python: str
    torch: str
    devices: list[str]
    fence: str


class ExerciseResult(msgspec.Struct, forbid_unknown_fields=True):
    """One submission judged for one exercise."""

    exercise: str
    submission: SubmissionInfo
    suite_sha256: str
    score: float
    max_score: float
    complete: bool
    seed: int
    environment: Environment
    checks: list[CheckResult]
    attempt: int = 1
    flags: list[Flag] = []
    stdout: str = ""  # what the files printed while they were imported; it belongs to no check
    schema: Literal["grader.result/1"] = SCHEMA

    def to_json(self) -> bytes:
        """Return the result as indented UTF-8 JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)

    @classmethod
    def from_json(cls, data: bytes) -> ExerciseResult:
        """Read a result back, strictly.

        Raises:
            msgspec.ValidationError: a field is missing, unknown or of another type.
        """
        return msgspec.json.decode(data, type=cls)
