"""`grader grade`, `results`, `override`, `comment`, `check --from` as an instructor meets them."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

import grader.classroom.run
from grader import language
from grader.classroom.handin import Student
from grader.classroom.listing import student_lines
from grader.classroom.store import FILE, Store
from grader.cli import main
from grader.commands import grading
from grader.course import Course, load_course
from grader.sandbox.fence import Tier
from grader.terminal import console_for

from .graded_class import ANSWERS, GOOD, SECOND, grade, hand_in, make_class, take_in
from .tiny_course import SLUG

Run = Callable[..., Result]
SOME = {student: ANSWERS[student] for student in ("ann", "ben", "cem", "gil")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a course, what its class handed in, and in `out` what came of grading that."""
    root = tmp_path_factory.mktemp("class")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        course, handed_in = make_class(root, SOME)
        (handed_in / "notes.docx").write_text("")
        grade(course, handed_in, root / "out")
        yield root


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of it of one's own."""
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A function that runs `grader …` in this process, in the course of a folder, with the reader of this test."""
    monkeypatch.setattr(grading, "_take_in", lambda: take_in)
    monkeypatch.setattr(grading, "_late", lambda: None)
    monkeypatch.delenv("GRADER_DEBUG", raising=False)

    def invoke(folder: Path, *arguments: str | Path) -> Result:
        monkeypatch.chdir(folder / "course")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        language.use(language.ENGLISH)
        return CliRunner().invoke(main, [str(argument) for argument in arguments])

    yield invoke
    language.use(language.ENGLISH)


def test_grading_ends_with_what_to_do(run: Run, folder: Path) -> None:
    """What was found, lines of progress, what needs a person, means, where it is kept and what to type next."""
    done = run(folder, "grade", "../handed-in", "--out", "../new", "--workers", "2")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "Students: 4, exercises: 2, hand-ins: 5."
    assert lines[lines.index("Not understood: 1") + 1] == "  notes.docx: it is no folder"
    assert "1 are identical to others and are judged once." in lines
    assert any(line.startswith("5/5 judged in ") for line in lines)
    assert "Needs a person (1)" in lines
    assert f"  {SLUG}: 3.00 / 4 (3 of 4 handed in, 0 open)" in lines
    assert f"Kept in ../new/{FILE}" in lines
    assert "Next: grader report ../new" in lines
    again = run(folder, "grade", "../handed-in", "--out", "../new")
    assert "5 of 5 are judged already and stand." in again.output


def test_only_some_students_and_exercises(run: Run, folder: Path) -> None:
    """--student and --exercise leave the others alone."""
    done = run(folder, "grade", "../handed-in", "--out", "../new", "--student", "ben", "--exercise", "2")
    assert done.exit_code == 0, done.output
    with Store.open(folder / "new") as store:
        assert [(row.student, row.exercise) for row in store.attempts()] == [("ben", SECOND)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["../handed-inn", "--out", "../new"], "There is no file or folder ../handed-inn. Did you mean handed-in?"),
        (["../handed-in", "--out", "../handed-in/out"], "lies inside ../handed-in: the next run would take"),
        (["../handed-in", "--out", "course.toml"], "course.toml cannot be written: File exists"),
        (["../handed-in", "--out", "../new", "--student", "anne"], "has the id anne. Did you mean ann?"),
        (["../handed-in", "--out", "../new", "--student", "gil"], f"Nothing to grade: no submission for {SLUG}"),
        (["../handed-in", "--out", "../new", "--exercise", "7"], "7"),
        (["../handed-in", "--out", "../new", "--device", "sim"], "sim"),
        (["../handed-in", "--out", "../new", "--fence", "none"], "--fence none: code of other people is graded"),
        (["../handed-in"], "Missing option '--out'"),
    ],
)
def test_a_wrong_grade_command_is_said(run: Run, folder: Path, arguments: list[str], said: str) -> None:
    """Exit code 2, one sentence with what is wrong, and nothing judged."""
    done = run(folder, "grade", *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output


def test_without_a_fence_only_on_request_and_marked(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that can fence nothing it is refused with what is missing; with the option, results say so."""
    done = run(folder, "grade", "../handed-in", "--out", "../new", "--fence", "none", "--allow-unfenced")
    assert done.exit_code == 0, done.output
    assert "Graded without a fence: student code could have changed these results." in done.output
    with Store.open(folder / "new") as store:
        view = store.view(load_course(folder / "course"))
    assert {one.result.environment.fence for one in view.standings.values() if one.result} == {"none"}


