"""What exercise 1 tells a student is true: the README's numbers recomputed, the stub's examples run."""

from __future__ import annotations

import doctest
import math
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from grader.course import Exercise
from grader.results import ExerciseResult
from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
SOLUTIONS = ROOT / "solutions" / "exercise1_manual_backprop"
README = (ROOT / "exercises" / "exercise1_manual_backprop" / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    """The reference, in this process."""
    return load(SOLUTIONS / "backprop.py")


def of(*values: object) -> Tensor:
    """Return a tensor of these values, in float64."""
    return torch.tensor(values, dtype=torch.float64)


def written(value: Tensor | float, decimals: int = 8) -> str:
    """Return a number as the README writes it."""
    return f"{float(value):.{decimals}f}".replace("-", "−")


def assert_stands_in_readme(name: str, values: Tensor, decimals: int = 8) -> None:
    """Every entry is found where the README says "name = …", in that line or, of a matrix, in the next."""
    block = README.split("### A network of two sigmoid layers")[1].split("\n## ")[0]
    start = re.search(rf"(?<!\S){re.escape(name)}\s+=", block)
    assert start is not None, name
    shown = "\n".join(block[start.start() :].split("\n")[:2])
    for value in values.flatten():
        assert written(value, decimals) in shown, (name, written(value, decimals))


def two_two_two(ours: ModuleType) -> dict[str, Tensor]:
    """Return every stage of the README's network of two sigmoid layers, and the weights after one step."""
    x, t = of((0.05, 0.10)), of((0.01, 0.99))
    w1, b1, w2, b2 = of((0.15, 0.25), (0.20, 0.30)), of(0.35, 0.35), of((0.40, 0.50), (0.45, 0.55)), of(0.60, 0.60)
    a = ours.linear(x, w1, b1)
    h = ours.sigmoid(a)
    z = ours.linear(h, w2, b2)
    o = ours.sigmoid(z)
    dz = ours.sigmoid_backward(o - t, z)
    output = ours.linear_backward(dz, h, w2)
    da = ours.sigmoid_backward(output["dx"], a)
    hidden = ours.linear_backward(da, x, w1)
    new1, new2 = ours.sgd_step(w1, hidden["dw"], 0.5), ours.sgd_step(w2, output["dw"], 0.5)
    after = ours.sigmoid(ours.linear(ours.sigmoid(ours.linear(x, new1, b1)), new2, b2))
    mixed = ours.linear_backward(ours.sigmoid_backward(ours.linear_backward(dz, h, new2)["dx"], a), x, w1)["dw"]
    return {
        "h": h, "z": z, "o": o, "do": o - t, "dz": dz, "dw2": output["dw"], "dh": output["dx"], "da": da,
        "dw1": hidden["dw"], "w1": new1, "w2": new2, "w1 by mixed weights": ours.sgd_step(w1, mixed, 0.5),
        "E": ((o - t) ** 2).sum() / 2, "E after": ((after - t) ** 2).sum() / 2, "paths": dz * of((0.40, 0.50)),
    }  # fmt: skip


def test_the_numbers_of_the_sigmoid_network_are_right(ours: ModuleType) -> None:
    """Every stage, gradient and new weight of the 2-2-2 example is what the reference computes."""
    values = two_two_two(ours)
    for name in ("h", "z", "o", "do", "dz", "dw2", "dh", "da"):
        assert_stands_in_readme(name, values[name])
    assert_stands_in_readme("dw1", values["dw1"], decimals=10)
    assert_stands_in_readme("w1 − ½ dw1", values["w1"])
    assert_stands_in_readme("w2 − ½ dw2", values["w2"])
    assert f"E = {written(values['E'])}" in README
    assert f"the loss is {written(values['E after'])}" in README


def test_the_two_paths_of_the_first_weight_add_up(ours: ModuleType) -> None:
    """dh₁ is the sum over both outputs, and w₁ by a new w₂ is what the README warns of."""
    values = two_two_two(ours)
    first, second = (written(path) for path in values["paths"][0])
    assert f"= {first} − {second.lstrip('−')} = {written(values['dh'][0, 0])}" in README
    wrong, right = written(values["w1 by mixed weights"][0, 0]), written(values["w1"][0, 0])
    assert f"w₁ = {wrong} instead of {right}" in README


def test_gradients_of_the_sigmoid_network_are_those_of_autograd(ours: ModuleType) -> None:
    """The worked example is right by another way than our own."""
    x, t, values = of((0.05, 0.10)), of((0.01, 0.99)), two_two_two(ours)
    w1 = of((0.15, 0.25), (0.20, 0.30)).requires_grad_()
    w2 = of((0.40, 0.50), (0.45, 0.55)).requires_grad_()
    loss = ((torch.sigmoid(torch.sigmoid(x @ w1 + 0.35) @ w2 + 0.60) - t) ** 2).sum() / 2
    dw1, dw2 = torch.autograd.grad(loss, (w1, w2))
    torch.testing.assert_close(values["dw1"], dw1, rtol=1e-12, atol=0)
    torch.testing.assert_close(values["dw2"], dw2, rtol=1e-12, atol=0)


@pytest.mark.usefixtures("one_thread")
def test_training_falls_as_the_readme_says(ours: ModuleType) -> None:
    """About 3e7 at first, about 1e3 after 100 steps, below 1e-2 after 500."""
    draws = torch.Generator().manual_seed(1)
    shapes = ((64, 1000), (64, 10), (1000, 100), (100, 10))
    drawn = [torch.randn(shape, generator=draws, dtype=torch.float64) for shape in shapes]
    losses = ours.train_regression(*drawn, 1e-6, 500)["losses"]
    assert 1e7 < losses[0] < 1e8
    assert 1e2 < losses[99] < 1e4
    assert losses[499] < 1e-2


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float64, 709.78), (torch.float32, 88.72)])
def test_exp_overflows_where_the_readme_says(dtype: torch.dtype, limit: float) -> None:
    """exp is finite at the limit and infinite a hundredth above it."""
    assert written(limit, 2) in README
    below, above = torch.tensor([limit, limit + 0.01], dtype=dtype).exp()
    assert torch.isfinite(below)
    assert torch.isinf(above)


