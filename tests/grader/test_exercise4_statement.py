"""What exercise 4 tells a student is true: the README's numbers recomputed, the stub's examples run.

The torch functions named here are those of the source texts: each false statement is shown to be false with them.
"""

from __future__ import annotations

import doctest
import math
import re
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from grader.course import Course, load_exercise
from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise4_losses"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
D = torch.float64


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    """The reference, in this process."""
    return load(ROOT / "solutions" / "exercise4_losses" / "losses.py")


def of(*values: object) -> Tensor:
    """Return a tensor of these values, in float64."""
    return torch.tensor(values, dtype=D)


def written(value: Tensor | float, decimals: int = 4) -> str:
    """Return a number as the README writes it."""
    return f"{float(value):.{decimals}f}".replace("-", "−")


def slope(fn: nn.Module | object, x: Tensor) -> Tensor:
    """Return what autograd says of a function's slope at x."""
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(fn(leaf).sum(), leaf)  # type: ignore[operator]
    return gradient


# --- the examples by hand ------------------------------------------------------------------------------------------


def test_broadcasting_costs_twice_the_variance(ours: ModuleType) -> None:
    """A column of perfect predictions against a row of targets costs 4/3, and the guard refuses the pair."""
    column, row = of((1,), (2,), (3,)), of(1, 2, 3)
    assert float(((column - row) ** 2).mean()) == pytest.approx(4 / 3)
    assert float(row.var(unbiased=False)) == pytest.approx(2 / 3)
    drawn = torch.randn(50, generator=torch.Generator().manual_seed(3), dtype=D)
    torch.testing.assert_close(((drawn[:, None] - drawn) ** 2).mean(), 2 * drawn.var(unbiased=False))
    with pytest.raises(ValueError, match=r"\(3, 1\)"):
        ours.mse(column, row)


def test_the_distances_of_the_example_are_right(ours: ModuleType) -> None:
    """mae, mse and both smooth_l1 of the four errors."""
    prediction, target = of(3, -1, 2, 0), of(1, -1, 2.5, 4)
    assert f"mae = 6.5 ⁄ 4 = {written(ours.mae(prediction, target), 3)}" in README
    assert f"(4 + 0 + 0.25 + 16) ⁄ 4 = {written(ours.mse(prediction, target))}" in README
    assert f"smooth_l1 = 5.125 ⁄ 4 = {written(ours.smooth_l1(prediction, target), 5)}" in README
    assert f"smooth_l1 = 4.0625 ⁄ 4 = {written(ours.smooth_l1(prediction, target, 2.0), 6)}" in README


def test_the_probabilities_of_the_example_are_right(ours: ModuleType) -> None:
    """lse, p and log p of (0, ln 3), and what 10 000 more does to them."""
    logits = of(0.0, math.log(3))
    assert f"lse = ln 4 = {written(ours.log_sum_exp(logits))}" in README
    assert f"log p = ({', '.join(map(written, ours.log_softmax(logits)))})" in README
    torch.testing.assert_close(ours.softmax(logits), of(0.25, 0.75))
    assert written(ours.log_sum_exp(logits + 10_000)).replace("10001", "10 001") in README


def test_the_cross_entropies_of_the_example_are_right(ours: ModuleType) -> None:
    """Plain and its slopes, weighted, smoothed, ignored; and the weighted mean if it divided by the rows."""
    logits, labels, weight = of((0, math.log(3)), (0, 0)), torch.tensor([0, 1]), of(1, 10)
    assert f"mean = 1.5 ln 2 = {written(ours.cross_entropy(logits, labels))}" in README
    rows = [", ".join(f"{x:g}".replace("-", "−") for x in row)
            for row in slope(lambda z: ours.cross_entropy(z, labels), logits).round(decimals=12).tolist()]  # fmt: skip
    assert f"slopes (p − y) ⁄ 2: ({rows[0]}) and ({rows[1]})" in README
    total = ours.cross_entropy(logits, labels, weight, reduction="sum")
    assert f"sum = 12 ln 2 = {written(total)}" in README
    weighted = ours.cross_entropy(logits, labels, weight)
    assert f"mean = 12 ln 2 ⁄ 11 = {written(weighted)}, not 12 ln 2 ⁄ 2 = {written(total / 2)}" in README
    assert re.search(rf"ε = 0\.2:.*mean = {written(ours.cross_entropy(logits, labels, label_smoothing=0.2))}\n", README)
    ignored = ours.cross_entropy(logits, torch.tensor([0, -100]))
    assert re.search(rf"labels \(0, −100\):\s+mean = ln 4 = {written(ignored)}\n", README)


