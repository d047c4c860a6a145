"""The splicer of CSV files: it finds the cells that other readers find, and changes only those it is asked to."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom.export.amounts import amount, has_decimal_comma, says, written
from grader.classroom.export.sheet import NotASheet, candidates, read_sheet

from .csv_cells import as_python_reads, as_table, cells, changed

TEXT = st.text(alphabet=st.sampled_from('ab1,;\t"\n\r äß张🎓='), max_size=8)
TABLES = st.lists(st.lists(TEXT, min_size=1, max_size=5), min_size=1, max_size=6)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t"),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
    }
)


def as_file(table: list[list[str]], dialect: dict[str, object], bom: bool = False, last: bool = True) -> bytes:
    """Return a table written by Python's csv, perhaps with a mark in front and without the last line's end."""
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(table)  # type: ignore[arg-type]
    said = text.getvalue()
    said = said if last else said.removesuffix(str(dialect["lineterminator"]))
    return ("\ufeff" * bom + said).encode()


def rows_of(data: bytes, delimiter: str) -> list[list[str]]:
    """Return the texts of all rows that have cells, as the package reads them."""
    sheet = read_sheet(data, delimiter.encode())
    return [sheet.texts(row) for row in range(len(sheet.rows)) if sheet.rows[row]]


@given(TABLES, DIALECTS, st.booleans(), st.booleans())
def test_it_finds_the_cells_that_two_other_readers_find(
    table: list[list[str]], dialect: dict[str, object], bom: bool, last: bool
) -> None:
    """Whatever Python's csv wrote, with any delimiter, quoting, line end and mark, all three readers agree."""
    data = as_file(table, dialect, bom, last)
    delimiter = str(dialect["delimiter"])
    text = data.decode().removeprefix("\ufeff")
    assert rows_of(data, delimiter) == as_python_reads(text, delimiter) == as_table(cells(text, delimiter))


@given(TABLES, DIALECTS, st.booleans(), TEXT, st.data())
def test_a_changed_cell_changes_no_other_byte(
    table: list[list[str]], dialect: dict[str, object], bom: bool, text: str, data: st.DataObject
) -> None:
    """One cell says the new text afterwards, for both other readers, and everything around it is as it was."""
    delimiter = str(dialect["delimiter"])
    before = as_file(table, dialect, bom)
    sheet = read_sheet(before, delimiter.encode())
    row = data.draw(st.sampled_from([row for row, there in enumerate(sheet.rows) if there]))
    column = data.draw(st.integers(0, len(sheet.rows[row]) - 1))
    old = sheet.rows[row][column].text
    # A row of one empty cell without quotes would be an empty line, which is no row.
    alone = len(sheet.rows[row]) == 1 and not text and not sheet.rows[row][column].quoted
    after = sheet.with_texts({(row, column): text})
    if not alone:
        assert list(changed(before, after, delimiter).values()) == ([(old, text)] if old != text else [])


def test_a_cell_keeps_its_quotes_and_gets_them_only_if_it_must() -> None:
    """What was quoted stays quoted; a plain cell is quoted only for what it now says."""
    sheet = read_sheet(b'a,"b",c\r\n', b",")
    assert sheet.with_texts({(0, 1): "x", (0, 2): "1,5"}) == b'a,"x","1,5"\r\n'
    assert sheet.with_texts({(0, 0): '2"'}) == b'"2""","b",c\r\n'
    assert sheet.with_texts({}) == sheet.data


@pytest.mark.parametrize(
    ("data", "why", "line"),
    [(b'a,b\n1,"2\n3', "quote", 2), (b'a\nb\n"1"2,3\n', "after", 3), (b"a\nM\xfcller,1\n", "encoding", 2)],
)
def test_what_is_no_csv_is_refused_with_its_line(data: bytes, why: str, line: int) -> None:
    """An open quote, something behind one, another encoding: nothing is guessed, the line is named."""
    with pytest.raises(NotASheet, match=f"{why} in line {line}"):
        read_sheet(data, b",")


def test_a_file_is_offered_with_each_delimiter_it_can_have() -> None:
    """Quoted cells between semicolons are no file with commas; what fits none is refused."""
    assert [sheet.delimiter for sheet in candidates(b'"a";"b"\n')] == [b";"]
    with pytest.raises(NotASheet, match="encoding in line 1"):
        list(candidates(b"\xff\xfea"))


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    """Line ends within a cell count, whatever they are."""
    sheet = read_sheet(b'h\r\n"1\n2"\r\nx\r\n', b",")
    assert [sheet.line(row) for row in range(3)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("12.50", 12.5), ("12,5", 12.5), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("-3", -3), (" 7 ", 7)],
)
def test_a_number_is_read_with_a_point_or_a_comma(text: str, number: float) -> None:
    """What follows the last of them are the decimals."""
    assert amount(text) == number


@pytest.mark.parametrize("text", ["", "-", "EX", "N/A", "(read only)", "B+", "12 %", "12 / 20"])
def test_what_is_no_number_is_none(text: str) -> None:
    """Grades in letters, marks and blanks are not numbers."""
    assert amount(text) is None


@pytest.mark.parametrize(
    ("points", "text"),
    [(12.0, "12"), (7.5, "7.5"), (2 / 3, "0.67"), (0.0, "0"), (-0.0, "0"), (100.0, "100"), (0.001, "0"), (-0.001, "0")],
)
def test_points_are_written_with_as_many_decimals_as_they_need(points: float, text: str) -> None:
    """Two at most, as Canvas compares them; and with a comma where the file has one."""
    assert written(points) == text
    assert written(points, decimal_comma=True) == text.replace(".", ",")


def test_a_cell_that_says_the_points_already_is_recognised() -> None:
    """`12.00`, `12` and `12,0` say the same; an empty cell says nothing."""
    assert says("12.00", 12)
    assert says("12,0", 12)
    assert says("0.67", 2 / 3)
    assert not says("", 0)
    assert not says("12.01", 12)


def test_a_decimal_comma_is_seen_in_the_numbers() -> None:
    """Numbers with decimals decide; where there are none, what the caller expects."""
    assert has_decimal_comma(["20,00", "3", "7,5"], otherwise=False)
    assert not has_decimal_comma(["20.00", "1,234.50"], otherwise=True)
    assert has_decimal_comma(["20", ""], otherwise=True)
