"""Make a source of a megabyte in which every other character is a statement."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it over the submission."""
    (folder / "work.py").write_text("a\n" * 500_000)
