"""Which exercise a file belongs to, which of several counts, and what is said before anything is judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.classroom.intake import said, take_in
from grader.course import find_course, load_exercise

from .handed_in import ONE, PY, TWO, Bytes, both, by_place, folder, notebook, taken, zipped

OLD = b"x = 1\n"


def of_ada(tmp_path: Path, files: Mapping[str, Bytes], *exercises: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return what becomes of ada's files: the text or problem by exercise, and what was not understood, with why."""
    root = folder(tmp_path / "in", {f"ada/{name}": data for name, data in files.items()} | {"bo/backprop.py": PY})
    intake = taken(root, *exercises)
    read = {
        exercise: handin.submission.sources[0].text if handin.submission else handin.problem
        for (student, exercise), handin in by_place(intake).items()
        if student == "ada"
    }
    return read, {one.origin: one.why for one in intake.unplaced}


@pytest.mark.parametrize(
    "name",
    [
        "backprop.py", "Backprop.PY", "backprop.py.txt", "backprop-1.py", "backprop (2).py", "backprop(3).py",
        "backprop_v2.py", "backprop_v2 final.py", "Backprop - Copy.py", "backprop_final-1.py", "backprop-副本.py",
        "backprop.ipynb", "backprop (1).ipynb", "exercise1.py", "Exercise_1.ipynb", "exercise1_manual_backprop-2.ipynb",
    ],
)  # fmt: skip
def test_a_files_name_says_its_exercise(name: str, tmp_path: Path) -> None:
    """As it is, or with what browsers, platforms and people add to it."""
    data = notebook(PY.decode()) if name.endswith("ipynb") else PY
    read, unplaced = of_ada(tmp_path, {name: data})
    assert (list(read), unplaced) == (["exercise1"], {})
    assert read["exercise1"].startswith(PY.decode())


@pytest.mark.parametrize(
    "name", ["backprop2.py", "mybackprop.py", "solution.py", "backprops.py", "1.py", "backprop_new.py"]
)
def test_a_name_that_is_only_like_an_exercises_is_not_taken(name: str, tmp_path: Path) -> None:
    """With several exercises it belongs to none, and whoever grades reads which names are looked for."""
    read, unplaced = of_ada(tmp_path, {name: PY})
    assert read == {}
    assert list(unplaced) == [f"ada/{name}"]
    assert "its name is not one of backprop.py, gradients.py" in unplaced[f"ada/{name}"]


def test_the_exact_name_comes_first(tmp_path: Path) -> None:
    """Where nothing says which was last, the file that is called as the exercise asks is the one."""
    files = {"backprop.py": PY, "backprop (1).py": OLD, "backprop.ipynb": notebook("x = 2")}
    assert of_ada(tmp_path, files)[0] == {"exercise1": PY.decode()}


@pytest.mark.parametrize(
    "names",
    [("backprop-1.py", "backprop-2.py"), ("a/backprop.py", "b/backprop.py"), ("hw.zip", "hw (1).zip")],
)
def test_two_that_could_be_it_are_not_guessed(names: tuple[str, str], tmp_path: Path) -> None:
    """The student is told to hand in one, and whoever grades sees both; the same bytes twice are one file."""

    def file(name: str, data: bytes) -> bytes:
        return zipped({"backprop.py": data}) if name.endswith(".zip") else data

    read, unplaced = of_ada(tmp_path / "1", {names[0]: file(names[0], PY), names[1]: file(names[1], OLD)})
    assert read["exercise1"].startswith("Several files could be backprop.py: ada/")
    assert list(unplaced.values()) == [read["exercise1"]]
    long = [b"#" * (1 << 20) + end for end in (b"1", b"2")]
    assert list(of_ada(tmp_path / "3", {name: file(name, data) for name, data in zip(names, long, strict=True)})[1])
    same, nothing = of_ada(tmp_path / "2", {name: file(name, PY) for name in names})
    assert (same, nothing) == ({"exercise1": PY.decode()}, {})


def test_a_folder_that_contradicts_the_file_is_not_guessed(tmp_path: Path) -> None:
    """gradients.py in the folder of exercise 1, and a file in the folders of two exercises."""
    files = {"exercise1/gradients.py": PY, "exercise1/backprop.py": PY, "exercise2/exercise3/gradients.py": PY}
    read, unplaced = of_ada(tmp_path, files)
    assert list(read) == ["exercise1"]
    assert unplaced == {
        "ada/exercise1/gradients.py": (
            f"It lies in the folder of {ONE.slug}, but has the name of a file of {TWO.slug}."
        ),
        "ada/exercise2/exercise3/gradients.py": (
            f"Its folders name more than one exercise: {TWO.slug}, exercise3_module."
        ),
    }


def test_files_of_other_exercises_are_left_alone(tmp_path: Path) -> None:
    """When one exercise is graded, what belongs to another is ignored, listed, and not taken for the one."""
    root = folder(tmp_path / "in", {"ada/gradients.py": PY, "ada/exercise3/x.py": PY, "bo/backprop.py": PY})
    intake = taken(root, "exercise1")
    assert list(by_place(intake)) == [("bo", "exercise1")]
    assert set(intake.ignored) == {"ada/gradients.py", "ada/exercise3/x.py"}
    assert intake.unplaced == ()


def test_extra_files_are_listed_and_the_courses_own_are_not(tmp_path: Path) -> None:
    """Who hands in the whole folder is judged by the exercise's file."""
    files = {"ada/exercise1/backprop.py": PY, "ada/exercise1/test_public.py": PY, "ada/exercise1/helpers.py": PY}
    handin = by_place(taken(folder(tmp_path / "in", files)))["ada", "exercise1"]
    assert handin.submission is not None
    assert handin.submission.files == ["backprop.py", "helpers.py"]
    one = folder(tmp_path / "one", {"ada/1/mine.py": PY, "ada/1/test_public.py": OLD})
    assert by_place(taken(one))["ada", "exercise1"].notes == ("mine.py was taken as backprop.py.",)


