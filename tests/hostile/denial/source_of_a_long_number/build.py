"""Make a source that is one number of a million digits."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it over the submission."""
    (folder / "work.py").write_text("x = " + "9" * 1_000_000)
