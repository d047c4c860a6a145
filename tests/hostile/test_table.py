"""docs/hostile-corpus.md says what the corpus says."""

from __future__ import annotations

import re

import pytest

from . import table
from .catalogue import titles
from .entries import load_entries

_LINK = re.compile(r"\[\w+\]\((\S+)\)")


def test_the_document_is_up_to_date() -> None:
    """Whoever changes the corpus makes it again."""
    assert table.FILE.read_text("utf-8") == table.document(), "run: python -m tests.hostile.table"


def test_every_submission_and_every_kind_stands_in_it() -> None:
    """Links lead to folders that exist."""
    document = table.document()
    folders = {(table.FILE.parent / link).resolve() for link in _LINK.findall(document) if link.startswith("..")}
    assert folders == {entry.folder for entry in load_entries()}
    assert {id for id in titles() if re.search(rf"\| (\w+ )*{id}( \w+)* \|", document)} == set(titles())


def test_every_row_has_the_columns_of_its_heading() -> None:
    """Nothing in a text ends a cell."""
    for block in re.findall(r"(?:^\|.*\n)+", table.document(), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1, block[:200]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("a | b\nc", "a \\| b c"),
        ("calls __reduce__ of *all*, <b> and [x]", "calls \\_\\_reduce\\_\\_ of \\*all\\*, \\<b> and \\[x\\]"),
        ("work.py has no `du_oble`.", "work.py has no `du_oble`."),
    ],
)
def test_a_text_is_no_markup(text: str, cell: str) -> None:
    """It is shown as it is written."""
    assert table._cell(table._plain(text)) == cell