def test_an_undecided_network_pays_the_log_of_the_classes(ours: ModuleType) -> None:
    """0.6931 for 2 classes, 2.3026 for 10."""
    for classes in (2, 10):
        loss = ours.cross_entropy(torch.zeros(1, classes, dtype=D), torch.tensor([1]))
        assert f"{written(loss)} for {classes}" in README


def test_the_binary_losses_of_the_example_are_right(ours: ModuleType) -> None:
    """0.2877 each, also from logits, and twice that with pos_weight."""
    targets, logits = of(1, 0), of(math.log(3), -math.log(3))
    loss = ours.binary_cross_entropy(of(0.75, 0.25), targets)
    torch.testing.assert_close(ours.binary_cross_entropy_with_logits(logits, targets), loss)
    weighted = ours.binary_cross_entropy_with_logits(logits, targets, of(3, 1))
    assert f"−ln ¾ = {written(loss)}" in README
    assert f"2 · {written(loss)} = {written(weighted)}" in README


def test_kl_of_the_example_is_right(ours: ModuleType) -> None:
    """In both directions."""
    q, p = of((0.5, 0.5)), of((0.25, 0.75))
    assert f"KL(q ‖ p) = ½ ln(4 ⁄ 3) = {written(ours.kl_divergence(p.log(), q))}" in README
    assert f"KL(p ‖ q) = ¾ ln 3 − ln 2 = {written(ours.kl_divergence(q.log(), p))}" in README


@pytest.mark.parametrize("p", [0.9, 0.6, 0.5, 0.1])
def test_the_table_of_focal_loss_is_right(ours: ModuleType, p: float) -> None:
    """Cross-entropy, factor and focal loss of each row; p = 0.5 is cut to a quarter."""
    logits, label = of((math.log(p), math.log(1 - p))), torch.tensor([0])
    plain, focal = ours.focal_loss(logits, label, 0.0), ours.focal_loss(logits, label)
    cells = (f"{p}", written(plain), f"{(1 - p) ** 2:.2f}", written(focal))
    assert re.search(r"\| " + r"\s*\| ".join(map(re.escape, cells)) + r"\s*\|", README)


def test_mse_behind_a_sigmoid_learns_nothing_from_a_sure_mistake(ours: ModuleType) -> None:
    """At z = -6 with target 1: p = 0.0025, slopes -0.9975 and -0.0049."""
    z, one = of(-6.0), of(1.0)
    assert f"p = {written(torch.sigmoid(z))}" in README
    steep = slope(lambda z: ours.binary_cross_entropy_with_logits(z, one), z)
    flat = slope(lambda z: ours.mse(torch.sigmoid(z), one), z)
    assert re.search(rf"the slope\s+{written(steep)}, the squared error {written(flat)}", README)


def test_smooth_l1_lies_between_its_limits(ours: ModuleType) -> None:
    """Towards 0 it is MAE, with a large beta MSE / (2 beta), and Huber's loss is beta times it."""
    r, zero = of(-3, -0.2, 0.5, 2), torch.zeros(4, dtype=D)
    torch.testing.assert_close(ours.smooth_l1(r, zero, 1e-12), ours.mae(r, zero))
    torch.testing.assert_close(ours.smooth_l1(r, zero, 10.0), ours.mse(r, zero) / 20)
    torch.testing.assert_close(functional.huber_loss(r, zero, delta=0.7), 0.7 * ours.smooth_l1(r, zero, 0.7))


