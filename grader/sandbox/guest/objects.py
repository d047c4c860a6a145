"""The table of objects that stay in the guest and are known to the host by a number.

Invariant: a number is given out once and never means another object.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from grader.sandbox.wire import HandleRef, TooLarge

MAX_OBJECTS = 10_000
FIRST_ID = 1_000


def new_ids() -> Iterator[int]:
    """Return the counter that objects, graph nodes and leaves of one guest share; modules lie below FIRST_ID."""
    return itertools.count(FIRST_ID)


class Objects:
    """Objects by number."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._objects: dict[int, object] = {}
        self._pinned: dict[int, object] = {}

    def pin(self, identifier: int, value: object) -> None:
        """Keep an object under a number of the caller's choice until the guest ends."""
        self._pinned[identifier] = value

    def add(self, value: object, type_name: str) -> HandleRef:
        """Keep an object and return its handle.

        Raises:
            TooLarge: the table is full.
        """
        if len(self._objects) >= MAX_OBJECTS:
            raise TooLarge(f"more than {MAX_OBJECTS:,} objects in use at once")
        identifier = next(self._ids)
        self._objects[identifier] = value
        return HandleRef(identifier, type_name)

    def find(self, handle: HandleRef) -> object:
        """Return the object behind a handle."""
        if handle.id in self._pinned:
            return self._pinned[handle.id]
        return self._objects[handle.id]

    def free(self, identifier: int) -> None:
        """Forget an object; a number that is not in the table is no error, the check may have ended meanwhile."""
        self._objects.pop(identifier, None)

    def clear(self) -> None:
        """Forget all but the pinned objects."""
        self._objects.clear()
