"""Files as a zip. The same files make the same bytes: no clock, order or right of a folder has a say in it."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Collection, Mapping

_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip can name
_UNIX = 3


def zipped(files: Mapping[str, bytes], runs: Collection[str] = (), *, compressed: bool = True) -> bytes:
    """Return a zip of files by their path in it.

    Args:
        runs: Which of them are programs.
        compressed: Compressed, its bytes differ between versions of the library.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
            entry.create_system, entry.external_attr = _UNIX, (stat.S_IFREG | (0o755 if path in runs else 0o644)) << 16
            archive.writestr(entry, files[path])
    return buffer.getvalue()