# --- floats -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "limit", "gap", "sure"),
                         [(D, 709.78, 746.0, 37.0), (torch.float32, 88.72, 104.0, 17.0)])  # fmt: skip
def test_exp_and_sigmoid_end_where_the_readme_says(dtype: torch.dtype, limit: float, gap: float, sure: float) -> None:
    """exp overflows a hundredth above the limit, is 0 from the gap on; sigmoid is 1 from `sure` on, and not before."""
    assert README.count(written(limit, 2)) == 2  # where it is taught and where the false statement is
    above, below = torch.tensor([limit + 0.01, limit], dtype=dtype).exp()
    assert torch.isinf(above)
    assert torch.isfinite(below)
    nothing, something = torch.tensor([-gap, 1 - gap], dtype=dtype).exp()
    assert (float(nothing), float(something) > 0) == (0.0, True)
    assert torch.sigmoid(torch.tensor([sure, sure - 1], dtype=dtype)).eq(1).tolist() == [True, False]
    assert re.search(r"from a logit of 37 on \(17 in float32\)", README)
    assert "(In float32 a gap of 104 is enough.)" in README


def test_float32_loses_digits_of_large_logits(ours: ModuleType) -> None:
    """z - lse(z) of (5000, 4999) is off in the fourth digit; with the maximum subtracted first it is that of (1, 0)."""
    large, small = torch.tensor([5000.0, 4999.0]), torch.tensor([1.0, 0.0])
    p = (large - ours.log_sum_exp(large)).exp()
    assert f"gives p = ({', '.join(map(written, p))}), sum {written(p.sum())}" in README
    shifted = large - large.amax()
    p = (shifted - ours.log_sum_exp(shifted)).exp()
    torch.testing.assert_close(p, torch.softmax(small, dim=0), rtol=1e-6, atol=0)


def test_three_formulas_have_right_values_and_wrong_slopes() -> None:
    """The root of a square, a branch that overflows, and two corners that ought to cancel."""
    zero, large = of(0.0), of(1000.0)
    assert torch.isnan(slope(lambda r: (r**2).sqrt(), zero)).all()
    softplus = lambda z: torch.where(z > 0, z + torch.log1p((-z).exp()), torch.log1p(z.exp()))  # noqa: E731
    assert float(softplus(large)) == 1000.0
    assert torch.isnan(slope(softplus, large)).all()
    split = lambda z: z.clamp(min=0) + torch.log1p((-z.abs()).exp())  # noqa: E731
    torch.testing.assert_close(split(zero), of(math.log(2)))
    assert (float(slope(split, zero)), float(slope(softplus, zero))) == (1.0, 0.5)


def test_log_of_zero_is_minus_infinity() -> None:
    """No underflow: an infinity; and 0 times it is NaN, which xlogy avoids."""
    zero = torch.zeros(())
    assert float(zero.log()) == -math.inf
    assert math.isnan(float(zero * zero.log()))
    assert float(torch.xlogy(zero, zero)) == 0.0


# --- what the texts say and what is so ------------------------------------------------------------------------------


def test_bce_loss_takes_probabilities() -> None:
    """It refuses logits outside of 0 to 1, and of those inside it silently computes something else."""
    targets = of(1, 0)
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        nn.BCELoss()(of(2.0, -1.0), targets)
    inside = of(0.3, 0.8)
    silently_wrong, meant = nn.BCELoss()(inside, targets), nn.BCEWithLogitsLoss()(inside, targets)
    assert abs(float(silently_wrong - meant)) > 0.3


