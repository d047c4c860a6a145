"""The check that is being judged now: its draws, its guest and what its comparisons have recorded.

Fixtures and comparisons find each other here, so that suites need not pass anything along. Owns no judgement. Outside
a judge (a plain unit test of a comparison) there is no current check; comparisons then record into the void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Protocol

from grader.errors import GuestLost
from grader.results import Flag


class SessionLike(Protocol):
    """What a judge needs of `sandbox.host.Session`."""

    lost: GuestLost | None

    @property
    def stdout(self) -> str: ...  # noqa: D102 - the real one documents it
    @property
    def submission(self) -> Any: ...  # noqa: D102
    @property
    def guest(self) -> Any: ...  # noqa: D102
    def open(self, seed: int) -> list[Flag]: ...  # noqa: D102
    def begin_check(self, seed: int, deadline: float) -> None: ...  # noqa: D102
    def end_check(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True)
class Comparison:
    """What reached one `expect_*` call: the value as it was received."""

    label: str
    index: int
    actual: object


@dataclass
class Check:
    """One check while it runs."""

    id: str
    device: str
    run_seed: int
    session: SessionLike
    reference: Callable[[], ModuleType]
    comparisons: list[Comparison] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _drawn: int = 0

    def record(self, label: str | None, actual: object) -> str:
        """Remember a comparison; return its label, made up from its place if the suite gave none."""
        index = len(self.comparisons)
        label = label or f"comparison {index + 1}"
        self.comparisons.append(Comparison(label, index, actual))
        return label

    def seed(self, purpose: str) -> int:
        """Return a seed that depends on the run's seed, this check's id and the purpose only."""
        return derive_seed(self.run_seed, self.id, purpose)

    def next_seed(self, purpose: str) -> int:
        """Return a further seed for the same purpose, so that two uses in one check draw differently."""
        self._drawn += 1
        return self.seed(f"{purpose} {self._drawn}")


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


def derive_seed(run_seed: int, check_id: str, purpose: str) -> int:
    """Return 32 bits from the run's seed, a check's id and a purpose; numpy takes no larger seed.

    Host and guest draw from different purposes, so a submission that reseeds itself does not shift the suite's draws.
    """
    digest = hashlib.sha256(f"{run_seed}\0{check_id}\0{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "little")
