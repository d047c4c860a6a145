"""Damage the file as a full disk does."""

from pathlib import Path


def build(folder: Path) -> None:
    """Put zero bytes at the end of the last comment."""
    work = folder / "work.py"
    work.write_bytes(work.read_bytes().rstrip() + bytes(3) + b"\n")
