"""The roster: every form in which it comes, and names that are matched exactly or not at all."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom.handin import Student
from grader.classroom.names import name_keys
from grader.classroom.roster import Roster, Who, read_roster
from grader.errors import UsageError


def read(tmp_path: Path, data: str | bytes) -> Roster:
    """Read a roster with these contents."""
    path = tmp_path / "roster.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_roster(path)


TABLE = "id,name,email,section,aliases\n0071,Ada Adams,ada@x.org,A,aa; Countess\n2,Bo Berg,,B,\n"
WANTED = (
    Student("0071", "Ada Adams", "ada@x.org", "A", ("aa", "Countess")),
    Student("2", "Bo Berg", "", "B"),
)
FORMS = {
    "plain": TABLE,
    "byte order mark": "\ufeff" + TABLE,
    "semicolons": TABLE.replace("aa; Countess", "aa| Countess").replace(",", ";"),
    "tabs": TABLE.replace(",", "\t"),
    "Excel's Unicode text": TABLE.replace(",", "\t").encode("utf-16"),
    "Windows line ends": TABLE.replace("\n", "\r\n"),
    "spaces and empty lines": "\n" + TABLE.replace(",", " , ").replace("\n", "\n,,,,\n"),
    "zeros kept for a spreadsheet": TABLE.replace("0071", '"=""0071"""'),
    "other headers": TABLE.replace("id,name,email,section,aliases", "Student ID,FULL NAME,E-Mail,Group,Also known as"),
    "further columns": TABLE.replace("section", "section,Shoe size").replace(",A,", ",A,41,").replace(",B,", ",B,39,"),
}


@pytest.mark.parametrize("form", FORMS)
def test_rosters_are_read_in_every_form(form: str, tmp_path: Path) -> None:
    """Ids stay text, headers have synonyms, the delimiter is found."""
    assert read(tmp_path, FORMS[form]).students == WANTED


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Gruppen", "Jürgen;Groß;;j@x.de;1"),
        ("Nombre,Apellido(s),Dirección de correo,Grupos", "Jürgen,Groß,j@x.de,1"),
        ("名,姓,电子邮件地址,小组", "Jürgen,Groß,j@x.de,1"),
        ("First Name,Last Name,Email,Sections", "Jürgen,Groß,j@x.de,1"),
    ],
)
def test_rosters_of_platforms_in_other_languages(header: str, row: str, tmp_path: Path) -> None:
    """First and last name make the name; without an id the address is one."""
    (student,) = read(tmp_path, f"{header}\n{row}\n").students
    assert student == Student("j@x.de", "Jürgen Groß", "j@x.de", "1")


BROKEN = {
    "empty": ("", "it is empty"),
    "no header": ("1,Ada,x\n2,Bo,y\n", r"none of its columns \(1, Ada, x\) is one of id, e-mail or name"),
    "no id": ("id,name\n1,Ada\n,Bo\n", "line 3 has no id"),
    "twice": ("id,name\nA1,Ada\na1,Bo\n", "'a1' stands in lines 2 and 3"),
    "latin-1": ("id,name\n1,Jürgen\n".encode("latin-1"), "line 2 holds a character that is not UTF-8"),
    "cut off": (
        "id,name\n1,Ada\n".encode("utf-16")[:-1],
        "it begins as UTF-16 and is cut off or damaged; save it as CSV UTF-8",
    ),
    "quotes": ('id,name\n1,"Ada\n', "unexpected end of data"),
}


@pytest.mark.parametrize("row", BROKEN)
def test_a_broken_roster_is_said_with_its_line(row: str, tmp_path: Path) -> None:
    """Nothing is left out silently."""
    data, sentence = BROKEN[row]
    with pytest.raises(UsageError, match=rf"The roster roster\.csv cannot be read: .*{sentence}"):
        read(tmp_path, data)


def test_a_roster_that_is_not_there_is_said(tmp_path: Path) -> None:
    """The name and the reason."""
    with pytest.raises(UsageError, match=r"roster\.csv cannot be read: No such file"):
        read_roster(tmp_path / "roster.csv")


CLASS = Roster(
    [
        Student("1", "Ada Adams", "ada@x.org", keys=("aa12",)),
        Student("2", "García López, Juan", "juan@x.org"),
        Student("3", "Ann Lee", "ann.a@x.org"),
        Student("4", "Ann Lee", "ann.b@x.org"),
        Student("5", "Pat O'Brien"),
        Student("6", "Jürgen Groß"),
        Student("7", "Ben Bauer", keys=("B. Bauer",)),
        Student("8", "ben bau"),
    ]
)
FOUND = {
    "id": (Who("1"), ("1",)),
    "e-mail in capitals": (Who("x", email="ADA@X.ORG"), ("1",)),
    "e-mail as id": (Who("juan@x.org"), ("2",)),
    "e-mail's name": (Who("juan"), ("2",)),
    "alias": (Who("AA12"), ("1",)),
    "alias that is a name": (Who("x", "bauer, b."), ("7",)),
    "last name first": (Who("x", "Adams, Ada"), ("1",)),
    "the other order": (Who("x", "Adams Ada"), ("1",)),
    "spaces": (Who("x", "  ADA\u00a0 adams "), ("1",)),
    "underscores": (Who("Adams_Ada"), ("1",)),
    "two family names": (Who("x", "Juan García López"), ("2",)),
    "Canvas's letters": (Who("9", "garcíalópezjuan", sortable=True), ("2",)),
    "decomposed": (Who("x", unicodedata.normalize("NFD", "Jürgen Groß")), ("6",)),
    "sharp s in capitals": (Who("x", "JÜRGEN GROSS"), ("6",)),
    "without the apostrophe": (Who("x", "Pat OBrien"), ("5",)),
    "two of one name": (Who("x", "Ann Lee"), ("3", "4")),
    "two of one name, address known": (Who("x", "Ann Lee", "ann.b@x.org"), ("4",)),
    "ids of two students": (Who("1", "Who Ever", "juan@x.org"), ("1", "2")),
    "id and name of two students": (Who("1", "Ben Bauer"), ("1", "7")),
    "no accent": (Who("x", "Jurgen Gross"), ()),
    "nearly": (Who("x", "Ada Adam"), ()),
    "part of a name": (Who("x", "García Juan"), ()),
    "spaces elsewhere": (Who("x", "Be nbau"), ()),
    "nobody": (Who("x", ""), ()),
}


@pytest.mark.parametrize("case", FOUND)
def test_names_are_matched_exactly(case: str) -> None:
    """One student, all that fit, or nobody: never the nearest."""
    who, wanted = FOUND[case]
    assert CLASS.find(who).students == wanted


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(NAMES, NAMES)
def test_both_orders_of_a_name_are_one(first: str, last: str) -> None:
    """ "Last, First" and "First Last" have a key in common, however they are written."""
    first, last = first.replace(",", ""), last.replace(",", "")
    one, two = name_keys(f"{last}, {first}"), name_keys(f"{first} {last}")
    assert one == two
    assert name_keys(unicodedata.normalize("NFD", f"{first} {last}").upper().lower()) == name_keys(
        unicodedata.normalize("NFC", f"{first} {last}").upper().lower()
    )


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_everybody_is_found_by_their_id(ids: list[str]) -> None:
    """Among those who are found by an id, which may be ambiguous, is always the one whose id it is."""
    students = [Student(id, "The Same Name") for id in ids]
    for student in students:
        assert not student.id.strip() or student.id in Roster(students).find(Who(student.id)).students
