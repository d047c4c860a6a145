"""What must be true of exercise 5 beyond what `grader verify` proves, which judges every answer there is.

Everything is found by looking into the folders: a new wrong answer or equivalent needs no wiring here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.course import Course, Exercise, load_exercise
from grader.diagnosis.misconception import read_misconception
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise5_gpu_training"
HIDDEN = ROOT / "tests" / "hidden" / "exercise5_gpu_training"
WRONG = sorted((SOLUTIONS / "wrong").glob("*.py"))
EQUIVALENT = sorted((SOLUTIONS / "equivalent").glob("*.py"))
TITLE_CHARS = 60  # what a terminal of 80 columns shows of one; a device's name takes some of it
STEP = "test_a_step_is_forward_backward_step"


@pytest.fixture(scope="module")
def exercise(course: Course) -> Exercise:
    """The fifth exercise."""
    return load_exercise(course, "exercise5")


@pytest.fixture(scope="module")
def grader(exercise: Exercise) -> Iterator[Grader]:
    """One grader for all of these tests."""
    with Grader(exercise) as started:
        yield started


@pytest.fixture(scope="module")
def of_reference(grader: Grader, exercise: Exercise) -> ExerciseResult:
    """What the reference earns."""
    return grader.grade(read_submission(exercise, SOLUTIONS))


def public_definitions(path: Path) -> list[str]:
    """Return the functions and classes of a file that are asked for, in order."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    named = [node.name for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    return [name for name in named if not name.startswith("_")]


def test_the_reference_earns_everything_without_a_gpu(of_reference: ExerciseResult, exercise: Exercise) -> None:
    """All points on the processor and on the simulated device; what needs CUDA waits for it and costs nothing."""
    others = [check for check in of_reference.checks if check.outcome is not Outcome.PASSED]
    assert [check.id for check in others if (check.outcome, check.device) != (Outcome.PENDING, "cuda")] == []
    assert of_reference.score == of_reference.max_score == exercise.points
    assert {check.device for check in of_reference.checks} == {"cpu", "sim", "cuda"}


def test_the_suite_has_what_was_agreed(of_reference: ExerciseResult) -> None:
    """Enough public and hidden checks, titles that fit and differ; only the extra carries no points."""
    checks = {check.id: check for check in of_reference.checks}
    public = [check for check in checks.values() if check.visibility == "public"]
    assert len(public) >= 5
    assert len(checks) - len(public) >= 40
    assert [check.title for check in checks.values() if len(check.title) > TITLE_CHARS] == []
    assert len({check.title for check in checks.values()}) == len({name.split("[")[0] for name in checks})
    # A time is a matter of the machine, and half precision is extra.
    without = {check.title.split(":")[0] for check in checks.values() if not check.max_points}
    assert without == {"mixed_step", "train_epoch on a GPU"}


def test_only_what_has_to_do_with_devices_is_judged_on_all(of_reference: ExerciseResult) -> None:
    """An operator costs more on the simulated device: data, schedules and stopping are judged on the processor only."""
    places: dict[str, set[str]] = {}
    for check in of_reference.checks:
        places.setdefault(check.id, set()).add(check.device)
    assert places["test_each_row_is_held_out_once_and_trained_on_in_all_other_folds"] == {"cpu"}
    assert places[STEP] == {"cpu", "sim", "cuda"}
    assert places["test_a_loss_with_class_weights_moves_too"] == {"sim", "cuda"}
    assert sum(found == {"cpu"} for found in places.values()) > len(places) / 3


def test_there_are_enough_answers_to_prove_it() -> None:
    """Every pattern of the catalogue of mistakes that can occur here, and eight ways of being right."""
    assert len(WRONG) >= 25
    assert len(EQUIVALENT) >= 8


def test_every_check_fails_for_some_wrong_answer(of_reference: ExerciseResult) -> None:
    """A check that nobody has seen fail is not a check; what is judged on CUDA only cannot be seen everywhere.

    An accuracy names no mistake, so no wrong answer is known by it; loops that learn nothing stop at the check before.
    """
    caught = {name for path in WRONG for name in read_misconception(path).fails} | {"test_digits_are_recognised"}
    assert {check.id for check in of_reference.checks if check.device != "cuda"} - caught == set()


ELSEWHERE = {
    "batch_left_where_it_is": "RuntimeError: Expected all tensors to be on the same device",
    "moved_batch_dropped": "RuntimeError: Expected all tensors to be on the same device",
    "batch_sent_to_cuda": "Torch not compiled with CUDA enabled",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_batch_that_is_not_on_the_device_is_noticed_without_a_gpu(
    grader: Grader, exercise: Exercise, name: str
) -> None:
    """Never moved, moved and dropped, or sent to "cuda": on the simulated device each raises as it would on CUDA."""
    result = grader.grade(read_submission(exercise, SOLUTIONS / "wrong" / f"{name}.py"), keyword=STEP)
    (on_sim,) = (check for check in result.checks if (check.id, check.device) == (STEP, "sim"))
    assert on_sim.outcome is Outcome.RAISED
    assert ELSEWHERE[name] in on_sim.message


def test_labels_of_the_held_out_digits_stay_on_our_side() -> None:
    """Student code is sent the pictures; what it is given besides are the rows to train on."""
    body = ast.parse((HIDDEN / "test_accuracy.py").read_text(encoding="utf-8")).body
    (check,) = (node for node in body if getattr(node, "name", "").startswith("test_"))
    held_out = [node for node in ast.walk(check) if isinstance(node, ast.Attribute) and ast.unparse(node) == "test.t"]
    sent = [node for node in ast.walk(check) if isinstance(node, ast.Call) and "test.t" in map(ast.unparse, node.args)]
    assert (len(held_out), sent) == (1, [])


@pytest.mark.parametrize("path", [*WRONG, *EQUIVALENT], ids=lambda path: path.stem)
def test_every_answer_is_complete(exercise: Exercise, path: Path) -> None:
    """Wrong answers and equivalents define every class and function that the stub asks for, in its order."""
    asked = public_definitions(exercise.stub_folder / "training.py")
    assert [name for name in public_definitions(path) if name in asked] == asked


def test_the_folder_of_a_student_holds_no_surprises(exercise: Exercise) -> None:
    """The statement with its figures, the stub, the public suite and exercise.toml, nothing else."""
    figures = {path.name for path in exercise.stub_folder.glob("*.svg")}
    expected = {"README.md", "README.zh_CN.md", "exercise.toml", "test_public.py", *figures, *exercise.files}
    assert {path.name for path in exercise.stub_folder.iterdir() if path.name != "__pycache__"} == expected
    statement = (exercise.stub_folder / "README.md").read_text(encoding="utf-8")
    assert [name for name in sorted(figures) if name not in statement] == []
    assert read_submission(exercise).extra_files == ()
