"""From what a check ended with to its outcome and the sentence the student reads.

Owns blame: whose exception it was decides the outcome. Invariant: no message is made from a traceback, a repr or
pytest's own report; hidden source and expected values cannot get into one.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy
import pytest
from torch import Tensor

from grader import messages
from grader.diagnosis.evidence import Evidence
from grader.errors import CourseError, GuestLost, ProxyMisuse, StudentRaised, SubmissionError
from grader.events import Score
from grader.results import Curves, Figure, Frame, Outcome
from grader.suite.advice import advice
from grader.suite.discreet import Discretion
from grader.suite.expect import Awarded, ComparisonFailed, type_name

_MESSAGE_CHARS = 4000
_SHOWN_KEYS = 5
# As torch's allocator, the CUDA runtime, cuBLAS and cuDNN say it. It chooses a sentence, so a forged one is harmless.
_GPU_TEXT = re.compile(r"CUDA|CUBLAS|CUDNN")
# As autograd says it of a result that is to be differentiated.
_GRAPH_IS_CUT = re.compile("does not require grad and does not have a grad_fn|not have been used in the graph")
# What Python and torch raise when a value is not what a line of the suite takes it for.
_UNUSABLE = (TypeError, ValueError, AttributeError, IndexError, KeyError, RuntimeError)


@dataclass(frozen=True)
class Verdict:
    """How a check ended; `awarded` is the share of its points that a check earns although it did not pass.

    `evidence` is what diagnosis needs of a failed comparison or an exception; `figures` show values of a public check,
    and learning curves of any.
    """

    outcome: Outcome
    message: str = ""
    comparison: str | None = None
    frames: tuple[Frame, ...] = ()
    awarded: float = 0.0
    evidence: Evidence | None = None
    figures: tuple[Figure | Curves, ...] = ()
    scores: tuple[Score, ...] = ()

    @property
    def share(self) -> float:
        """The share of the check's points that is earned."""
        return 1.0 if self.outcome is Outcome.PASSED else self.awarded


def verdict_of(failure: BaseException | None, lost: GuestLost | None, discretion: Discretion | None = None) -> Verdict:
    """Return the verdict on a check that ended with `failure`; a lost guest outweighs whatever the suite made of it.

    With `discretion` no word is told that the student's code could have put an input into.

    Raises:
        CourseError: the suite itself is broken; nothing can be said about the submission.
    """
    if lost is not None or isinstance(failure, GuestLost):
        guest_lost = lost if lost is not None else failure
        assert isinstance(guest_lost, GuestLost)
        frames = discretion.frames(guest_lost.frames) if discretion else guest_lost.frames
        return Verdict(guest_lost.outcome, _clip(guest_lost.message), frames=frames)
    if failure is None:
        return Verdict(Outcome.PASSED)
    if isinstance(failure, StudentRaised):
        told = discretion.raised(failure) if discretion else failure
        return Verdict(failure.outcome, _raised(failure, told), frames=told.frames)
    if isinstance(failure, SubmissionError):
        return Verdict(failure.outcome, _clip(str(failure)))
    return _host_verdict(failure, discretion)


def _host_verdict(failure: BaseException, discretion: Discretion | None) -> Verdict:
    """Judge an exception of host code: a comparison, a plain assert, or our own mistake."""
    if isinstance(failure, ComparisonFailed):
        awarded = failure.share if isinstance(failure, Awarded) else 0.0
        return Verdict(Outcome.FAILED, _clip(failure.message), failure.label, awarded=awarded)
    if isinstance(failure, ProxyMisuse) and failure.received is not None:
        kind = discretion.name(failure.received) if discretion else failure.received
        return Verdict(Outcome.FAILED, messages.RETURNED_UNREADABLE.format(type=kind))
    if isinstance(failure, CourseError):
        raise failure
    if isinstance(failure, pytest.skip.Exception | pytest.xfail.Exception):
        raise CourseError(messages.SKIPPED_WHILE_RUNNING) from failure
    if isinstance(failure, AssertionError | pytest.fail.Exception):
        return Verdict(Outcome.FAILED, messages.CLAIM_DOES_NOT_HOLD)
    return Verdict(Outcome.ERROR, messages.NOT_YOUR_FAULT)


