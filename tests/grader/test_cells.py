"""Cells of notebooks, wherever a place in a student's file is told: in a class, in a replay, in any output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from grader import language
from grader.classroom.cells import in_cells
from grader.classroom.intake import take_in
from grader.classroom.store import Store
from grader.cli import main
from grader.place import place_of
from grader.results import ExerciseResult, Flag, Frame, Outcome

from .classroom_data import course_exercises, made_check, made_result
from .handed_in import notebook
from .tiny_course import SLUG, make_course

HIDDEN = """
    from grader.suite import *

    @points(1)
    def test_it(submission):
        '''Works.'''
        submission.double(2)
"""
CELLS = ("import math\nx = 1", "%matplotlib inline\n\ndef double(x):\n    y = [x]\n    return y[x]")
PLACE = "work.py, line 8 (cell 2, line 5)"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A function that runs `grader …` in a course beside `class`, where ada handed in a notebook that raises."""
    make_course(tmp_path / "course", HIDDEN, points=1)
    (tmp_path / "class" / "ada").mkdir(parents=True)
    (tmp_path / "class" / "ada" / "work.ipynb").write_bytes(notebook(*CELLS))
    monkeypatch.chdir(tmp_path / "course")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, list(arguments))

    yield invoke
    language.use(language.ENGLISH)


def test_a_stored_notebook_is_shown_and_replayed_with_its_cells(run: Run, tmp_path: Path) -> None:
    """The message, the call and the JSON: what a person looks for is in the notebook, and there is no work.py."""
    done = run("grade", "../class", "--out", "../out", "--workers", "1")
    assert done.exit_code == 0, done.output
    shown = run("results", "../out", "--student", "ada", "--exercise", "1")
    assert f"{PLACE}, in double:" in shown.output, shown.output
    replayed = run("check", "--from", "../out", "--student", "ada", "--exercise", "1", "--json", "../out.json")
    assert replayed.exit_code == 1, replayed.output
    assert f"{PLACE}, in double:" in replayed.output
    (check,) = ExerciseResult.from_json((tmp_path / "out.json").read_bytes()).checks
    assert [frame.cell for frame in check.frames] == [(2, 5)]
    assert json.loads((tmp_path / "out.json").read_bytes())["checks"][0]["frames"][0]["cell"] == [2, 5]


def test_what_was_judged_keeps_its_cells_when_another_notebook_is_handed_in(run: Run, tmp_path: Path) -> None:
    """A run that was killed after taking in leaves the earlier result standing, with the cells of its own notebook."""
    assert run("grade", "../class", "--out", "../out", "--workers", "1").exit_code == 0
    (tmp_path / "class" / "ada" / "work.ipynb").write_bytes(notebook(*"abcdefgh", *CELLS))
    exercise = make_course(tmp_path / "course", HIDDEN, points=1)
    with Store.open(tmp_path / "out", write=True) as store:
        intake = take_in(tmp_path / "class", exercise.course, [exercise])
        store.take(1, "class", intake)
        standing = store.view(exercise.course).of("ada", SLUG)
    assert standing.result is not None
    assert [place_of(frame) for frame in standing.result.checks[0].frames] == [PLACE]


def test_every_place_of_a_result_gets_its_cell() -> None:
    """Message, calls and flags; lines that the notebook does not have, and other files, stay as they are."""
    (exercise,) = course_exercises(1)
    check = made_check("test_it", Outcome.RAISED, 1.0)
    frames = [Frame("work.py", 3, "f"), Frame("work.py", 99, "g"), Frame("other.py", 3, "h")]
    check = type(check)(**{name: getattr(check, name) for name in check.__struct_fields__} | {"frames": frames})
    flags = [Flag("rule", "work.py", 2, "reads work.py, line 2")]
    told = in_cells(made_result(exercise, [check], flags), {"work.py": ((1, 1), (1, 2), (2, 1))})
    assert [place_of(one) for one in told.checks[0].frames] == [
        "work.py, line 3 (cell 2, line 1)",
        "work.py, line 99",
        "other.py, line 3",
    ]
    assert place_of(told.flags[0]) == "work.py, line 2 (cell 1, line 2)"
    assert told.flags[0].message == "reads work.py, line 2 (cell 1, line 2)"
