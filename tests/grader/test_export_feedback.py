"""Feedback zips, unpacked by another program and matched to students by the platforms' own rules."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from grader import messages
from grader.classroom.export.feedback import export, plain_text
from grader.classroom.export.writing import distinct_names, is_safe_path, safe_name
from grader.classroom.view import ClassView, Lateness, Standing
from grader.policy import Feedback
from grader.report.text import spelled
from grader.results import Figure, Outcome

from .classroom_data import HOSTILE_NAME, made_check, made_class, made_result
from .html_document import Document

SECRET = 0.8675309


def with_origins(view: ClassView, **origins: str) -> ClassView:
    """Return a class of which some students handed in under these names, in every exercise."""
    by_id = {id.replace("_", "-"): origin for id, origin in origins.items()}
    standings = {
        key: dataclasses.replace(one, origin=by_id.get(one.student.id, one.origin))
        for key, one in view.standings.items()
    }
    return dataclasses.replace(view, standings=standings)


def everybody(view: ClassView, form: str) -> ClassView:
    """Return a class in which all handed in under names of one form, made of the student's number."""
    return with_origins(view, **{one.id: form.format(number=int(one.id[-3:])) for one in view.students})


def unpacked(path: Path, folder: Path) -> dict[str, str]:
    """Unpack with unzip where there is one, and return the text of every file by its path."""
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-q", str(path), "-d", str(folder)], check=True, timeout=60)
    else:
        zipfile.ZipFile(path).extractall(folder)
    assert zipfile.ZipFile(path).testzip() is None
    files = [found for found in folder.rglob("*") if found.is_file()]
    return {found.relative_to(folder).as_posix(): found.read_text(encoding="utf-8") for found in files}


def taken_by_canvas(name: str) -> tuple[str, str] | None:
    """Return (user, attachment) as Canvas infers them: the first two parts between underscores that are all digits."""
    parts = name.rsplit("/", 1)[-1].split("_")
    numbers = [part for part in parts if re.fullmatch(r"\d+", part)][:2]
    return (numbers[0], numbers[1]) if len(numbers) == 2 and not parts[-1].startswith("link") else None


def taken_by_moodle(path: str) -> tuple[str, str] | None:
    """Return (participant, file) as Moodle infers them from the first part of a path that looks like its own."""
    parts = path.split("/")
    for place, part in enumerate(parts):
        info = part.split("_", 4)
        if len(info) >= 4 and info[1].isdigit() and info[2:4] == ["assignsubmission", "file"]:
            return info[1], "/".join([*info[4:], *parts[place + 1 :]]).lstrip("/")
    return None


@pytest.fixture(scope="module")
def view() -> ClassView:
    """A small class of one exercise in which everything occurs."""
    return made_class(students=9, exercises=1)


