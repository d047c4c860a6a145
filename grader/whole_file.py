"""Writing a file so that whoever reads it, or kills us meanwhile, finds the whole old one or the whole new one.

Knows nothing of what is in it.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, data: bytes) -> None:
    """Write beside and rename.

    Raises:
        OSError: the folder cannot be written to.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)
