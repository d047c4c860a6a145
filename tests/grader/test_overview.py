"""`grader list` and `grader` alone: how far a student is, and what to do next, line by line."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import pytest
from rich.text import Text

from grader.course import Course, load_exercise
from grader.overview import Listed, Listing, list_lines, next_step_lines
from grader.results import Outcome
from grader.standing import Standing, Status, standing_of, standings
from grader.state import Scored, State
from grader.terminal import console_for

from .report_samples import blocked, check, exercise
from .student_course import SLUGS, STUB, checked, make_student_course, run, write

FAILED = check(Outcome.FAILED, "test_b[2-3]")
CUDA = check(Outcome.FAILED, "test_c", device="cuda")
LONG = check(Outcome.PASSED, "test_long", max_points=9)
BAR = 30
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A student's course, in which we stand."""
    monkeypatch.chdir(tmp_path)
    return make_student_course(tmp_path)


def next_step() -> list[str]:
    """Return what `grader` alone says between the course's name and the two lines that always stand at its end."""
    done = run()
    assert (done.exit_code, done.stderr) == (0, "")
    first, empty, *lines, empty_too, how_far, help_line = done.stdout.splitlines()
    assert (first, empty, empty_too) == ("Tiny", "", "")
    assert how_far == "How far you are with each exercise: grader list"
    assert help_line == "All commands: grader --help"
    return lines


def test_each_exercise_has_bar_scores_state_and_next_step(course: Course) -> None:
    """Not begun, left open, done with the best score of before, changed since: all in 80 columns."""
    write(course, 1)
    checked(course, 1, [check(), LONG])
    checked(course, 1, [check(), blocked("test_e", "test_b"), FAILED, CUDA, LONG])
    write(course, 2)
    checked(course, 2, [check()])
    assert run("list").stdout.splitlines() == [
        "Tiny",
        "",
        "1   First                                                             1.5 points",
        "    " + "█" * 23 + "░" * 7 + "  10 / 13 points, best 10",
        "    exercise1_first: checks to look at: 2",
        "    next: grader check exercise1 -k 'test_b[2-3]'",
        "",
        "2   Second                                                            2.5 points",
        "    " + "█" * BAR + "  1 / 1 points, best 1",
        "    exercise2_second: done",
        "",
        "3   Third                                                             3.5 points",
        "    " + "░" * BAR + "  no score yet",
        "    exercise3_third: not begun, still to be written: 2",
        "    next: grader check exercise3",
        "",
        "Scores are those of the checks that you have here. What you hand in is judged by",
        "further ones.",
        "What to do next:",
        "  grader check exercise1 -k 'test_b[2-3]'",
    ]


def test_a_bar_is_full_only_where_nothing_is_missing(course: Course) -> None:
    """One point of a thousand short leaves the last field empty; without a score all are."""
    checked(course, 2, [check(max_points=999), check(Outcome.FAILED, "test_b")])
    assert "█" * (BAR - 1) + "░  999 / 1000 points" in run("list").stdout


def test_nothing_is_wider_than_the_screen(course: Course) -> None:
    """Long titles, names and reasons are wrapped, bars are shorter where room is scarce; only commands stay whole."""
    score = Scored(1000.25, 2000.25, 9, 9, "0")
    long = exercise(title="word " * 60 + "x" * 200, slug="s" * 100)
    found = [Standing(long, status, 3, (FAILED,), score, score, "why " * 60) for status in Status]
    for columns in (80, 40):
        console = console_for(io.StringIO())
        console.width = columns
        lines = [*list_lines(course, found, None, console), *next_step_lines(course, found, None, console)]
        lines += next_step_lines(course, found[1:2], None, console)
        wide = [str(line) for line in lines if Text(str(line)).cell_len > columns]
        assert [line for line in wide if "grader check" not in line and "/" not in line] == []


