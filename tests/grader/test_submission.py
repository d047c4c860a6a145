from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course import Course, Exercise
from grader.errors import SubmissionRejected, UsageError
from grader.limits import MIB, Limits, size_text
from grader.submission import read_submission

SOURCE = b"def f(x):\n    return x\n"


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """An exercise that consists of backprop.py."""
    course = Course(tmp_path / "course", "C", 0, "en")
    made = Exercise(course, "exercise1_a", "T", ("backprop.py",), 1.0, (), "", Limits(), ("cpu",))
    made.stub_folder.mkdir(parents=True)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A student's folder."""
    made = tmp_path / "handed_in"
    made.mkdir()
    return made


def test_without_a_path_the_stub_folder_is_read(exercise: Exercise) -> None:
    """A student works in the exercise's own folder; the course's own files there are not theirs."""
    for name in ("backprop.py", "test_public.py", "exercise.toml", "README.md", "notes.txt"):
        (exercise.stub_folder / name).write_bytes(SOURCE)
    submission = read_submission(exercise)
    assert (submission.files, submission.sources[0].text) == (["backprop.py", "notes.txt"], SOURCE.decode())


def test_a_single_file_may_have_any_name(exercise: Exercise, folder: Path) -> None:
    """Who points at a file means that file; it is judged under the exercise's name."""
    (folder / "alice (2).py").write_bytes(SOURCE)
    assert read_submission(exercise, folder / "alice (2).py").files == ["backprop.py"]


def test_equal_bytes_have_equal_digests(exercise: Exercise, folder: Path) -> None:
    """The digest is over the bytes that were handed in; other files do not count."""
    (folder / "backprop.py").write_bytes(SOURCE)
    alone = read_submission(exercise, folder).sha256
    (folder / "more.py").write_bytes(SOURCE)
    assert read_submission(exercise, folder).sha256 == alone
    (folder / "backprop.py").write_bytes(SOURCE + b"#")
    assert read_submission(exercise, folder).sha256 != alone


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(exercise: Exercise, folder: Path) -> None:
    """What editors on Windows write is read as what it means."""
    (folder / "backprop.py").write_bytes(b"\xef\xbb\xbfx = 1\r\ny = 2\r\n")
    assert read_submission(exercise, folder).sources[0].text == "x = 1\ny = 2\n"


@pytest.mark.parametrize("name", ["MZ", "BZh9"])
def test_a_name_that_begins_as_a_programs_file_does_is_a_name(exercise: Exercise, folder: Path, name: str) -> None:
    """Two or three letters alone do not make a Python source a program or an archive; the bytes behind them do."""
    (folder / "backprop.py").write_text(f"{name} = 3\n")
    assert read_submission(exercise, folder).sources[0].text == f"{name} = 3\n"
    (folder / "backprop.py").write_bytes(name.encode() + b"\x90\0\3\0")
    with pytest.raises(SubmissionRejected, match=r"backprop\.py: this is a (program|compressed file)"):
        read_submission(exercise, folder)


def test_what_systems_leave_behind_is_nobodys_file(exercise: Exercise, folder: Path) -> None:
    """Beside the files of the exercise only what a person put there is listed, as in a class."""
    for name in ("backprop.py", ".DS_Store", "._backprop.py", "old.pyc", "notes.txt"):
        (folder / name).write_bytes(SOURCE)
    for name in (".ipynb_checkpoints", "venv", ".git", "figures"):
        (folder / name).mkdir()
    assert read_submission(exercise, folder).extra_files == ("figures", "notes.txt")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "backprop.py is empty"),
        (b" \n\n", "backprop.py is empty"),
        (b"x = 1\ny = '\xe9'\n", "line 2: a character that is not UTF-8"),
        (b"x = 1\n\ny = '\0'\n", "line 3: a zero byte"),
        ("x = 1\n".encode("utf-16"), "saved as UTF-16. Save it as UTF-8"),
        (("x = 1\n" * 9).encode("utf-16-le"), "saved as UTF-16"),
        (("x = 1\n" * 9).encode("utf-16-be"), "saved as UTF-16"),
        ("x = 1\n".encode("utf-32"), "saved as UTF-32"),
        (b"#" * (MIB + 1), "larger than 1 MB. Hand in the source only"),
        (b"%PDF-1.7 and more", "backprop.py: this is a PDF, expected .py"),
        (b"PK\x03\x04 and more", "backprop.py: this is a zip archive, expected .py"),
    ],
)
def test_a_file_that_is_no_source_is_rejected_with_a_reason(
    exercise: Exercise, folder: Path, data: bytes, sentence: str
) -> None:
    """Each kind of unreadable file has its own sentence."""
    (folder / "backprop.py").write_bytes(data)
    with pytest.raises(SubmissionRejected, match=r"backprop\.py") as caught:
        read_submission(exercise, folder)
    assert sentence in str(caught.value)