@pytest.mark.parametrize("classes", [3, 10])
def test_a_second_softmax_bounds_the_loss(classes: int) -> None:
    """The best and the worst that probabilities can do as logits; the bounds are those of the README."""
    certain = torch.eye(classes, dtype=D)[:1]
    best, worst = (functional.cross_entropy(certain, torch.tensor([label])) for label in (0, 1))
    numbers = rf"{written(best)}\s+(and no more than|to)\s+{written(worst)}"
    assert re.search(rf"{classes}\s+classes\s+(can then cost no less than\s+)?{numbers}", README)


def test_the_slope_of_mse_is_proportional_to_the_error() -> None:
    """10 times the error, 10 times the slope: nothing explodes. L1Loss has the slope 0 at 0, and sees errors only."""
    for r in (1.0, 10.0, 1000.0):
        assert float(slope(lambda y: nn.MSELoss()(y, of(0.0)), of(r))) == 2 * r
    assert float(slope(lambda y: nn.L1Loss()(y, of(5.0)), of(5.0))) == 0.0
    assert float(nn.L1Loss()(of(1e6), of(1e6))) == 0.0  # no parameter is penalised for being large


def test_cross_entropy_is_least_at_the_entropy_and_counts_nats(ours: ModuleType) -> None:
    """A smoothed target costs its own entropy at best; KL is 0 for equals and positive for others."""
    target = of((0.7, 0.2, 0.1))
    entropy = -(target * target.log()).sum()
    torch.testing.assert_close(functional.cross_entropy(target.log(), target), entropy)
    other = torch.softmax(of((0.3, -0.2, 0.1)), dim=1)
    assert float(functional.cross_entropy(other.log(), target)) > float(entropy) > 0
    assert float(ours.kl_divergence(target.log(), target)) == pytest.approx(0, abs=1e-15)
    assert float(ours.kl_divergence(other.log(), target)) > 0.1
    assert f"1 nat = {written(1 / math.log(2))} bits" in README


def test_a_loss_has_tensors_only_if_it_has_weights() -> None:
    """Without weight or pos_weight there is nothing that could be moved to a GPU."""
    for plain in (nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss(), nn.MSELoss(), nn.KLDivLoss()):
        assert plain.state_dict() == {}
    assert list(nn.CrossEntropyLoss(weight=of(1, 2)).state_dict()) == ["weight"]
    assert list(nn.BCEWithLogitsLoss(pos_weight=of(1, 2)).state_dict()) == ["pos_weight"]


def test_the_weighted_mean_of_torch_divides_by_the_weights() -> None:
    """Weights 1, 10, 100, 100, as for classes of such frequencies: nearly 40 times less than a mean over the rows."""
    draws = torch.Generator().manual_seed(1)
    logits, labels = torch.randn(40, 4, generator=draws, dtype=D), torch.randint(4, (40,), generator=draws)
    weight = of(1, 10, 100, 100)
    each = functional.cross_entropy(logits, labels, weight, reduction="none")
    torch.testing.assert_close(functional.cross_entropy(logits, labels, weight), each.sum() / weight[labels].sum())
    assert float(each.mean() / functional.cross_entropy(logits, labels, weight)) > 30


def test_mse_loss_has_no_root_and_the_sum_is_steeper() -> None:
    """Mean of the squares; the slope of their sum is as many times larger as there are entries."""
    y, t = torch.linspace(-1, 2, 12, dtype=D).reshape(3, 4), torch.zeros(3, 4, dtype=D)
    torch.testing.assert_close(nn.MSELoss()(y, t), (y**2).mean())
    of_sum, of_mean = slope(lambda y: (y**2).sum(), y), slope(lambda y: nn.MSELoss()(y, t), y)
    torch.testing.assert_close(of_sum, 12 * of_mean)


