"""Writing a file so that whoever reads it, or kills us meanwhile, finds the whole old one or the whole new one.

Knows nothing of what is in it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside and rename. What could not be finished, on a full disk say, is removed again.

    Raises:
        OSError: the folder cannot be written to, or there is no room.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            unfinished.unlink()
        raise
