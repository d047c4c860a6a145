"""`grader reset`: the stub is back, what was written is kept, and nothing happens that nobody asked for."""

from __future__ import annotations

import re
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from grader.course import Course, load_exercise
from grader.errors import UsageError
from grader.reset import planned, put_back

from .student_course import SLUGS, STUB, WRITTEN, make_student_course, run, write

NOW = datetime(2026, 11, 22, 8, 5, 9)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A student's course, in which we stand."""
    monkeypatch.chdir(tmp_path)
    return make_student_course(tmp_path)


def backups(course: Course) -> dict[str, str]:
    """Return what is kept, by path below the folder of all copies."""
    folder = course.root / ".grader" / "backups"
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_stub_is_back_and_a_dated_copy_is_kept(course: Course) -> None:
    """Only files that differ are touched; the copy can be found and has what was written, twice in a second too."""
    path = write(course, 3)
    other = course.root / "exercises" / SLUGS[2] / "more.py"
    before = other.stat().st_mtime_ns
    for _ in range(2):
        write(course, 3)
        put_back(planned(load_exercise(course, "3"), NOW))
        assert (path.read_text(), other.read_text(), other.stat().st_mtime_ns) == (STUB, STUB, before)
    day = f"{SLUGS[2]}/2026-11-22_08-05-09"
    assert backups(course) == {f"{day}/work.py": WRITTEN, f"{day}_2/work.py": WRITTEN}


def test_it_asks_first_and_says_where_the_copy_is(course: Course) -> None:
    """What will be done stands before the question, where the copy lies behind the answer."""
    path = write(course, 1)
    done = run("reset", "1", typed="y\n")
    assert done.exit_code == 0
    copy = rf"  \.grader/backups/{SLUGS[0]}/\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d\n"
    assert re.fullmatch(
        "These files become again what they were when you got them: work.py\n"
        rf"What they are now is kept in\n{copy}"
        r"Put them back\? \[y/N\]: y\nPut back: work.py\n"
        rf"To have again what they were before, copy it from\n{copy}",
        done.stdout,
    )
    assert path.read_text() == STUB


@pytest.mark.parametrize(
    ("typed", "exit_code", "said"),
    [
        ("n\n", 1, "Nothing was changed.\n"),
        ("\n", 1, "Nothing was changed.\n"),
        (None, 2, "because nobody was there to say yes. With --yes it is done without asking.\n"),
    ],
)
def test_without_a_yes_nothing_happens(course: Course, typed: str | None, exit_code: int, said: str) -> None:
    """A no, an empty answer and nobody at all leave everything as it is."""
    path = write(course, 1)
    done = run("reset", "1", typed=typed)
    assert (done.exit_code, path.read_text(), backups(course)) == (exit_code, WRITTEN, {})
    assert done.output.endswith(said)


def test_yes_is_not_asked(course: Course) -> None:
    """--yes asks nothing; in the exercise's folder it needs no name."""
    write(course, 1)
    done = run("reset", "1", "--yes")
    assert done.stdout.startswith("Put back: work.py\nTo have again")
    assert run("reset", "--yes").exit_code == 2


def test_what_is_missing_is_put_back_without_a_copy(course: Course) -> None:
    """Of a file that was deleted there is nothing to keep, and nothing is said of a copy."""
    path = course.root / "exercises" / SLUGS[0] / "work.py"
    path.unlink()
    assert run("reset", "1", "--yes").stdout == "Put back: work.py\n"
    assert (path.read_text(), (course.root / ".grader" / "backups").exists()) == (STUB, False)


def test_a_link_is_replaced_and_what_it_leads_to_is_left_alone(course: Course, tmp_path: Path) -> None:
    """The stub is not written through a link, and the copy of it is a link."""
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text(WRITTEN)
    path = course.root / "exercises" / SLUGS[0] / "work.py"
    path.unlink()
    path.symlink_to(elsewhere)
    put_back(planned(load_exercise(course, "1"), NOW))
    assert (path.is_symlink(), path.read_text(), elsewhere.read_text()) == (False, STUB, WRITTEN)
    assert (course.root / ".grader" / "backups" / SLUGS[0] / "2026-11-22_08-05-09" / "work.py").is_symlink()


def test_where_nothing_was_written_there_is_nothing_to_put_back(course: Course) -> None:
    """The stub as it was given out is left alone, whatever its line ends."""
    path = course.root / "exercises" / SLUGS[0] / "work.py"
    path.write_bytes(STUB.replace("\n", "\r\n").encode())
    done = run("reset", "1", "--yes")
    assert done.exit_code == 2
    assert done.stderr == "grader: There is nothing to put back: work.py of exercise1_first is as it was given out.\n"
    assert b"\r\n" in path.read_bytes()


def test_a_course_without_untouched_files_says_what_to_do(course: Course) -> None:
    """Nothing is made up: the message says where the files should be and whom to ask."""
    write(course, 3)
    (course.root / ".grader" / "stubs" / SLUGS[2] / "more.py").unlink()
    done = run("reset", "3", "--yes")
    folder = course.root / ".grader" / "stubs" / SLUGS[2]
    assert (done.exit_code, backups(course)) == (2, {})
    assert done.stderr == (
        "grader: exercise3_third cannot be put back: this copy of the course has no untouched work.py, more.py (they "
        f"would lie in {folder}). Take them from the course as you got it, or ask your instructor for it once more.\n"
    )


def test_a_folder_of_that_name_is_in_the_way(course: Course) -> None:
    """A folder is neither deleted nor written into."""
    path = course.root / "exercises" / SLUGS[0] / "work.py"
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match=r"work\.py is a folder\. Move it away, then type the same command again"):
        planned(load_exercise(course, "1"), NOW)


def test_what_cannot_be_kept_is_not_touched(course: Course) -> None:
    """If the copy cannot be made, what was written stays where it is."""
    path = write(course, 1)
    (course.root / ".grader" / "backups").write_text("in the way")
    with pytest.raises(UsageError, match=r"cannot be kept in .*: Not a directory\. So nothing was changed"):
        put_back(planned(load_exercise(course, "1"), NOW))
    assert path.read_text() == WRITTEN


def test_what_cannot_be_written_says_where_the_copy_is(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the stub cannot be written, what was written is in its place still, and the copy is named."""
    path = write(course, 1)

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("grader.reset.write_whole", full)
    plan = planned(load_exercise(course, "1"), NOW)
    with pytest.raises(
        UsageError, match=r"work\.py cannot be put back: No space left on device\. What you had"
    ) as told:
        put_back(plan)
    assert str(told.value).endswith(f"a copy in {plan.backup}.")
    assert path.read_text() == (plan.backup / "work.py").read_text() == WRITTEN


def test_which_exercise_is_asked_in_the_words_of_this_command(course: Course) -> None:
    """Without a name, and in no exercise's folder, every exercise is offered; a wrong name has near ones."""
    done = run("reset")
    assert (done.exit_code, "  grader reset exercise1   (First)\n" in done.stderr) == (2, True)
    assert "Did you mean exercise1" in run("reset", "exercize1").stderr
    shutil.rmtree(course.root / "exercises")
    assert run("reset", "1").exit_code == 2
