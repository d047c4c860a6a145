"""What exercise 2 tells a student is true: the README's numbers recomputed, the examples run, the figures redrawn."""

from __future__ import annotations

import doctest
import math
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from grader.course import Course, Exercise, load_exercise
from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise2_autograd"
SOLUTIONS = ROOT / "solutions" / "exercise2_autograd"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
FLAT = " ".join(README.split())


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    """The reference, in this process."""
    return load(SOLUTIONS / "gradients.py")


@pytest.fixture(scope="module")
def exercise(course: Course) -> Exercise:
    """The second exercise."""
    return load_exercise(course, "exercise2")


def of(*values: object, watched: bool = False) -> Tensor:
    """Return a tensor of these values, in float64."""
    return torch.tensor(values, dtype=torch.float64, requires_grad=watched)


def number(value: float, *, watched: bool = False) -> Tensor:
    """Return a tensor that is one number, in float64."""
    return torch.tensor(value, dtype=torch.float64, requires_grad=watched)


def same(actual: Tensor, *expected: object) -> None:
    """Compare with the numbers of the README."""
    torch.testing.assert_close(actual.detach(), of(*expected), rtol=1e-12, atol=1e-12)


def stands(*sentences: str) -> None:
    """See that the README says this, wherever its lines break."""
    assert [sentence for sentence in sentences if sentence not in FLAT] == []


# --- the worked examples ------------------------------------------------------------------------------------------


def test_the_bowl_is_right(ours: ModuleType) -> None:
    """(3, 4, 5), (27, 48, 75), 50; (⅓, ⅓, ⅓), (6, 8, 10), (6, 8, 10); one step of ½ leads to the bottom."""
    x = of(1, 2, 3, watched=True)
    stages = ours.bowl(x)
    same(stages["y"], 3, 4, 5)
    same(stages["z"], 27, 48, 75)
    assert stages["out"].item() == 50
    gradients = ours.bowl_gradients(x)
    same(gradients["z"], 1 / 3, 1 / 3, 1 / 3)
    same(gradients["y"], 6, 8, 10)
    same(gradients["x"], 6, 8, 10)
    x.grad = gradients["x"]
    ours.sgd_step([x], 0.5)
    same(x, -2, -2, -2)
    assert ours.bowl(x)["out"].item() == 0
    stands("| (27, 48, 75) |", "| 50 |", "x − ½ (6, 8, 10) = (−2, −2, −2)")


def test_accumulating_is_right(ours: ModuleType) -> None:
    """L₁ = 4 and L₂ = 2 make 2.5 with the gradient 5; the mean of the means is 3, with 6."""
    w, x = number(1.0, watched=True), of(2, 1, 1, 2)

    def loss(x: Tensor, t: Tensor, w: Tensor) -> Tensor:
        return ((w * x - t) ** 2).mean()

    pieces = [(x[:1], 0 * x[:1]), (x[1:], 0 * x[1:])]
    assert [loss(*piece, w).item() for piece in pieces] == [4, 2]
    assert ours.accumulate(loss, [w], pieces) == 2.5
    assert w.grad.item() == 5
    (gradient,) = torch.autograd.grad(sum(loss(*piece, w) for piece in pieces) / 2, w)
    assert gradient.item() == 6
    stands("so L = ¼ · 4 + ¾ · 2 = 2.5, and dL/dw = ¼ · 8 + ¾ · 4 = 5", "would be 3, and its gradient 6")


def test_training_two_single_weights_is_right(ours: ModuleType) -> None:
    """Losses 4 and 9⁄16, weights 1.5 and then 57⁄32."""
    one = of([1.0])
    after_one, after_two = (ours.train_regression(one, 3 * one, one, one, 1 / 8, steps) for steps in (1, 2))
    assert after_one["w1"].item() == after_one["w2"].item() == 1.5
    assert after_two["losses"].tolist() == [4, 9 / 16]
    assert after_two["w1"].item() == after_two["w2"].item() == 57 / 32
    stands("both weights become 1.5. Then y = 2.25, L = 9⁄16", "= −9⁄4, and the weights become 57⁄32")


def test_the_linear_layer_is_right(ours: ModuleType) -> None:
    """(7, 8) and 3, whatever the weights are."""
    net = nn.Linear(2, 1).double()
    gradients = ours.parameter_gradients(net, of((3, 4), (1, 0)), of((2,), (1,)))
    same(gradients["weight"], (7, 8))
    same(gradients["bias"], 3)
    stands("2 (3, 4) + 1 (1, 0) = (7, 8) and the bias 2 + 1 = 3")