def test_two_files_of_other_names_are_not_guessed(tmp_path: Path) -> None:
    """Of two files in the exercise's folder neither is called as it asks."""
    read, _ = of_ada(tmp_path, {"exercise1/backprop_mine.py.bak": PY, "exercise1/a.py": PY, "exercise1/b.py": OLD})
    assert read["exercise1"].startswith("Several files could be backprop.py")


def test_an_archive_that_cannot_be_opened_beside_a_file_that_can(tmp_path: Path) -> None:
    """The file counts, and the student is told of the archive."""
    root = folder(tmp_path / "in", {"ada/backprop.py": PY, "ada/exercise1.zip": b"%PDF", "bo/backprop.py": PY})
    handin = by_place(taken(root))["ada", "exercise1"]
    assert handin.submission is not None
    assert handin.notes == (
        "An archive beside it was left out. exercise1.zip: this is a PDF, expected .py, .ipynb or .zip.",
    )


def test_uploads_that_a_platform_numbers_are_ordered_in_archives_too(tmp_path: Path) -> None:
    """Two archives of one Canvas user: the file of the later one counts."""
    files = {
        "adams_1_20_hw.zip": zipped({"backprop.py": OLD}),
        "adams_1_30_hw-1.zip": zipped({"backprop.py": PY}),
        "bauer_2_25_backprop.py": OLD,
    }
    handin = by_place(taken(both(tmp_path, files)[0]))["1", "exercise1"]
    assert handin.submission is not None
    assert (handin.submission.sources[0].text, handin.times) == (PY.decode(), 2)


def test_two_folders_of_one_student_are_not_guessed(tmp_path: Path) -> None:
    """Two folders that the roster's ids and addresses both give to one student: nothing says which is the last."""
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name,email\n7,Ada Adams,ada@x.org\n")
    root = folder(tmp_path / "in", {"7/backprop.py": PY, "ada@x.org/backprop.py": OLD})
    intake = taken(root, roster=roster)
    assert by_place(intake)["7", "exercise1"].problem == (
        "Handed in several times (7/backprop.py, ada@x.org/backprop.py), and nothing says which was the last. "
        "Hand in once."
    )
    assert [one.candidates for one in intake.unplaced] == [("7",)]


TOML = 'title = "Loop"\nfiles = ["model.py", "train.py"]\npoints = 1\n'


def test_an_exercise_of_several_files(tmp_path: Path) -> None:
    """Every file is looked for; what is missing is named with what comes near it."""
    course = folder(
        tmp_path / "course", {"course.toml": 'name = "C"\n', "exercises/exercise1_loop/exercise.toml": TOML}
    )
    found = find_course(course)
    root = folder(
        tmp_path / "in",
        {
            "ada/model.py": PY,
            "ada/train-1.ipynb": notebook("y = 1"),
            "bo/model.py": PY,
            "bo/training.py": PY,
        },
    )
    intake = take_in(root, found, [load_exercise(found, "1")])
    handins = by_place(intake)
    ada = handins["ada", "exercise1"].submission
    assert ada is not None
    assert [source.name for source in ada.sources] == ["model.py", "train.py"]
    assert list(handins["ada", "exercise1"].cells) == ["train.py"]
    assert handins["bo", "exercise1"].problem == (
        "train.py is missing. Did you mean training.py? The file must have exactly this name."
    )


def test_what_is_said_before_grading(tmp_path: Path) -> None:
    """Who and what, which layout and why, what cannot be read, what nobody understood; long lists are cut."""
    roster = tmp_path / "roster.csv"
    roster.write_text("id,name\nada,Ada Adams\nbo,Bo Berg\ncy,Cy Cole\n")
    files: dict[str, Bytes] = {"ada/backprop.py": PY, "ada/gradients.py": PY, "bo/1/hw.zip": b"", "bo/.DS_Store": b""}
    files |= {f"stranger{number:02d}/backprop.py": PY for number in range(12)}
    intake = taken(folder(tmp_path / "in", files), "exercise1", "exercise2", roster=roster)
    lines = said(intake)
    assert lines[:8] == [
        "Students: 3, exercises: 2, hand-ins: 3.",
        "Layout: folders, its first level is folders, such as ada.",
        "  exercise1_manual_backprop: 1 to be judged, 1 unreadable, 1 missing",
        "  exercise2_autograd: 1 to be judged, 0 unreadable, 2 missing",
        "Cannot be read: 1",
        "  bo, exercise1_manual_backprop (bo): hw.zip is empty (0 bytes). Was it saved before it was handed in?",
        "Not understood: 12",
        "  stranger00: The roster has no student of this name: stranger00.",
    ]
    assert lines[-2:] == ["  and 2 more", "Ignored, because they are no part of a hand-in: 1"]


def test_names_of_files_are_made_printable(tmp_path: Path) -> None:
    """No byte that steers a terminal, and none that is no text, reaches what is shown."""
    root = folder(tmp_path / "in", {"ada/backprop.py": PY, "ada/x\x1b[31m.py": PY})
    (root / "bo").mkdir()
    with open(bytes(root) + b"/bo/\xff\xfe.py", "wb") as file:
        file.write(PY)
    intake = taken(root)
    shown = "".join([*said(intake), *(one.origin for one in intake.unplaced)])
    assert "x\\x1b[31m.py" in shown
    assert "\\xff\\xfe.py" in shown
    assert shown.isprintable()
