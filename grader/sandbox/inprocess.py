"""A guest in this very process, so that a debugger reaches the student's code: the same frames, nothing isolated.

For one's own code only. Owns what a process of its own would give a guest for free: random generators, grad mode and a
module table that the host does not share. Every value is still encoded and decoded, and the same operations serve it.
"""

from __future__ import annotations

import contextlib
import random
import sys
from bdb import BdbQuit
from collections.abc import Iterator, Sequence
from typing import Any

import numpy
import torch

from grader.sandbox.channel import Buffer, Capture
from grader.sandbox.fence import FenceSpec
from grader.sandbox.guest.operations import Operations
from grader.sandbox.guest.process import answer
from grader.sandbox.wire import Caps, encode

_HELLO_CAPS = Caps(1 << 16)


class InProcessGuests:
    """Gives out guests that live here; stands where a zygote stands otherwise."""

    is_slow = False

    def spawn(self, spec: FenceSpec) -> InProcessChannel:
        """Return the way to a new guest; of the spec only what bounds an answer has a meaning here."""
        return InProcessChannel(spec)


class InProcessChannel:
    """The way to a guest in this process: deadlines are ignored, what is printed goes to the terminal."""

    def __init__(self, spec: FenceSpec) -> None:
        self.capture = Capture()
        self._operations, self._caps = Operations(), Caps(payload_bytes=spec.limits.reply_bytes)
        self._draws = _states()

    def receive(self, deadline: float, reply_bytes: int) -> bytearray:
        """Return the hello: no layer of a fence stands."""
        return bytearray().join(encode({"layers": []}, _HELLO_CAPS).buffers)

    def request(self, buffers: Sequence[Buffer], deadline: float, reply_bytes: int) -> bytearray:
        """Let the guest answer one frame, here and now.

        Raises:
            KeyboardInterrupt: so the user wished, by Ctrl-C or by leaving the debugger.
        """
        frame = bytearray().join(buffers)
        try:
            # A process of its own has a grad mode of its own; the host's is said in the frame.
            with torch.enable_grad(), self._own_draws():
                answered = answer(self._operations, frame, self._caps, (KeyboardInterrupt, BdbQuit))
        except BdbQuit:
            raise KeyboardInterrupt from None
        return bytearray().join(answered.buffers)

    @contextlib.contextmanager
    def _own_draws(self) -> Iterator[None]:
        """Let student code draw from generators that the suite does not touch, as in a process of its own."""
        of_host = _states()
        _restore(self._draws)
        try:
            yield
        finally:
            self._draws = _states()
            _restore(of_host)

    def new_capture(self) -> None:
        """Nothing is captured here."""

    def drain(self) -> None:
        """Nothing is captured here."""

    def where(self, marker: str) -> str:
        """Say nothing: no guest in this process is ever given up."""
        return ""

    def status(self) -> dict[str, object]:
        """Return how the guest ended: it does not end before we do."""
        return {}

    def close(self) -> None:
        """Take the student's modules out of this process again."""
        submission = self._operations.submission
        if submission is not None:
            sys.meta_path.remove(submission)
            for name in submission.texts:
                if getattr(sys.modules.get(name), "__loader__", None) is submission:
                    del sys.modules[name]


def _states() -> tuple[Any, Any, torch.Tensor]:
    return random.getstate(), numpy.random.get_state(), torch.default_generator.get_state()


def _restore(states: tuple[Any, Any, torch.Tensor]) -> None:
    random.setstate(states[0])
    numpy.random.set_state(states[1])
    torch.default_generator.set_state(states[2])
