"""The whole error tree. Blame is its first branch, because blame decides points, retries and exit codes.

    GraderError
    ├── UsageError                      exit 2   the command line was wrong
    ├── CourseError                     exit 3   the course (exercise.toml, suite, reference) is broken
    │   ├── ProxyMisuse                          a suite used a remote value as if it were local
    │   └── UnsupportedAcrossBoundary            autograd feature that cannot cross the boundary
    ├── SubmissionError                 becomes feedback; may cost points
    │   ├── SubmissionRejected                   cannot be read: missing, not UTF-8, syntax error
    │   ├── StudentRaised                        an exception in student code, as text
    │   ├── GraphCut                             a result that autograd cannot follow back
    │   ├── ReplyTooLarge                        a value too large to be sent back
    │   └── ProtocolViolation                    a frame our guest code cannot have written
    └── InfrastructureError             exit 4   ours: never costs points, the only family that is retried
        └── FenceError                           a primitive of the fence is missing or failed to apply

    GuestLost (BaseException)           ends the check it happens in; nothing in a suite can swallow it

This module imports nothing of ours but `results.Outcome`, so that every part may import it.
"""

from __future__ import annotations

from grader.results import Frame, Outcome


class GraderError(Exception):
    """Root of every error we raise on purpose; the message says what, where and what to try next."""

    exit_code = 4


class UsageError(GraderError):
    """The command line asked for something that does not exist or cannot be combined."""

    exit_code = 2


class CourseError(GraderError):
    """The course is broken: its author has to act, no student loses points."""

    exit_code = 3


class ProxyMisuse(CourseError, TypeError):
    """A suite compared, tested or iterated a remote value instead of reading it first.

    `received` is the type's name where the value is what student code returned: then it is the student who returned
    something that a suite cannot read, and the check fails; otherwise the suite is broken.
    """

    def __init__(self, message: str, received: str | None = None) -> None:
        super().__init__(message)
        self.received = received


class UnsupportedAcrossBoundary(CourseError, NotImplementedError):
    """A suite asked for a kind of differentiation that cannot cross the trust boundary."""


class SubmissionError(GraderError):
    """The student's side failed; the text is safe to show and `outcome` says how it counts."""

    exit_code = 1
    outcome = Outcome.RAISED


class SubmissionRejected(SubmissionError):
    """The submission cannot be read at all: missing, not UTF-8, a syntax error."""

    outcome = Outcome.REJECTED


class StudentRaised(SubmissionError):
    """An exception of the student's code. Everything in it is text that the student chose.

    `outcome` is RAISED, TODO, FORBIDDEN or MEMORY; `mro` holds the names of the exception's classes, nearest first;
    `frames` are the student's own, innermost last.
    """

    def __init__(
        self,
        type_name: str,
        mro: tuple[str, ...],
        text: str,
        frames: tuple[Frame, ...] = (),
        outcome: Outcome = Outcome.RAISED,
    ) -> None:
        super().__init__(f"{type_name}: {text}" if text else type_name)
        self.type_name, self.mro, self.text, self.frames = type_name, mro, text, frames
        self.outcome = outcome


class ReplyTooLarge(SubmissionError):
    """The student's code returned something larger than `reply_bytes`, deeper or longer than a value may be."""

    outcome = Outcome.OUTPUT


class GraphCut(SubmissionError):
    """The student returned something that autograd cannot follow back: a number, or a detached tensor."""

    outcome = Outcome.FAILED


class ProtocolViolation(SubmissionError):
    """A frame that our own guest code cannot have written. The student's, never ours, so it buys no retry."""

    outcome = Outcome.PROTOCOL


class InfrastructureError(GraderError):
    """Our side failed: the check must not cost points."""

    exit_code = 4


class FenceError(InfrastructureError):
    """A fence primitive is missing or did not apply; `primitive` names it and `fix` says what to change."""

    def __init__(self, primitive: str, problem: str, fix: str = "") -> None:
        super().__init__(f"{primitive}: {problem}" + (f" Fix: {fix}" if fix else ""))
        self.primitive, self.problem, self.fix = primitive, problem, fix


class GuestLost(BaseException):
    """The guest is gone (or was stopped by us). A BaseException, and sticky: the check it happens in cannot pass.

    Not a GraderError on purpose: neither a suite nor a library that catches Exception may eat it. `frames` are the
    student's own at that moment, innermost last, where a guest could still say them. `killed`: by SIGKILL, and nobody
    of ours says why; it may have been the machine (its memory was used up, say), so once it is tried again.
    """

    def __init__(self, outcome: Outcome, message: str, frames: tuple[Frame, ...] = (), *, killed: bool = False) -> None:
        super().__init__(message)
        self.outcome, self.message, self.frames, self.killed = outcome, message, frames, killed

    def is_worth_another_try(self, tries: int) -> bool:
        """Whether what was lost with the guest is to be judged again, after so many tries."""
        return self.outcome is Outcome.ERROR or (self.killed and tries == 1)
