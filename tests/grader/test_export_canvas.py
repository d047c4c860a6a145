"""Canvas' gradebook comes back with grades in it and nothing else changed; nobody's row is guessed."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.classroom.export.canvas import export
from grader.classroom.export.exported import Exported
from grader.classroom.view import ClassView
from grader.errors import CourseError, UsageError

from .csv_cells import changed
from .gradebooks import FIRST, SECOND, a_class, is_open, is_pending, is_unsettled, standing, student

ADA = student("adams", "Ada Adams", "9001", email="ada@example.org")
BO = student("berg", "Bo Berg", "9002")
LI1 = student("li1", "Li Wei", "9003")
LI2 = student("li2", "Li Wei", "9004")
TITLE = "Homework 1: Backprop, by hand"

HEADER = f'Student,ID,SIS User ID,SIS Login ID,Section,"{TITLE} (4711)",Essay (4712),Current Score,Final Grade\r\n'
POSTING = ",,,,,Manual Posting,,,\r\n"
POSSIBLE = "    Points Possible,,,,,20.0,10.0,(read only),(read only)\r\n"
ROWS = (
    '"Adams, Ada",101,9001,aadams,"NN, group A",,7.50,88.1,B\r\n'
    '"Berg, Bo",102,9002,bberg,NN,12.00,,,\r\n'
    '"Wei, Li",103,9003,lwei,NN,3.25,9.0,,\r\n'
    '"Wei, Li",104,9004,lwei2,"NN",,EX,,\r\n'
    '"Student, Test",199,,3f2a,NN,,,,\r\n'
)
BOOK = "\ufeff" + HEADER + POSTING + POSSIBLE + ROWS
NAMED = {"exercise1": TITLE}


Changes = dict[tuple[int, int], tuple[str, str]]


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, Path]:
    """Where the template is and where the export goes."""
    return tmp_path / "2026-11-21_Grades-NN.csv", tmp_path / "out" / "canvas.csv"


def filled(view: ClassView, book: str, files: tuple[Path, Path], delimiter: str = ",") -> tuple[Changes, Exported]:
    """Return what changed in the gradebook, by row and column, and what was said."""
    files[0].write_bytes(book.encode())
    said = export(view, files[1], files[0])
    assert files[0].read_bytes() == book.encode()
    return changed(book.encode(), files[1].read_bytes(), delimiter), said


def everybody(**more: object) -> ClassView:
    """Return a class of the four whom the gradebook knows."""
    return a_class({ADA: (18.5,), BO: (12.0,), LI1: (20 / 3,), LI2: (19.0,)}, canvas=NAMED, **more)  # type: ignore[arg-type]


def test_only_the_cells_of_the_exercise_change(exported: tuple[Path, Path]) -> None:
    """Mark, line ends, quotes, other columns and rows stay byte for byte; what was right already is not touched."""
    cells, said = filled(everybody(), BOOK, exported)
    assert cells == {(3, 5): ("", "18.5"), (5, 5): ("3.25", "6.67"), (6, 5): ("", "19")}
    assert said.files == (exported[1],)
    assert said.notes == (f"{FIRST}, column {TITLE} (4711): 3 filled in, 1 already said the same.",)


def test_two_students_of_the_same_name_are_told_apart_by_their_ids(exported: tuple[Path, Path]) -> None:
    """Both are called Li Wei; each gets the own points."""
    cells, _ = filled(everybody(), BOOK, exported)
    assert (cells[5, 5][1], cells[6, 5][1]) == ("6.67", "19")


def test_two_students_of_the_same_name_are_not_guessed(exported: tuple[Path, Path]) -> None:
    """Without ids that we know both rows are left alone, and named with their lines."""
    people = {student(f"x{who.id}", who.name): (15.0,) for who in (ADA, BO, LI1, LI2)}
    cells, said = filled(a_class(people, canvas=NAMED), BOOK, exported)
    assert cells == {(3, 5): ("", "15"), (4, 5): ("12.00", "15")}
    ambiguous = [note for note in said.notes if "do not guess" in note]
    assert ambiguous == [
        f"Line {line} (Wei, Li) is left as it was: it fits xli1, xli2, and we do not guess." for line in (6, 7)
    ]


def test_a_namesake_who_is_not_of_the_class_gets_nothing(exported: tuple[Path, Path]) -> None:
    """One Li Wei is known by id; the other row has nothing but the name to say for it."""
    cells, said = filled(a_class({LI1: (15.0,)}, canvas=NAMED), BOOK, exported)
    assert cells == {(5, 5): ("3.25", "15")}
    assert "Line 7 (Wei, Li) is left as it was: it fits li1, but so does another line." in said.notes


def test_clues_that_contradict_each_other_are_not_followed(exported: tuple[Path, Path]) -> None:
    """A number that is Ada's in a row with Bo's name is nobody's."""
    book = BOOK.replace("102,9002,bberg", "102,9001,bberg").replace("101,9001", "101,")
    cells, said = filled(a_class({ADA: (15.0,), BO: (10.0,)}, canvas=NAMED), book, exported)
    assert cells == {(3, 5): ("", "15")}
    assert "Line 5 (Berg, Bo) is left as it was: it fits adams, berg, and we do not guess." in said.notes