@pytest.mark.parametrize("late", ["", "LATE_"])
def test_canvas_finds_everybody_by_the_names_it_gave(view: ClassView, tmp_path: Path, late: str) -> None:
    """Every file names the user and the attachment of what was handed in, and begins with its whole name."""
    form = f"doejohn_{late}{{number}}00_{{number}}77_backprop-1.py"
    exported = export(everybody(view, form), tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    numbers = {int(one.student.id[-3:]) for one in view.standings.values() if one.result and not one.open}
    assert {taken_by_canvas(name) for name in files} == {(f"{number}00", f"{number}77") for number in numbers}
    assert all(name.startswith(tuple(form.format(number=number) for number in numbers)) for name in files)
    assert {name.rsplit(".", 1)[-1] for name in files} == {"html", "txt"}
    assert not [note for note in exported.notes if "Canvas" in note]


@pytest.mark.parametrize("end", ["_", ""])
def test_moodle_finds_everybody_by_the_folders_it_gave(view: ClassView, tmp_path: Path, end: str) -> None:
    """Two students of one name have folders of their own, in both forms that Moodle writes."""
    form = f"Zoë Müller_{{number}}41_assignsubmission_file{end}/backprop.py"
    export(everybody(view, form), tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    slug = view.exercises[0].slug
    numbers = {int(one.student.id[-3:]) for one in view.standings.values() if one.result and not one.open}
    wanted = {(f"{number}41", f"{slug}.{kind}") for number in numbers for kind in ("html", "txt")}
    assert {taken_by_moodle(path) for path in files} == wanted
    assert {path.split("/")[0] for path in files} == {form.format(number=number).split("/")[0] for number in numbers}


def test_moodle_finds_the_files_of_its_flat_form_too(view: ClassView, tmp_path: Path) -> None:
    """Where there are no folders, what stands before the file's name is kept."""
    export(everybody(view, "Zoë Müller_{number}41_assignsubmission_file_backprop.py"), tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    assert all("/" not in path and taken_by_moodle(path) for path in files)


def test_partners_of_a_group_share_a_place_and_nobodys_feedback_is_lost(view: ClassView, tmp_path: Path) -> None:
    """What differs between partners, such as a comment to one of them, has the partner's name."""
    pair = with_origins(view, **dict.fromkeys(("student-003", "student-005"), "Group A_7_assignsubmission_file/x.py"))
    export(pair, tmp_path / "back.zip")
    group = {path: text for path, text in unpacked(tmp_path / "back.zip", tmp_path / "out").items() if "Group" in path}
    assert len(group) == 4
    assert sum("Well argued" in text for text in group.values()) == 1
    assert any("student-005" in path for path in group)


def test_without_a_platform_each_student_has_a_folder_and_is_named(view: ClassView, tmp_path: Path) -> None:
    """The ids stand for them, and a note says that neither platform will take it."""
    exported = export(view, tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    assert {path.split("/")[0] for path in files} >= {"student-002", "student-005"}
    assert any(note.startswith("Under the students' own ids") for note in exported.notes)


@pytest.mark.parametrize(
    "origin",
    [
        "../../Evil_1_assignsubmission_file/x.py",
        "/abs_1_2_x.py",
        "..\\evil_1_2_x.py",
        "C:evil_1_2_x.py",
        "a/../b_1_2_x.py",
        "a_1_2_x\n.py",
        "a//b_1_2_x.py",
    ],
)
def test_a_name_that_leads_elsewhere_is_not_used(view: ClassView, tmp_path: Path, origin: str) -> None:
    """The student gets a folder instead."""
    assert not is_safe_path(origin)
    export(with_origins(view, **{"student-002": origin}), tmp_path / "back.zip")
    names = zipfile.ZipFile(tmp_path / "back.zip").namelist()
    assert f"student-002/{view.exercises[0].slug}.html" in names
    assert all(is_safe_path(name) for name in names)


def test_the_page_is_the_students_report_and_harmless(view: ClassView, tmp_path: Path) -> None:
    """One file that parses, without script or request, with the student's text as text."""
    export(view, tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    page = Document(files[f"student-004/{view.exercises[0].slug}.html"])
    assert not {"script", "img", "iframe"} & {element.tag for element in page.elements}
    leads = {element.attributes.get(key, "#") for element in page.elements for key in ("href", "src")}
    assert all(lead.startswith(("#", "data:")) for lead in leads)
    assert any(element.tag == "h1" and view.exercises[0].title in element.text for element in page.elements)


def test_hidden_checks_say_no_more_than_the_level(view: ClassView, tmp_path: Path) -> None:
    """Neither page nor text of a result from before has what the level withholds now; public values stay."""
    exercise = dataclasses.replace(view.exercises[0], feedback=Feedback(hidden="outcome"))
    hidden, public = made_check("test_a", Outcome.FAILED, 1.0), made_check("test_b", Outcome.FAILED, 1.0)
    hidden.message = f"expected {SECRET}"
    public.visibility, cell = "public", ((4321.5,),)
    public.figures = [Figure("value", "float64", (), ((1.0,),), cell, cell, ((True,),))]
    result = made_result(exercise, [hidden, public])
    key = ("student-002", exercise.slug)
    standing = dataclasses.replace(view.standings[key], result=result)
    changed = dataclasses.replace(view, exercises=(exercise,), standings={**view.standings, key: standing})
    export(changed, tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    page, text = (files[f"student-002/{exercise.slug}.{kind}"] for kind in ("html", "txt"))
    assert str(SECRET) not in page + text
    assert "4321.5" in page
    assert "4321.5" not in text


def test_what_is_not_settled_is_not_handed_back(view: ClassView, tmp_path: Path) -> None:
    """A failure of ours is named in a note instead, and so is who handed in nothing."""
    exported = export(view, tmp_path / "back.zip")
    names = zipfile.ZipFile(tmp_path / "back.zip").namelist()
    assert not [name for name in names if "student-001" in name]
    slug = view.exercises[0].slug
    assert exported.notes[0] == messages.EXPORT_OPEN_LEFT_OUT.format(names=f"student-001 ({slug})")


def test_one_zip_for_each_exercise_where_a_folder_is_asked_for(tmp_path: Path) -> None:
    """Each holds that exercise only; together they hold the same as the one zip of everything."""
    view = made_class(students=9, exercises=2)
    exported = export(view, tmp_path / "folder")
    export(view, tmp_path / "back.zip")
    assert [path.name for path in exported.files] == [f"{one.slug}.zip" for one in view.exercises]
    apart = [zipfile.ZipFile(path).namelist() for path in exported.files]
    assert all(one.slug in name for one, names in zip(view.exercises, apart, strict=True) for name in names)
    assert sorted(apart[0] + apart[1]) == sorted(zipfile.ZipFile(tmp_path / "back.zip").namelist())


def test_the_same_grades_make_the_same_zip(view: ClassView, tmp_path: Path) -> None:
    """Bytes do not depend on the time."""
    export(view, tmp_path / "one.zip")
    export(view, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_text_says_what_persons_and_the_late_policy_did(view: ClassView) -> None:
    """Override with its reason, comment, points after the late policy, and that something has to be settled."""
    exercise = view.exercises[0]
    overridden = view.of("student-005", exercise.slug)
    text = plain_text(overridden, exercise, 12.0)
    assert "Score: 11 of 12 points" in text
    assert "The check was unclear" in text
    assert "Comment: Well argued" in text
    late = dataclasses.replace(overridden, counted=8.8, lateness=Lateness(90000.0, factor=0.8))
    assert "8.8 of 12 points" in plain_text(late, exercise, 12.0)
    unsettled = dataclasses.replace(overridden, lateness=Lateness(marked=True, unsettled=True))
    assert messages.TOLD_UNSETTLED in plain_text(unsettled, exercise, 12.0)


def test_what_could_not_be_read_gets_its_sentence(view: ClassView, tmp_path: Path) -> None:
    """Without a result there is the text alone, with what the student has to know."""
    key = ("student-002", view.exercises[0].slug)
    problem = "backprop.py is a PDF."
    one = Standing(view.standings[key].student, key[1], handed_in=True, problem=problem, origin="x/backprop.py")
    export(dataclasses.replace(view, standings={**view.standings, key: one}), tmp_path / "back.zip")
    files = unpacked(tmp_path / "back.zip", tmp_path / "out")
    assert problem in files[f"student-002/{key[1]}.txt"]
    assert f"student-002/{key[1]}.html" not in files


def test_safe_names_mean_nothing_to_any_system() -> None:
    """No separator, no leading dot, no device, not too long, never empty."""
    for raw in ("../../x", "a/b", "a\\b", "", ".", "..", "CON", "nul.txt", "x" * 300, HOSTILE_NAME, "张", "a:b", "~"):
        name = safe_name(raw)
        assert re.fullmatch(r"[\w@+-][\w.@+-]{0,80}", name, re.ASCII), (spelled(raw), name)
        assert name.split(".")[0].lower() not in {"con", "nul"}


def test_different_students_never_share_a_name() -> None:
    """Also where their ids differ only by what is not safe, by case, or by a number that was given out already."""
    ids = ["a/b", "a_b", "A_B", "a_b-2", "a\\b", "张", "李"]
    names = distinct_names(ids)
    assert len({name.casefold() for name in names.values()}) == len(ids)
    assert names["a/b"] == "a_b"
