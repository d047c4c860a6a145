"""Outcomes and results: plain data, to and from JSON (schema `grader.result/1`).

Owns the words a result is written in. Knows nothing of processes, tensors or pytest.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec

SCHEMA: Literal["grader.result/1"] = "grader.result/1"
SHOWN = 16  # rows, and columns, of a figure: more is not looked at, and bounds what a submission can put into a result
EPOCHS = 64  # of a curve, for the same reasons
CURVES, TRAININGS = 4, 10  # in one figure, and of one curve

Cell = bool | float | Literal["nan", "inf", "-inf"]
"""One number of a figure. JSON has no word for what is not finite, so it is spelled out; integers are floats."""
Point = float | Literal["nan", "inf", "-inf"]
"""One number of a curve."""
_AT_MOST = msgspec.Meta(max_length=SHOWN)
_Cells = Annotated[tuple[Annotated[tuple[Cell, ...], _AT_MOST], ...], _AT_MOST]
_FEW_EPOCHS = msgspec.Meta(min_length=1, max_length=EPOCHS)
_Epochs = Annotated[tuple[Annotated[int, msgspec.Meta(ge=1)], ...], _FEW_EPOCHS]
_Finite = Annotated[tuple[float, ...], _FEW_EPOCHS]
_Marks = Annotated[tuple[Annotated[tuple[bool, ...], _AT_MOST], ...], _AT_MOST]


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


OUR_FAILURES = (Outcome.ERROR, Outcome.NOT_RUN)
"""How a check ends that was not judged for a reason of ours; it says nothing of the submission."""
NOT_TO_FIX = (Outcome.PASSED, Outcome.BLOCKED, Outcome.PENDING, *OUR_FAILURES)
"""How a check ends about which a student can do nothing, or only by looking at another check first."""


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One frame of the student's own code in a traceback; `code` is the source line, read by the host.

    `cell` is set where the file was a notebook: the code cell that the line came from and its line in that, from 1.
    """

    file: str
    line: int
    function: str
    code: str = ""
    cell: tuple[int, int] | msgspec.UnsetType = msgspec.UNSET


class Flag(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something suspicious that a person should look at; never a silent zero. `cell` is as in `Frame`."""

    rule: str
    file: str
    line: int
    message: str
    cell: tuple[int, int] | msgspec.UnsetType = msgspec.UNSET


class Diagnosis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The misconception a failing check was matched to."""

    misconception: str
    statement: str
    hint: str


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="values"):
    """A value that was compared and differs, number by number beside the expected one; cut to what can be looked at.

    `slice` holds the indices of the leading axes where there are more than two; `first_row` and `first_column` say
    where the part begins. A vector is one row, a number one cell; `difference` is got - expected.

    Shapes:
        shape: that of the whole value.
        got, expected, difference, wrong: (rows, columns) of the part, at most SHOWN each.
    """

    label: str
    dtype: str
    shape: tuple[int, ...]
    got: _Cells
    expected: _Cells
    difference: _Cells
    wrong: _Marks
    slice: tuple[int, ...] = ()
    first_row: int = 0
    first_column: int = 0

    def __post_init__(self) -> None:
        sizes = {tuple(map(len, part)) for part in (self.got, self.expected, self.difference, self.wrong)}
        lengths = set(next(iter(sizes)))
        if len(sizes) != 1 or len(lengths) != 1 or lengths == {0} or len(self.slice) != max(0, len(self.shape) - 2):
            raise ValueError("the parts of a figure must have the same rows and columns, and its slice the other axes")


class Training(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One number per epoch, as the student's code gave it back; `epochs` count from 1, some may be left out."""

    epochs: _Epochs
    values: Annotated[tuple[Point, ...], _FEW_EPOCHS]

    def __post_init__(self) -> None:
        _require_epochs(self.epochs, self.values)


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What right solutions did, epoch by epoch, over all runs of a calibration."""

    epochs: _Epochs
    low: _Finite
    mean: _Finite
    high: _Finite

    def __post_init__(self) -> None:
        _require_epochs(self.epochs, self.low, self.mean, self.high)


def _require_epochs(epochs: tuple[int, ...], *lines: tuple[Point, ...]) -> None:
    if any(len(line) != len(epochs) for line in lines) or list(epochs) != sorted(set(epochs)):
        raise ValueError("a curve must have one number for each epoch, and its epochs must ascend")


class Curve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity, such as the loss, in every training of a check; the last is the one that counted."""

    name: str
    trainings: Annotated[tuple[Training, ...], msgspec.Meta(min_length=1, max_length=TRAININGS)]
    right: Envelope | None = None


class Curves(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="curves"):
    """Learning curves of one comparison: what the student's code says of its trainings, beside what right ones did.

    It decides nothing. A hidden check may have it: of what is expected it tells what the calibration says of right
    solutions, as the sentence about their accuracy does.
    """

    label: str
    curves: Annotated[tuple[Curve, ...], msgspec.Meta(min_length=1, max_length=CURVES)]


class CheckResult(msgspec.Struct, forbid_unknown_fields=True):
    """One check on one device. A hidden check has no figures of values, whoever makes one: they show the expected."""

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
    figures: list[Figure | Curves] = []
    stdout: str = ""

    def __post_init__(self) -> None:
        if self.visibility == "hidden" and any(isinstance(figure, Figure) for figure in self.figures):
            raise ValueError(f"{self.id} is hidden, so it must not have figures of values")


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

    @property
    def our_failures(self) -> list[CheckResult]:
        """The entries that were not judged for a reason of ours; while there is one, the result is open."""
        return [check for check in self.checks if check.outcome in OUR_FAILURES]

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
