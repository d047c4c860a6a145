"""The demo: the class it makes, the commands it types, where all lies, what it needs."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader.author import sample_class
from grader.author.sample_class import HANDED_IN, ROSTER, STUDENTS, unfinished, write_class
from grader.author.stubs import without_marks
from grader.cli import main
from grader.commands import demo
from grader.course import Exercise, load_course, load_exercise
from grader.sandbox.fence import Tier, strongest_tier

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = ROOT / "tests" / "hostile" / "exercise1" / "looks_around.py"


@pytest.fixture(scope="module")
def exercises() -> list[Exercise]:
    """The exercises of this course."""
    course = load_course(ROOT)
    return [load_exercise(course, slug) for slug in course.slugs()]


@pytest.fixture(scope="module")
def made(exercises: list[Exercise], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Counter[str]]:
    """A made class, and its hand-ins by kind."""
    folder = tmp_path_factory.mktemp("class")
    return folder, write_class(folder, exercises, HOSTILE)


def texts(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_class_has_everything_that_a_class_has(made: tuple[Path, Counter[str]]) -> None:
    """About 60 hand-ins of every kind, somebody who handed in nothing, and a roster with all."""
    folder, kinds = made
    assert 60 <= kinds.total() <= 80
    drawn = {"reference", "equivalent", "wrong", "unfinished", "stub"}
    assert set(kinds) == drawn | {*sample_class._ENDINGS, "hostile", "notebook", "document"}
    with (folder / ROSTER).open() as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert len(ids) == STUDENTS
    assert set(ids) - {path.name for path in (folder / HANDED_IN).iterdir()} == {f"student-{STUDENTS:03d}"}


def test_the_class_is_the_same_every_time(
    made: tuple[Path, Counter[str]], exercises: list[Exercise], tmp_path: Path
) -> None:
    """So that a second run finds everything judged."""
    write_class(tmp_path, exercises, HOSTILE)
    assert texts(tmp_path) == texts(made[0])


def test_nothing_handed_in_says_what_is_wrong_with_it(made: tuple[Path, Counter[str]]) -> None:
    """The headers of our wrong answers, which the diagnosis must not need, are left out."""
    for path, text in texts(made[0] / HANDED_IN).items():
        assert not re.search(rb"^(H0|Fails|part_of):", text, re.MULTILINE), path


def test_the_notebook_holds_the_whole_answer(made: tuple[Path, Counter[str]], exercises: list[Exercise]) -> None:
    """Its cells, put together, are the reference, without what marks the stub in it, below a line for Jupyter."""
    [path] = (made[0] / HANDED_IN).rglob("*.ipynb")
    exercise = next(one for one in exercises if one.slug == path.parent.name)
    cells = json.loads(path.read_text())["cells"]
    reference = (exercise.solution_folder / exercise.files[0]).read_text()
    assert cells[0]["source"].startswith("%")
    assert without_marks(reference).endswith("".join(cell["source"] for cell in cells[1:]))


def test_unfinished_is_as_in_the_stub() -> None:
    """The last functions that are asked for, decorators included, and nothing else."""
    text = "import x\n\n\ndef one():\n    return 1\n\n\n@x.y\ndef two():\n    return 2\n\n\ndef _own():\n    return 3\n"
    stub = "def one():\n    raise NotImplementedError\n\n\n@x.y\ndef two():\n    raise NotImplementedError\n"
    assert unfinished(text, stub, 1) == text.replace("return 2", "raise NotImplementedError")
    assert unfinished(text, stub, 2).count("raise NotImplementedError") == 2


@pytest.mark.skipif(strongest_tier() is Tier.NONE, reason="the hostile hand-in is left out without a fence")
def test_a_class_is_graded_exported_and_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exercises: list[Exercise]
) -> None:
    """Three commands, shown as they are typed; the last line says which page to open, and the page is there."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(demo, "class_folder", lambda root: tmp_path)
    monkeypatch.setattr(type(exercises[0].course), "slugs", lambda course: [exercises[0].slug])  # one is enough here
    monkeypatch.setenv("DEMO_SECRET_TOKEN", "set here so that it is unset again")
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 0, done.output
    typed = re.findall(r"^\$ grader (\w+) ", done.output, re.MULTILINE)
    assert typed == ["grade", "export", "report"]
    assert done.output.startswith(f"A made class: {STUDENTS} students, 1 exercises, 15 hand-ins: ")
    page = tmp_path / "graded" / "report" / "index.html"
    assert done.output.splitlines()[-1].endswith(str(page))
    assert page.read_text().startswith("<!doctype html>")
    with (tmp_path / "graded" / "export" / "csv" / "exercises.csv").open(encoding="utf-8-sig") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert rows["student-015"]["counted"] == "0"  # the hostile one
    assert {row["status"] for row in rows.values()} == {"graded", "nothing handed in"}


def test_what_is_made_lies_where_git_does_not_look(tmp_path: Path) -> None:
    """The build folder is ignored; what an earlier run handed in is gone, what it graded is still there."""
    for name in ("handed-in/student-099/x.py", "graded/class.sqlite"):
        (tmp_path / "build" / "demo" / name).parent.mkdir(parents=True)
        (tmp_path / "build" / "demo" / name).write_text("old")
    folder = demo.class_folder(tmp_path)
    assert folder == tmp_path / "build" / "demo"
    assert list(texts(folder)) == ["graded/class.sqlite"]
    assert subprocess.run(["git", "check-ignore", "-q", "build/demo/graded"], cwd=ROOT).returncode in (0, 128)


def test_where_nothing_can_be_written_it_lies_elsewhere(tmp_path: Path) -> None:
    """A course that cannot be written to does not stop the demo."""
    (tmp_path / "build").write_text("a file, where a folder should be")
    folder = demo.class_folder(tmp_path)
    assert folder.is_dir()
    assert not folder.is_relative_to(tmp_path)
    folder.rmdir()


def test_a_students_copy_has_no_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without solutions the demo says that it needs the whole repository, before anything is started."""
    (tmp_path / "exercises").mkdir()
    (tmp_path / "course.toml").write_text('name = "C"\n')
    (tmp_path / "exercises" / "exercise1_manual_backprop").symlink_to(ROOT / "exercises" / "exercise1_manual_backprop")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 2
    assert "needs the whole repository: solutions/exercise1_manual_backprop is not there" in done.output
