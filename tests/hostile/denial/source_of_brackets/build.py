"""Make a source that is 100,000 brackets deep."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it over the submission."""
    (folder / "work.py").write_text("x = " + "(" * 100_000 + ")" * 100_000)
