"""Pages of docs/ that a test follows: their blocks, files and changes, and whether what is printed is shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# The first line of a file's block names it, as a comment of its language.
NAMED = re.compile(r"(?:# |<!-- )(\S+)(?: -->)?")
LEFT_OUT = "…"


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return the kind and the text of each block."""
    return BLOCK.findall(page.read_text())


def write(block: str) -> None:
    """Write the file of a block."""
    first, _, text = block.partition("\n")
    match = NAMED.fullmatch(first)
    assert match, first
    path = Path(match[1])
    assert path.parent.is_dir(), f"{path} is in a folder that nothing on the page has made"
    path.write_text(text)


def change(block: str) -> Path:
    """Change a file as a block of lines with +, - and blanks in front of them says; `@@` stands between two places."""
    first, _, parts = block.partition("\n")
    path = Path(first.removeprefix("# "))
    text = path.read_text()
    for part in re.split(r"^@@.*\n", parts, flags=re.MULTILINE):
        lines = part.splitlines()
        was, now = ("".join(f"{line[1:]}\n" for line in lines if line[0] in kept) for kept in (" -", " +"))
        assert text.count(was) == 1, part
        text = text.replace(was, now)
    path.write_text(text)
    return path


def is_shown(shown: str, printed: str, alike: Callable[[str], str]) -> bool:
    """Whether a page shows what was printed: a line with an ellipsis alone stands for any lines.

    Args:
        alike: Makes two texts equal that differ in nothing but times and the like.
    """
    lines = [
        r"(?:.*\n)*?" if line.strip() == LEFT_OUT else re.escape(alike(line)) + r"\n"
        for line in shown.strip("\n").splitlines()
    ]
    said = alike(printed).strip("\n")
    return re.fullmatch("".join(lines), f"{said}\n" if said else "") is not None
