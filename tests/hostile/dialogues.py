"""Short conversations of a suite with a guest, recorded once, and held again with one of the answers replaced.

The guest that is recorded runs in this process: what it says is encoded by the code that every guest runs. Owns what is
asked, and which endings are the student's own affair. Must not know how an answer is damaged.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from grader.errors import GuestLost
from grader.limits import Limits
from grader.results import Outcome
from grader.sandbox.channel import Buffer, Capture
from grader.sandbox.fence import FenceSpec, Tier
from grader.sandbox.frames import REPLY_BYTES, read_request_head
from grader.sandbox.host import GuestSpec, Source
from grader.sandbox.inprocess import InProcessChannel
from grader.suite.session import SuiteSession
from grader.suite.verdict import could_not_go_on, verdict_of

STUDENT = """
import numpy as np
import torch
from torch import nn

DTYPES = (torch.bool, torch.uint8, torch.int16, torch.float16, torch.bfloat16, torch.float32, torch.complex64)

def values():
    return [None, True, -7, 0.5, float("nan"), float("inf"), "text 数", b"bytes", (1, (2,)), {"k": [1], 3: {}}, {1, 2},
            torch.eye(2), np.arange(3), np.ones((2, 1), dtype=np.float16), nn.ReLU(), torch.empty(0, 3)]

def dtypes():
    return {str(dtype): torch.ones(2, 1).to(dtype) for dtype in DTYPES}

def double(x):
    return 2 * x

def both(x, y):
    return {"sum": (x + y).tanh(), "rest": [x * y, (x.detach(), "plain")]}

def parts(x):
    hidden = x.tanh()
    return (hidden * hidden).sum(), hidden

def raises():
    return [][1]

def large():
    return torch.zeros(1 << 18)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(3, 2)
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, x):
        return self.inner(x).relu()
"""
_PROBE = Path(__file__).with_name("canaries.py")
_LIMITS = Limits(reply_bytes=1 << 18)
_SPEC = GuestSpec(Tier.NONE, _LIMITS, (Source("student.py", STUDENT),))
_NONCE = struct.Struct("<Q")
_WALL_S = 60.0


def _values(session: SuiteSession) -> object:
    return session.submission.values(), session.submission.dtypes()


def _one_call(session: SuiteSession) -> object:
    x = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    session.submission.double(x).sum().backward()
    return x.grad


def _second_order(session: SuiteSession) -> object:
    x, y = (torch.full((3,), number, requires_grad=True) for number in (0.5, 2.0))
    answer = session.submission.both(x, y)
    loss = answer["sum"].sum() + answer["rest"][0].sum()
    (first,) = torch.autograd.grad(loss, x, create_graph=True)
    return torch.autograd.grad(first.sum(), y)


def _module(session: SuiteSession) -> object:
    net = session.submission.Net()
    net.train()(torch.ones(4, 3)).sum().backward()
    parameters = net.parameters()
    loss = session.submission.double(parameters["inner.weight"]).sum()
    loss.backward()
    return parameters, net.gradients(), net.buffers(), net.state_dict(), net.get("inner.weight")


def _tools(session: SuiteSession) -> object:
    guest = session.guest
    here = guest.tensor(torch.ones(3), requires_grad=True)
    loss, hidden = session.submission.parts(here)
    linear = guest.build("torch.nn.Linear", 3, 2)
    gradients = guest.grad([loss], [here, hidden])
    return guest.read(here), guest.same(here, linear), guest.transfers(), guest.load(_PROBE), gradients


def _exception(session: SuiteSession) -> object:
    return session.submission.raises()


def _too_large(session: SuiteSession) -> object:
    return session.submission.large()


def _beginning(session: SuiteSession) -> object:
    flags = session._scan()
    session.begin_check(3, time.monotonic() + _WALL_S)
    session.seed_guest(5)
    return flags, session.submission.double(2)


STEPS: tuple[Callable[[SuiteSession], object], ...] = (
    _values, _one_call, _second_order, _module, _tools, _exception, _too_large, _beginning,
)  # fmt: skip


class Answer(NamedTuple):
    """One answer of a recorded conversation, the nonce left out (eight zeros stand in its place)."""

    step: int
    place: int
    operation: str
    frame: bytes


class _Channel(InProcessChannel):
    """The way to a guest in this process that keeps what it says."""

    def __init__(self, spec: FenceSpec) -> None:
        super().__init__(spec)
        self.said: list[tuple[str, bytes]] = []

    def request(self, buffers: Sequence[Buffer], deadline: float, reply_bytes: int) -> bytearray:
        frame = super().request(buffers, deadline, reply_bytes)
        operation = read_request_head(bytearray().join(buffers))[1]
        self.said.append((operation, bytes(_NONCE.size) + bytes(frame[_NONCE.size :])))
        return frame


class _Repeating:
    """The way to nobody: says what was recorded, and one thing else in the place of one answer.

    After a damaged answer a suite may ask something else than it did; then it hears what was once said to that.
    """

    def __init__(self, answers: Sequence[Answer], place: int, instead: Buffer) -> None:
        self.capture = Capture()
        self._answers, self._place, self._instead, self._asked = answers, place, instead, 0

    def request(self, buffers: Sequence[Buffer], deadline: float, reply_bytes: int) -> bytearray:
        nonce, operation, _, _ = read_request_head(bytearray().join(buffers))
        place, self._asked = self._asked, self._asked + 1
        if place == self._place:
            return _with_nonce(self._instead, nonce)
        fits = place < len(self._answers) and self._answers[place].operation == operation
        answer = self._answers[place] if fits else _FALLBACK.get(operation)
        return _with_nonce(answer.frame if answer is not None else b"", nonce)

    def receive(self, deadline: float, reply_bytes: int) -> bytearray:
        raise AssertionError("no guest is started in a repeated conversation")

    def new_capture(self) -> None: ...
    def drain(self) -> None: ...
    def close(self) -> None: ...

    def where(self, marker: str) -> str:
        return ""

    def status(self) -> dict[str, object]:
        return {}


_FALLBACK: dict[str, Answer] = {}


def _with_nonce(frame: Buffer, nonce: int) -> bytearray:
    """Return a frame in which what stands in the nonce's place is what it differs from the right one by."""
    said = bytearray(frame)
    if len(said) >= _NONCE.size:
        (difference,) = _NONCE.unpack_from(said)
        _NONCE.pack_into(said, 0, difference ^ nonce)
    return said


