"""Make a source of two megabytes."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it over the submission."""
    (folder / "work.py").write_text("x = 1  # and nothing else\n" * 80_000)
