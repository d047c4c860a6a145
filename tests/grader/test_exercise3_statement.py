"""What exercise 3 tells a student is true: the README's numbers recomputed, the examples run, the figure redrawn."""

from __future__ import annotations

import ast
import doctest
import inspect
import math
import re
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from grader.course import Course, load_exercise
from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise3_module"
SOLUTIONS = ROOT / "solutions" / "exercise3_module"
HIDDEN = ROOT / "tests" / "hidden" / "exercise3_module"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
PROSE = " ".join(README.split())  # without the ends of lines


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    """The reference, in this process."""
    return load(SOLUTIONS / "modules.py")


def of(*values: object) -> Tensor:
    """Return a tensor of these values."""
    return torch.tensor(values, dtype=torch.float32)


def close(actual: Tensor, *expected: object) -> None:
    """Compare with the numbers of the README, in float32."""
    torch.testing.assert_close(actual, of(*expected), rtol=1e-5, atol=1e-6)


# --- numbers ------------------------------------------------------------------------------------------------------


def test_the_counts_of_parameters_are_right(ours: ModuleType) -> None:
    """31, 203,530 and 61,706, and the rows of LeNet's table add up."""
    counts = [ours.count_parameters(net)["total"] for net in (ours.SmallNet(), ours.DigitNet(), ours.LeNet())]
    assert counts == [31, 203_530, 61_706]
    assert all(f"{count:,}" in README for count in counts)
    assert "784 · 256 + 256 + 256 · 10 + 10 = 203,530" in PROSE
    assert 784 * 256 + 256 + 256 * 10 + 10 == 203_530


def test_the_table_of_lenet_is_right(ours: ModuleType) -> None:
    """Every layer's row has the shape and the number of parameters that the layer has."""
    net, shapes = ours.LeNet(), {}
    for name, layer in net.named_children():
        layer.register_forward_hook(lambda module, inputs, output, name=name: shapes.update({name: output.shape[1:]}))
    net(torch.zeros(3, 1, 32, 32))
    table = README.split("### LeNet")[1].split("### Mlp")[0]
    for name, shape in shapes.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| {name}"))
        assert f"(N, {', '.join(map(str, shape))})" in row
        assert row.rstrip(" |").endswith(f"= {ours.count_parameters(net.get_submodule(name))['total']:,}")
    assert net.num_flat_features(torch.zeros(3, 16, 5, 5)) == 400


def test_my_linear_is_right_by_hand(ours: ModuleType) -> None:
    """The 2 x 2 batch gives the y of the README."""
    layer = ours.MyLinear(2, 3)
    layer.load_state_dict({"weight": of((1, 1), (1, -1), (0, 2)), "bias": of(0.5, 0, -1)})
    close(layer(of((1, 2), (0, 1))), (3.5, -1, 3), (1.5, -1, 1))


def test_running_norm_is_right_by_hand(ours: ModuleType) -> None:
    """Momentum 0.2 and eps 0: y, the memory, and what evaluation makes of (1.4, 8)."""
    norm = ours.RunningNorm(2, momentum=0.2, eps=0.0)
    close(norm(of((1, 16), (3, 24))), (-1, -1), (1, 1))
    close(norm.running_mean, 0.4, 4)
    close(norm.running_var, 1, 4)
    close(norm.eval()(of((1.4, 8))), (1, 2))


def test_small_net_is_right_by_hand(ours: ModuleType) -> None:
    """Whatever x is, p = (1/8, 3/8, 1/2)."""
    net = ours.SmallNet()
    net.load_state_dict(
        {
            "fc1.weight": torch.zeros(4, 3),
            "fc2.weight": of((1, 1, 1, 1), (-1, -1, -1, -1)),
            "fc2.bias": of(0, 0),
            "out.weight": of((0, 0), (math.log(3) / 2, 7), (0, 7)),
            "out.bias": of(0, 0, math.log(4)),
        }
    )
    close(net(of((5, -2, 1))), (1 / 8, 3 / 8, 1 / 2))


def test_the_standard_deviations_of_the_small_net_are_right() -> None:
    """√(2/7) and √(2/4), as the README rounds them; torch's own functions mean the same by Xavier and Kaiming."""
    assert f"√(2/7) = {math.sqrt(2 / 7):.3f} and √(2/4) = {math.sqrt(2 / 4):.3f}" in PROSE
    torch.manual_seed(0)
    weight = torch.empty(400, 300)
    assert math.isclose(nn.init.xavier_normal_(weight).std(), math.sqrt(2 / 700), rel_tol=0.01)
    assert math.isclose(nn.init.kaiming_normal_(weight).std(), math.sqrt(2 / 300), rel_tol=0.01)


