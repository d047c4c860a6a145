"""`grader export`: what it needs, what it refuses, what it says; the store is stood in for by a class in memory."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from grader import course as courses
from grader.classroom.handin import Student
from grader.classroom.view import ClassView, Lateness
from grader.cli import main
from grader.commands.export import FORMATS
from grader.course import Course
from grader.late_policy import LatePolicy

from .classroom_data import ROOT, made_class
from .gradebooks import FIRST, SECOND, a_class, is_open, is_pending, standing, student

ADA, BO = student("ada", "Ada Adams", "1"), student("bo", "Bo Berg", "2")
BOOK = "Student,ID,Section,Backprop (7)\n    Points Possible,,,20\nAda,1,NN,\nBo,2,NN,\n"


@pytest.fixture
def graded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, ClassView]:
    """Let the store of every folder hold the view that a test puts here; the course is this repository's."""
    held: dict[str, ClassView] = {}

    class Store:
        def __init__(self, folder: Path) -> None:
            assert folder == tmp_path

        open = classmethod(lambda cls, folder: cls(folder))
        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda self, *error: None  # noqa: E731

        def view(self, course: Course) -> ClassView:
            assert course.root == ROOT
            return held["view"]

    monkeypatch.setitem(sys.modules, "grader.classroom.store", SimpleNamespace(Store=Store))  # type: ignore[arg-type]
    monkeypatch.chdir(ROOT)
    (tmp_path / "book.csv").write_text(BOOK)
    return held


def run(folder: Path, *words: str) -> Result:
    """Run `grader export` on a folder."""
    return CliRunner().invoke(main, ["export", str(folder), *words])


