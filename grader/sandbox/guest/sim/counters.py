"""What student code moved between host and accelerator, and how often it waited for the accelerator.

Owns the counts. Evidence for suites, never points: everything in a guest could be changed by student code. With a lock,
because backward runs in a thread of its own. Counts only while student code runs, not what the grader itself fetches.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass


@dataclass
class Transfers:
    """Copies in both directions and their bytes; `synchronisations` are the times the host had to wait for a result.

    On CUDA reading a value (`item`, `tolist`, `cpu`, `if tensor:`) waits, and so does an operator whose result has a
    size that depends on values, such as `nonzero` or a mask as an index.
    """

    to_device: int = 0
    to_device_bytes: int = 0
    to_host: int = 0
    to_host_bytes: int = 0
    synchronisations: int = 0


class Counter:
    """The counts of the check that is being judged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = Transfers()
        self._counting = 0

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count what happens in this block, in whichever thread."""
        with self._lock:
            self._counting += 1
        try:
            yield
        finally:
            with self._lock:
                self._counting -= 1

    def reset(self) -> None:
        """Begin at zero."""
        with self._lock:
            self._counts = Transfers()

    def read(self) -> dict[str, int]:
        """Return the counts by name."""
        with self._lock:
            return asdict(self._counts)

    def moved_to_device(self, size_bytes: int) -> None:
        """Note one copy to the accelerator."""
        with self._lock:
            if self._counting:
                self._counts.to_device += 1
                self._counts.to_device_bytes += size_bytes

    def moved_to_host(self, size_bytes: int, waits: bool) -> None:
        """Note one copy to the host; unless it is non-blocking, the host waits for it."""
        with self._lock:
            if self._counting:
                self._counts.to_host += 1
                self._counts.to_host_bytes += size_bytes
                self._counts.synchronisations += waits

    def waited(self) -> None:
        """Note that the host needed a value before it could go on."""
        with self._lock:
            if self._counting:
                self._counts.synchronisations += 1


COUNTER = Counter()