@pytest.mark.parametrize(("clue", "key"), [("ID", "101"), ("SIS User ID", "9001"), ("SIS Login ID", "AAdams")])
def test_a_student_is_found_by_each_of_canvas_keys(exported: tuple[Path, Path], clue: str, key: str) -> None:
    """Canvas' own id, the SIS id, the login; case does not matter, the name need not be known."""
    cells, _ = filled(a_class({student("x", "", key): (15.0,)}, canvas=NAMED), BOOK, exported)
    assert cells == {(3, 5): ("", "15")}


def test_what_was_downloaded_from_canvas_names_its_user_ids(exported: tuple[Path, Path]) -> None:
    """In Canvas' own file names it is the first number; a roster's numbers are not taken for it then."""
    ada, bo = student("a", "", "102"), student("b", "")
    uploads = [
        standing(ada, FIRST, 15.0, "adamsada_LATE_101_8123_work.py"),
        standing(bo, FIRST, 5.0, "sub.zip/berg_bo_102_8124_all.zip/x_7_8_/work-1.py"),
    ]
    view = a_class({ada: (15.0,), bo: (5.0,)}, *uploads, layout="canvas", canvas=NAMED)
    cells, _ = filled(view, BOOK, exported)
    assert cells == {(3, 5): ("", "15"), (4, 5): ("12.00", "5")}


def test_excused_and_unassigned_cells_are_respected(exported: tuple[Path, Path]) -> None:
    """EX and N/A are a person's decision in Canvas."""
    cells, said = filled(everybody(), BOOK.replace("NN,12.00", "NN,EX").replace("NN,3.25", "NN,n/a"), exported)
    assert cells.keys() == {(3, 5), (6, 5)}
    assert f"{FIRST}: 2 left as they were, because the file says EX / N/A there: berg, li1." in said.notes


def test_unfinished_and_absent_work_leaves_cells_as_they_are(exported: tuple[Path, Path]) -> None:
    """Failures of ours, unknown lateness, a missing device, nothing handed in: never a 0, and all are named."""
    eve = student("eve", "Eve", "9005")
    book = BOOK + "Eve,105,9005,eve,NN,2,,,\r\n"
    view = a_class({ADA: (1.0,), BO: (1.0,), LI1: (1.0,), LI2: (None,), eve: (4.0,)}, is_open(ADA, FIRST),
                   is_unsettled(BO, FIRST), is_pending(LI1, FIRST), canvas=NAMED)  # fmt: skip
    cells, said = filled(view, book, exported)
    assert cells == {(8, 5): ("2", "4")}
    assert (
        f"3 left as they were, because they are not settled: adams ({FIRST}), berg ({FIRST}), li1 ({FIRST})."
        in said.notes
    )
    assert f"1 left as they were, because nothing was handed in: li2 ({FIRST})." in said.notes


def test_rows_of_nobody_and_students_without_a_row_are_told(exported: tuple[Path, Path]) -> None:
    """Canvas' test student is nobody's surprise; who handed in nothing needs no row."""
    missing, absent = student("zoe", "Zoe"), student("yan", "Yan")
    _, said = filled(a_class({ADA: (1.0,), missing: (2.0,), absent: (None,)}, canvas=NAMED), BOOK, exported)
    assert "3 rows are nobody's of this class and are left as they were: Berg, Bo, Wei, Li, Wei, Li." in said.notes
    assert "1 students with points have no row in the file: zoe." in said.notes


