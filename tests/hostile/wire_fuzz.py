"""What must hold of any bytes that a guest sends, and the seeded search for bytes of which it does not.

A case is two bytes that choose one of the recorded answers, and the frame that is said in its place. Owns the claim:
reading ends in a value or in ProtocolViolation, a conversation in an outcome of the student's, and neither takes long.
"""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterable, Iterator, Sequence
from random import Random
from types import FrameType
from typing import NamedTuple

from grader.errors import ProtocolViolation
from grader.results import Outcome
from grader.sandbox.frames import REPLY_BYTES
from grader.sandbox.wire import Caps, Decoded, HandleRef, decode, encode

from .alterations import altered
from .dialogues import Answer, body_of, hold_again
from .mutations import damaged

CAPS = Caps(payload_bytes=1 << 18)
HANG_S = 2.0
_TALK_EVERY = 8
_WELL_WRITTEN = 0.75
_KEPT = 0.9
_HUNG = f"more than {HANG_S:g} s for one answer"
_CHOICE = struct.Struct("<H")


class Hang(BaseException):
    """An answer keeps the host busy."""


class Finding(NamedTuple):
    """A case of which the claim does not hold, and what happened instead."""

    case: bytes
    why: str


def read(data: bytes | bytearray) -> Decoded:
    """Read a value that may hold handles."""
    return decode(data, CAPS, lambda handle: handle)


def reads_or_refuses(data: bytes | bytearray) -> bool:
    """Read bytes and return whether they are a value; then it can be written again and reads the same.

    Raises:
        AssertionError: it does not. Anything else but ProtocolViolation, which is an answer: the reader is broken.
    """
    try:
        value = read(data).value
    except ProtocolViolation:
        return False
    again = _written(value)
    assert _written(read(again).value) == again, "what was read and written again reads as something else"
    return True


def _written(value: object) -> bytes:
    # Longer than it was: whatever may be read may be written, but a bool's byte or a text takes no more room.
    return b"".join(encode(value, CAPS, lambda _, name: HandleRef(0, name)).buffers)


def case_of(answers: Sequence[Answer], index: int, frame: bytes | bytearray) -> bytes:
    """Return the case in which the answer with this number is replaced by a frame."""
    return _CHOICE.pack(index % len(answers)) + frame


def examine(answers: Sequence[Answer], case: bytes, talk: bool = True) -> bool:
    """Read a case's frame, and with `talk` hold its conversation; return whether the frame is a value.

    Raises:
        Whatever must not happen.
    """
    if len(case) < _CHOICE.size:
        return False
    frame = case[_CHOICE.size :]
    is_value = reads_or_refuses(body_of(frame)) if len(frame) >= REPLY_BYTES else False
    if talk:
        answer = answers[_CHOICE.unpack_from(case)[0] % len(answers)]
        outcome, failure = hold_again(answers, answer, frame)
        if outcome is Outcome.ERROR:
            raise AssertionError("the check would be an error of ours") from failure
    return is_value


class Alarm:
    """Raises Hang wherever Python is when a case has cost this process too much time; others' time does not count."""

    def __init__(self) -> None:
        self.rang = False

    def __enter__(self) -> Alarm:
        self._before = signal.signal(signal.SIGPROF, self._ring)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, self._before)

    def wind_up(self) -> None:
        """Begin to count anew."""
        self.rang = False
        signal.setitimer(signal.ITIMER_PROF, HANG_S)

    def _ring(self, number: int, frame: FrameType | None) -> None:
        self.rang = True  # a finalizer may be what it is raised in, and then nobody hears it
        raise Hang(_HUNG)


class Tally:
    """How many frames there were, how many were values, how many conversations were held, and what was found."""

    def __init__(self) -> None:
        self.frames = self.values = self.talks = 0
        self.findings: list[Finding] = []
        self._reasons: set[str] = set()

    def take(self, answers: Sequence[Answer], case: bytes, talk: bool, alarm: Alarm) -> None:
        """Examine a case and count it; whatever must not happen becomes a finding, the same thing only once."""
        self.frames += 1
        self.talks += talk
        alarm.wind_up()
        try:
            self.values += examine(answers, case, talk)
            why = _HUNG if alarm.rang else ""
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            why = explained(error)
        if why and why not in self._reasons:
            self._reasons.add(why)
            self.findings.append(Finding(case, why))


def explained(error: BaseException) -> str:
    """Return what happened, with what stood behind it."""
    said = []
    link: BaseException | None = error
    while link is not None:
        place = link.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else ""
        said.append(f"{type(link).__name__}: {str(link)[:300]}{where}")
        link = link.__cause__
    return "; because ".join(said)


def is_talked_about(number: int) -> bool:
    """Whether the conversation is held for the case with this number: it takes longer than reading a frame."""
    return number % _TALK_EVERY == 0


def drawn(answers: Sequence[Answer], draw: Random, frames: int) -> Iterator[tuple[bytes, bool]]:
    """Yield so many cases, and whether to hold their conversation."""
    for number in range(frames):
        index = int(draw.random() * len(answers))
        talk = is_talked_about(number)
        # What cannot be read ends every conversation alike, so most of what is talked about can be.
        well_written = _WELL_WRITTEN if talk else 0.0
        yield case_of(answers, index, _changed(answers, index, answers[index].frame, draw, well_written)), talk


def changed(answers: Sequence[Answer], case: bytes, draw: Random) -> bytes:
    """Return a case that was changed in one of our ways."""
    index = int(draw.random() * len(answers)) if len(case) < _CHOICE.size else _CHOICE.unpack_from(case)[0]
    index %= len(answers)
    frame = case[_CHOICE.size :] if draw.random() < _KEPT else answers[index].frame
    return case_of(answers, index, _changed(answers, index, frame, draw, 0.3))


def _changed(answers: Sequence[Answer], index: int, frame: bytes, draw: Random, well_written: float) -> bytes:
    if draw.random() < well_written:
        return altered(answers[index].frame, draw)
    return bytes(damaged(frame, [answer.frame for answer in answers], draw))


def search_cases(answers: Sequence[Answer], cases: Iterable[tuple[bytes, bool]]) -> Tally:
    """Examine cases in this process and return what was found."""
    tally = Tally()
    with Alarm() as alarm:
        for case, talk in cases:
            tally.take(answers, case, talk, alarm)
    return tally
