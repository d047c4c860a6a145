"""Calling off what another thread has asked for, before it begins or while it runs.

Owns the race between both threads: whoever calls off finds the work not begun, running or over, and is right each
time. Knows nothing of what is called off.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class CalledOff(Exception):
    """What ran under a ticket is not wanted any more; no mistake of anybody's."""


class Ticket:
    """Leave to do one piece of work, which another thread may take back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_called_off = False
        self._stop: Callable[[], None] | None = None

    @property
    def is_called_off(self) -> bool:
        """Whether nobody wants the work any more."""
        return self._is_called_off

    def call_off(self) -> None:
        """Stop the work if it runs, and never let it begin if it does not run yet; returns at once."""
        with self._lock:
            self._is_called_off = True
            if self._stop is not None:
                with contextlib.suppress(OSError):  # what did the work is gone, and the work with it
                    self._stop()

    @contextlib.contextmanager
    def used(self, start: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
        """Start the work, wait for its end in the block, and leave `stop` to whoever calls off meanwhile.

        Raises:
            CalledOff: nobody wants what came of it; without having started it where that was known before.
        """
        with self._lock:
            self._require_wanted()
            start()
            self._stop = stop
        try:
            yield
        finally:
            with self._lock:
                self._stop = None
        self._require_wanted()

    def _require_wanted(self) -> None:
        if self._is_called_off:
            raise CalledOff