def could_not_go_on(
    failure: BaseException | None,
    is_suite: Callable[[str], bool],
    received: tuple[object, ...],
    discretion: Discretion | None = None,
) -> Verdict | None:
    """Return the verdict `failed` if a line of the suite itself broke on what the student's code had returned.

    `a, b = submission.f(x)` where f returns None is the student's mistake, although Python says it of the suite's line;
    so is what torch says of `loss.backward()`. It counts so if something was received in this check and no code of ours
    stands between the check and the exception. A suite that breaks on right answers shows when the reference is judged.

    Args:
        is_suite: Whether a file belongs to the suite.
        received: What came from the student last, if anything did.
    """
    if type(failure) not in _UNUSABLE or not received:
        return None
    assert failure is not None
    frames = [frame for frame, _ in traceback.walk_tb(failure.__traceback__)]
    in_suite = [place for place, frame in enumerate(frames) if is_suite(frame.f_code.co_filename)]
    modules = [frame.f_globals.get("__name__", "") for frame in frames[in_suite[0] :]] if in_suite else ["grader."]
    if any(module.startswith("grader.") for module in modules):
        return None
    if _GRAPH_IS_CUT.search(str(failure)):
        return Verdict(Outcome.FAILED, messages.GRAPH_IS_CUT_THERE)
    return Verdict(Outcome.FAILED, _clip(messages.RETURNED_UNUSABLE.format(what=_shown(received[0], discretion))))


def _shown(value: object, discretion: Discretion | None) -> str:
    """Say what a received value is, as far as a student needs to know."""
    told: Callable[[object], str] = discretion.key if discretion else str
    match value:
        case None:
            return messages.SHOWN_NOTHING
        case Tensor():
            dtype = str(value.dtype).removeprefix("torch.")
            return messages.SHOWN_TENSOR.format(shape=told(tuple(value.shape)), dtype=dtype)
        case numpy.ndarray():
            return messages.SHOWN_ARRAY.format(shape=told(value.shape), dtype=value.dtype)
        case list() | tuple():
            return messages.SHOWN_SEQUENCE.format(type=type(value).__name__, count=len(value))
        case dict():
            keys = ", ".join(told(repr(key)[:40]) for key in list(value)[:_SHOWN_KEYS]) or "(none)"
            return messages.SHOWN_DICT.format(keys=keys + (", …" if len(value) > _SHOWN_KEYS else ""))
    return messages.SHOWN_OTHER.format(type=discretion.name(type_name(value)) if discretion else type_name(value))


def _raised(raised: StudentRaised, told: StudentRaised) -> str:
    """Return the sentence for an exception, in the words of `told`."""
    where = told.frames[-1] if told.frames else None
    if raised.outcome is Outcome.TODO:
        return messages.NOT_WRITTEN_YET.format(function=where.function if where else "the function")
    if raised.outcome is Outcome.MEMORY:
        return messages.OUT_OF_GPU_MEMORY if _GPU_TEXT.search(raised.text) else messages.OUT_OF_MEMORY
    if raised.type_name == "MissingName" and where is None:
        return _clip(told.text)  # nobody's line: the suite asked for a name that the file does not have
    if raised.outcome is Outcome.FORBIDDEN:
        return _clip(told.text)
    place = messages.RAISED_AT.format(file=where.file, line=where.line) if where else ""
    said = messages.RAISED.format(type=told.type_name, text=told.text or messages.NO_TEXT, place=place)
    return "\n".join(filter(None, (_clip(said), advice(raised))))


def _clip(text: str) -> str:
    return text if len(text) <= _MESSAGE_CHARS else text[:_MESSAGE_CHARS] + " …"