def test_semicolons_and_decimal_commas_stay(exported: tuple[Path, Path]) -> None:
    """A file of a locale with decimal commas gets decimal commas; `sep=;` above the header is left there."""
    book = (
        "sep=;\nStudent;ID;SIS Login ID;Section;" + TITLE + " (4711);Final Score\n"
        "    Points Possible;;;;20,00;(read only)\n"
        '"Adams, Ada";101;9001;NN;"1,25";\n'
        "Berg, Bo;102;9002;NN;;3,5\n"
    )
    cells, _ = filled(a_class({ADA: (18.5,), BO: (7.25,)}, canvas=NAMED), book, exported, ";")
    assert cells == {(3, 4): ("1,25", "18,5"), (4, 4): ("", "7,25")}
    assert b'NN;"18,5";\n' in exported[1].read_bytes()


def test_semicolons_without_any_decimals_mean_decimal_commas(exported: tuple[Path, Path]) -> None:
    """Canvas writes semicolons where the locale has decimal commas."""
    book = f"Student;ID;Section;{TITLE} (4711)\n    Points Possible;;;20\nAda;9001;NN;3\n"
    cells, _ = filled(a_class({ADA: (18.5,)}, canvas=NAMED), book, exported, ";")
    assert cells == {(2, 3): ("3", "18,5")}


def test_first_and_last_names_in_columns_of_their_own(exported: tuple[Path, Path]) -> None:
    """Canvas can be told to export them so."""
    book = (
        f'LastName,FirstName,ID,SIS User ID,SIS Login ID,Section,"{TITLE} (4711)"\n'
        "Points Possible,,,,,,20\nAdams,Ada,,,,NN,\n"
    )
    cells, _ = filled(a_class({ADA: (18.0,)}, canvas=NAMED), book, exported)
    assert cells == {(2, 6): ("", "18")}


@pytest.mark.parametrize("named", [TITLE, "4711", 4711, f"{TITLE} (4711)"])
def test_a_column_is_named_by_its_title_or_number(exported: tuple[Path, Path], named: str | int) -> None:
    """In course.toml's [canvas], or with --column."""
    cells, _ = filled(a_class({ADA: (18.0,)}, canvas={"1": named}), BOOK, exported)
    assert cells == {(3, 5): ("", "18")}


def test_a_column_called_like_the_exercise_needs_no_name(exported: tuple[Path, Path]) -> None:
    """Its title, its folder's name or its short name; exercises without a column are told."""
    book = BOOK.replace(TITLE, "Exercise1")
    cells, said = filled(a_class({ADA: (18.0, 17.0)}), book, exported)
    assert cells == {(3, 5): ("", "18")}
    assert f"1 exercises have no column in the file and are left out: {SECOND}." in said.notes


def test_several_exercises_are_filled_at_once(exported: tuple[Path, Path]) -> None:
    """Each in its own column."""
    book = BOOK.replace(",10.0,", ",20.0,")
    cells, _ = filled(a_class({ADA: (18.0, 17.0)}, canvas={"1": 4711, "2": "Essay"}), book, exported)
    assert cells == {(3, 5): ("", "18"), (3, 6): ("7.50", "17")}


