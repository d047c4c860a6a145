"""docs/outcomes.md against the grader: every outcome has its sentence, every bad input ends as the table says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader import messages
from grader.errors import SubmissionRejected
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import strongest_tier
from grader.score import exit_code
from grader.submission import Submission, read_submission

from .bad_inputs import FILES, SUITE, TABLES
from .tiny_course import make_course

DOCUMENT = Path(__file__).parents[2] / "docs" / "outcomes.md"


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table below a heading of the document: first column to the others."""
    section = DOCUMENT.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in re.findall(r"^\|.*\|$", section, re.M)]
    return {first: rest for first, *rest in cells[2:]}


OUTCOMES = rows("The outcomes")
BAD_INPUTS = rows("Bad input, and what becomes of it")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader for the tiny exercise, behind the strongest fence of this machine."""
    exercise = make_course(tmp_path_factory.mktemp("course"), SUITE, points=3, more=TABLES)
    with Grader(exercise, strongest_tier()) as grader:
        yield grader


def judged(bench: Grader, folder: Path, content: str | bytes) -> ExerciseResult:
    """Hand in one file and return the result, as the command line does."""
    data = content.encode() if isinstance(content, str) else content
    folder.joinpath("work.py").write_bytes(data)
    try:
        submission: Submission = read_submission(bench.exercise, folder)
    except SubmissionRejected as rejected:
        return bench.reject(rejected)
    return bench.grade(submission)


def test_every_outcome_has_one_sentence_in_the_document() -> None:
    """The same as in the reports; an outcome that is added without one is noticed here."""
    assert {outcome: sentence for outcome, (sentence,) in OUTCOMES.items()} == {
        f"`{outcome}`": getattr(messages, f"OUTCOME_{outcome.name}") for outcome in Outcome
    }


def test_the_table_lists_the_inputs_that_are_tried() -> None:
    """No row without a submission, no submission without a row."""
    assert list(BAD_INPUTS) == list(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_bad_input_ends_as_the_table_says(bench: Grader, tmp_path: Path, name: str) -> None:
    """Its outcome, its sentence, and whether the other check is still judged; then an honest one is not disturbed."""
    outcome, sentence, other = BAD_INPUTS[name]
    result = judged(bench, tmp_path, FILES[name])
    double, half = result.checks
    assert (double.outcome, double.message.replace("\n", "<br>"), half.outcome) == (outcome, sentence, other)
    assert exit_code(result) == (0 if outcome == other == "passed" else 1)
    assert "grader/" not in double.message
    honest = judged(bench, tmp_path, FILES["a byte order mark and Windows line ends"])
    assert honest.score == 3.0


def test_no_process_is_left(bench: Grader, tmp_path: Path) -> None:
    """After a submission that leaves a thread behind, only what was there before is there."""
    judged(bench, tmp_path, FILES["a byte order mark and Windows line ends"])
    before = set(psutil.Process().children(recursive=True))
    judged(bench, tmp_path, FILES["a thread left behind"])
    left = set(psutil.Process().children(recursive=True)) - before
    assert psutil.wait_procs(left, timeout=5)[1] == []
