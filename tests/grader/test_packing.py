"""`grader bundle`: what intake takes as that student's submission, byte by byte the same, and nothing else."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from grader.classroom.intake import take_in
from grader.course import Course, load_exercise
from grader.errors import SubmissionRejected
from grader.packing import pack
from grader.results import Outcome
from grader.submission import read_submission

from .report_samples import check
from .student_course import SLUGS, STUB, WRITTEN, checked, make_student_course, run, write

WINDOWS = "\ufeffdef double(x):\r\n    return 2 * x\r\n"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A student's course, in which we stand."""
    root = tmp_path / "course"
    course = make_student_course(root)
    monkeypatch.chdir(root)
    return course


def names_in(path: Path) -> list[str]:
    """Return the names of an archive's entries."""
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


@pytest.mark.parametrize(
    "name", ["ada.zip", "adamsada_LATE_12_901_handin-1.zip", "Ada Adams_4711_assignsubmission_file/x.zip"]
)
def test_intake_takes_it_as_the_submission_that_was_checked(course: Course, tmp_path: Path, name: str) -> None:
    """As an archive of a student's name, through Canvas and through Moodle: the digests are those of `grader check`."""
    write(course, 1, WINDOWS)
    write(course, 3)
    (course.root / "exercises" / SLUGS[2] / "notes.txt").write_text("mine")
    path = tmp_path / "class" / name
    path.parent.mkdir(parents=True)
    assert run("bundle", "--out", path).exit_code == 0
    exercises = [load_exercise(course, slug) for slug in SLUGS]
    intake = take_in(tmp_path / "class", course, exercises)
    assert (len(intake.students), intake.unplaced) == (1, ())
    taken = {handin.exercise: handin.submission for handin in intake.handins}
    assert taken == {
        SLUGS[0]: read_submission(exercises[0]),
        SLUGS[2]: replace(read_submission(exercises[2]), extra_files=()),
    }


def test_equal_files_make_equal_archives(course: Course, tmp_path: Path) -> None:
    """Whenever, wherever and with whatever rights they were written: only names and bytes count."""
    write(course, 1)
    run("bundle")
    other = make_student_course(tmp_path / "somebody" / "else's course")
    os.utime(write(other, 1), (1, 1))
    (other.root / "exercises" / SLUGS[0] / "work.py").chmod(0o600)
    made = pack(other, [load_exercise(other, "1")], "other.zip")
    data = (course.root / "handin.zip").read_bytes()
    assert (made.data, made.sha256) == (data, hashlib.sha256(data).hexdigest())
    write(other, 1, WRITTEN + "#")
    assert pack(other, [load_exercise(other, "1")], "other.zip").data != data


def test_it_holds_the_exercises_files_and_nothing_private(course: Course) -> None:
    """No other file of the folder, no state, no path of this machine, no time, no owner."""
    write(course, 3)
    checked(course, 3, [check()])
    for extra in ("notes.txt", ".DS_Store", "work_old.py", "more.ipynb"):
        (course.root / "exercises" / SLUGS[2] / extra).write_text("private")
    assert run("bundle").exit_code == 0
    path = course.root / "handin.zip"
    assert names_in(path) == [f"{SLUGS[2]}/more.py", f"{SLUGS[2]}/work.py"]
    with zipfile.ZipFile(path) as archive:
        assert {(info.date_time, info.extra, info.comment) for info in archive.infolist()} == {
            ((1980, 1, 1, 0, 0, 0), b"", b"")
        }
        assert archive.comment == b""
    data = path.read_bytes()
    for word in (b"private", os.fsencode(course.root.name), os.fsencode(course.root.parent), b"state"):
        assert word not in data, word


def test_it_says_what_is_in_it_and_what_is_not(course: Course) -> None:
    """Size, digests, files, what was left out and why, and what to check before."""
    write(course, 1)
    checked(course, 1, [check()])
    write(course, 3)
    (course.root / "exercises" / SLUGS[2] / "notes.txt").write_text("mine")
    done = run("bundle")
    data = (course.root / "handin.zip").read_bytes()
    first, third = (read_submission(load_exercise(course, number)).sha256 for number in "13")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"handin.zip: {len(data)} bytes, files: 3",
        f"sha256 {hashlib.sha256(data).hexdigest()}",
        "",
        f"  exercise1_first/work.py, {len(WRITTEN)} bytes",
        f"    submission {first}",
        f"  exercise3_third/work.py, {len(WRITTEN)} bytes",
        f"  exercise3_third/more.py, {len(STUB)} bytes",
        f"    submission {third}",
        "",
        "Left out, because no exercise asks for it: exercise3_third/notes.txt",
        "Left out, because it is not begun: exercise2_second",
        "Note: exercise3_third was not checked as it is now. To check it:",
        "  grader check exercise3",
        "Hand in this one file, under any name. It holds these files and nothing about",
        "you or your computer; packed again, the same files give the same archive.",
    ]


