"""docs/sources.md is true: each link leads somewhere, each row of the source texts has a home or a reason for none."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
NOT_TAUGHT = "What no exercise teaches"

# How many rows each text has, and how many mistakes were found in all of them together.
ROWS_OF_A_TEXT = (14, 21, 16, 7, 9)
MISTAKES = 25


class Row(NamedTuple):
    """One line of a table: the row of the texts, what it says, and where it lives or why nowhere."""

    section: str
    name: str
    said: str
    home: str


def rows_of_the_page() -> list[Row]:
    """Return the lines of all tables that stand under a heading."""
    found = []
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        lines = re.findall(r"^\|.*\|$", text, re.MULTILINE)[2:]
        found += [Row(heading, *(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines]
    return found


ROWS = rows_of_the_page()


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the functions and classes of a Python file, or the headings of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return frozenset(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return frozenset(node.name for node in ast.walk(ast.parse(text)) if isinstance(node, kinds))


@pytest.mark.parametrize("row", [row for row in ROWS if row.section != NOT_TAUGHT],
                         ids=lambda row: f"{row.section.split(':')[0].replace(' ', '')}-{row.name}")  # fmt: skip
def test_a_row_lives_where_the_page_says(row: Row) -> None:
    """Every link is a file of the repository, and what it names is defined there."""
    links = re.findall(r"`([^`]+)`", row.home)
    assert links
    assert re.sub(r"`[^`]+`", "", row.home).replace(",", "").split() == []
    for link in links:
        path, _, name = link.partition("::")
        assert (ROOT / path).is_file(), link
        assert name in names_in(ROOT / path), link


@pytest.mark.parametrize("section", sorted({row.section for row in ROWS}))
def test_a_section_names_each_row_once_and_says_something(section: str) -> None:
    """Rows are numbered as in the texts, without doubles, and none is empty."""
    rows = [row for row in ROWS if row.section == section]
    assert len({row.name for row in rows}) == len(rows)
    assert [row.name for row in rows if not re.fullmatch(r"00[0-4]-\d\d|E\d+", row.name)] == []
    assert [row.name for row in rows if not row.said or not row.home] == []
    assert section == NOT_TAUGHT or re.match(r"Exercise [1-9]: \w", section)


def test_every_row_of_the_texts_is_somewhere() -> None:
    """Nothing that the texts say or get wrong was dropped on the way."""
    texts = {f"{text:03}-{row:02}" for text, rows in enumerate(ROWS_OF_A_TEXT) for row in range(1, rows + 1)}
    wanted = texts | {f"E{number}" for number in range(1, MISTAKES + 1)}
    assert {row.name for row in ROWS} == wanted
