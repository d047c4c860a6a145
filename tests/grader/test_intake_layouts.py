"""What platforms give, as they give it: detected, read the same zipped and unpacked, everybody in their place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from grader.classroom.handin import Intake
from grader.errors import UsageError

from .handed_in import PY, both, by_place, folder, notebook, taken, zipped

A, B = PY + b"# a\n", PY + b"# b\n"
ROSTER = """id,name,email,section
1001,"Adams, Ada",ada@example.org,A
1002,Ben Bauer,ben@example.org,A
1003,García López Juan,juan@example.org,B
"""


def roster(tmp_path: Path, text: str = ROSTER) -> Path:
    """Write a roster beside the hand-ins."""
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding="utf-8")
    return path


def texts(intake: Intake) -> dict[tuple[str, str], str]:
    """Return the last line of what was read, by student and exercise."""
    return {
        place: handin.submission.sources[0].text.rstrip().splitlines()[-1] if handin.submission else handin.problem
        for place, handin in by_place(intake).items()
    }


# --- folders, files and archives of students ----------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", ["", "hand-ins/", "a/b/"])
def test_folders_of_students_with_folders_of_exercises(wrapped: str, tmp_path: Path) -> None:
    """Exercises are known by slug, short name, number or title; a student who handed in nothing is there."""
    files = {
        "ada/exercise1/backprop.py": A,
        "ada/Exercise 2/gradients.py": B,
        "bo/1/backprop.py": A,
        "bo/exercise2_autograd/gradients.py": B,
        "cy/Backpropagation by hand/backprop.py": A,
        "cy/gradients.py": B,
    }
    for path in both(tmp_path, {wrapped + name: data for name, data in files.items()}):
        intake = taken(path)
        assert (intake.layout, intake.unplaced) == ("folders", ())
        assert texts(intake) == {
            (student, exercise): end
            for student in ("ada", "bo", "cy")
            for exercise, end in (("exercise1", "# a"), ("exercise2", "# b"))
        }


def test_folders_of_exercises_with_students_in_them(tmp_path: Path) -> None:
    """The other way round, with folders, files and archives of students."""
    files = {
        "exercise1/ada/backprop.py": A,
        "exercise1/bo.py": A,
        "exercise2/ada.zip": zipped({"gradients.py": B}),
        "exercise2/bo_gradients.ipynb": notebook("# b"),
    }
    for path in both(tmp_path, files):
        intake = taken(path)
        assert intake.unplaced == ()
        assert sorted(texts(intake)) == [(one, two) for one in ("ada", "bo") for two in ("exercise1", "exercise2")]


def test_an_empty_folder_is_a_student_who_handed_in_nothing(tmp_path: Path) -> None:
    """They are among the students and have no hand-in."""
    intake = taken(folder(tmp_path / "in", {"ada/backprop.py": A, "bo/": b""}), "exercise1")
    assert [student.id for student in intake.students] == ["ada", "bo"]
    assert list(texts(intake)) == [("ada", "exercise1")]


@pytest.mark.parametrize("files", [("backprop.py", "gradients.py"), ("exercise1/a.py", "exercise2/b.py")])
def test_a_class_of_one_is_no_wrapping_folder(files: tuple[str, str], tmp_path: Path) -> None:
    """The only folder is a student's if what lies in it names exercises."""
    for path in both(tmp_path, {f"ada/{name}": A for name in files}):
        assert sorted(texts(taken(path))) == [("ada", "exercise1"), ("ada", "exercise2")]


def test_numbers_may_be_students(tmp_path: Path) -> None:
    """Folders `1` to `3` that hold an exercise's file are students, though `1` is what an exercise is called too."""
    for path in both(tmp_path, {f"{number}/backprop.py": A for number in (1, 2, 3)}):
        assert sorted(texts(taken(path))) == [(str(number), "exercise1") for number in (1, 2, 3)]


def test_files_named_by_student(tmp_path: Path) -> None:
    """The student is what is left of a name without exercise and file; several files of one are one student's."""
    files = {
        "ada_backprop.py": A,
        "exercise2_ada.ipynb": notebook("# b"),
        "Bo Berg - backprop (1).py": A,
        "cy.exercise2.gradients.py": B,
        "groß_backprop.py": A,
        "3_backprop.py": A,
    }
    for path in both(tmp_path, files):
        intake = taken(path)
        assert (intake.layout, intake.unplaced) == ("files", ())
        assert sorted(texts(intake)) == [
            ("3", "exercise1"),
            ("Bo Berg", "exercise1"),
            ("ada", "exercise1"),
            ("ada", "exercise2"),
            ("cy", "exercise2"),
            ("groß", "exercise1"),
        ]


