"""Locks on open files that end with whoever holds them, by what the system offers for it.

Knows no file, and waits for nobody (`turns` does). Windows has nothing to be locked so: no GPU is found there.
"""

from __future__ import annotations

import contextlib
from types import ModuleType


def _fcntl() -> ModuleType | None:
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    return fcntl


def try_for(fd: int) -> bool:
    """Hold the file if nobody else does; return whether it is held now."""
    fcntl = _fcntl()
    with contextlib.suppress(BlockingIOError):
        if fcntl is not None:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def let_go(fd: int) -> None:
    """Let others have the file, also where a fork of this process still has it open."""
    if fcntl := _fcntl():
        fcntl.flock(fd, fcntl.LOCK_UN)