def test_the_running_products_are_right(ours: ModuleType) -> None:
    """J, its products, the Hessian and R = 361 at (2, 3, 5)."""
    x = of(2, 3, 5, watched=True)

    def running(x: Tensor) -> Tensor:
        return x.cumprod(0)

    same(running(x), 2, 6, 30)
    same(torch.autograd.functional.jacobian(running, x), (1, 0, 0), (3, 2, 0), (15, 10, 6))
    same(ours.vjp(running, x, of(0, 0, 1)), 15, 10, 6)
    same(ours.jvp(running, x, of(1, 0, 0)), 1, 3, 15)
    same(torch.autograd.functional.hessian(torch.prod, x), (0, 5, 3), (5, 0, 2), (3, 2, 0))
    same(ours.hessian_vector(torch.prod, x, of(1, 0, 0)), 0, 5, 3)
    assert ours.slope_penalty(torch.prod, x).item() == 361
    for row in ("|  1   0  0 |", "| 15  10  6 |", "| 0  5  3 |", "| 3  2  0 |", "R = 225 + 100 + 36 = 361"):
        assert row in README


def test_pull_and_rounded_are_right(ours: ModuleType) -> None:
    """L = 10, d moving = (2, 4); rounded has the slope 1."""
    moving, anchor = of(3, 5, watched=True), of(1, 1, watched=True)
    loss = ours.pull(moving, anchor)
    assert loss.item() == 10
    same(torch.autograd.grad(loss, moving, retain_graph=True)[0], 2, 4)
    assert torch.autograd.grad(loss, anchor, allow_unused=True) == (None,)
    x = of(0.2, 1.7, watched=True)
    same(torch.autograd.grad(ours.rounded(x).sum(), x)[0], 1, 1)
    stands("L = (4 + 16) / 2 = 10, d moving = (2, 4)")


def test_swish_is_right(ours: ModuleType) -> None:
    """At x = ln 3 and b = 1: ¾ ln 3, (12 + 3 ln 3, 24 + 6 ln 3) and 9 (ln 3)², and both checks of torch pass."""
    log = math.log(3)
    x, b = of(log, log, watched=True), number(1.0, watched=True)
    y = ours.Swish.apply(x, b)
    same(y, 0.75 * log, 0.75 * log)
    dx, db = torch.autograd.grad(y, (x, b), of(16, 32))
    same(dx, 12 + 3 * log, 24 + 6 * log)
    torch.testing.assert_close(db, number(9 * log**2))
    assert torch.autograd.gradcheck(ours.Swish.apply, (x, b))
    assert torch.autograd.gradgradcheck(ours.Swish.apply, (x, b))
    stands("y = ¾ ln 3", "= (12 + 3 ln 3, 24 + 6 ln 3)", "= 9 (ln 3)²")


def test_the_diamond_is_right(ours: ModuleType) -> None:
    """5 at once and 2 from a make 7, and 7 · 3 makes 21; one of the two alone makes 15 or 6."""
    x = ours.Value(4.0)
    y = 3 * x
    r = 2 * y + 5 * y
    r.backward()
    assert (r.data, y.grad, x.grad) == (84, 7, 21)
    stands("dr/dy = 5 + 2 = 7, and then dr/dx = 7 · 3 = 21", "instead of adding, 15 or 6")
    assert (5 * 3, 2 * 3) == (15, 6)


# --- what is said of torch ------------------------------------------------------------------------------------------


def test_nothing_is_watched_by_default_and_integers_never() -> None:
    """requires_grad is False unless asked for or inherited; an integer tensor refuses."""
    w = of(1.0)
    assert not w.requires_grad
    assert (w.requires_grad_() * 2).requires_grad
    with pytest.raises(RuntimeError, match="only Tensors of floating point"):
        torch.tensor([1]).requires_grad_()


def test_only_leaves_keep_their_gradient(recwarn: pytest.WarningsRecorder) -> None:
    """A tensor in between has a gradient only after retain_grad; what is computed from a leaf is none."""
    x = of(1, 2, 3, watched=True)
    y, z = x + 2, x * 3
    y.retain_grad()
    (y.sum() + z.sum()).backward()
    same(y.grad, 1, 1, 1)
    assert z.grad is None
    assert "not a leaf Tensor" in str(recwarn.pop(UserWarning).message)
    assert not (x * 0.01).is_leaf
    assert not x.reshape(3, 1).is_leaf
    assert not x.to(torch.float32).is_leaf


def test_three_statements_on_the_bowl_do_not_agree() -> None:
    """4x + 4 would be [8, 12, 16], 2 (x + 2) is [6, 8, 10], and neither is [4, 8, 12]."""
    x = of(1, 2, 3)
    assert (4 * x + 4).tolist() == [8, 12, 16]
    assert (2 * (x + 2)).tolist() == [6, 8, 10]
    stands("It is [6, 8, 10] = 2 (x + 2)", "4x + 4 would be [8, 12, 16]")


def test_evaluation_mode_records_and_no_grad_leaves_dropout_on() -> None:
    """eval() stops no recording, no_grad() switches no layer."""
    net, x = nn.Sequential(nn.Linear(3, 64), nn.Dropout(0.5)), torch.ones(1, 3)
    assert net.eval()(x).requires_grad
    net.train()
    with torch.no_grad():
        output = net(x)
    assert not output.requires_grad
    assert int((output == 0).sum()) > 0