def test_files_of_any_name_belong_to_the_only_exercise(tmp_path: Path) -> None:
    """With one exercise a file needs no more than its student's name, and is told what it was taken as."""
    for path in both(tmp_path, {"ada.py": A, "bo.ipynb": notebook("# b"), "3.zip": zipped({"any.py": A})}):
        intake = taken(path, "exercise1")
        assert sorted(texts(intake)) == [("3", "exercise1"), ("ada", "exercise1"), ("bo", "exercise1")]
        assert by_place(intake)["ada", "exercise1"].notes == ("ada.py was taken as backprop.py.",)


def test_a_file_without_a_student_is_nobodys(tmp_path: Path) -> None:
    """`backprop.py` beside the students' files says who wrote it nowhere."""
    intake = taken(folder(tmp_path / "in", {"ada_backprop.py": A, "backprop.py": B, "notes.txt": b""}))
    assert {one.origin: one.why for one in intake.unplaced} == {
        "backprop.py": "Nothing says who handed it in.",
        "notes.txt": "It lies beside the hand-ins and has not their form.",
    }


def test_one_archive_for_each_student(tmp_path: Path) -> None:
    """Archives of all exercises, or of one that their name says; a broken one costs nobody else."""
    files = {
        "ada.zip": zipped({"hw/backprop.py": A, "hw/gradients.py": B}),
        "2.zip": zipped({"exercise1/backprop.py": A}),
        "cy_exercise1.zip": zipped({"solution.py": A}),
        "di_exercise1.zip": b"%PDF-1.7",
        "ed.zip": b"%PDF-1.7",
    }
    for path in both(tmp_path, files):
        intake = taken(path)
        assert intake.layout == "zips"
        assert texts(intake) == {
            ("ada", "exercise1"): "# a",
            ("ada", "exercise2"): "# b",
            ("2", "exercise1"): "# a",
            ("cy", "exercise1"): "# a",
            ("di", "exercise1"): "di_exercise1.zip: this is a PDF, expected .py, .ipynb or .zip.",
        }
        assert [(one.origin, one.candidates) for one in intake.unplaced] == [("ed.zip", ("ed",))]


# --- Canvas -------------------------------------------------------------------------------------------------------

CANVAS = {
    "adamsada_12_901_backprop.py": b"x = 1\n",
    "adamsada_12_944_backprop-1.py": A,
    "bauerben_LATE_13_902_hw.zip": zipped({"backprop.py": A}),
    "leeann_14_903_backprop.py": A,
    "leeann_15_904_backprop.py": B,
    "garcíalópezjuan_16_905_backprop.ipynb": notebook("# b"),
    "wu_text_17_906_hw_1_2_final.py": A,
    "zed_18_text.html": b"<p>my solution</p>",
}


def test_canvas(tmp_path: Path) -> None:
    """Users are told apart by number, the last upload counts, lateness is kept, what was typed in is reported."""
    for path in both(tmp_path, CANVAS):
        intake = taken(path, "exercise1")
        found = by_place(intake)
        assert intake.layout == "canvas"
        assert intake.why == "8 of 8 names have its form, such as adamsada_12_901_backprop.py"
        assert [student.id for student in intake.students] == ["12", "13", "14", "15", "16", "17", "18"]
        ends = {"12": "# a", "13": "# a", "14": "# a", "15": "# b", "16": "# b", "17": "# a"}
        assert texts(intake) == {(user, "exercise1"): end for user, end in ends.items()}
        assert (found["12", "exercise1"].times, found["12", "exercise1"].notes[-1]) == (
            2,
            "Handed in 2 times; backprop-1.py, the last one, counts.",
        )
        assert [found[user, "exercise1"].marked_late for user in ("12", "13")] == [False, True]
        assert [(one.origin, one.why) for one in intake.unplaced] == [
            ("zed_18_text.html", "It was typed into the platform instead of being handed in as a file.")
        ]


