"""Make a source that is one sum of 200,000 terms."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it over the submission."""
    (folder / "work.py").write_text("x = " + "+".join(["1"] * 200_000))
