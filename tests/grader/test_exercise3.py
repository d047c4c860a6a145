"""What must be true of exercise 3 beyond what `grader verify` proves, which judges every answer there is.

Everything is found by looking into the folders: a new wrong answer or equivalent needs no wiring here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.course import Course, Exercise, load_exercise
from grader.diagnosis.misconception import read_misconception
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise3_module"
WRONG = sorted((SOLUTIONS / "wrong").glob("*.py"))
EQUIVALENT = sorted((SOLUTIONS / "equivalent").glob("*.py"))
TITLE_CHARS = 60  # what a terminal of 80 columns shows of one


@pytest.fixture(scope="module")
def exercise(course: Course) -> Exercise:
    """The third exercise."""
    return load_exercise(course, "exercise3")


@pytest.fixture(scope="module")
def grader(exercise: Exercise) -> Iterator[Grader]:
    """One grader for all of these tests."""
    with Grader(exercise) as started:
        yield started


@pytest.fixture(scope="module")
def stub_result(grader: Grader, exercise: Exercise) -> ExerciseResult:
    """What a student sees who has not begun."""
    return grader.grade(read_submission(exercise, None))


def public_names(path: Path) -> list[str]:
    """Return the classes, their methods and the functions of a file that are asked for, in order."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            names.append(node.name)
    return names


def test_the_reference_earns_everything(grader: Grader, exercise: Exercise) -> None:
    """Our own solution passes every check."""
    result = grader.grade(read_submission(exercise, SOLUTIONS))
    assert [check.id for check in result.checks if check.outcome is not Outcome.PASSED] == []
    assert (result.score, result.complete) == (exercise.points, True)


def test_the_stub_says_which_class_is_not_written(stub_result: ExerciseResult) -> None:
    """As shipped all is todo or waits, and the sentence names the class, not only its __init__."""
    assert {check.outcome for check in stub_result.checks} == {Outcome.TODO, Outcome.BLOCKED}
    said = {check.message for check in stub_result.checks if check.outcome is Outcome.TODO}
    assert "Not written yet: SmallNet.__init__ still raises NotImplementedError." in said


def test_the_suite_has_what_was_agreed(stub_result: ExerciseResult, exercise: Exercise) -> None:
    """The points are those of exercise.toml; a few checks are public, many hidden; every title fits."""
    checks = stub_result.checks
    public = [check for check in checks if check.visibility == "public"]
    assert stub_result.max_score == exercise.points
    assert len(public) >= 4
    assert len(checks) - len(public) >= 15
    assert [check.title for check in checks if len(check.title) > TITLE_CHARS] == []
    assert all(check.max_points > 0 for check in checks)


def test_there_are_enough_answers_to_prove_it() -> None:
    """At least twenty mistakes to be caught, eight ways of being right."""
    assert len(WRONG) >= 20
    assert len(EQUIVALENT) >= 8


def test_every_check_fails_for_some_wrong_answer(stub_result: ExerciseResult) -> None:
    """A check that nobody has seen fail is not a check."""
    caught = {name for path in WRONG for name in read_misconception(path).fails}
    assert {check.id for check in stub_result.checks} - caught == set()


@pytest.mark.parametrize(
    ("name", "forbidden", "check"),
    [
        ("ready_made_linear", "torch.nn.Linear", "test_my_linear_worked_example"),
        ("ready_made_batch_norm", "torch.nn.functional.batch_norm", "test_running_norm_worked_example"),
        ("ready_made_sequential", "torch.nn.Sequential", "test_mlp_and_chain_worked_example"),
    ],
)
def test_what_a_class_may_not_use_is_told_with_a_reason(
    grader: Grader, exercise: Exercise, name: str, forbidden: str, check: str
) -> None:
    """A ready-made layer is refused within its own class; other networks of the same file use nn.Linear freely."""
    keyword = f"{check} or test_digit_net_is_linear_relu_linear_and_nothing_after"
    result = grader.grade(read_submission(exercise, SOLUTIONS / "wrong" / f"{name}.py"), keyword=keyword)
    refused, network = (next(c for c in result.checks if c.id == id) for id in keyword.split(" or "))
    assert refused.outcome is Outcome.FORBIDDEN
    assert re.match(rf"{re.escape(forbidden)} is not allowed here: \w.*\.$", refused.message)
    assert network.outcome is Outcome.PASSED


@pytest.mark.parametrize("path", [*WRONG, *EQUIVALENT], ids=lambda path: path.stem)
def test_every_answer_is_complete(exercise: Exercise, path: Path) -> None:
    """Wrong answers and equivalents define every class and function that the stub asks for."""
    assert public_names(path) == public_names(exercise.stub_folder / "modules.py")


def test_the_folder_of_a_student_holds_no_surprises(exercise: Exercise) -> None:
    """The statement with its figure, the stub, the public suite and exercise.toml, nothing else."""
    expected = {"README.md", "README.zh_CN.md", "lenet.svg", "exercise.toml", "test_public.py", *exercise.files}
    assert {path.name for path in exercise.stub_folder.iterdir() if path.name != "__pycache__"} == expected