def test_a_machine_that_can_fence_nothing_refuses(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The strongest tier there is `none`: exit code 4 with the primitive that is missing."""
    from grader.errors import FenceError

    def missing(tier: Tier) -> None:
        raise FenceError("Landlock", "this kernel has none.", "use Linux 5.13.")

    monkeypatch.setattr(grading, "tier_of", lambda fence: Tier.NONE)
    monkeypatch.setattr(grader.classroom.run, "require_tier", missing)
    done = run(folder, "grade", "../handed-in", "--out", "../new")
    assert (done.exit_code, done.output) == (4, "grader: Landlock: this kernel has none. Fix: use Linux 5.13.\n")


def test_ctrl_c_says_what_is_kept(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, how many are judged, and that the same command goes on."""

    def interrupted(course: Course, wanted: object, watch: object, take_in: object) -> None:
        watch.begins({SLUG: 3, SECOND: 2}, {SLUG: 2, SECOND: 0}, {})  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(grader.classroom.run, "grade_class", interrupted)
    done = run(folder, "grade", "../handed-in", "--out", "../new")
    assert done.exit_code == 130
    assert (
        "Interrupted. 2 of 5 submissions are judged and kept; the same command goes on with the others." in done.output
    )


def test_results_show_the_class(run: Run, folder: Path) -> None:
    """A row per student: points, a dash for nothing handed in, an asterisk for points by hand, a total."""
    given = ("--exercise", "1", "--points", "3.5", "--reason", "agreed", "--by", "t")
    assert run(folder, "override", "../out", "--student", "ben", *given).exit_code == 0
    lines = run(folder, "results", "../out").output.splitlines()
    rows = {line.split()[0]: line.split()[2:] for line in lines if line.split()[:1] and line.split()[0] in SOME}
    assert rows == {"ann": ["4", "2", "6"], "ben": ["3.5*", "0", "3.5"], "cem": ["4", "-", "4"], "gil": ["-", "-", "-"]}


def test_results_of_one_student_show_mistakes_and_attempts(run: Run, folder: Path) -> None:
    """The named mistake, every check, what a person said, and what changed between two attempts."""
    hand_in(folder / "handed-in", {"ben": (GOOD + "# better\n", None)})
    assert run(folder, "results", "../out", "--student", "ben").output.count("adds 1 instead of doubling") == 1
    assert run(folder, "grade", "../handed-in", "--out", "../out").exit_code == 0
    assert run(folder, "comment", "../out", "Good!", "--student", "ben", "--exercise", "1", "--by", "t").exit_code == 0
    said = run(folder, "results", "../out", "--student", "ben", "--exercise", "1").output
    assert "attempt 1, run 1" in said
    assert ": 4 / 4 (other files)" in said
    assert "test_draw: failed -> passed" in said
    assert ": Good!" in said
    moved = run(folder, "results", "../out", "--diff").output
    assert f"ben, {SLUG}: 1 -> 4 (+3) (other files)" in moved
    assert "test_draw: failed 0/3 -> passed 3/3" in moved
    assert "4 results are as they were." in moved


@pytest.mark.parametrize(
    ("name", "heading"),
    [("", "ben"), ("ben", "ben"), ("Ben Berg", "Ben Berg (ben)")],
)
def test_results_call_a_student_once(name: str, heading: str) -> None:
    """Name and id, or the id alone where there is no name or it is the id."""
    console = console_for(io.StringIO())
    first = next(student_lines(SimpleNamespace(exercises=()), Student("ben", name), console))  # type: ignore[arg-type]
    assert first.plain == heading


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["results", "../nowhere"], "holds no graded class"),
        (["results", "../out", "--student", "benn"], "has the id benn. Did you mean ben?"),
        (["results", "../out", "--diff"], "holds one run only"),
        (["override", "../nowhere", "--student", "ben", "--exercise", "1", "--points", "1", "--reason", "x"],
         "holds no graded class"),
        (["override", "../out", "--student", "benn", "--exercise", "1", "--points", "1", "--reason", "x"],
         "Did you mean ben?"),
        (["override", "../out", "--student", "ben", "--exercise", "1", "--check", "test_dubble", "--points", "1",
          "--reason", "x"], "has no check test_dubble. Did you mean test_double or"),
        (["override", "../out", "--student", "ben", "--exercise", "1", "--points", "40", "--reason", "x"],
         "40 points are more than exercise1_tiny is worth (4). If that is meant, add --beyond."),
        (["override", "../out", "--student", "ben", "--exercise", "1", "--points", "1", "--reason", " "],
         "--reason must not be empty"),
        (["override", "../out", "--student", "ben", "--exercise", "1", "--reason", "x"], "either --points N or"),
        (["comment", "../out", " ", "--student", "ben", "--exercise", "1"], "The comment is empty."),
        (["comment", "../out", "x", "--student", "ben", "--exercise", "9"], "9"),
        (["check", "--from", "../out", "--student", "benn", "--exercise", "1"], "Did you mean ben?"),
        (["check", "--from", "../out", "--student", "gil", "--exercise", "1"], "gil has handed in nothing for"),
        (["check", "--from", "../out", "--exercise", "1"], "--from DIR needs --student ID"),
        (["check", "1", "--student", "ben"], "belong to --from DIR"),
        (["check", "1", "--from", "../out", "--student", "ben", "--submission", "work.py"], "cannot be combined"),
        (["check", "1", "--from", "../nowhere", "--student", "ben"], "holds no graded class"),
    ],
)  # fmt: skip
def test_a_wrong_command_about_results_is_said(run: Run, folder: Path, arguments: list[str], said: str) -> None:
    """Exit code 2 and one sentence; near names are suggested."""
    done = run(folder, *arguments)
    assert done.exit_code == 2, done.output
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_replay_judges_what_is_kept(run: Run, folder: Path) -> None:
    """What was handed in then is judged, wherever the file went, with the seed of then; -k takes one check."""
    shutil.rmtree(folder / "handed-in")
    done = run(folder, "check", "--from", "../out", "--student", "ben", "--exercise", "1", "-k", "test_draw")
    assert done.exit_code == 1, done.output
    assert "seed: 7" in done.output
    assert "failed" in done.output
    assert "Doubles a tensor" not in done.output
    assert "What is kept: 1 / 4 (attempt 1, run 1)" in done.output
    assert not (folder / "course" / ".grader").exists()
