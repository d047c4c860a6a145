"""What must be true of exercise 4 besides what `grader verify exercise4` proves: files, headers, forbidden ways."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.course import Course, Exercise, load_exercise
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.score import exit_code
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise4_losses"
REFERENCE = (SOLUTIONS / "losses.py").read_text(encoding="utf-8")
WRONG = sorted((SOLUTIONS / "wrong").glob("*.py"))
EQUIVALENT = sorted((SOLUTIONS / "equivalent").glob("*.py"))
TITLE_CHARS = 60  # what a terminal of 80 columns shows of one

Judge = Callable[..., ExerciseResult]


@pytest.fixture(scope="module")
def exercise4(course: Course) -> Exercise:
    """The fourth exercise."""
    return load_exercise(course, "exercise4")


@pytest.fixture(scope="module")
def judge(exercise4: Exercise) -> Iterator[Judge]:
    """A function that judges a file or folder."""
    with Grader(exercise4) as grader:
        yield lambda path, keyword="": grader.grade(read_submission(exercise4, path), keyword=keyword)


@pytest.fixture(scope="module")
def of_reference(judge: Judge) -> ExerciseResult:
    """What the reference earns."""
    return judge(SOLUTIONS)


def functions(path: Path) -> list[str]:
    """Return the public functions of a file, in their order."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def ends_with(path: Path, *definitions: str) -> Path:
    """Write the reference with some functions defined once more, and return the file."""
    path.write_text("\n\n\n".join([REFERENCE, *definitions]) + "\n", encoding="utf-8")
    return path


def test_the_reference_earns_everything(of_reference: ExerciseResult) -> None:
    """At the course's seed; `grader verify` has the others."""
    assert [check.id for check in of_reference.checks if check.outcome is not Outcome.PASSED] == []
    assert (of_reference.score, of_reference.complete, exit_code(of_reference)) == (100.0, True, 0)


def test_the_suite_has_what_was_agreed(of_reference: ExerciseResult, exercise4: Exercise) -> None:
    """At least 4 public and 15 hidden checks, the points of exercise.toml, titles that fit and differ."""
    checks = of_reference.checks
    public = [check for check in checks if check.visibility == "public"]
    assert of_reference.max_score == exercise4.points
    assert len(public) >= 4
    assert len(checks) - len(public) >= 15
    assert [check.title for check in checks if len(check.title) > TITLE_CHARS] == []
    assert len({check.title for check in checks}) == len(checks)
    assert all(check.max_points > 0 for check in checks)


def test_there_are_enough_answers_to_prove_it() -> None:
    """Every pattern of the catalogue of mistakes, and ways of being right that share little with ours."""
    assert len(WRONG) >= 20
    assert len(EQUIVALENT) >= 8


@pytest.mark.parametrize("path", [*WRONG, *EQUIVALENT], ids=lambda path: path.stem)
def test_every_answer_is_complete(exercise4: Exercise, path: Path) -> None:
    """Wrong answers and equivalents define every function that the stub asks for, in its order, and import no other."""
    assert functions(path) == functions(exercise4.stub_folder / "losses.py")
    imports = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or node.names[0].name for node in imports}
    assert names <= {"torch", "torch.nn", "math", "numpy", "functools"}


def test_the_folder_of_the_exercise_is_short_of_surprises(exercise4: Exercise) -> None:
    """It holds the statement with its figures, the stub, the public suite and exercise.toml, nothing else."""
    figures = {"distances.svg", "probabilities.svg"}
    expected = {"README.md", "README.zh_CN.md", "exercise.toml", "test_public.py", *figures, *exercise4.files}
    assert {path.name for path in exercise4.stub_folder.iterdir() if path.name != "__pycache__"} == expected
    assert read_submission(exercise4).extra_files == ()


READY_MADE = {
    "mae": "torch.nn.functional.l1_loss(prediction, target)",
    "log_sum_exp": "torch.logsumexp(logits, dim=-1)",
    "log_softmax": "logits.log_softmax(dim=-1)",
    "softmax": "torch.masked.softmax(logits, dim=-1)",
    "nll": "-torch.distributions.Categorical(logits=log_probs).log_prob(labels).mean()",
    "binary_cross_entropy_with_logits": "torch.binary_cross_entropy_with_logits(logits, targets).mean()",
    "kl_divergence": "torch.kl_div(log_probs, target).sum() / len(target)",
}


def test_ready_made_losses_are_forbidden_wherever_they_are_found(judge: Judge, tmp_path: Path) -> None:
    """In torch.nn, at the top of torch, as a method, in torch.masked, in torch.distributions: all end as forbidden."""
    signatures = {node.name: ast.unparse(node.args) for node in ast.parse(REFERENCE).body
                  if isinstance(node, ast.FunctionDef)}  # fmt: skip
    definitions = [f"def {name}({signatures[name]}):\n    return {call}" for name, call in READY_MADE.items()]
    result = judge(ends_with(tmp_path / "losses.py", *definitions))
    said = " ".join(check.message for check in result.checks if check.outcome is Outcome.FORBIDDEN)
    for call in READY_MADE.values():
        name = re.findall(r"(?:torch|logits)\.([\w.]+)", call)[0]
        assert re.search(rf"torch\.(Tensor\.)?{name} is not allowed here: \w", said), name


def test_the_back_doors_of_torch_are_flagged(judge: Judge, tmp_path: Path) -> None:
    """What torch._C and torch.ops can do is right, so it passes; a person is shown the lines."""
    doors = (
        "def mae(prediction, target):\n    return torch._C._nn.l1_loss(prediction, target, 1)",
        "def mse(prediction, target):\n    return torch.ops.aten.mse_loss(prediction, target, 1)",
    )
    result = judge(ends_with(tmp_path / "losses.py", *doors), keyword="is_the_mean_absolute or is_the_mean_squared")
    assert {check.outcome for check in result.checks} == {Outcome.PASSED}
    lines = {number: line for number, line in enumerate((tmp_path / "losses.py").read_text().splitlines(), start=1)}
    flagged = [(flag.rule, lines[flag.line].strip()) for flag in result.flags]
    assert flagged == [("name", door.splitlines()[1].strip()) for door in doors]
    assert "torch._C" in result.flags[0].message
    assert "torch.ops" in result.flags[1].message


def test_what_is_forbidden_is_said_before(exercise4: Exercise) -> None:
    """Every forbidden name stands, by its last part or its module, at the top of the stub, or is a loss by its name."""
    top = (exercise4.stub_folder / "losses.py").read_text(encoding="utf-8").split('"""')[1]
    names = {name for rule in exercise4.policy.forbid for name in rule.names}
    # "every function that is a loss", and private names of functions that are listed
    losses = {name for name in names if name.endswith("_loss")}
    others = {
        "torch._softmax",
        "torch._safe_softmax",
        "torch._log_softmax",
        "torch.logaddexp2",
        "torch.Tensor.logaddexp2",
    }
    unsaid = [name for name in names - losses - others if name not in top and name.split(".")[-1] not in top]
    assert unsaid == []
    assert exercise4.policy.autograd == "on"
    assert all(rule.sentence[0].islower() and rule.sentence.endswith(".") for rule in exercise4.policy.forbid)
