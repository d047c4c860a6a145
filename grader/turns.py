"""One at a time: whoever wants to use what others use too waits until they are done, or hears that it is in use.

Owns how a system locks a file. Nothing here is needed to import it: a system that has no locks gets no turns. Knows
nothing of what is protected. The system lets go of a lock when its holder ends, however it ends.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

_TRIES = 36  # of ten seconds each, after which msvcrt.locking raises OSError, says its documentation


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for one's turn and keep it until the block ends.

    Args:
        path: A file for nothing else; it is made if it is not there.
    Raises:
        OSError: the file cannot be opened, or this file system has no locks.
    """
    with path.open("ab") as file:
        if posix := _module("fcntl"):
            posix.flock(file, posix.LOCK_EX)  # let go when the file is closed
            yield
        elif windows := _module("msvcrt"):
            _lock(windows, file.fileno())
            try:
                yield
            finally:
                _unlock(windows, file.fileno())
        else:
            yield


def try_for(fd: int) -> bool:
    """Hold the file if nobody else does; return whether it is held now. Windows is not asked: no GPU is found there."""
    with contextlib.suppress(BlockingIOError):
        if posix := _module("fcntl"):
            posix.flock(fd, posix.LOCK_EX | posix.LOCK_NB)
        return True
    return False


def let_go(fd: int) -> None:
    """Let others have such a file, also where a fork of this process still has it open."""
    if posix := _module("fcntl"):
        posix.flock(fd, posix.LOCK_UN)


def _lock(windows: ModuleType, fd: int) -> None:
    """Lock the first byte, waiting for minutes if another holds it."""
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            windows.locking(fd, windows.LK_LOCK, 1)
            return
    raise OSError("another has been holding it for minutes")


def _unlock(windows: ModuleType, fd: int) -> None:
    windows.locking(fd, windows.LK_UNLCK, 1)


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
