"""A session as a judge uses it: it also knows what the suite received last, and can seed the guest in mid-check.

Adds nothing to how a guest is reached; `sandbox.host` owns that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grader.course import Exercise
from grader.events import Job
from grader.sandbox.fence import Tier
from grader.sandbox.host import CPU, GuestSpec, Session, Source
from grader.sandbox.spawn import GuestSource


class SuiteSession(Session):
    """The guests of one submission, with what a verdict wants to know of the check that is being judged."""

    received: tuple[object, ...] = ()

    def exchange(self, name: str, *arguments: object, differentiable: bool = False) -> Any:
        """Ask for an operation and return its value; it is kept until the next one or the end of the check."""
        value = super().exchange(name, *arguments, differentiable=differentiable)
        self.received = (value,)
        return value

    def begin_check(self, seed: int, deadline: float, device: str = CPU) -> None:
        """Start a check, in which nothing has been received yet."""
        self.received = ()
        super().begin_check(seed, deadline, device)

    def end_check(self) -> None:
        """End a check; what it received is let go."""
        self.received = ()
        super().end_check()

    def seed_guest(self, seed: int) -> None:
        """Seed the guest's generators, leaving its objects alone.

        Raises:
            GuestLost: the guest is gone.
        """
        self.request("seed", seed)


def sessions_from(guests: GuestSource, exercise: Exercise) -> Callable[[Job], SuiteSession]:
    """Return a function that makes the session of a job."""

    def open_session(job: Job) -> SuiteSession:
        sources = tuple(Source(source.name, source.text) for source in job.sources)
        spec = GuestSpec(Tier(job.tier), exercise.limits, sources, policy=exercise.policy, gpu=job.gpu)
        return SuiteSession(guests, spec)

    return open_session
