"""Save the file as Notepad's "Unicode"."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it as UTF-16 with a byte order mark."""
    work = folder / "work.py"
    work.write_bytes(work.read_text("utf-8").encode("utf-16"))
