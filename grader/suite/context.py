"""The check that is being judged now: its draws, its guest and what its comparisons have recorded.

Fixtures and comparisons find each other here, so that suites need not pass anything along. Owns no judgement. Outside
a judge (a plain unit test of a comparison) there is no current check; comparisons then record into the void.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy
import torch

from grader import draws_key, messages
from grader.errors import CourseError, GuestLost, StudentRaised
from grader.results import Curves, Flag

if TYPE_CHECKING:
    from grader.course import Exercise
    from grader.events import Score
    from grader.suite.accuracy import Bands
    from grader.suite.discreet import Discretion
    from grader.suite.ours import OurGuest

EXCEPTION_LABEL = "exception"
_EXCEPTION_CHARS = 500
# What differs between two runs of one mistake: addresses, lines, rounded numbers. Sizes stay: they tell mistakes apart.
_VARYING = (
    (re.compile(r"0x[0-9a-fA-F]+"), "0x"),
    (re.compile(r"\bline \d+"), "line"),
    (re.compile(r"-?\d+\.\d+(e[-+]?\d+)?"), "#"),
    (re.compile(r"\s+"), " "),
)


class SessionLike(Protocol):
    """What a judge needs of `suite.session.SuiteSession`."""

    flags: list[Flag]
    lost: GuestLost | None
    is_ours: bool
    received: tuple[object, ...]

    @property
    def stdout(self) -> str: ...  # noqa: D102 - the real one documents it
    @property
    def submission(self) -> Any: ...  # noqa: D102
    @property
    def guest(self) -> Any: ...  # noqa: D102
    def open(self, seed: int, *, device: str) -> list[Flag]: ...  # noqa: D102
    def starts_slowly(self, device: str) -> bool: ...  # noqa: D102
    def prepare(self, device: str) -> None: ...  # noqa: D102
    def begin_check(self, seed: int, deadline: float, device: str) -> None: ...  # noqa: D102
    def seed_guest(self, seed: int) -> None: ...  # noqa: D102
    def end_check(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Comparison:
    """What reached one `expect_*` call: the value as it was received, an exception as `Raised`.

    `expected` is what it was compared with, where that is one value; it never leaves the judge.
    """

    label: str
    index: int
    actual: object
    expected: object = None


class Raised(NamedTuple):
    """A student's exception as two submissions can be compared by it."""

    type_name: str
    text: str

    @classmethod
    def of(cls, error: StudentRaised) -> Raised:
        """Return an exception with everything taken out of its text that differs between two runs of one mistake."""
        text = error.text
        for pattern, kept in _VARYING:
            text = pattern.sub(kept, text)
        return cls(error.type_name, text.strip()[:_EXCEPTION_CHARS])


@dataclass(frozen=True)
class Shared:
    """What `once` keeps: a value or the failure it ended in, and the comparisons made on the way."""

    value: object
    failure: BaseException | None
    comparisons: tuple[Comparison, ...]


@dataclass
class Check:
    """One check while it runs."""

    id: str
    device: str
    run_seed: int
    session: SessionLike
    reference: Callable[[], ModuleType]
    shared: dict[tuple[str, str, str], Shared] = field(default_factory=dict)
    """What `once` has computed, by device, key of the draws and name."""
    draws_key: str = draws_key.NONE
    comparisons: list[Comparison] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    exercise: Exercise | None = None
    deadline: float = math.inf
    """When it must have ended (monotonic)."""
    discretion: Discretion | None = None
    """What may be told of words that the student's code chose, where not all may."""
    ours: OurGuest | None = None
    """Our solution in a guest of its own, where one can be started."""
    bands: Bands | None = None
    data: set[str] = field(default_factory=set)
    """The data sets that were read, by digest."""
    scores: list[Score] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is worth reading although the check passed."""
    _scope: str = ""
    _drawn: int = 0
    _rng: torch.Generator | None = None

    def record(self, label: str | None, actual: object, expected: object = None) -> str:
        """Remember a comparison; return its label, made up from its place if the suite gave none."""
        index = len(self.comparisons)
        label = label or f"comparison {index + 1}"
        self.comparisons.append(Comparison(label, index, actual, expected))
        return label

    def seed(self, purpose: str) -> int:
        """Return a seed that depends on the run's seed, the key, this check's id and the purpose only."""
        return derive_seed(self.run_seed, self._scope or self.id, purpose, self.draws_key)

    def next_seed(self, purpose: str) -> int:
        """Return a further seed for the same purpose, so that two uses in one check draw differently."""
        self._drawn += 1
        return self.seed(f"{purpose} {self._drawn}")

    @property
    def rng(self) -> torch.Generator:
        """The generator that the fixture `rng` hands out."""
        if self._rng is None:
            self._rng = torch.Generator().manual_seed(self.seed("rng"))
        return self._rng

    def draw_for(self, scope: str) -> None:
        """Let every later draw, here and in the guest, depend on the run's seed and `scope`, not on what was drawn.

        Raises:
            GuestLost: the guest is gone.
        """
        self._scope, self._drawn = scope, 0
        seed_host(self.seed("host"))
        if self._rng is not None:
            self._rng.manual_seed(self.seed("rng"))
        self.session.seed_guest(self.seed("guest"))


_current: Check | None = None


def begin(check: Check) -> None:
    """Make `check` the current one."""
    global _current
    _current = check


def end() -> None:
    """There is no current check any more."""
    global _current
    _current = None


def current() -> Check | None:
    """Return the check that is being judged now, if any."""
    return _current


def discretion() -> Discretion | None:
    """Return what may be told of words that the student's code chose; None where all may."""
    return _current.discretion if _current is not None else None


def told_sizes(sizes: str) -> str:
    """Return a shape that the student's code chose, as far as it may be told in this check."""
    found = discretion()
    return found.sizes(sizes) if found else sizes


def told_names(names: Iterable[object]) -> list[str]:
    """Return names that the student's code chose, as far as they may be told in this check."""
    found = discretion()
    return found.names(map(str, names)) if found else [str(name) for name in names]


def required() -> Check:
    """Return the check that is being judged now.

    Raises:
        CourseError: there is none.
    """
    if _current is None:
        raise CourseError(messages.NOT_JUDGED)
    return _current


def derive_seed(run_seed: int, check_id: str, purpose: str, key: str = draws_key.NONE) -> int:
    """Return 32 bits from the run's seed, a check's id, a purpose and a key; numpy takes no larger seed.

    Host and guest draw from different purposes, so a submission that reseeds itself does not shift the suite's draws.
    The guest can find the run's seed from its own, by trying; without the key that tells it nothing of the suite's.
    """
    digest = hashlib.sha256(f"{key}{run_seed}\0{check_id}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "little")


def seed_host(seed: int) -> None:
    """Seed every generator that a suite might draw from by accident; `rng` is the one to use."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.default_generator.manual_seed(seed)
