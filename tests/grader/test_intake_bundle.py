"""Several downloads in one folder: the archives of a platform's assignments, and what must not be taken for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.classroom.handin import Intake
from grader.errors import UsageError

from .handed_in import PY, by_place, folder, notebook, taken, zipped
from .test_intake_layouts import A, B, roster, texts

C = PY + b"# c\n"
CANVAS = {
    "submissions.zip": zipped(
        {
            "adamsada_12_901_backprop.py": A,
            "bauerben_LATE_13_902_hw.zip": zipped({"backprop.py": A}),
            "leeann_14_903_backprop.ipynb": notebook("# a"),
        }
    ),
    "submissions (1).zip": zipped({"adamsada_12_1201_gradients.py": B, "bauerben_13_1202_gradients-1.py": B}),
    "submissions (2).zip": zipped({"adamsada_12_1301_modules.py": C, "zed_18_text.html": b"<p>typed</p>"}),
}
"""As Canvas calls them, one for each assignment; the third has one file only."""
MOODLE = {
    "NN-2026-Exercise 1-501.zip": zipped(
        {
            "Ada Adams_4711_assignsubmission_file/solution.py": A,
            "Ben Bauer_4712_assignsubmission_file/my work.py": A,
            "Juan García López_4713_assignsubmission_onlinetext/onlinetext.html": b"<p>typed</p>",
        }
    ),
    "NN-2026-Exercise 2-502.zip": zipped(
        {
            "Ada Adams_4801_assignsubmission_file/solution.py": B,
            "Ben Bauer_4802_assignsubmission_file/hw.zip": zipped({"my work.py": B}),
        }
    ),
    "NN-2026-Exercise 3-503.zip": zipped({"Ben Bauer_4902_assignsubmission_file_solution.py": C}),
}
"""As Moodle calls them; participants have another number in each, and their files any name."""


def ends(intake: Intake) -> dict[tuple[str, str], str]:
    """Return the last line of every hand-in, by student and exercise, sorted."""
    return dict(sorted(texts(intake).items()))


@pytest.mark.parametrize("wrapped", ["", "downloads/"])
def test_downloads_of_canvas_are_one_class(wrapped: str, tmp_path: Path) -> None:
    """Users have one number in all of them; lateness and what was typed in are told as of one download."""
    path = folder(tmp_path / "in", {wrapped + name: data for name, data in CANVAS.items()})
    intake = taken(path)
    assert (intake.layout, intake.why) == ("canvas", f"3 downloads of a class lie in it, such as {_first(wrapped)}")
    assert ends(intake) == {
        ("12", "exercise1"): "# a",
        ("12", "exercise2"): "# b",
        ("12", "exercise3"): "# c",
        ("13", "exercise1"): "# a",
        ("13", "exercise2"): "# b",
        ("14", "exercise1"): "# a",
    }
    assert [student.id for student in intake.students] == ["12", "13", "14", "18"]
    assert [handin.marked_late for handin in intake.handins if handin.student == "13"] == [True, False]
    assert [one.origin for one in intake.unplaced] == [f"{wrapped}submissions (2).zip/zed_18_text.html"]
    assert by_place(intake)["12", "exercise2"].origin == "adamsada_12_1201_gradients.py", "exports go by this name"


def _first(wrapped: str) -> str:
    return f"{wrapped}submissions (1).zip"


def test_an_archives_name_or_folder_names_the_exercise(tmp_path: Path) -> None:
    """For files of any name; also a number, which in a folder of students would be a student."""
    files = {f"{name}_{number}_solution.py": A for name, number in (("adamsada_12", 901), ("bauerben_13", 902))}
    for place, name in enumerate(("exercise2.zip", "Exercise 2 (1).zip", "2.zip", "exercise2/submissions.zip")):
        path = folder(tmp_path / str(place), {name: zipped(files)})
        assert sorted(texts(taken(path))) == [("12", "exercise2"), ("13", "exercise2")], name


def test_downloads_of_moodle_are_one_class_with_a_roster(tmp_path: Path) -> None:
    """Numbers differ from assignment to assignment: names are matched, and the archive names the exercise."""
    intake = taken(folder(tmp_path / "in", MOODLE), roster=roster(tmp_path))
    assert intake.layout == "moodle"
    assert ends(intake) == {
        ("1001", "exercise1"): "# a",
        ("1001", "exercise2"): "# b",
        ("1002", "exercise1"): "# a",
        ("1002", "exercise2"): "# b",
        ("1002", "exercise3"): "# c",
    }
    assert [one.origin.split("/")[0] for one in intake.unplaced] == ["NN-2026-Exercise 1-501.zip"]
    assert by_place(intake)["1001", "exercise2"].origin.startswith("Ada Adams_4801_assignsubmission_file")


def test_an_alias_may_be_any_of_the_numbers(tmp_path: Path) -> None:
    """Somebody whom Moodle calls otherwise than the roster is found by the number in one of the downloads."""
    text = "id,name,aliases\n7,Augusta King,4801\n8,Ben Bauer,\n"
    intake = taken(folder(tmp_path / "in", MOODLE), roster=roster(tmp_path, text))
    assert [place for place in ends(intake) if place[0] == "7"] == [("7", "exercise1"), ("7", "exercise2")]


def test_without_a_roster_nobody_knows_who_is_who_in_moodles(tmp_path: Path) -> None:
    """It says what to give; one download alone needs none."""
    with pytest.raises(UsageError, match=r"several downloads \(moodle\) that number everybody anew.*--roster CSV"):
        taken(folder(tmp_path / "in", MOODLE))
    name = next(iter(MOODLE))
    assert sorted(texts(taken(folder(tmp_path / "one", {name: MOODLE[name]})))) == [
        ("4711", "exercise1"),
        ("4712", "exercise1"),
    ]


def test_two_people_of_one_name_in_one_download_are_nobody_in_all(tmp_path: Path) -> None:
    """In the second only one of them handed in, and nothing says which."""
    people = {4711: "Ada Adams", 4712: "Ada Adams", 4713: "Ben Bauer"}
    both = zipped({f"{name}_{number}_assignsubmission_file/backprop.py": A for number, name in people.items()})
    one = zipped({"Ada Adams_4801_assignsubmission_file/gradients.py": B})
    intake = taken(folder(tmp_path / "in", {"a.zip": both, "b.zip": one}), roster=roster(tmp_path))
    assert list(texts(intake)) == [("1002", "exercise1")]
    assert len([one for one in intake.unplaced if "Two different people" in one.why]) == 3


def test_anonymous_downloads_of_several_assignments_are_refused(tmp_path: Path) -> None:
    """Canvas draws the letters anew for each assignment."""
    files = {
        f"{n}.zip": zipped({f"anon_{who}{n}_90{n}_backprop.py": A, f"anon_b{who}{n}_91{n}_backprop.py": B})
        for n, who in ((1, "aa"), (2, "zz"))
    }
    with pytest.raises(UsageError, match=r"several anonymous downloads \(canvas\)"):
        taken(folder(tmp_path / "in", files))


def test_downloads_beside_students_archives_are_refused(tmp_path: Path) -> None:
    """Read as students' they would make a student called submissions; the sentence says what to do."""
    files = {**CANVAS, "ada.zip": zipped({"backprop.py": A}), "bo.py": A}
    said = (
        r"downloads of a whole class \(submissions.*\) beside other hand-ins \(ada\.zip, bo\.py\)\. Put .*--layout zips"
    )
    path = folder(tmp_path / "in", files)
    with pytest.raises(UsageError, match=said):
        taken(path)
    assert "ada" in {student.id for student in taken(path, layout="zips").students}


