"""From what a check ended with to its outcome and the sentence the student reads.

Owns blame: whose exception it was decides the outcome. Invariant: no message is made from a traceback, a repr or
pytest's own report; hidden source and expected values cannot get into one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from grader import messages
from grader.errors import CourseError, GuestLost, ProxyMisuse, StudentRaised, SubmissionError
from grader.results import Frame, Outcome
from grader.suite.expect import ComparisonFailed

_MESSAGE_CHARS = 4000


@dataclass(frozen=True)
class Verdict:
    """How a check ended."""

    outcome: Outcome
    message: str = ""
    comparison: str | None = None
    frames: tuple[Frame, ...] = ()


def verdict_of(failure: BaseException | None, lost: GuestLost | None) -> Verdict:
    """Return the verdict on a check that ended with `failure`; a lost guest outweighs whatever the suite made of it.

    Raises:
        CourseError: the suite itself is broken; nothing can be said about the submission.
    """
    if lost is not None or isinstance(failure, GuestLost):
        guest_lost = lost if lost is not None else failure
        assert isinstance(guest_lost, GuestLost)
        return Verdict(guest_lost.outcome, _clip(guest_lost.message))
    if failure is None:
        return Verdict(Outcome.PASSED)
    if isinstance(failure, StudentRaised):
        return Verdict(failure.outcome, _raised(failure), frames=failure.frames)
    if isinstance(failure, SubmissionError):
        return Verdict(failure.outcome, _clip(str(failure)))
    return _host_verdict(failure)


def _host_verdict(failure: BaseException) -> Verdict:
    """Judge an exception of host code: a comparison, a plain assert, or our own mistake."""
    if isinstance(failure, ComparisonFailed):
        return Verdict(Outcome.FAILED, _clip(failure.message), failure.label)
    if isinstance(failure, ProxyMisuse) and failure.received is not None:
        return Verdict(Outcome.FAILED, messages.RETURNED_UNREADABLE.format(type=failure.received))
    if isinstance(failure, CourseError):
        raise failure
    if isinstance(failure, pytest.skip.Exception | pytest.xfail.Exception):
        raise CourseError(messages.SKIPPED_WHILE_RUNNING) from failure
    if isinstance(failure, AssertionError | pytest.fail.Exception):
        return Verdict(Outcome.FAILED, messages.CLAIM_DOES_NOT_HOLD)
    return Verdict(Outcome.ERROR, messages.NOT_YOUR_FAULT)


def _raised(raised: StudentRaised) -> str:
    where = raised.frames[-1] if raised.frames else None
    if raised.outcome is Outcome.TODO:
        return messages.NOT_WRITTEN_YET.format(function=where.function if where else "the function")
    if raised.outcome is Outcome.MEMORY:
        return messages.OUT_OF_MEMORY
    if raised.type_name == "MissingName" and where is None:
        return _clip(raised.text)  # nobody's line: the suite asked for a name that the file does not have
    if raised.outcome is Outcome.FORBIDDEN:
        return _clip(raised.text)
    place = messages.RAISED_AT.format(file=where.file, line=where.line) if where else ""
    return _clip(messages.RAISED.format(type=raised.type_name, text=raised.text or messages.NO_TEXT, place=place))


def _clip(text: str) -> str:
    return text if len(text) <= _MESSAGE_CHARS else text[:_MESSAGE_CHARS] + " …"
