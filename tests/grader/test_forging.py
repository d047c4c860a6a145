"""Submissions that forge score exactly what their code deserves, and nothing of theirs remains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from grader.grade import Grader
from grader.results import ExerciseResult
from grader.sandbox.fence import strongest_tier
from grader.submission import read_submission

from .bad_inputs import HALF, SUITE, TABLES
from .forging import AT_IMPORT, BESIDE, RETURNED
from .tiny_course import make_course

RIGHT, WRONG = "def double(x):\n    return 2 * x\n", "def double(x):\n    return 3 * x\n"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader for the tiny exercise, behind the strongest fence of this machine."""
    exercise = make_course(tmp_path_factory.mktemp("course"), SUITE, points=3, more=TABLES)
    with Grader(exercise, strongest_tier()) as grader:
        yield grader


def judged(bench: Grader, folder: Path, text: str, beside: dict[str, str] | None = None) -> ExerciseResult:
    """Hand in a folder and return its result."""
    for name, content in {"work.py": text, **(beside or {})}.items():
        folder.joinpath(name).write_text(content)
    return bench.grade(read_submission(bench.exercise, folder))


def require_clean(bench: Grader, folder: Path, before: set[psutil.Process]) -> None:
    """Nothing runs that did not run before, and an honest submission gets what it deserves."""
    left = set(psutil.Process().children(recursive=True)) - before
    assert psutil.wait_procs(left, timeout=5)[1] == []
    assert judged(bench, folder, f"import torch\n{HALF}\n{RIGHT}").score == 3.0


@pytest.mark.parametrize("name", AT_IMPORT)
@pytest.mark.parametrize(("answer", "deserved"), [(WRONG, 1.0), (RIGHT, 3.0)], ids=["wrong", "right"])
def test_what_is_done_at_import_changes_no_score(
    bench: Grader, tmp_path: Path, name: str, answer: str, deserved: float
) -> None:
    """A wrong answer stays wrong; a right one may lose by its own tricks, and never gains."""
    before = set(psutil.Process().children(recursive=True))
    result = judged(bench, tmp_path, f"import torch\n{AT_IMPORT[name]}\n{HALF}\n{answer}")
    assert result.score <= deserved
    if answer is WRONG:
        assert result.checks[0].outcome != "passed"
    elif name not in ("patches builtins", "closes every descriptor it does not know", "replaces its own module"):
        assert result.score == deserved
    require_clean(bench, tmp_path, before)


@pytest.mark.parametrize("name", RETURNED)
def test_a_value_that_lies_is_compared_by_what_it_is(bench: Grader, tmp_path: Path, name: str) -> None:
    """What an object says of itself is never asked."""
    before = set(psutil.Process().children(recursive=True))
    result = judged(bench, tmp_path, f"import torch\n{HALF}\n{RETURNED[name]}")
    assert (result.checks[0].outcome, result.score) == ("failed", 1.0)
    require_clean(bench, tmp_path, before)


@pytest.mark.parametrize("name", BESIDE)
def test_files_handed_in_beside_are_listed_and_never_read(bench: Grader, tmp_path: Path, name: str) -> None:
    """Configuration of pytest or Python, and modules of a well-known name."""
    wrong = judged(bench, tmp_path, f"import torch\n{HALF}\n{WRONG}", BESIDE[name])
    assert (wrong.score, set(wrong.submission.files)) == (1.0, {"work.py", *BESIDE[name]})
    assert judged(bench, tmp_path, f"import torch\n{HALF}\n{RIGHT}", BESIDE[name]).score == 3.0
