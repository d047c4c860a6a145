"""Make a source of 50,000 functions in functions."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it over the submission."""
    (folder / "work.py").write_text("x = " + "lambda: " * 50_000 + "1")