def test_large_logits_with_a_small_gap_are_harmless(ours: ModuleType) -> None:
    """(5000, 4999) is as good as (1, 0), also in float32."""
    for dtype in (torch.float64, torch.float32):
        high, low = (torch.tensor([row], dtype=dtype) for row in ([5000.0, 4999.0], [1.0, 0.0]))
        torch.testing.assert_close(ours.softmax(high), ours.softmax(low))


def test_two_equal_classes_cost_a_nat_not_a_bit(ours: ModuleType) -> None:
    """ln 2 = 0.693, and with logits (0, 1000) and label 0 the loss is 1000, as README and stub say."""
    assert written(ours.softmax_cross_entropy(of((0.0, 0.0)), torch.tensor([1])), 3) == "0.693"
    assert float(ours.softmax_cross_entropy(of((0.0, 1000.0)), torch.tensor([0]))) == 1000.0


def test_the_sum_has_640_times_the_gradient_of_the_mean() -> None:
    """With 64 x 10 outputs the gradients of summed and mean squared error differ by the factor 640."""
    y = torch.linspace(-1, 1, 640, dtype=torch.float64).reshape(64, 10).requires_grad_()
    (of_sum,) = torch.autograd.grad((y**2).sum(), y)
    (of_mean,) = torch.autograd.grad(torch.nn.functional.mse_loss(y, torch.zeros_like(y)), y)
    torch.testing.assert_close(of_sum, 640 * of_mean)


def test_clamp_and_relu_differ_at_zero_only() -> None:
    """torch gives clamp(min=0) the slope 1 at exactly 0, and relu the slope 0."""
    x = of(-1.0, 0.0, 2.0).requires_grad_()
    slopes = {name: torch.autograd.grad(y.sum(), x)[0].tolist()
              for name, y in {"clamp": x.clamp(min=0), "relu": torch.relu(x)}.items()}  # fmt: skip
    assert slopes == {"clamp": [0.0, 1.0, 1.0], "relu": [0.0, 0.0, 1.0]}


def test_a_sigmoid_of_ln_3_is_three_quarters(ours: ModuleType) -> None:
    """The fractions of the activations' example: (½, ¾), slopes (¼, 3⁄16), gradients (2, 3)."""
    x = of(0.0, math.log(3))
    torch.testing.assert_close(ours.sigmoid(x), of(1 / 2, 3 / 4))
    torch.testing.assert_close(ours.sigmoid_backward(of(1.0, 1.0), x), of(1 / 4, 3 / 16))
    torch.testing.assert_close(ours.sigmoid_backward(of(8.0, 16.0), x), of(2.0, 3.0))


def test_points_and_checks_are_those_of_the_readme(judge: Callable[..., ExerciseResult], exercise1: Exercise) -> None:
    """What is judged is said with its numbers."""
    checks = judge(None).checks
    assert f"{exercise1.points:g} points, {len(checks)} checks. Six are public" in README
    assert sum(check.visibility == "public" for check in checks) == 6


def test_the_examples_in_the_stub_are_true(exercise1: Exercise, ours: ModuleType) -> None:
    """Every example in the stub's docstrings holds for the reference."""
    stub = load(exercise1.stub_folder / "backprop.py")
    examples = [test for test in doctest.DocTestFinder().find(stub, "backprop") if test.examples]
    for test in examples:
        test.globs = vars(ours) | {"__name__": "backprop"}
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, test.name
    assert len(examples) == 7


def test_what_is_forbidden_is_said_before(exercise1: Exercise) -> None:
    """Every forbidden name stands, by its last part or its module, in the list at the top of the stub."""
    top = (exercise1.stub_folder / "backprop.py").read_text(encoding="utf-8").split('"""')[1]
    names = {name for rule in exercise1.policy.forbid for name in rule.names}
    other_names = {"torch.special.expit"}  # scipy's name for sigmoid: "under other names"
    unsaid = [name for name in names - other_names if name not in top and name.split(".")[-1].rstrip("_") not in top]
    assert unsaid == []
    assert exercise1.policy.autograd == "off"
    assert all(rule.sentence[0].islower() and rule.sentence.endswith(".") for rule in exercise1.policy.forbid)