def test_mlp_is_right_by_hand(ours: ModuleType) -> None:
    """(1, 2) becomes 6; and with the same weights Mlp([1000, 100, 10]) is the nn.Sequential that the README names."""
    net = ours.Mlp([2, 2, 1])
    weights = (of((1, 1), (1, -1)), of(0, 0)), (of((2, 5)), of(0))
    state = {f"layers.{i}.{name}": value for i, pair in enumerate(weights)
             for name, value in zip(("weight", "bias"), pair, strict=True)}  # fmt: skip
    net.load_state_dict(state)
    close(net(of((1, 2))), (6,))
    theirs = nn.Sequential(nn.Linear(1000, 100), nn.ReLU(), nn.Linear(100, 10))
    net = ours.Mlp([1000, 100, 10])
    net.load_state_dict({f"layers.{i}.{name}": value for i, place in enumerate((0, 2))
                         for name, value in theirs[place].state_dict().items()})  # fmt: skip
    x = torch.linspace(-1, 1, 3000).reshape(3, 1000)
    torch.testing.assert_close(net(x), theirs(x))


def test_the_summary_is_the_readmes(ours: ModuleType) -> None:
    """The rows and totals of the example are those of the reference, but for the spaces."""
    shown = README.split("Layer (type)   Output Shape   Param #\n")[1].split("\n\n")[0]
    wanted = [" ".join(line.split()) for line in shown.strip().splitlines()]
    text = ours.summary(ours.SmallNet(), (3,), 6)
    assert [line for line in (" ".join(line.split()) for line in text.splitlines()) if line in wanted] == wanted
    assert len(wanted) == 6


def test_the_rate_of_false_alarms_is_the_one_stated() -> None:
    """Ten tests of a draw, each false with at most 2 exp(-18), so one correct hand-in in three million."""
    sources = [path.read_text(encoding="utf-8") for path in HIDDEN.glob("*.py")]
    calls = [ast.unparse(node.func) for text in sources for node in ast.walk(ast.parse(text))
             if isinstance(node, ast.Call)]  # fmt: skip
    # expect_started, which init_weights' heirs are judged by, calls expect_normal once for each of two checks.
    tests = sum(calls.count(name) for name in ("expect_normal", "expect_uniform", "expect_share"))
    tests += calls.count("expect_started") - 1
    distance = load(HIDDEN / "draws.py").DISTANCE
    rate = 2 * math.exp(-2 * distance**2)
    assert tests == 10
    assert f"{rate:.0e}" == "3e-08"
    assert 2.5e6 < 1 / (tests * rate) < 3.5e6
    assert "There are ten tests of this kind" in PROSE
    assert "2 · e⁻¹⁸ = 3 · 10⁻⁸" in PROSE


# --- what is commonly written, and why it is false ----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (6, 3), (2, 6, 3), (2, 5, 6, 3)], ids=str)
def test_a_linear_layer_takes_any_number_of_axes(ours: ModuleType, shape: tuple[int, ...]) -> None:
    """E1: nn.Linear and MyLinear map the last axis; the axes before it stay."""
    for layer in (nn.Linear(3, 4), ours.MyLinear(3, 4)):
        assert layer(torch.zeros(shape)).shape == (*shape[:-1], 4)


def test_a_convolution_takes_a_single_image() -> None:
    """E1: nn.Conv2d accepts (C, H, W) as well as (N, C, H, W)."""
    conv = nn.Conv2d(1, 6, 5)
    assert conv(torch.zeros(1, 32, 32)).shape == (6, 28, 28)
    assert conv(torch.zeros(2, 1, 32, 32)).shape == (2, 6, 28, 28)


def test_apply_reaches_descendants_and_the_module_itself() -> None:
    """E12: Module.apply goes down to every depth and ends with the module; there is no nn.apply."""
    inner = nn.Sequential(nn.Linear(1, 1))
    net = nn.Sequential(inner, nn.ReLU())
    seen: list[nn.Module] = []
    net.apply(seen.append)
    assert seen == [inner[0], inner, net[1], net]
    assert not hasattr(nn, "apply")


def test_an_heir_of_linear_is_not_of_the_same_type() -> None:
    """E11: type(m) == nn.Linear misses what inherits from it."""

    class Wide(nn.Linear):
        """An heir."""

    layer = Wide(2, 3)
    assert isinstance(layer, nn.Linear)
    assert type(layer) is not nn.Linear


def test_stateless_modules_may_be_made_anywhere() -> None:
    """E17: nn.Sigmoid() has neither parameters nor buffers, and computes what torch.sigmoid does."""
    made = nn.Sigmoid()
    assert list(made.state_dict()) == list(made.parameters()) == []
    x = torch.linspace(-3, 3, 7)
    torch.testing.assert_close(made(x), torch.sigmoid(x))


def test_a_layer_made_later_is_not_trained() -> None:
    """E17: an optimiser trains the parameters that it was given, no matter what the module gets afterwards."""
    net = nn.Sequential(nn.Linear(2, 2))
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    net.append(nn.Linear(2, 2))
    trained = {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}
    assert [id(parameter) in trained for parameter in net.parameters()] == [True, True, False, False]