def test_a_step_uses_gradients_and_computes_none() -> None:
    """Without backward an optimiser's step changes nothing."""
    w = of(1.0, watched=True)
    torch.optim.SGD([w], lr=1.0).step()
    assert (w.tolist(), w.grad) == ([1.0], None)


def test_item_is_the_same_float32_and_has_no_graph() -> None:
    """0.1 comes out as 0.10000000149011612, and a number has no backward."""
    value = torch.tensor(0.1, requires_grad=True).item()
    assert repr(value) in README
    with pytest.raises(AttributeError, match="'float' object has no attribute 'backward'"):
        value.backward()


def test_slopes_of_relu_at_zero() -> None:
    """clamp 1, relu 0, maximum with 0 one half."""
    slopes = {}
    for name, relu in {"clamp": lambda x: x.clamp(min=0), "relu": torch.relu,
                       "maximum": lambda x: torch.maximum(x, torch.zeros_like(x))}.items():  # fmt: skip
        x = of(0.0, watched=True)
        slopes[name] = torch.autograd.grad(relu(x).sum(), x)[0].item()
    assert slopes == {"clamp": 1, "relu": 0, "maximum": 0.5}
    stands("torch gives clamp the slope 1, relu 0, and maximum with 0 the slope ½")


def test_torch_refuses_to_change_a_watched_leaf_in_place() -> None:
    """Outside of no_grad only; a second backward needs the graph that the first let go of."""
    w = of(1.0, watched=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        w -= 1
    loss = (w * w).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_the_traps_of_broadcasting_are_there() -> None:
    """dim=() means all axes, and torch sums a gradient that is too large in the way of broadcasting."""
    assert torch.ones(2, 3).sum(dim=()).shape == ()
    leaf = load(SOLUTIONS / "wrong" / "broadcasting_left_to_torch.py")
    x, b = of((1, 2), (3, 4), watched=True), of(1, 2, watched=True)
    leaf.Swish.apply(x, b).sum().backward()
    assert b.grad is not None
    assert b.grad.shape == b.shape


# --- the files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def stub() -> Iterator[ModuleType]:
    """The stub, found by its name as its own annotations want it."""
    module = load(FOLDER / "gradients.py")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "gradients", module)
        yield module


def test_the_examples_in_the_stub_are_true(stub: ModuleType, ours: ModuleType) -> None:
    """Every function and class has an example, and it holds for the reference."""
    tests = [test for test in doctest.DocTestFinder().find(stub, "gradients") if test.examples]
    for test in tests:
        test.globs = vars(ours) | {"__name__": "gradients"}
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, test.name
    public = [name for name, value in vars(stub).items() if getattr(value, "__module__", "") == "gradients"]
    assert sorted(test.name.removeprefix("gradients.") for test in tests) == sorted(public)


def test_the_sizes_of_training_are_said(exercise: Exercise) -> None:
    """What the README says of the 500 steps is what the hidden suite does."""
    suite = (ROOT / "tests" / "hidden" / exercise.slug / "test_3_networks.py").read_text(encoding="utf-8")
    (sizes,) = re.findall(r"^BATCH, FEATURES, HIDDEN, OUTPUTS, LR, STEPS = (.*)$", suite, re.MULTILINE)
    assert sizes == "16, 40, 12, 3, 1e-4, 500"
    stands("Training is followed for 500 steps, on 16 examples, 40 features, 12 hidden units and 3 outputs")


def test_what_is_forbidden_is_said_before(exercise: Exercise) -> None:
    """Every forbidden name stands, as a whole or by its last part, in the list at the top of the stub."""
    top = (exercise.stub_folder / "gradients.py").read_text(encoding="utf-8").split('"""')[1]
    names = {name for rule in exercise.policy.forbid for name in rule.names}
    assert [name for name in names if name not in top and name.split(".")[-1] not in top] == []
    assert all(rule.sentence[0].islower() and rule.sentence.endswith(".") for rule in exercise.policy.forbid)


@pytest.mark.parametrize("name", ["graph", "diamond"])
def test_a_figure_is_what_the_script_draws(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers in the figures are torch's: the script computes them, and the files are its work."""
    pytest.importorskip("matplotlib", reason="figures are drawn with the author's extra")
    script = load(ROOT / "docs" / "figures" / "exercise2.py")
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    script.main()
    kept, drawn = (words_of(folder / f"{name}.svg") for folder in (FOLDER, tmp_path))
    assert kept == drawn != []
    assert f"]({name}.svg)" in README


def words_of(path: Path) -> list[str]:
    """Return what stands in a figure; how it is spelt out in SVG is matplotlib's business."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text(encoding="utf-8"))
