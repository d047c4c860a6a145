"""Save the file as editors on Windows do, which a repository would not keep."""

import codecs
from pathlib import Path


def build(folder: Path) -> None:
    """Put a byte order mark before it and a carriage return at each line's end."""
    work = folder / "work.py"
    work.write_bytes(codecs.BOM_UTF8 + work.read_bytes().replace(b"\n", b"\r\n"))
