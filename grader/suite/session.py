"""A session as a judge uses it: it also knows what the suite received last, and can seed the guest in mid-check.

Adds nothing to how a guest is reached; `sandbox.host` owns that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from grader import messages
from grader.course import Exercise
from grader.errors import CourseError, GuestLost, SubmissionError
from grader.events import Job
from grader.results import Outcome
from grader.sandbox.autograd import Reply
from grader.sandbox.fence import Tier
from grader.sandbox.host import CPU, GuestSpec, Session, Source
from grader.sandbox.spawn import GuestSource


class SuiteSession(Session):
    """The guests of one submission, with what a verdict wants to know of the check that is being judged."""

    received: tuple[object, ...] = ()
    is_ours = False
    """Whether it is our own solution that runs there, for comparison: then what it raises is the course's."""

    def exchange(self, name: str, *arguments: object, differentiable: bool = False) -> Any:
        """Ask for an operation and return its value; it is kept until the next one or the end of the check."""
        try:
            value = super().exchange(name, *arguments, differentiable=differentiable)
        except (GuestLost, SubmissionError) as error:
            self._require_theirs(error)
            raise
        self.received = (value,)
        return value

    def request(self, name: str, *arguments: object) -> Reply:
        """Ask for an operation and return its reply as it came."""
        try:
            return super().request(name, *arguments)
        except (GuestLost, SubmissionError) as error:
            self._require_theirs(error)
            raise

    def _require_theirs(self, error: GuestLost | SubmissionError) -> None:
        """Blame the course for what our own solution did; the time of a check may have been used up by the student's.

        Raises:
            CourseError: it was ours.
        """
        not_its_own = isinstance(error, GuestLost) and (
            error.outcome in (Outcome.TIMEOUT, Outcome.ERROR) or error.killed
        )
        if self.is_ours and not not_its_own:
            raise CourseError(messages.OURS_FAILED.format(text=error)) from error

    def starts_slowly(self, device: str) -> bool:
        """Whether a guest of this device would have to be started now, and that may take seconds."""
        is_there = device in self._waiting or (device == self.device and self._channel is not None)
        return self._zygote.is_slow and not is_there

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
        spec = GuestSpec(Tier(job.tier), exercise.limits, sources, policy=exercise.policy.translated(), gpu=job.gpu)
        return SuiteSession(guests, spec)

    return open_session