def record() -> list[Answer]:
    """Hold every conversation with a guest that means well and return what it said."""
    answers: list[Answer] = []
    for step, hold in enumerate(STEPS):
        channel = _Channel(FenceSpec(Tier.NONE, _LIMITS))
        try:
            session = SuiteSession(_Only(channel), _SPEC)
            session.open(seed=1)
            session.begin_check(1, time.monotonic() + _WALL_S)
            channel.said.clear()
            _ended(hold, session)
        finally:
            channel.close()
        answers += [Answer(step, place, *said) for place, said in enumerate(channel.said)]
    _FALLBACK.update({answer.operation: answer for answer in reversed(answers)})
    return answers


@dataclass(frozen=True)
class _Only:
    """Gives out one channel."""

    channel: Any
    is_slow: bool = False

    def spawn(self, spec: FenceSpec) -> Any:
        """Return it."""
        return self.channel


def body_of(frame: bytes | bytearray) -> bytearray:
    """Return the values of an answer, without what stands before them."""
    return bytearray(frame[REPLY_BYTES:])


class Ending(NamedTuple):
    """How a conversation went: the outcome that a check would have, and what stood behind it."""

    outcome: Outcome
    failure: BaseException | None


def hold_again(answers: Sequence[Answer], damaged: Answer, instead: Buffer) -> Ending:
    """Hold a conversation again with one answer replaced.

    Raises:
        CourseError, and whatever else no answer of a guest may lead to.
    """
    mine = [answer for answer in answers if answer.step == damaged.step]
    session = SuiteSession(_Only(None), _SPEC)
    session._channel = _Repeating(mine, damaged.place, instead)  # a hello, scan and load each time would be slow
    session._deadline = time.monotonic() + _WALL_S
    try:
        return _ended(STEPS[damaged.step], session)
    finally:
        session.end_check()  # what it received last, or was lost with, would keep it in memory for ever
        session.lost = None


def _ended(hold: Callable[[SuiteSession], object], session: SuiteSession) -> Ending:
    """Return how a conversation ends, judged as the end of a check is."""
    failure: BaseException | None = None
    try:
        hold(session)
    except (Exception, GuestLost) as error:
        failure = error
    verdict = verdict_of(failure, session.lost)
    if verdict.outcome is Outcome.ERROR:
        verdict = could_not_go_on(failure, lambda file: file == __file__, session.received) or verdict
    return Ending(verdict.outcome, failure)
