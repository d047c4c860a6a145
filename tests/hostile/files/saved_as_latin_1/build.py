"""Save the file in an encoding that Python would read because of its first line."""

from pathlib import Path


def build(folder: Path) -> None:
    """Write it as Latin-1 and see that Python itself would take it."""
    work = folder / "work.py"
    work.write_bytes(work.read_text("utf-8").encode("latin-1"))
    compile(work.read_bytes(), "work.py", "exec")