def test_kl_div_loss_wants_logs_and_its_mean_divides_by_the_classes(ours: ModuleType) -> None:
    """The default reduction warns of itself; "batchmean" is the divergence."""
    log_q, p = torch.log_softmax(of((1, 2, 0), (0, 1, 1)), dim=1), torch.softmax(of((0, 1, 3), (2, 0, 1)), dim=1)
    kl = ours.kl_divergence(log_q, p)
    torch.testing.assert_close(nn.KLDivLoss(reduction="batchmean")(log_q, p), kl)
    with pytest.warns(UserWarning, match="batchmean"):
        torch.testing.assert_close(nn.KLDivLoss()(log_q, p), kl / 3)
    assert float(nn.KLDivLoss(reduction="batchmean")(log_q.exp(), p)) < 0  # no divergence at all


def test_the_old_words_for_reductions_are_replaced() -> None:
    """size_average and reduce still work, and say what to write instead."""
    y, t = of(1, 2), of(0, 0)
    for old, new in (({"size_average": False}, "sum"), ({"reduce": False}, "none")):
        with pytest.warns(UserWarning, match=f"reduction='{new}'"):
            received = functional.mse_loss(y, t, **old)  # type: ignore[arg-type]
        torch.testing.assert_close(received, functional.mse_loss(y, t, reduction=new))


def test_the_losses_of_torch_are_those_of_the_table(ours: ModuleType) -> None:
    """Each function does what the class beside it does."""
    draws = torch.Generator().manual_seed(2)
    z, other = (torch.randn(5, 3, generator=draws, dtype=D) for _ in range(2))
    labels, p, t = torch.tensor([0, 2, 1, 1, 0]), torch.sigmoid(z), torch.sigmoid(other)
    log_q, target = torch.log_softmax(z, dim=-1), torch.softmax(other, dim=-1)
    pairs = {
        "mae": (nn.L1Loss(), (z, other)), "mse": (nn.MSELoss(), (z, other)),
        "smooth_l1": (nn.SmoothL1Loss(), (z, other)),
        "log_softmax": (nn.LogSoftmax(dim=-1), (z,)), "softmax": (nn.Softmax(dim=-1), (z,)),
        "nll": (nn.NLLLoss(), (log_q, labels)), "cross_entropy": (nn.CrossEntropyLoss(), (z, labels)),
        "binary_cross_entropy": (nn.BCELoss(), (p, t)),
        "binary_cross_entropy_with_logits": (nn.BCEWithLogitsLoss(), (z, t)),
        "kl_divergence": (nn.KLDivLoss(reduction="batchmean"), (log_q, target)),
    }  # fmt: skip
    table = README.split("## The same in torch")[1].split("\n## ")[0]
    for name, (loss, arguments) in pairs.items():
        torch.testing.assert_close(getattr(ours, name)(*arguments), loss(*arguments))
        row = next(line for line in table.splitlines() if f"`{name}`" in line)
        assert type(loss).__name__ in row


# --- stub and points ------------------------------------------------------------------------------------------


def test_the_examples_in_the_stub_are_true(ours: ModuleType) -> None:
    """Every function has an example in its docstring, and it holds for the reference."""
    stub = load(FOLDER / "losses.py")
    examples = [test for test in doctest.DocTestFinder().find(stub, "losses") if test.examples]
    for test in examples:
        test.globs = vars(ours) | {"__name__": "losses"}
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, test.name
    assert len(examples) == 16


def test_points_and_checks_are_those_of_the_readme(course: Course) -> None:
    """What is judged is said with its numbers."""
    exercise = load_exercise(course, "exercise4")
    suites = [exercise.public_suite, *sorted(exercise.hidden_folder.glob("test_*.py"))]
    checks = [re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE) for path in suites]
    assert f"{exercise.points:g} points, {sum(map(len, checks))} checks. Six are public" in README
    assert len(checks[0]) == 6


def test_every_false_statement_is_counted() -> None:
    """As many items as the heading says."""
    section = README.split("## Twelve things you may read elsewhere that are not so")[1].split("\n## ")[0]
    assert len(re.findall(r"^- \*\"", section, re.MULTILINE)) == 12