def test_a_damaged_download_is_not_taken_for_a_students(tmp_path: Path) -> None:
    """It stands beside the others under its name, and nothing is graded without it."""
    files = {**CANVAS, "submissions (3).zip": CANVAS["submissions.zip"][:-40]}
    with pytest.raises(UsageError, match=r"beside other hand-ins \(submissions \(3\)\.zip\)"):
        taken(folder(tmp_path / "in", files))


def test_a_file_that_names_no_exercise_is_not_the_only_ones_that_is_graded(tmp_path: Path) -> None:
    """It may be the other assignment's: it is told, and not judged as the wrong exercise."""
    odd = zipped({"adamsada_12_1201_solution.py": B, "bauerben_13_1202_solution.py": B})
    intake = taken(folder(tmp_path / "in", {**CANVAS, "submissions (1).zip": odd}), "exercise1")
    assert set(texts(intake).values()) == {"# a"}
    assert [one.origin for one in intake.unplaced if "solution" in one.origin] == [
        "adamsada_12_1201_solution.py",
        "bauerben_13_1202_solution.py",
    ]


def test_platforms_are_not_mixed(tmp_path: Path) -> None:
    """They call people differently."""
    with pytest.raises(UsageError, match=r"downloads of several platforms \(canvas, moodle\)"):
        taken(folder(tmp_path / "in", {**CANVAS, **MOODLE}))


def test_students_archives_stay_students(tmp_path: Path) -> None:
    """Also where what is in one has by chance the form of Canvas's names."""
    files = {
        "ada.zip": zipped({"my_hw_1_2_backprop.py": A}),
        "bo.zip": zipped({"backprop.py": B}),
        "cy.zip": zipped({"hw_1_2_backprop.py": A, "hw_1_3_notes.py": PY}),
    }
    intake = taken(folder(tmp_path / "in", files), "exercise1")
    assert (intake.layout, [student.id for student in intake.students]) == ("zips", ["ada", "bo", "cy"])


GRADESCOPE = """---
submission_{number}:
  :submitters:
  - :name: Ada Adams
    :sid: '12'
    :email: ada@example.org
  :created_at: 2026-11-{day} 10:00:00.000000000 Z
"""


def test_of_several_downloads_of_one_assignment_times_decide(tmp_path: Path) -> None:
    """The later hand-in counts, whatever the archives are called and in whatever order they are read."""
    files = {
        name: zipped(
            {
                f"export/submission_{number}/backprop.py": data,
                "export/submission_metadata.yml": GRADESCOPE.format(number=number, day=day),
            }
        )
        for name, number, day, data in (("a.zip", 102, 20, B), ("b.zip", 101, 19, A))
    }
    assert texts(taken(folder(tmp_path / "in", files), "exercise1")) == {("12", "exercise1"): "# b"}


def test_a_long_list_of_entries_is_not_read_to_find_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A student chose it: with a limit below it the archive is nobody's download."""
    monkeypatch.setattr("grader.classroom.archive.MAX_DIRECTORY_BYTES", 10)
    intake = taken(folder(tmp_path / "in", {"ada.zip": CANVAS["submissions.zip"]}), "exercise1")
    assert [(one.student, "lists too many files" in one.problem) for one in intake.handins] == [("ada", True)]