@pytest.mark.parametrize(
    ("canvas", "old", "new", "said"),
    [
        ({"1": "Nothing"}, "", "", rf"no column 'Nothing' for {FIRST}.* {TITLE} \(4711\), Essay \(4712\)"),
        ({}, "", "", "has no column that is called like an exercise"),
        ({"1": TITLE}, "Essay (4712)", f'"{TITLE} (4712)"', rf"{FIRST}: {TITLE} \(4711\), {TITLE} \(4712\)"),
        ({"1": TITLE}, "Possible,,,,,20.0", "Possible,,,,,(read only)", "as read only"),
        ({"1": TITLE}, ",20.0,", ",100,", rf"{TITLE} \(4711\) is out of 100 points, {FIRST} is out of 20"),
        ({"1": TITLE}, "Points Possible", "Points", "is not a gradebook that Canvas exported"),
        ({"1": TITLE}, "Section", "Group", "is not a gradebook that Canvas exported"),
        ({"1": TITLE}, '"Student, Test"', '"Student, Test', "a quotation mark is opened and never closed"),
        ({"1": TITLE}, '"Student, Test"', '"Student" Test', "stands between a closing quotation mark"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_filled_is_refused(
    exported: tuple[Path, Path], canvas: dict[str, str], old: str, new: str, said: str
) -> None:
    """What and where, and nothing is written."""
    with pytest.raises(UsageError, match=said):
        filled(a_class({ADA: (18.0,)}, canvas=canvas), BOOK.replace(old, new), exported)
    assert not exported[1].exists()


def test_two_exercises_never_share_a_column(exported: tuple[Path, Path]) -> None:
    """The second would overwrite the first."""
    with pytest.raises(UsageError, match=f"{FIRST} and {SECOND} would both be written"):
        filled(a_class({ADA: (18.0, 1.0)}, canvas={"1": 4711, "2": TITLE}), BOOK, exported)


def test_an_unknown_exercise_in_the_course_file_is_the_courses_mistake(exported: tuple[Path, Path]) -> None:
    """It is named with its key."""
    with pytest.raises(CourseError, match=r"course.toml: canvas.99: There is no exercise '99'"):
        filled(a_class({ADA: (18.0,)}, canvas={"99": TITLE}), BOOK, exported)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """No template, none there, another encoding."""
    view = a_class({ADA: (18.0,)}, canvas=NAMED)
    with pytest.raises(UsageError, match=r"--to canvas fills the platform's own file.*In Canvas: Grades, Export"):
        export(view, tmp_path / "o.csv")
    with pytest.raises(UsageError, match=r"t.csv cannot be read: No such file"):
        export(view, tmp_path / "o.csv", tmp_path / "t.csv")
    (tmp_path / "t.csv").write_bytes(BOOK.replace("Ada", "Äda").encode("latin-1", "ignore"))
    with pytest.raises(UsageError, match=r"t.csv is not UTF-8 \(line 4\)"):
        export(view, tmp_path / "o.csv", tmp_path / "t.csv")


def test_a_row_that_ends_early_is_told(exported: tuple[Path, Path]) -> None:
    """There is no cell to write to."""
    short = BOOK.replace('"Berg, Bo",102,9002,bberg,NN,12.00,,,', "x,102,9002")
    cells, said = filled(everybody(), short, exported)
    assert (4, 5) not in cells
    assert "1 rows end before the column and are left as they were: lines 5." in said.notes


NAMES = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(NAMES, st.floats(0, 20), st.sampled_from(["", "EX", "5", "19.999"])), min_size=1, max_size=8),
    st.sampled_from(",;"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_whatever_canvas_exports_comes_back_with_the_points(
    exported: tuple[Path, Path],
    people: list[tuple[str, float, str]],
    delimiter: str,
    quoting: int,
    line: str,
    bom: bool,
) -> None:
    """A round trip: any names, dialects and points; each cell says the points to two decimals, EX stays."""
    text = io.StringIO(newline="")
    table = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line)  # type: ignore[arg-type]
    table.writerow(["Student", "ID", "Section", f"{TITLE} (1)", "Final Score"])
    table.writerow(["    Points Possible", "", "", "20.0", "(read only)"])
    table.writerows([name, 500 + place, "NN", there, "1"] for place, (name, _, there) in enumerate(people))
    points_of = {student(f"s{place}", "", str(500 + place)): (one[1],) for place, one in enumerate(people)}
    view = a_class(points_of, canvas=NAMED)
    cells, _ = filled(view, "\ufeff" * bom + text.getvalue(), exported, delimiter)
    written = list(csv.reader(io.StringIO(exported[1].read_text("utf-8-sig"), newline=""), delimiter=delimiter))
    for (_, points, there), row in zip(people, written[2:], strict=True):
        assert row[3] == "EX" if there == "EX" else abs(float(row[3]) - points) <= 0.005 + 1e-9
    assert {column for _, column in cells} <= {3}
