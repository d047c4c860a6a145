"""An exercise of several files, of which one cannot be read: what needs it is rejected, the rest is judged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.grade import Grader
from grader.results import Outcome
from grader.sandbox.fence import strongest_tier
from grader.submission import made_submission

from .tiny_course import SLUG, make_course

SUITE = """
    from grader.suite import *

    @points(2)
    def test_model(submission):
        '''The first file works.'''
        expect_equal(submission.width(), 7, label="width()")

    @points(1)
    def test_train(submission):
        '''The second file works.'''
        expect_equal(submission.module("train").epochs(), 3, label="epochs()")

    @points(1)
    def test_width_again(submission):
        '''The first file works after it.'''
        expect_equal(submission.width(), 7, label="width()")

    @points(1)
    def test_plots(submission):
        '''The third file works.'''
        expect_equal(submission.module("plots").colours(), 2, label="colours()")
"""
TOML = 'title = "Three"\nfiles = ["model.py", "train.py", "plots.py"]\npoints = 5\n'
GOOD = {
    "model.py": "def width():\n    return 7\n",
    "train.py": "def epochs():\n    return 3\n",
    "plots.py": "def colours():\n    return 2\n",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader for an exercise of three files."""
    files = {f"exercises/{SLUG}/exercise.toml": TOML, **{f"exercises/{SLUG}/{name}": GOOD[name] for name in GOOD}}
    course = make_course(tmp_path_factory.mktemp("course"), SUITE, points=5, files=files)
    with Grader(course, strongest_tier()) as grader:
        yield grader


def judged(bench: Grader, **changed: str) -> tuple[list[Outcome], list[str]]:
    """Return outcomes and messages of a submission in which some files are others."""
    checks = bench.grade(made_submission(GOOD | {f"{name}.py": text for name, text in changed.items()})).checks
    return [check.outcome for check in checks], [check.message for check in checks]


def test_all_files_are_judged(bench: Grader) -> None:
    """Without a mistake everything passes."""
    assert judged(bench)[0] == [Outcome.PASSED] * 4


def test_a_file_that_cannot_be_parsed_costs_the_checks_that_need_it(bench: Grader) -> None:
    """With its own sentence; the other files are judged, before it and after it."""
    outcomes, messages = judged(bench, train="def epochs()\n    return 3\n")
    assert outcomes == [Outcome.PASSED, Outcome.REJECTED, Outcome.PASSED, Outcome.PASSED]
    assert messages[1] == "train.py, line 1: expected ':'. Python cannot read the file until this is corrected."


def test_a_first_file_that_cannot_be_parsed_costs_everything(bench: Grader) -> None:
    """Nothing can be asked of a submission whose first file is not there."""
    outcomes, messages = judged(bench, model="def width()\n", plots="def f(:\n")
    assert outcomes == [Outcome.REJECTED] * 4
    assert {message[:19] for message in messages} == {"model.py, line 1: e"}


def test_a_file_that_imports_one_that_cannot_be_parsed_says_which(bench: Grader) -> None:
    """Python's own text names it; a file that neither needs is judged."""
    outcomes, messages = judged(bench, train="import plots\n" + GOOD["train.py"], plots="def colours(:\n")
    assert outcomes == [Outcome.PASSED, Outcome.RAISED, Outcome.PASSED, Outcome.REJECTED]
    assert "(plots.py, line 1)" in messages[1]
    assert messages[3].startswith("plots.py, line 1: ")