def test_grades_are_written_below_the_folder_of_the_run(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """Without --out; the command says which files."""
    graded["view"] = a_class({ADA: (12.0, 3.0)})
    result = run(tmp_path, "--to", "csv")
    assert result.exit_code == 0, result.output
    files = [tmp_path / "export" / "csv" / name for name in ("exercises.csv", "checks.csv")]
    assert result.output == "".join(f"Written: {file}\n" for file in files)
    assert all(file.is_file() for file in files)


def test_a_column_and_an_exercise_are_chosen_on_the_command_line(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """Only that exercise is written, to that column; notes come before the file."""
    graded["view"] = a_class({ADA: (12.0, 3.0), BO: (11.0, 4.0)})
    template = str(tmp_path / "book.csv")
    words = ("--to", "canvas", "--template", template, "--exercise", "2", "--column", "7", "--out", str(tmp_path / "o"))
    result = run(tmp_path, *words)
    assert (
        result.output
        == f"{SECOND}, column Backprop (7): 2 filled in, 0 already said the same.\nWritten: {tmp_path / 'o'}\n"
    )
    assert (tmp_path / "o").read_text() == BOOK.replace("Ada,1,NN,", "Ada,1,NN,3").replace("Bo,2,NN,", "Bo,2,NN,4")


def test_nothing_is_written_while_something_is_not_settled(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """Everybody is named with the reason; the exit code says that the command was not followed."""
    cleo = student("cleo")
    more = (is_open(ADA, FIRST), is_pending(BO, FIRST))
    graded["view"] = a_class({ADA: (1.0,), BO: (1.0,), cleo: (1.0,)}, *more)
    result = run(tmp_path, "--to", "csv")
    assert result.exit_code == 2
    assert "2 results are not settled, so nothing is written:" in result.output
    assert f"  ada in {FIRST}: not judged, for a reason of ours: test_broken (error)." in result.output
    assert f"  bo in {FIRST}: waits for a device that was not there: test_gpu." in result.output
    assert "cleo" not in result.output
    assert not (tmp_path / "export").exists()


def test_unknown_lateness_is_not_settled(
    graded: dict[str, ClassView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The course's policy is applied by the command itself, so a mark without a time stops it."""
    policy = LatePolicy("percent", 10.0)
    found = replace(courses.find_course(ROOT), late=policy)
    monkeypatch.setattr(courses, "find_course", lambda: found)
    view = a_class({ADA: (15.0,)}, standing(ADA, FIRST, 15.0, lateness=Lateness(marked=True)))
    graded["view"] = replace(view, course=found)
    result = run(tmp_path, "--to", "csv")
    assert result.exit_code == 2
    assert "handed in late, and nobody knows how late. Say in extensions.toml" in result.output


def test_what_is_not_settled_can_be_left_as_it_is(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """--allow-open writes the others, and says whom it left out."""
    graded["view"] = a_class({ADA: (1.0,), BO: (12.0,)}, is_open(ADA, FIRST))
    words = ("--to", "canvas", "--template", str(tmp_path / "book.csv"), "--exercise", "1", "--column", "7")
    result = run(tmp_path, *words, "--allow-open")
    assert result.exit_code == 0, result.output
    assert f"1 left as they were, because they are not settled: ada ({FIRST})." in result.output
    assert (tmp_path / "export" / "canvas.csv").read_text() == BOOK.replace("Bo,2,NN,", "Bo,2,NN,12")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "canvas"), "--to canvas fills the platform's own file: give it with --template FILE."),
        (
            ("--to", "csv", "--template", "x"),
            "--to csv cannot be combined with --template: it fills no file",
        ),
        (("--to", "moodle", "--column", "x"), "--to moodle cannot be combined with --column: only Canvas' gradebook"),
        (("--to", "canvas", "--column", "x"), "--column is the column of one exercise: say which with --exercise."),
        (("--to", "csv", "--exercise", "5"), f"was not graded in {{folder}}. Graded there: {FIRST}, {SECOND}."),
        (("--to", "csv", "--exercise", "nine"), "There is no exercise 'nine'."),
        (("--to", "excel"), "'excel' is not one of 'csv', 'canvas', 'moodle', 'gradescope', 'junit', 'github'"),
        ((), "Missing option '--to'"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    graded: dict[str, ClassView], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    """Exit code 2, one sentence, nothing written."""
    graded["view"] = a_class({ADA: (12.0, 3.0)})
    result = run(tmp_path, *words)
    assert result.exit_code == 2
    assert said.format(folder=tmp_path) in result.output.replace("\n", " ")
    assert not (tmp_path / "export").exists()


def test_a_file_that_cannot_be_written_is_said(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """The folder's name may be a file's."""
    graded["view"] = a_class({ADA: (12.0, 3.0)})
    result = run(tmp_path, "--to", "csv", "--out", str(tmp_path / "book.csv" / "x"))
    assert result.exit_code == 2
    assert "cannot be written:" in result.output


def test_very_many_are_told_in_short(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """Twelve of those who share a reason, then how many more; ids are printable."""
    people = {Student(f"s{number:02d}\x1b[2J"): (1.0,) for number in range(30)}
    graded["view"] = a_class(people, *(is_open(who, FIRST) for who in people))
    result = run(tmp_path, "--to", "csv")
    assert "s11\\x1b[2J and 18 more in " in result.output
    assert "s12" not in result.output
    assert "\x1b" not in result.output


def test_every_format_of_the_table_has_its_name_and_place() -> None:
    """Formats of other modules are imported when they are asked for; folders and files do not collide."""
    assert list(FORMATS) == ["csv", "canvas", "moodle", "gradescope", "junit", "github", "feedback"]
    assert len({one.out for one in FORMATS.values()}) == len(FORMATS)
    assert [name for name, one in FORMATS.items() if one.fills] == ["canvas", "moodle"]


def test_a_whole_class_is_exported(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """Every kind of trouble at once, with --allow-open."""
    graded["view"] = made_class()
    result = run(tmp_path, "--to", "csv", "--allow-open")
    assert result.exit_code == 0, result.output
    assert "left as they were, because nothing was handed in" in result.output


def test_one_reason_for_many_is_said_once(graded: dict[str, ClassView], tmp_path: Path) -> None:
    """What kept a whole class from being judged names its students in one line, not a line for each."""
    graded["view"] = a_class({ADA: (1.0,), BO: (1.0,)}, is_open(ADA, FIRST), is_open(BO, FIRST))
    result = run(tmp_path, "--to", "csv")
    assert "2 results are not settled, so nothing is written:" in result.output
    assert f"  ada, bo in {FIRST}: not judged, for a reason of ours: test_broken (error)." in result.output
