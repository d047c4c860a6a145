"""One writer at a time: a file that the writing process holds locked, and in which it says who it is.

The kernel lets go of the lock when the process ends, however it ends, so nothing is left to be cleared away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from grader import messages
from grader.errors import UsageError


class _Holder(msgspec.Struct):
    pid: int = 0
    began_at: str = "?"


def hold(path: Path) -> BinaryIO:
    """Lock a file and return it; the lock lasts until it is closed.

    Raises:
        UsageError: another process holds it; the message says which, and since when.
        OSError: it cannot be written.
    """
    file = open(path, "a+b")  # noqa: SIM115 - whoever holds it closes it
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _read(file)
        file.close()
        facts = {"folder": path.parent, "pid": holder.pid, "began_at": holder.began_at}
        raise UsageError(messages.STORE_LOCKED.format(**facts)) from None
    file.truncate(0)
    file.write(msgspec.json.encode(_Holder(os.getpid(), datetime.now(UTC).isoformat(" ", "seconds"))))
    file.flush()
    return file


def _read(file: BinaryIO) -> _Holder:
    file.seek(0)
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(file.read(), type=_Holder)
    return _Holder()  # it has only just begun and not said who it is
