"""Learning the known mistakes of an exercise in a thread of its own: it can take seconds, once.

Owns that thread. Knows nothing of what is being watched.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from grader.diagnosis.bench import Names, names_for
from grader.grade import Grader
from grader.pool import OnProgress, Pool
from grader.ticket import CalledOff


class Namer:
    """The known mistakes of a grader's exercise for one seed, once they are there."""

    def __init__(
        self, grader: Grader, seed: int, on_end: Callable[[Names | BaseException], None], on_progress: OnProgress
    ) -> None:
        """Begin at once; `on_end` is called, in the thread, with what there is or why there is nothing."""
        self._on_end, self._on_progress = on_end, on_progress
        self._names: Names | None = None
        self._ended = threading.Event()
        self._is_closing = False
        self._pool: Pool | None = None
        self._thread = threading.Thread(target=self._learn, args=(grader, seed), name="grader learns", daemon=True)
        self._thread.start()

    def wait(self, wait_s: float) -> Names | None:
        """Return the names, waiting for them so long at most."""
        self._ended.wait(wait_s)
        return self._names

    def close(self) -> None:
        """Break it off if it is not over."""
        self._is_closing = True
        if self._pool is not None:
            self._pool.interrupt()
        self._thread.join()

    def _learn(self, grader: Grader, seed: int) -> None:
        learnt: Names | BaseException
        try:
            learnt = self._names = names_for(grader, seed, self._on_progress, self._hold)
        except BaseException as error:  # whoever watches has a thread in which it is seen
            learnt = error
        finally:
            self._ended.set()
        if not self._is_closing:
            self._on_end(learnt)

    def _hold(self, pool: Pool) -> None:
        self._pool = pool
        if self._is_closing:
            raise CalledOff