def test_what_is_assigned_goes_where_the_table_says() -> None:
    """Parameters, buffers and children are registered; tensors, lists and dicts are attributes and nothing more."""
    net = nn.Module()
    net.w = nn.Parameter(torch.zeros(1))
    net.register_buffer("m", torch.zeros(1))
    net.fc = nn.Linear(1, 1, bias=False)
    net.add_module("added", nn.Linear(1, 1, bias=False))
    net.layers = nn.ModuleList([nn.Linear(1, 1, bias=False)])
    net.t = torch.zeros(3)
    net.listed, net.mapped = [nn.Linear(1, 1)], {"a": nn.Linear(1, 1)}
    assert list(net.state_dict()) == ["w", "m", "fc.weight", "added.weight", "layers.0.weight"]
    assert [name for name, _ in net.named_parameters()] == ["w", "fc.weight", "added.weight", "layers.0.weight"]
    net.double()
    assert (net.m.dtype, net.t.dtype) == (torch.float64, torch.float32)


def test_forgetting_super_is_told_by_torch() -> None:
    """Assigning a layer before Module.__init__ has run is an exception."""

    class Forgetful(nn.Module):
        """Has no registers."""

        def __init__(self) -> None:
            self.fc = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"cannot assign module before Module\.__init__\(\) call"):
        Forgetful()


# --- the page and the stub ----------------------------------------------------------------------------------------


def test_points_and_checks_are_those_of_the_readme(course: Course) -> None:
    """What is judged is said with its numbers."""
    suites = [FOLDER / "test_public.py", *HIDDEN.glob("test_*.py")]
    checks = {path: len(re.findall(r"^def test_", path.read_text(encoding="utf-8"), re.MULTILINE)) for path in suites}
    points = load_exercise(course, "exercise3").points
    assert f"{points:g} points, {sum(checks.values())} checks. Six are public" in PROSE
    assert checks[FOLDER / "test_public.py"] == 6


def test_the_examples_in_the_stub_are_true(ours: ModuleType) -> None:
    """Every example in the stub's docstrings holds for the reference."""
    stub = load(FOLDER / "modules.py")
    examples = [test for test in doctest.DocTestFinder().find(stub, "modules") if test.examples]
    for test in examples:
        test.globs = vars(ours) | {"__name__": "modules"}
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, test.name
    assert len(examples) == 13


def test_what_is_forbidden_is_said_before(course: Course) -> None:
    """Each rule speaks of one class, and the top of the stub says what that class may not use."""
    rules = load_exercise(course, "exercise3").policy.forbid
    top = (FOLDER / "modules.py").read_text(encoding="utf-8").split('"""')[1]
    said = {"MyLinear": "nn.Linear", "RunningNorm": "batch normalisation", "Chain": "nn.Sequential"}
    assert {owner: word for rule in rules for owner, word in said.items() if rule.within == (owner,)} == said
    assert all(word in top for word in said.values())
    assert all(rule.sentence[0].islower() and rule.sentence.endswith(".") for rule in rules)


def test_each_hole_has_one_todo_with_its_size() -> None:
    """Every function and method that raises NotImplementedError says how long it is, and there is one TODO for each."""
    text = (FOLDER / "modules.py").read_text(encoding="utf-8")
    holes = re.findall(r"# TODO: (?:about \d+|1) lines?[.,].*\n +raise NotImplementedError\(\"[\w.]+\"\)", text)
    assert len(holes) == text.count("TODO") == text.count("raise NotImplementedError") == 20


def test_the_figure_is_what_the_script_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing it again gives the same shapes; the file itself may differ with the version of matplotlib."""
    pytest.importorskip("matplotlib")
    script = load(ROOT / "docs" / "figures" / "exercise3.py")
    committed = (FOLDER / "lenet.svg").read_text(encoding="utf-8")
    monkeypatch.setattr(script, "FIGURE", tmp_path / "lenet.svg")
    script.main()
    texts = [re.findall(r"<text[^>]*>([^<]+)</text>", text) for text in
             (committed, (tmp_path / "lenet.svg").read_text(encoding="utf-8"))]  # fmt: skip
    assert texts[0] == texts[1]
    assert {"1 × 32 × 32", "6 × 28 × 28", "6 × 14 × 14", "16 × 10 × 10", "16 × 5 × 5", "400", "84"} <= set(texts[0])
    assert "](lenet.svg)" in README


def test_a_hook_is_called_with_what_the_readme_says() -> None:
    """The README's example prints the class and the shape, and nothing once the hook is removed."""
    code = README.split("```python\ndef note")[1].split("```")[0]
    assert list(inspect.signature(nn.Module.register_forward_hook).parameters)[:2] == ["self", "hook"]
    printed: list[str] = []
    net = nn.Module()
    net.fc1 = nn.Linear(3, 4)
    net.forward = lambda x: net.fc1(x)
    names = {"net": net, "x": torch.zeros(6, 3), "print": lambda *said: printed.append(" ".join(map(str, said)))}
    exec(compile("def note" + code, "README.md", "exec"), names)
    net(torch.zeros(6, 3))
    assert printed == ["Linear (6, 4)"]
