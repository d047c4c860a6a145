"""What the system says to a process, as events: an interrupt, a request to end, a stop at the terminal, another size.

Owns the handlers while the block lasts. A handler only posts: what has to be done is done where nothing else is half
done. Signals that a system does not have are left out.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType


@dataclass(frozen=True)
class Interrupt:
    """Ctrl-C."""


@dataclass(frozen=True)
class Terminate:
    """Somebody wants us to end, with the exit code that a shell gives for it."""

    code: int


@dataclass(frozen=True)
class Suspend:
    """Ctrl-Z."""


@dataclass(frozen=True)
class Resize:
    """The terminal has another size."""


Said = Interrupt | Terminate | Suspend | Resize
_SAID: dict[str, Said] = {
    "SIGINT": Interrupt(),
    "SIGBREAK": Interrupt(),
    "SIGTERM": Terminate(143),
    "SIGHUP": Terminate(129),
    "SIGQUIT": Terminate(131),
    "SIGTSTP": Suspend(),
    "SIGWINCH": Resize(),
}


@contextlib.contextmanager
def heard(post: Callable[[Said], None]) -> Iterator[None]:
    """Post what the system says; a second Ctrl-C raises KeyboardInterrupt, should nobody take the first."""
    interrupts: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        said = _SAID[signal.Signals(number).name]
        if isinstance(said, Interrupt):
            interrupts.append(number)
            if len(interrupts) > 1:
                raise KeyboardInterrupt
        post(said)

    numbers = [getattr(signal, name) for name in _SAID if hasattr(signal, name)]
    # What our caller has us ignore (nohup, say) stays ignored.
    heeded = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def stop_here() -> None:
    """Let the shell have the terminal, as Ctrl-Z does; returns when the shell lets us go on."""
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)