def test_without_symbols_a_bar_is_ascii(course: Course) -> None:
    """A stream that cannot encode the blocks gets signs that it can."""
    checked(course, 2, [check(), check(Outcome.FAILED, "test_b")])
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert f"    {'#' * 15}{'-' * 15}  1 / 2 points" in "\n".join(
        str(line) for line in list_lines(course, standings(course), None, console_for(stream))
    )


def test_a_file_that_cannot_be_read_says_why(course: Course) -> None:
    """The reason stands in the list and in the next step, and near names are suggested."""
    (course.root / "exercises" / SLUGS[0] / "work.py").rename(course.root / "exercises" / SLUGS[0] / "Work.py")
    why = "work.py is missing. Did you mean Work.py? The file must have exactly this name."
    assert f"exercise1_first: {why} next: grader" in " ".join(run("list").stdout.split())
    assert " ".join(next_step()) == f"First: {why} When that is mended:   grader check exercise1"


def test_a_program_reads_the_same(course: Course) -> None:
    """--json has every fact and command, on standard output alone or in a file."""
    write(course, 1)
    checked(course, 1, [check(), FAILED])
    read = json.loads(run("list", "--json", "-").stdout)
    first, second, third = read.pop("exercises")
    assert read == {
        "course": "Tiny", "next": "grader check exercise1 -k 'test_b[2-3]'", "schema": "grader.list/1",
    }  # fmt: skip
    score = {"points": 1.0, "max_points": 2.0, "passed": 1, "checks": 2, "complete": True}
    assert {name: value for name, value in first.items() if name != "best"} == {
        "exercise": "exercise1_first", "title": "First", "topics": [], "points": 1.5, "files": ["work.py"],
        "status": "open", "left": 0, "to_fix": ["test_b[2-3]"], "next": "grader check exercise1 -k 'test_b[2-3]'",
        "score": {**score, "submission": first["best"]["submission"]},
    }  # fmt: skip
    assert (second["status"], second["score"], third["left"]) == ("new", None, 2)
    run("list", "--json", course.root / "list.json")
    assert json.loads((course.root / "list.json").read_text())["course"] == "Tiny"
    assert run("list", "--json", course.root / "no" / "list.json").exit_code == 2


def test_without_a_course_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stands elsewhere is told both ways to a course; that is no mistake."""
    monkeypatch.chdir(tmp_path)
    done = run()
    assert done.exit_code == 0
    assert " ".join(done.stdout.split()) == (
        f"There is no course here: neither {tmp_path} nor a folder above it has a course.toml. If you have the course "
        "already, change into its folder and type `grader` again. If not: your instructor gives it out, as a folder or "
        "as a zip archive. Unpack it, change into it and type `grader` again. All commands: grader --help"
    )
    (tmp_path / "course.toml").write_text('name = "Empty"\n')
    assert (run().exit_code, run().stderr) == (2, run("list").stderr)


def test_the_first_exercise_comes_first(course: Course) -> None:
    """Where nothing is begun: what to read, where to write, how to check."""
    folder = Path("exercises") / SLUGS[0]
    assert next_step() == [
        "Nothing is begun yet. The first exercise is First.",
        "What to write stands in",
        f"  {folder / 'README.md'}",
        "Where to write it:",
        f"  {folder / 'work.py'}",
        "When something is written, or whenever you save it:",
        "  grader check exercise1",
        "  grader check exercise1 --watch",
    ]


def test_the_exercise_that_one_stands_in_comes_first(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of an exercise that is not done, that one is meant, with paths as they are typed there."""
    write(course, 1)
    monkeypatch.chdir(course.root / "exercises" / SLUGS[2])
    lines = next_step()
    assert lines[:2] == ["Next comes Third.", "What to write stands in"]
    assert lines[2:6] == ["  README.md", "Where to write it:", "  work.py", "  more.py"]


def test_what_was_not_checked_is_to_be_checked(course: Course) -> None:
    """After a change of the files nothing is said about them but that."""
    write(course, 2)
    checked(course, 2, [check()])
    write(course, 2, "def double(x):\n    return x + x\n")
    not_checked = ["Second: your files were not checked as they are now.", "  grader check exercise2"]
    assert next_step() == not_checked
    checked(course, 2, [check()], is_part=True)  # some checks of them say nothing about the others
    assert next_step() == not_checked


