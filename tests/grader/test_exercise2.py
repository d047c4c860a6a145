"""What must be true of exercise 2 beyond what `grader verify` proves, which judges every answer there is.

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
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise2_autograd"
WRONG = sorted((SOLUTIONS / "wrong").glob("*.py"))
EQUIVALENT = sorted((SOLUTIONS / "equivalent").glob("*.py"))
TITLE_CHARS = 60  # what a terminal of 80 columns shows of one


@pytest.fixture(scope="module")
def exercise(course: Course) -> Exercise:
    """The second exercise."""
    return load_exercise(course, "exercise2")


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
    """Return the functions and classes of a file that are asked for, in order."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    named = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    return [name for name in named if not name.startswith("_")]


def judged(grader: Grader, exercise: Exercise, name: str, *checks: str) -> dict[str, CheckResult]:
    """Judge a wrong answer by some checks and return them by their ids."""
    result = grader.grade(read_submission(exercise, SOLUTIONS / "wrong" / f"{name}.py"), keyword=" or ".join(checks))
    return {check.id: check for check in result.checks if check.id in checks}


def test_the_reference_earns_everything(grader: Grader, exercise: Exercise) -> None:
    """Our own solution passes every check."""
    result = grader.grade(read_submission(exercise, SOLUTIONS))
    assert [check.id for check in result.checks if check.outcome is not Outcome.PASSED] == []
    assert (result.score, result.complete) == (exercise.points, True)


def test_the_stub_says_what_is_not_written(stub_result: ExerciseResult) -> None:
    """As shipped all is todo or waits, also what is reached through a probe or through torch's engine."""
    assert {check.outcome for check in stub_result.checks} == {Outcome.TODO, Outcome.BLOCKED}
    said = {check.message for check in stub_result.checks if check.outcome is Outcome.TODO}
    for function in ("new_leaf", "Swish.forward", "Value.__mul__"):
        assert f"Not written yet: {function} still raises NotImplementedError." in said


def test_the_suite_has_what_was_agreed(stub_result: ExerciseResult, exercise: Exercise) -> None:
    """The points are those of exercise.toml; a few checks are public, many hidden; every title fits."""
    checks = stub_result.checks
    public = [check for check in checks if check.visibility == "public"]
    assert stub_result.max_score == exercise.points
    assert len(public) >= 4
    assert len(checks) - len(public) >= 15
    assert [check.title for check in checks if len(check.title) > TITLE_CHARS] == []
    assert all(check.max_points > 0 for check in checks)


def test_the_readme_says_how_much_is_judged(stub_result: ExerciseResult, exercise: Exercise) -> None:
    """Points, checks and how many of them are public stand in the README as they are."""
    checks = stub_result.checks
    readme = (exercise.stub_folder / "README.md").read_text(encoding="utf-8")
    assert f"{exercise.points:g} points, {len(checks)} checks. Eight are public" in readme
    assert sum(check.visibility == "public" for check in checks) == 8


def test_there_are_enough_answers_to_prove_it() -> None:
    """At least twenty mistakes to be caught, eight ways of being right."""
    assert len(WRONG) >= 20
    assert len(EQUIVALENT) >= 8


def test_every_check_fails_for_some_wrong_answer(stub_result: ExerciseResult) -> None:
    """A check that nobody has seen fail is not a check."""
    caught = {name for path in WRONG for name in read_misconception(path).fails}
    assert {check.id for check in stub_result.checks} - caught == set()


@pytest.mark.parametrize(
    ("name", "forbidden", "refused", "free"),
    [
        ("ready_made_products", "torch.autograd.functional.jvp", "test_the_jacobian_times_a_vector",
         "test_pull_is_the_mean_squared_distance"),
        ("autograd_inside_swish", "torch.autograd.grad", "test_swish_gradients", "test_a_vector_times_the_jacobian"),
    ],
)  # fmt: skip
def test_what_is_forbidden_is_told_with_a_reason(
    grader: Grader, exercise: Exercise, name: str, forbidden: str, refused: str, free: str
) -> None:
    """A ready-made product is refused everywhere, torch.autograd.grad within Swish only."""
    checks = judged(grader, exercise, name, refused, free)
    assert checks[refused].outcome is Outcome.FORBIDDEN
    assert re.match(rf"{re.escape(forbidden)} is not allowed here: \w.*\.$", checks[refused].message)
    assert checks[free].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("leaf_not_watched", "test_a_new_leaf_is_a_leaf_and_collects_gradients[float64]",
         "whether the new leaf requires a gradient: should be True, is False."),
        ("leaf_scaled_afterwards", "test_a_new_leaf_is_a_leaf_and_collects_gradients[float64]",
         "whether the new leaf, made by MulBackward0, is a leaf: should be True, is False."),
        ("one_graph_for_all_batches", "test_only_one_graph_exists_at_a_time",
         "whether the graphs of earlier batches were let go: should be True, is False."),
        ("penalty_cut_off", "test_the_penalty_can_be_differentiated_again",
         "whether R has a graph: should be True, is False."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_graph_is_said_in_words(
    grader: Grader, exercise: Exercise, name: str, check: str, said: str
) -> None:
    """Where a graph is the subject, the sentence says which property it lacks."""
    function, _, _ = check.partition("[")
    result = grader.grade(read_submission(exercise, SOLUTIONS / "wrong" / f"{name}.py"), keyword=function)
    assert next(one.message for one in result.checks if one.id == check) == said


@pytest.mark.parametrize("path", [*WRONG, *EQUIVALENT], ids=lambda path: path.stem)
def test_every_answer_is_complete(exercise: Exercise, path: Path) -> None:
    """Wrong answers and equivalents define every function and class that the stub asks for."""
    assert public_names(path) == public_names(exercise.stub_folder / "gradients.py")


def test_the_folder_of_a_student_holds_no_surprises(exercise: Exercise) -> None:
    """The statement with its figures, the stub, the public suite and exercise.toml, nothing else."""
    expected = {
        "README.md",
        "README.zh_CN.md",
        "graph.svg",
        "diamond.svg",
        "exercise.toml",
        "test_public.py",
        *exercise.files,
    }
    assert {path.name for path in exercise.stub_folder.iterdir() if path.name != "__pycache__"} == expected