def test_who_names_an_exercise_hands_it_in_as_it_is(course: Course) -> None:
    """A stub that was asked for by name goes in, with a note; a name given twice counts once."""
    done = run("bundle", "2", "exercise2", "--out", "two.zip")
    assert "Note: exercise2_second is handed in as it was given out.\n" in done.stdout
    assert names_in(course.root / "two.zip") == [f"{SLUGS[1]}/work.py"]


def test_standard_output_can_be_the_archive(course: Course) -> None:
    """With --out - nothing but the archive goes there; what a person reads goes beside it."""
    write(course, 1)
    done = run("bundle", "--out", "-")
    assert done.stdout_bytes == pack(course, [load_exercise(course, "1")], "handin.zip").data
    assert done.stderr.startswith("handin.zip: ")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "work.py is empty. Was it saved before it was handed in?"),
        (
            b"x = '\xe9'\n",
            "work.py, line 1: a character that is not UTF-8. Save the file as UTF-8 and hand it in again.",
        ),
        (b"%PDF-1.7", "work.py: this is a PDF, expected .py, .ipynb or .zip."),
        (
            b"#" * ((1 << 20) + 1),
            "work.py is larger than 1 MB. Hand in the source only, without data or output.",
        ),
        (None, "work.py is missing. Did you mean Work.py? The file must have exactly this name."),
    ],
)
def test_what_intake_would_refuse_is_refused_with_its_reason(course: Course, data: bytes | None, why: str) -> None:
    """The sentence is the one of intake; nothing is written, and the others can be packed."""
    write(course, 2)
    path = course.root / "exercises" / SLUGS[0] / "work.py"
    path.rename(path.with_name("Work.py"))
    if data is not None:
        path.write_bytes(data)
    done = run("bundle")
    assert (done.exit_code, (course.root / "handin.zip").exists()) == (1, False)
    assert done.stderr == (
        f"grader: Nothing was packed, because this would not be taken:\n  exercise1_first: {why}\n"
        "Mend that, or pack the others only: grader bundle exercise2\n"
    )
    assert run("bundle", "2").exit_code == 0


def test_a_link_is_refused(course: Course, tmp_path: Path) -> None:
    """What lies elsewhere does not get into the archive by a link."""
    (tmp_path / "secret.py").write_text("secret = 1\n")
    path = course.root / "exercises" / SLUGS[0] / "work.py"
    path.unlink()
    path.symlink_to(tmp_path / "secret.py")
    with pytest.raises(SubmissionRejected, match=r"exercise1_first: work\.py is a link\. Hand in the file itself\."):
        pack(course, [load_exercise(course, "1")], "handin.zip")


def test_a_name_that_would_mislead_intake_is_refused(course: Course, tmp_path: Path) -> None:
    """An archive that is called as one exercise and holds another would be understood by nobody."""
    write(course, 2)
    done = run("bundle", "2", "--out", tmp_path / "exercise1.zip")
    assert (done.exit_code, (tmp_path / "exercise1.zip").exists()) == (1, False)
    assert (
        "  exercise2_second: Its folders name more than one exercise: exercise1_first, exercise2_second.\n"
        in done.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "grader: There is nothing to hand in yet: no exercise is begun. `grader` says where to begin.\n"),
        (["1", "--out", "work.py"], "grader: work.py cannot be the name of the archive: it must end in .zip.\n"),
        (["1", "--out", "no/handin.zip"], "grader: no/handin.zip cannot be written: No such file or directory.\n"),
        (["exercize1"], "grader: There is no exercise 'exercize1'. Did you mean exercise1"),
    ],
)
def test_each_mistake_has_its_sentence(course: Course, arguments: list[str], sentence: str) -> None:
    """A wrong command line changes nothing and exits with 2."""
    before = sorted(course.root.rglob("*.*"))
    done = run("bundle", *arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith(sentence)
    assert [path for path in sorted(course.root.rglob("*.*")) if ".grader" not in path.parts] == [
        path for path in before if ".grader" not in path.parts
    ]


def test_where_the_course_cannot_be_written_to_another_place_is_offered(course: Course) -> None:
    """The archive's default place may be closed; the message says how to name another one."""
    write(course, 1)
    (course.root / "handin.zip").mkdir()
    done = run("bundle")
    assert re.fullmatch(
        r"grader: \S+handin\.zip cannot be written: Is a directory\. Another place: grader bundle --out FILE\.zip\n",
        done.stderr,
    )


def test_a_check_that_is_open_is_no_reason_to_wait(course: Course) -> None:
    """What was checked as it is now goes in without a note, right or wrong."""
    write(course, 1)
    checked(course, 1, [check(Outcome.FAILED)])
    assert "Note:" not in run("bundle").stdout
