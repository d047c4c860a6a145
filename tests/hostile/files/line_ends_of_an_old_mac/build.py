"""Save the file with line ends that a repository would not keep."""

from pathlib import Path


def build(folder: Path) -> None:
    """End each line in a carriage return alone."""
    work = folder / "work.py"
    work.write_bytes(work.read_bytes().replace(b"\n", b"\r"))