def test_anonymous_canvas(tmp_path: Path) -> None:
    """Nobody has a name, and lateness stands in front."""
    files = {"anon_a1B2c_901_backprop.py": A, "LATE_anon_9zzzz_902_backprop-2.py": B}
    for path in both(tmp_path, files):
        intake = taken(path)
        assert texts(intake) == {("anon_9zzzz", "exercise1"): "# b", ("anon_a1B2c", "exercise1"): "# a"}
        assert [handin.marked_late for handin in intake.handins] == [True, False]


def test_two_canvas_users_of_one_name_are_not_guessed(tmp_path: Path) -> None:
    """With a roster the letters of a name find a student only if they are one student's and one user's."""
    two = ROSTER + "1004,Ann Lee,ann.a@example.org,A\n1005,Ann Lee,ann.b@example.org,B\n"
    (path, _) = both(tmp_path, CANVAS)
    intake = taken(path, "exercise1", roster=roster(tmp_path, two))
    assert sorted(student for student, _ in texts(intake)) == ["1001", "1002", "1003"]
    assert [one.candidates for one in intake.unplaced if "leeann" in one.origin] == [("1004", "1005")] * 2
    one = taken(path, "exercise1", roster=roster(tmp_path, ROSTER + "1004,Ann Lee,,\n"))
    claimed = [unplaced for unplaced in one.unplaced if "leeann" in unplaced.origin]
    assert [(unplaced.why, unplaced.candidates) for unplaced in claimed] == [
        (f"Two different people of the platform have the name of one student of the roster: leeann ({n}).", ("1004",))
        for n in (14, 15)
    ]


def test_canvas_users_are_found_by_the_numbers_of_canvas_own_list(tmp_path: Path) -> None:
    """Canvas's own gradebook is a roster: its ID column tells two students of one name apart."""
    gradebook = (
        "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Homework 1 (77)\n"
        "    Points Possible,,,,,20\n"
        '"Lee, Ann",14,s0014,alee1,A,\n"Lee, Ann",15,s0015,alee2,B,\n"Student, Test",99,,,A,\n'
    )
    (path, _) = both(tmp_path, {name: CANVAS[name] for name in CANVAS if "leeann" in name})
    intake = taken(path, "exercise1", roster=roster(tmp_path, gradebook))
    assert texts(intake) == {("14", "exercise1"): "# a", ("15", "exercise1"): "# b"}
    assert [(one.id, one.keys, one.section) for one in intake.students] == [
        ("14", ("s0014", "alee1"), "A"),
        ("15", ("s0015", "alee2"), "B"),
    ]


# --- Moodle -------------------------------------------------------------------------------------------------------

