"""What must be true of exercise 1 before a student sees it, proven by judging our own submissions.

Everything is found by looking into the folders: a new wrong answer or equivalent needs no wiring here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course import Exercise
from grader.diagnosis.misconception import read_misconception
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.score import exit_code
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise1_manual_backprop"
WRONG = sorted((SOLUTIONS / "wrong").glob("*.py"))
EQUIVALENT = sorted((SOLUTIONS / "equivalent").glob("*.py"))
SEEDS = 20
TITLE_CHARS = 60  # what a terminal of 80 columns shows of one
# 500 steps take longer than all other checks together: judged where it matters, and for whatever is right.
LONG = "test_training_follows_the_same_path"

Judge = Callable[..., ExerciseResult]


def failed_checks(result: ExerciseResult) -> list[str]:
    """Return the checks that were judged and did not pass; a blocked one was not judged."""
    return [check.id for check in result.checks if check.outcome not in (Outcome.PASSED, Outcome.BLOCKED)]


def promised_failures(path: Path) -> list[str]:
    """Return the checks that a wrong answer's header says it fails."""
    return list(read_misconception(path).fails)


def signatures(path: Path) -> dict[str, str]:
    """Return the public functions of a file with their arguments and annotations."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {f.name: f"{ast.unparse(f.args)} -> {ast.unparse(f.returns)}" for f in functions
            if f.returns and not f.name.startswith("_")}  # fmt: skip


def assert_everything_earned(result: ExerciseResult) -> None:
    """Every check has passed."""
    assert failed_checks(result) == []
    assert (result.score, result.complete, exit_code(result)) == (result.max_score, True, 0)


def test_the_stub_earns_nothing(judge: Judge) -> None:
    """As shipped every check is todo or waits for one that is, and the exit code is 1."""
    result = judge(None)
    assert {check.outcome for check in result.checks} == {Outcome.TODO, Outcome.BLOCKED}
    assert (result.score, exit_code(result)) == (0, 1)


def test_no_check_shows_a_frame_of_ours(judge: Judge) -> None:
    """All frames that a student sees are in files of the submission."""
    raising = SOLUTIONS / "wrong" / "weights_not_transposed.py"
    for path in (None, raising):
        assert {frame.file for check in judge(path).checks for frame in check.frames} <= {"backprop.py"}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_reference_earns_everything(judge: Judge, seed: int) -> None:
    """The reference passes every check, whatever the seed."""
    assert_everything_earned(judge(SOLUTIONS, seed))


def test_the_reference_earns_everything_at_each_tier(exercise1: Exercise, tier: Tier) -> None:
    """What the fence takes away is nothing that a correct answer needs."""
    with Grader(exercise1, tier) as grader:
        assert_everything_earned(grader.grade(read_submission(exercise1, SOLUTIONS)))


def test_the_suite_has_what_was_agreed(judge: Judge, exercise1: Exercise) -> None:
    """The points are those of exercise.toml; a few checks are public, many hidden; every title fits."""
    checks = judge(None).checks
    public = [check for check in checks if check.visibility == "public"]
    assert judge(None).max_score == exercise1.points
    assert 3 <= len(public) <= 6
    assert len(checks) - len(public) >= 15
    assert [check.title for check in checks if len(check.title) > TITLE_CHARS] == []
    assert all(check.max_points > 0 for check in checks)


@pytest.mark.parametrize("path", EQUIVALENT, ids=lambda path: path.stem)
def test_a_correct_answer_written_differently_earns_everything(judge: Judge, path: Path) -> None:
    """No check asks for our way of writing it."""
    assert_everything_earned(judge(path))


def test_there_are_enough_answers_to_prove_it() -> None:
    """A dozen mistakes to be caught, ten ways of being right."""
    assert len(WRONG) >= 12
    assert len(EQUIVALENT) >= 10


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_answer_fails_exactly_the_checks_it_names(judge: Judge, path: Path) -> None:
    """A wrong answer loses the points of the checks in its header and of those that wait for them, no others."""
    promised = promised_failures(path)
    result = judge(path, keyword="" if LONG in promised else f"not {LONG}")
    assert failed_checks(result) == promised
    assert 0 < result.score < result.max_score
    assert not {check.outcome for check in result.checks} - {
        Outcome.PASSED, Outcome.FAILED, Outcome.RAISED, Outcome.FORBIDDEN, Outcome.BLOCKED,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["autograd_instead", "ready_made_softmax"])
def test_what_the_exercise_forbids_is_told_with_a_reason(judge: Judge, name: str) -> None:
    """A forbidden name ends its checks as forbidden, and the sentence says what to do instead."""
    result = judge(SOLUTIONS / "wrong" / f"{name}.py", keyword="softmax")
    said = {check.message for check in result.checks if check.outcome is Outcome.FORBIDDEN}
    assert len(said) == 1
    assert re.match(r"torch\.(autograd\.grad|softmax) is not allowed here: \w.*\.$", said.pop())


def test_every_check_fails_for_some_wrong_answer(judge: Judge) -> None:
    """A check that nobody has seen fail is not a check."""
    caught = {name for path in WRONG for name in promised_failures(path)}
    never_caught = {check.id for check in judge(None).checks} - caught
    assert never_caught == set()


FORMS = """
def like(*shape):
    return torch.full(shape, VALUE, dtype=torch.float64)


