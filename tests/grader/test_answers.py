"""What must be true of the wrong answers of every exercise, besides how they fare.

Everything is found by looking into the folders: a new exercise or wrong answer needs no wiring here.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grader.diagnosis.misconception import read_misconception

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"
WRONG = {folder.parent.name: sorted(folder.glob("*.py")) for folder in sorted(SOLUTIONS.glob("*/wrong"))}


@pytest.mark.parametrize(
    "path", [path for paths in WRONG.values() for path in paths], ids=lambda path: f"{path.parts[-3]}-{path.stem}"
)
def test_a_wrong_answer_explains_itself(path: Path) -> None:
    """Its header has the file's name, a statement and three hints, all of them in Chinese too, and what it fails."""
    said = read_misconception(path)
    in_chinese, hints_in_chinese = said.said_in("zh_CN")
    assert said.id == path.stem.replace("_", "-")
    assert said.statement[0].islower()  # it goes on after "Your code"
    assert all(text.endswith((".", "?")) for text in (said.statement, *said.hints))
    assert len(hints_in_chinese) == len(said.hints) == 3
    assert all(re.search("[\u4e00-\u9fff]", text) for text in (in_chinese, *hints_in_chinese))
    assert not re.search(
        "[\u4e00-\u9fff] [\u4e00-\u9fff]", " ".join((in_chinese, *hints_in_chinese)).replace("。 ", "。")
    )


@pytest.mark.parametrize("exercise", WRONG)
def test_no_two_wrong_answers_say_the_same(exercise: str) -> None:
    """Each statement and each first hint tells its mistake apart from all others, in both languages."""
    for language in ("en", "zh_CN"):
        said = [read_misconception(path).said_in(language) for path in WRONG[exercise]]
        assert len({statement for statement, _ in said}) == len(WRONG[exercise])
        assert len({hints[0] for _, hints in said}) == len(WRONG[exercise])