# German, Spanish and Chinese sites; what their names and their words for a participant look like.
MOODLE = {
    "de": ("Jürgen Groß", "Zoë Weiß-Müller", "Teilnehmer in"),
    "es": ("María José García López", "Íñigo Núñez", "Participante"),
    "zh": ("张 伟", "欧阳 娜娜", "参与者"),
}
FORMS = {
    "folder": "{name}_{number}_assignsubmission_file/{file}",
    "older folder": "{name}_{number}_assignsubmission_file_/{file}",
    "flat": "{name}_{number}_assignsubmission_file_{file}",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("site", MOODLE)
def test_moodle(site: str, form: str, tmp_path: Path) -> None:
    """Both folder forms and the flat one, with the names of three languages, and a roster in the other order."""
    first, second, _ = MOODLE[site]
    files = {
        FORMS[form].format(name=first, number=4711, file="backprop.py"): A,
        FORMS[form].format(name=second, number=4712, file="hw 1.zip"): zipped({"x/backprop.py": B}),
        f"{first}_4711_assignsubmission_onlinetext/onlinetext.html": b"<p>Guten Tag</p>",
    }
    for path in both(tmp_path, files):
        intake = taken(path, "exercise1")
        assert intake.layout == "moodle"
        assert texts(intake) == {("4711", "exercise1"): "# a", ("4712", "exercise1"): "# b"}
        assert [student.name for student in intake.students] == [first, second]
        assert [one.why for one in intake.unplaced] == [
            "It was typed into the platform instead of being handed in as a file."
        ]
        words = first.split()
        turned = words[len(words) // 2 :] + words[: len(words) // 2]
        listed = f"id;name\n007;{' '.join(turned).upper()}\n008;{second}\n"
        known = taken(path, "exercise1", roster=roster(tmp_path, listed))
        assert sorted(texts(known)) == [("007", "exercise1"), ("008", "exercise1")]


@pytest.mark.parametrize("site", MOODLE)
def test_blind_marking_in_moodle(site: str, tmp_path: Path) -> None:
    """Everybody is called participant; that is no name, and the number is all there is."""
    word = MOODLE[site][2]
    files = {f"{word}_{number}_assignsubmission_file/backprop.py": A for number in (31, 32)}
    intake = taken(both(tmp_path, files)[0])
    assert [(student.id, student.name) for student in intake.students] == [("31", "31"), ("32", "32")]


def test_moodle_keeps_folders_of_students_and_reports_the_group_of_all_others(tmp_path: Path) -> None:
    """A student's own folders are read; the group of everybody without a group has no number and no members."""
    files = {
        "Ada Adams_1_assignsubmission_file/work/exercise2/gradients.py": B,
        "Standardgruppe_assignsubmission_file/backprop.py": A,
    }
    intake = taken(both(tmp_path, files)[0])
    assert texts(intake) == {("1", "exercise2"): "# b"}
    assert [one.why for one in intake.unplaced] == [
        "It was handed in by everybody who is in no group, and nothing says who they are."
    ]


# --- Gradescope ---------------------------------------------------------------------------------------------------

METADATA = """---
submission_101:
  :submitters:
  - :name: Ada Adams
    :sid: '0012'
    :email: ada@example.org
  - :name: Ben Bauer
    :email: ben@example.org
  :created_at: 2026-11-20 09:15:30.250000000 Z
  :score: 0.0
  :results: !ruby/object:Results
    :tests: []
submission_102:
  :submitters:
  - :name: Juan García
    :sid: '0014'
    :email: juan@example.org
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-11-20 08:00:00.000000000 Z
    zone: !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
submission_103:
  :submitters:
  - :name: Juan García
    :sid: '0014'
    :email: juan@example.org
  :created_at: 2026-11-21 08:00:00.000000000 Z
submission_104:
  :submitters:
  - :name: Nobody There
    :sid: '0015'
"""
GRADESCOPE = {
    "assignment_7_export/submission_metadata.yml": METADATA,
    "__MACOSX/assignment_7_export/._submission_metadata.yml": b"\x00",
    "assignment_7_export/submission_101/backprop.py": A,
    "assignment_7_export/submission_102/backprop.py": b"x = 1\n",
    "assignment_7_export/submission_103/backprop.py": B,
    "assignment_7_export/submission_999/backprop.py": A,
}


def test_gradescope(tmp_path: Path) -> None:
    """A group's hand-in is each member's, the last of several counts, the list and the folders are compared."""
    for path in both(tmp_path, GRADESCOPE):
        intake = taken(path, "exercise1")
        found = by_place(intake)
        assert (intake.layout, intake.why) == ("gradescope", "it holds submission_metadata.yml")
        assert texts(intake) == {
            ("0012", "exercise1"): "# a",
            ("ben@example.org", "exercise1"): "# a",
            ("0014", "exercise1"): "# b",
        }
        assert found["0012", "exercise1"].partners == ("ben@example.org",)
        assert found["ben@example.org", "exercise1"].partners == ("0012",)
        assert found["0012", "exercise1"].submitted_at == datetime(2026, 11, 20, 9, 15, 30, 250000, tzinfo=UTC)
        assert (found["0014", "exercise1"].times, found["0014", "exercise1"].submitted_at) == (
            2,
            datetime(2026, 11, 21, 8, tzinfo=UTC),
        )
        assert {one.origin: one.why for one in intake.unplaced} == {
            "submission_104": "The export's list names this folder, but it is not there.",
            "submission_999": "The export's list of hand-ins does not name this folder.",
        }


def test_gradescope_members_are_matched_one_by_one(tmp_path: Path) -> None:
    """Who is not in the roster is reported; the partner's hand-in counts all the same."""
    (path, _) = both(tmp_path, GRADESCOPE)
    intake = taken(path, "exercise1", roster=roster(tmp_path, "sid,name,email\n0012,A. Adams,ADA@example.org\n"))
    assert texts(intake) == {("0012", "exercise1"): "# a"}
    assert by_place(intake)["0012", "exercise1"].partners == ()
    assert "The roster has no student of this name: Ben Bauer (ben@example.org)." in [
        one.why for one in intake.unplaced
    ]


@pytest.mark.parametrize("text", ["a: [1", "- 1", "", "a: !!python/object/apply:os.system ['true']"])
def test_a_broken_list_of_gradescope_is_said(text: str, tmp_path: Path) -> None:
    """What is no list of hand-ins, or would make objects of Python, is refused as a whole."""
    path = folder(tmp_path / "in", {"submission_metadata.yml": text, "submission_1/backprop.py": A})
    with pytest.raises(UsageError, match=r"submission_metadata\.yml cannot be read"):
        taken(path)


# --- nbgrader -----------------------------------------------------------------------------------------------------

NBGRADER = {
    "submitted/ada/exercise1/backprop.ipynb": notebook("# a"),
    "submitted/ada/exercise1/timestamp.txt": "2015-02-02 15:58:23.948203 America/Los_Angeles",
    "submitted/ada/ps2/gradients.ipynb": notebook("# b"),
    "submitted/ada/ps2/timestamp.txt": "2015-02-03 10:00:00 UTC\n",
    "submitted/bo/exercise1/backprop.ipynb": notebook("# a"),
    "submitted/bo/exercise1/timestamp.txt": "yesterday",
    "submitted/cy/": b"",
    "source/exercise1/backprop.ipynb": notebook("# the solution"),
    "release/exercise1/backprop.ipynb": notebook("# the stub"),
}


@pytest.mark.parametrize("wrapped", ["", "submitted"])
def test_nbgrader(wrapped: str, tmp_path: Path) -> None:
    """Students, assignments and times are read; the instructor's own folders are ignored and listed."""
    files = {name.removeprefix(wrapped + "/") if wrapped else name: NBGRADER[name] for name in NBGRADER}
    files = {name: data for name, data in files.items() if not wrapped or not name.startswith(("source", "release"))}
    for path in both(tmp_path, files):
        intake = taken(path)
        found = by_place(intake)
        assert (intake.layout, intake.unplaced) == ("nbgrader", ())
        assert [student.id for student in intake.students] == ["ada", "bo", "cy"]
        assert texts(intake) == {
            ("ada", "exercise1"): "# a",
            ("ada", "exercise2"): "# b",
            ("bo", "exercise1"): "# a",
        }
        at = [found["ada", f"exercise{number}"].submitted_at for number in (1, 2)]
        assert [one.astimezone(UTC).isoformat() if one else "" for one in at] == [
            "2015-02-02T23:58:23.948203+00:00",
            "2015-02-03T10:00:00+00:00",
        ]
        assert found["bo", "exercise1"].submitted_at is None
        assert "Its time of hand-in cannot be read: yesterday." in found["bo", "exercise1"].notes
        assert list(intake.ignored) == ([] if wrapped else ["release/", "source/"])


def test_an_assignment_that_names_no_exercise_is_not_taken_for_the_only_one(tmp_path: Path) -> None:
    """With one exercise graded, `ps3/other.ipynb` could be anything; `ps1/backprop.ipynb` is known by its file."""
    files = {
        "submitted/ada/ps1/backprop.ipynb": notebook("# a"),
        "submitted/ada/ps1/timestamp.txt": "2015-02-03 10:00:00 UTC",
        "submitted/ada/ps3/other.ipynb": notebook("# b"),
    }
    intake = taken(both(tmp_path, files)[0], "exercise1")
    assert texts(intake) == {("ada", "exercise1"): "# a"}
    assert [one.why for one in intake.unplaced] == [
        "Nothing says which exercise it belongs to; its name is not one of backprop.py."
    ]


# --- which layout -------------------------------------------------------------------------------------------------


def test_a_layout_can_be_forced(tmp_path: Path) -> None:
    """What looks like Canvas may be files named by student, if a person says so."""
    (path, _) = both(tmp_path, {"a_1_2_backprop.py": A, "b_1_3_backprop.py": B})
    assert taken(path).layout == "canvas"
    intake = taken(path, layout="files")
    assert (intake.layout, intake.why) == ("files", "because --layout says so")
    assert sorted(texts(intake)) == [("a_1_2", "exercise1"), ("b_1_3", "exercise1")]


def test_a_layout_that_does_not_fit_is_said(tmp_path: Path) -> None:
    """Nothing of that form, and a name that is no layout."""
    (path, _) = both(tmp_path, {"ada/backprop.py": A})
    with pytest.raises(UsageError, match="has nothing in the layout moodle"):
        taken(path, layout="moodle")
    with pytest.raises(UsageError, match=r"There is no layout 'mudle'\. Did you mean moodle"):
        taken(path, layout="mudle")