def linear_backward(upstream, x, w):
    return {"dx": like(*x.shape), "dw": like(*w.shape), "db": like(w.shape[1])}


def linear(x, w, b):
    return like(len(x), len(b))


def same(*arguments):
    return like(*arguments[0].shape)


relu = relu_backward = sigmoid = sigmoid_backward = softmax = softmax_cross_entropy_backward = sgd_step = same


def softmax_cross_entropy(*arguments):
    return like()


regression_loss = softmax_cross_entropy


def regression_backward(x, t, w1, w2):
    return {"dw1": same(w1), "dw2": same(w2)}


def train_regression(x, t, w1, w2, lr, steps):
    return {"losses": like(steps), "w1": same(w1), "w2": same(w2)}


def classifier_forward(x, labels, w1, b1, w2, b2):
    return {"a": linear(x, w1, b1), "h": linear(x, w1, b1), "z": like(len(x), len(b2)), "loss": like()}


def classifier_backward(stages, x, labels, w1, w2):
    sizes = {"dz": stages["z"], "dw2": w2, "db2": w2[0], "dh": stages["h"], "da": stages["a"], "dw1": w1, "dx": x}
    return {name: same(value) for name, value in sizes.items()} | {"db1": same(w1[0])}
"""


@pytest.mark.parametrize("value", ["0.0", "1.0", "float('nan')"])
def test_a_constant_of_the_right_form_earns_nothing(judge: Judge, tmp_path: Path, value: str) -> None:
    """No check is so empty that zeros, ones or NaN in the right shapes pass it."""
    (tmp_path / "backprop.py").write_text(f"import torch\n\nVALUE = {value}\n{FORMS}")
    result = judge(tmp_path)
    assert [check.id for check in result.checks if check.outcome is Outcome.PASSED] == []
    assert {check.outcome for check in result.checks} == {Outcome.FAILED, Outcome.BLOCKED}


@pytest.mark.parametrize("value", ["None", "arguments[0]", "{}", "()", "'tensor'", "(x for x in arguments)"])
def test_a_value_of_another_kind_is_the_students_failure(judge: Judge, exercise1: Exercise, tmp_path: Path,
                                                         value: str) -> None:  # fmt: skip
    """Nothing, the first argument, an empty dict or a generator: every check says what is wrong, none is our error."""
    names = signatures(exercise1.stub_folder / "backprop.py")
    (tmp_path / "backprop.py").write_text("\n".join(f"def {name}(*arguments):\n    return {value}\n" for name in names))
    result = judge(tmp_path)
    assert {check.outcome for check in result.checks} == {Outcome.FAILED, Outcome.BLOCKED}
    assert all(re.search(r"expected|values|missing|Waits for", check.message) for check in result.checks)


def test_stub_and_reference_have_the_same_signatures(exercise1: Exercise) -> None:
    """What a student is asked for is what the reference gives, in the same order."""
    stub, reference = (signatures(folder / "backprop.py") for folder in (exercise1.stub_folder, SOLUTIONS))
    assert list(stub.items()) == list(reference.items())
    assert len(stub) == 15


@pytest.mark.parametrize("path", [*WRONG, *EQUIVALENT], ids=lambda path: path.stem)
def test_every_answer_is_complete(exercise1: Exercise, path: Path) -> None:
    """Wrong answers and equivalents define every function that the stub asks for."""
    assert set(signatures(exercise1.stub_folder / "backprop.py")) <= set(signatures(path))


def test_the_stub_is_short_of_surprises(exercise1: Exercise) -> None:
    """An exercise's folder holds the statement, the stub, the public suite and exercise.toml, nothing else."""
    expected = {"README.md", "README.zh_CN.md", "exercise.toml", "test_public.py", *exercise1.files}
    assert {path.name for path in exercise1.stub_folder.iterdir() if path.name != "__pycache__"} == expected