def test_what_is_open_is_looked_at_alone_first(course: Course) -> None:
    """The first check to look at with its device, a hint, then everything."""
    write(course, 1)
    checked(course, 1, [check(), CUDA, FAILED])
    assert next_step() == [
        "First: 1 / 3 points. Checks to look at: 2; the first of them, with what it",
        "needs:",
        "  grader check exercise1 --device cuda -k test_c",
        "Stuck? A hint, and another one each time:",
        "  grader hint exercise1",
        "Everything again, or again whenever you save:",
        "  grader check exercise1",
        "  grader check exercise1 --watch",
    ]
    shutil.rmtree(course.root / ".grader" / "stubs")
    (course.root / ".grader" / "state.json").unlink()
    checked(course, 1, [FAILED], is_part=True)
    assert next_step()[0] == "First: checks to look at: 1; the first of them, with what it needs:"


def test_in_the_end_everything_is_handed_in(course: Course) -> None:
    """When every exercise is done, the next step is to pack them; checks that wait for a device are no hindrance."""
    for number in (1, 2, 3):
        write(course, number)
        checked(course, number, [check(), check(Outcome.PENDING, "test_c", device="cuda")])
    assert next_step() == [
        "Every exercise passes all checks that you have here. To pack what is handed in:",
        "  grader bundle",
    ]
    assert run("list").stdout.endswith("What to do next:\n  grader bundle\n")


def test_a_mistake_of_ours_leaves_an_exercise_unchecked(course: Course) -> None:
    """What could not be judged is neither done nor to be mended by the student."""
    write(course, 1)
    checked(course, 1, [check()])
    checked(course, 1, [check(Outcome.ERROR)])
    assert standings(course)[0].status is Status.UNCHECKED


def test_an_exercise_is_new_as_long_as_it_is_as_it_was_given_out(course: Course) -> None:
    """Also when it was checked, also with other line ends; any change ends that."""
    checked(course, 1, [check(Outcome.TODO)])
    assert standings(course)[0].status is Status.NEW
    path = write(course, 1)
    path.write_bytes(STUB.replace("\n", "\r\n").encode())
    assert standings(course)[0].status is Status.NEW
    write(course, 1, f"{STUB}# mine\n")
    assert standings(course)[0].status is Status.UNCHECKED


def test_without_untouched_files_gaps_and_checks_tell(tmp_path: Path) -> None:
    """In a course that came without them, what has gaps and was never checked is new."""
    course = make_student_course(tmp_path, with_stubs=False)
    first = load_exercise(course, "1")
    assert standing_of(first, State()).status is Status.NEW
    write(course, 1)
    assert standing_of(first, State()).status is Status.UNCHECKED
    write(course, 2, STUB)
    checked(course, 2, [check(Outcome.TODO)])
    assert standings(course)[1].status is Status.OPEN


def test_a_damaged_memory_is_told_once_and_beside(course: Course) -> None:
    """The sentence goes to standard error, so a program that reads the list is not disturbed."""
    checked(course, 1, [check()])
    (course.root / ".grader" / "state.json").write_text("{")
    done = run("list", "--json", "-")
    assert json.loads(done.stdout)["exercises"][0]["score"] is None
    assert "It was put aside as state-1.json.bad" in done.stderr
    assert run().stderr == ""


def test_the_documentation_has_every_word_that_a_program_reads() -> None:
    """Each status has its row, and each field of the list and of a score is named."""
    text = (ROOT / "docs" / "student-commands.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ", text, re.MULTILINE)
    assert [row for row in rows if row in set(Status)] == list(Status)
    fields = (*Listing.__struct_fields__, *Listed.__struct_fields__, *Scored.__struct_fields__)
    assert [field for field in fields if f"`{field}`" not in text] == []