def test_a_file_of_exactly_one_megabyte_is_read(exercise: Exercise, folder: Path) -> None:
    """The limit itself is allowed."""
    (folder / "backprop.py").write_bytes(b"#" * MIB)
    assert len(read_submission(exercise, folder).sources[0].text) == MIB


@pytest.mark.parametrize("alone", [True, False])
def test_the_exercise_says_how_large_a_file_may_be(exercise: Exercise, folder: Path, alone: bool) -> None:
    """What exercise.toml allows is read, a byte more is not, and the sentence names this exercise's limit."""
    small = replace(exercise, limits=Limits(source_bytes=4096))
    path = folder / "backprop.py"
    path.write_bytes(b"#" * 4096)
    assert read_submission(small, path if alone else folder).sources
    path.write_bytes(b"#" * 4097)
    with pytest.raises(SubmissionRejected, match=r"backprop\.py is larger than 4 kB\."):
        read_submission(small, path if alone else folder)
    assert read_submission(exercise, path if alone else folder).sources


def test_a_limit_is_written_exactly() -> None:
    """Whoever is a byte above the limit reads no rounded number."""
    written = [size_text(size) for size in (32 * MIB, 1536 << 10, 4096, 1000, 1)]
    assert written == ["32 MB", "1536 kB", "4 kB", "1000 bytes", "1 bytes"]


@pytest.mark.parametrize("name", ["Backprop.py", "backprop (1).py", "bakprop.py", "backprop.py.txt"])
def test_a_misnamed_file_is_suggested(exercise: Exercise, folder: Path, name: str) -> None:
    """Case, a browser's suffix and a misspelling are recognised."""
    (folder / name).write_bytes(SOURCE)
    with pytest.raises(SubmissionRejected, match=r"backprop\.py is missing\. Did you mean") as caught:
        read_submission(exercise, folder)
    assert name in str(caught.value)


def test_a_missing_file_without_a_near_one_is_only_named(exercise: Exercise, folder: Path) -> None:
    """No far-fetched suggestion."""
    (folder / "essay.docx").write_bytes(SOURCE)
    with pytest.raises(SubmissionRejected, match=r"^backprop\.py is missing\. The file must"):
        read_submission(exercise, folder)


def test_a_link_is_not_followed(exercise: Exercise, folder: Path, tmp_path: Path) -> None:
    """A link in a submission could point at the reference."""
    (tmp_path / "secret.py").write_bytes(SOURCE)
    (folder / "backprop.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(SubmissionRejected, match="is a link"):
        read_submission(exercise, folder)
    with pytest.raises(SubmissionRejected, match="is a link"):
        read_submission(exercise, folder / "backprop.py")


def test_a_pipe_is_not_waited_for(exercise: Exercise, folder: Path) -> None:
    """Opening a pipe that nobody writes to would hang the run."""
    os.mkfifo(folder / "backprop.py")
    with pytest.raises(SubmissionRejected, match="not a regular file"):
        read_submission(exercise, folder)


def test_a_folder_in_place_of_the_file_is_refused(exercise: Exercise, folder: Path) -> None:
    """A folder called backprop.py is no file."""
    (folder / "backprop.py").mkdir()
    with pytest.raises(SubmissionRejected, match="not a regular file"):
        read_submission(exercise, folder)


def test_names_that_are_no_text_are_listed_readably(exercise: Exercise, folder: Path) -> None:
    """File names are bytes; results are JSON."""
    (folder / "backprop.py").write_bytes(SOURCE)
    (Path(os.fsdecode(os.fsencode(folder) + b"/a\xff.txt"))).write_bytes(b"")
    assert read_submission(exercise, folder).extra_files == ("a\\xff.txt",)


def test_what_comes_with_the_exercise_is_not_handed_in_besides(exercise: Exercise, folder: Path) -> None:
    """A student works in the exercise's own folder: its statement, figures and suite are not theirs."""
    (folder / "backprop.py").write_bytes(SOURCE)
    for name in ("README.md", "curves.svg", "exercise.toml", "test_public.py", "notes.txt"):
        (folder / name).write_bytes(b"")
    assert read_submission(exercise, folder).extra_files == ("notes.txt",)


def test_a_path_that_does_not_exist_is_a_mistake_in_the_command(exercise: Exercise, folder: Path) -> None:
    """The caller mistyped; the student is not to blame."""
    (folder / "alice.py").write_bytes(SOURCE)
    with pytest.raises(UsageError, match=r"no file or folder .*Did you mean alice\.py"):
        read_submission(exercise, folder / "alcie.py")


def test_several_files_need_their_folder(exercise: Exercise, folder: Path) -> None:
    """One file cannot stand for two."""
    two = Exercise(exercise.course, "e", "T", ("a.py", "b.py"), 1.0, (), "", Limits(), ("cpu",))
    (folder / "a.py").write_bytes(SOURCE)
    with pytest.raises(SubmissionRejected, match=r"several files \(a\.py, b\.py\)"):
        read_submission(two, folder / "a.py")
    with pytest.raises(SubmissionRejected, match=r"b\.py is missing"):
        read_submission(two, folder)
