"""Our solution in a guest of its own, beside the student's: what a time is compared with.

It runs behind the same fence, reached in the same way, so that both pay the same; the student's guest cannot see it.
What happens in it is the course's, never the student's; but for the time, which both share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from grader import messages
from grader.course import Exercise
from grader.errors import CourseError, GuestLost, SubmissionError
from grader.events import Job, SourceText
from grader.suite import context
from grader.suite.present import SLOW_DEVICES


class Ours(NamedTuple):
    """What a suite has of it: as `submission` and `guest` are the student's."""

    solution: Any
    guest: Any


class OurGuest:
    """The guest of our solution, started when a check first asks for it."""

    def __init__(self, exercise: Exercise, job: Job, open_session: Callable[[Job], context.SessionLike]) -> None:
        self._exercise, self._job, self._open_session = exercise, job, open_session
        self._session: context.SessionLike | None = None

    def begin(self, check: context.Check) -> context.SessionLike:
        """Return its session, ready for this check: with the draws and the deadline that the student's guest has.

        Raises:
            CourseError: the solution is not here, or cannot be imported. InfrastructureError: ours.
        """
        if self._session is None:
            self._session = self._opened(check)
        self._session.begin_check(check.seed("guest"), check.deadline, check.device)
        return self._session

    def close(self) -> None:
        """End the guest, if it was started."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _opened(self, check: context.Check) -> context.SessionLike:
        session = self._open_session(_with_ours(self._job, self._exercise))
        session.is_ours = True
        if check.device in SLOW_DEVICES or session.starts_slowly(check.device):
            session.prepare(check.device)  # takes seconds of this check; the student's guest had its own before
        try:
            session.open(context.derive_seed(check.run_seed, "", "import"), device=check.device)
        except (SubmissionError, GuestLost) as error:
            session.close()
            raise CourseError(messages.OURS_FAILED.format(text=error)) from error
        return session


def _with_ours(job: Job, exercise: Exercise) -> Job:
    """Return the job with our solution in the place of the submission.

    Raises:
        CourseError: it is not here.
    """
    sources = []
    for name in exercise.files:
        path = exercise.solution_folder / name
        try:
            sources.append(SourceText(name, path.read_text(encoding="utf-8")))
        except OSError as error:
            shown = path.relative_to(exercise.course.root)
            raise CourseError(messages.REFERENCE_MISSING.format(file=shown)) from error
    return msgspec.structs.replace(job, sources=tuple(sources))
