"""Files as a zip. The same files make the same bytes: no clock and no order of a folder has a say in it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping

_STAMP = (1980, 1, 1, 0, 0, 0)


def zipped(files: Mapping[str, bytes], runs: Collection[str] = ()) -> bytes:
    """Return a zip of files by their path in it.

    Args:
        runs: Which of them are programs.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, _STAMP)
            mode = 0o100755 if path in runs else 0o100644
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, mode << 16, 3
            archive.writestr(entry, data)
    return buffer.getvalue()
