"""What must be true of an exercise before a student sees it, proven by judging our own submissions.

Everything is found by looking into the folders: a new wrong answer or equivalent needs no wiring here.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course import Exercise
from grader.grade import exit_code
from grader.results import ExerciseResult, Outcome

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise1_manual_backprop"
WRONG = sorted((SOLUTIONS / "wrong").glob("*.py"))
EQUIVALENT = sorted((SOLUTIONS / "equivalent").glob("*.py"))
SEEDS = 20

Judge = Callable[..., ExerciseResult]


def failed_checks(result: ExerciseResult) -> list[str]:
    """Return the checks that were judged and did not pass; a blocked one was not judged."""
    return [check.id for check in result.checks if check.outcome not in (Outcome.PASSED, Outcome.BLOCKED)]


def header(path: Path) -> dict[str, str]:
    """Return the fields of a wrong answer's docstring: name, statement, H0, H1, H2, Fails."""
    first, *rest = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n", 1)
    name, _, statement = first.partition(": ")
    fields = dict(re.findall(r"^(\w+): (.*(?:\n  .*)*)", "".join(rest), re.MULTILINE))
    return {"name": name, "statement": statement, **fields}


def promised_failures(path: Path) -> list[str]:
    """Return the checks that a wrong answer's header says it fails."""
    return re.split(r",\s*", header(path)["Fails"].strip())


def signatures(path: Path) -> dict[str, str]:
    """Return the public functions of a file with their arguments and annotations."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {f.name: f"{ast.unparse(f.args)} -> {ast.unparse(f.returns)}" for f in functions
            if f.returns and not f.name.startswith("_")}  # fmt: skip


def test_the_stub_earns_nothing(judge: Judge) -> None:
    """As shipped every check is todo or waits for one that is, and the exit code is 1."""
    result = judge(None)
    assert {check.outcome for check in result.checks} == {Outcome.TODO, Outcome.BLOCKED}
    assert (result.score, exit_code(result)) == (0, 1)


def test_no_check_shows_a_frame_of_ours(judge: Judge) -> None:
    """All frames that a student sees are in files of the submission."""
    assert {frame.file for check in judge(None).checks for frame in check.frames} <= {"backprop.py"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_reference_earns_everything(judge: Judge, seed: int) -> None:
    """The reference passes every check, whatever the seed."""
    result = judge(SOLUTIONS, seed)
    assert failed_checks(result) == []
    assert (result.score, result.complete, exit_code(result)) == (result.max_score, True, 0)


def test_the_points_are_those_of_exercise_toml(judge: Judge, exercise1: Exercise) -> None:
    """Public and hidden checks together are worth what the exercise says."""
    assert judge(None).max_score == exercise1.points


@pytest.mark.parametrize("path", EQUIVALENT, ids=lambda path: path.stem)
def test_a_correct_answer_written_differently_earns_everything(judge: Judge, path: Path) -> None:
    """No check asks for our way of writing it."""
    result = judge(path)
    assert failed_checks(result) == []
    assert result.score == result.max_score


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_answer_fails_exactly_the_checks_it_names(judge: Judge, path: Path, seed: int) -> None:
    """A wrong answer loses the points of the checks in its header and of those that wait for them, no others."""
    result = judge(path, seed)
    assert failed_checks(result) == promised_failures(path)
    assert 0 < result.score < result.max_score


def test_every_check_fails_for_some_wrong_answer(judge: Judge) -> None:
    """A check that nobody has seen fail is not a check."""
    caught = {name for path in WRONG for name in promised_failures(path)}
    never_caught = {check.id for check in judge(None).checks} - caught
    assert never_caught == set()


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_answer_explains_itself(path: Path) -> None:
    """Its header has the file's name, a statement, three hints and the checks that catch it."""
    said = header(path)
    assert said["name"] == path.stem.replace("_", "-")
    assert all(said.get(field) for field in ("statement", "H0", "H1", "H2", "Fails"))


def test_stub_and_reference_have_the_same_signatures(exercise1: Exercise) -> None:
    """What a student is asked for is what the reference gives."""
    assert signatures(exercise1.stub_folder / "backprop.py") == signatures(SOLUTIONS / "backprop.py")


def test_the_examples_in_the_stub_are_true(exercise1: Exercise) -> None:
    """Every example in the stub's docstrings holds for the reference."""
    stub, reference = (load(folder / "backprop.py") for folder in (exercise1.stub_folder, SOLUTIONS))
    examples = [test for test in doctest.DocTestFinder().find(stub, "backprop") if test.examples]
    for test in examples:
        test.globs = vars(reference) | {"__name__": "backprop"}
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, test.name
    assert len(examples) == 4


def load(path: Path) -> object:
    """Import one of our own files."""
    spec = importlib.util.spec_from_file_location("backprop", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stub_is_short_of_surprises(exercise1: Exercise) -> None:
    """An exercise's folder holds the statement, the stub, the public suite and exercise.toml, nothing else."""
    expected = {"README.md", "exercise.toml", "test_public.py", *exercise1.files}
    assert {path.name for path in exercise1.stub_folder.iterdir() if path.name != "__pycache__"} == expected
