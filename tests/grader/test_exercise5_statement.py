"""What exercise 5 tells a student is true: the README's numbers recomputed, its programs and stub's examples run."""

from __future__ import annotations

import ast
import doctest
import inspect
import math
import os
import re
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from grader.course import Course, load_exercise
from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise5_gpu_training"
REFERENCE = ROOT / "solutions" / "exercise5_gpu_training" / "training.py"
HIDDEN = ROOT / "tests" / "hidden" / "exercise5_gpu_training"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
PROSE = " ".join(README.split())  # without the ends of lines
D = torch.float64

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def ours() -> ModuleType:
    """The reference, in this process."""
    return load(REFERENCE)


def of(*values: object) -> Tensor:
    """Return a tensor of these values, in float64."""
    return torch.tensor(values, dtype=D)


def written(value: Tensor | float, decimals: int = 4) -> str:
    """Return a number as the README writes it."""
    return f"{float(torch.as_tensor(value).detach()):.{decimals}f}".replace("-", "−")


def seeded(seed: int) -> torch.Generator:
    """Return a generator of its own."""
    return torch.Generator().manual_seed(seed)


def line_through_zero(weight: float, bias: bool = False) -> nn.Linear:
    """Return y = w x, or y = w x + 0, with this weight, in float64."""
    model = nn.Linear(1, 1, bias=bias, dtype=D)
    nn.init.constant_(model.weight, weight)
    if bias:
        nn.init.zeros_(model.bias)
    return model


def program(after: str) -> str:
    """Return the first program of the README behind these words."""
    return README.split(after, 1)[1].split("```python\n", 1)[1].split("```", 1)[0]


# --- batches, means, data ---------------------------------------------------------------------------------------------


def test_an_epoch_of_100_rows_has_four_batches(ours: ModuleType) -> None:
    """32, 32, 32 and 4 rows: 4 iterations an epoch, 8 in two."""
    sizes = [len(t) for _, t in ours.make_loader(torch.zeros(100, 784), torch.zeros(100), 32)]
    assert f"batches of {', '.join(map(str, sizes[:3]))} and {sizes[3]} rows" in PROSE
    assert f"1 epoch = {len(sizes)} iterations 2 epochs = {2 * len(sizes)} iterations" in PROSE


def test_the_mean_over_examples_is_not_the_mean_of_batch_means(ours: ModuleType) -> None:
    """1.04, not 1.25 and not 2: evaluated on batches whose mean losses are 1, 1, 1 and 2."""
    batches = [(of(*[[1.0]] * rows), of(*[[loss]] * rows)) for rows, loss in ((32, 1), (32, 1), (32, 1), (4, 2))]
    loss, _ = ours.evaluate(nn.Identity(), batches, lambda _, t: t.mean(), "cpu")
    assert f"⁄ 100 = {loss:.2f} and not (1 + 1 + 1 + 2) ⁄ 4 = {5 / 4:.2f}, and not 2" in PROSE
    assert "counts eight times as much" in PROSE
    assert (1 / 4 / 4) / (1 / 4 / 32) == 8


def test_what_a_last_batch_of_96_rows_weighs() -> None:
    """235 batches; 0.16 % of the rows, 0.43 % of the mean of batch means. And 12,500 batches print six times."""
    batches, last = math.ceil(60_000 / 256), 60_000 % 256
    assert f"there are {batches} batches, the last one with {last} rows" in PROSE
    assert f"it is {100 * last / 60_000:.2f} % of the data, and 1 ⁄ {batches} = {100 / batches:.2f} %" in PROSE
    assert divmod(12_500, 2000) == (6, 500)
    assert "Of 12,500 batches that prints six times and never the last 500" in PROSE


def test_targets_in_a_row_cost_a_perfect_model_twice_their_variance(ours: ModuleType) -> None:
    """15.56 and 31, of the population; torch warns and goes on."""
    assert f"2² + 3.4² = {2**2 + 3.4**2:.2f}" in PROSE
    assert f"mean squared error {2 * (2**2 + 3.4**2):.0f}." in PROSE
    _, t = ours.linear_data(of(2, -3.4), 4.2, 2000, seeded(0), noise=0.0)
    with pytest.warns(UserWarning, match="broadcasting"):
        loss = nn.MSELoss()(t, t[:, 0])
    assert float(loss) == pytest.approx(2 * 15.56, rel=0.05)


def test_standardise_and_folds_are_right_by_hand(ours: ModuleType) -> None:
    """(1, 3) becomes (-1, 1), 5 becomes 3, a single row by itself 0; 10 rows in 3 folds hold out 4, 3 and 3."""
    train, other = ours.standardise(of([1], [3]), of([5]))
    assert (train.flatten().tolist(), other.tolist()) == ([-1.0, 1.0], [[3.0]])
    assert ours.standardise(of([7]))[0].tolist() == [[0.0]]
    sizes = [len(held) for _, held in ours.k_folds(10, 3, seeded(0))]
    assert f"10 rows in 3 folds hold out {sizes[0]}, {sizes[1]} and {sizes[2]} rows" in PROSE


# --- one step and one epoch -------------------------------------------------------------------------------------------


def test_a_step_by_hand_and_what_becomes_of_it_without_zero_grad(ours: ModuleType) -> None:
    """From 1 to 3 in one step, and there it stays; with old gradients w swings through 3, 5, 5, 3, 1, 1."""
    x, t, loss_fn = of([1]), of([3]), nn.MSELoss()
    model = line_through_zero(1.0)
    sgd = torch.optim.SGD(model.parameters(), lr=0.5)
    assert [float(ours.train_step(model, x, t, loss_fn, sgd, "cpu")) for _ in range(3)] == [4.0, 0.0, 0.0]
    assert model.weight.item() == 3.0
    model, weights = line_through_zero(1.0), []
    sgd = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(8):
        loss_fn(model(x), t).backward()
        sgd.step()
        weights.append(f"{model.weight.item():g}")
    assert f"w swings for ever: {', '.join(weights)}, …" in PROSE


def test_a_step_of_a_classifier_by_hand(ours: ModuleType) -> None:
    """004-06: cross-entropy, SGD with lr 0.01, one row with label 1."""
    model = nn.Linear(1, 2, bias=False, dtype=D)
    nn.init.zeros_(model.weight)
    x, t, loss_fn = of([1]), torch.tensor([1]), nn.CrossEntropyLoss()
    before = ours.train_step(model, x, t, loss_fn, torch.optim.SGD(model.parameters(), lr=0.01), "cpu")
    assert f"loss ln 2 = {written(before)}" in PROSE
    torch.testing.assert_close(model.weight.detach(), of([-0.005], [0.005]))
    assert f"(−0.005, 0.005), and the loss of this row {written(loss_fn(model(x), t))}" in PROSE


def test_every_optimiser_that_is_named_fits_the_loop(ours: ModuleType) -> None:
    """The same train_step makes a step with each of them, and plain SGD is p -= lr * p.grad."""
    named = re.findall(r"`(SGD|Adagrad|RMSprop|Adam)`", PROSE)
    assert set(named) == {"SGD", "Adagrad", "RMSprop", "Adam"}
    for make in (
        *(getattr(torch.optim, name) for name in named),
        lambda p: torch.optim.SGD(p, 0.1, 0.9, nesterov=True),
    ):
        model = line_through_zero(1.0)
        ours.train_step(model, of([1]), of([3]), nn.MSELoss(), make(model.parameters()), "cpu")
        assert 1.0 < model.weight.item() <= 3.0


BATCHES = [(of([1], [1]), torch.tensor([0, 0])), (of([2]), torch.tensor([1]))]


def two_weights(ours: ModuleType, accumulate: int) -> tuple[float, float, float]:
    """Train the logits w x and -w x for an epoch from w = 1/2; return mean loss, accuracy and w."""
    model = nn.Linear(1, 2, bias=False, dtype=D)
    model.load_state_dict({"weight": of([0.5], [-0.5])})
    sgd = torch.optim.SGD(model.parameters(), lr=1.0)
    loss, accuracy = ours.train_epoch(model, BATCHES, nn.CrossEntropyLoss(), sgd, "cpu", accumulate)
    w, minus_w = model.weight.flatten().tolist()
    assert w == pytest.approx(-minus_w)
    return loss, accuracy, w


def test_the_epoch_by_hand_is_right(ours: ModuleType) -> None:
    """Both rows of the table by sigmoids, then loss, accuracy and weight of the reference; and as one step."""
    table = README.split("## 4. One epoch")[1].split("### Accumulating")[0]
    w = of(0.5)[0]
    for x, label in ((1, 0), (2, 1)):
        p = torch.sigmoid(2 * w * x)
        loss, slope = (-p.log(), x * (p - 1)) if label == 0 else (-(1 - p).log(), x * p)
        cells = {written(p), written(loss), written(slope), written(w - slope)}
        assert cells <= set(re.findall(r"−?[\d.]+", table.splitlines()[-6 + x]))
        w = w - slope
    loss, accuracy, end = two_weights(ours, accumulate=1)
    assert f"+ 3.1209) ⁄ 3 = {written(loss)} accuracy = 2 ⁄ 3" in PROSE
    assert (accuracy, written(end)) == (pytest.approx(2 / 3), written(w))
    at_once = two_weights(ours, accumulate=2)[2]
    assert f"(2 · (−0.2689) + 1 · 1.7616) ⁄ 3 = {written(0.5 - at_once)}, so w becomes {written(at_once)}" in PROSE


def one_epoch(ours: ModuleType, model: nn.Module, rows: list[Tensor], loss_fn: Any, **options: Any) -> nn.Module:
    """Train with SGD and lr 1 on batches of these rows; targets play no part."""
    batches = [(x, torch.zeros(len(x), dtype=torch.int64)) for x in rows]
    ours.train_epoch(model, batches, loss_fn, torch.optim.SGD(model.parameters(), lr=1.0), "cpu", **options)
    return model


def test_accumulated_slopes_are_right_by_hand(ours: ModuleType) -> None:
    """Two rows with the slope 3 and one with 6: 4, not 9 and not 4.5."""
    rows = [of([3], [3]), of([6])]
    model = one_epoch(ours, line_through_zero(0.0), rows, lambda scores, _: scores.mean(), accumulate=2)
    assert model.weight.item() == pytest.approx(-4, abs=1e-12)
    assert "(2 · 3 + 1 · 6) ⁄ 3 = 4. Not 9, and not 4.5." in PROSE


def test_clipping_is_right_by_hand(ours: ModuleType) -> None:
    """Gradients 3 and 4 become 0.6 and 0.8; entry by entry, or each by itself, they would become 1 and 1."""
    loss_fn: Any = lambda scores, _: 4 * scores.mean()  # noqa: E731
    model = one_epoch(ours, line_through_zero(0.0, bias=True), [of([0.75])], loss_fn, max_norm=1.0)
    stepped = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    torch.testing.assert_close(stepped, of(-0.6, -0.8), rtol=1e-5, atol=0)  # torch adds 1e-6 to the norm
    for clip in (
        lambda p: nn.utils.clip_grad_value_(p, 1.0),
        lambda p: [nn.utils.clip_grad_norm_([q], 1.0) for q in p],
    ):
        model = line_through_zero(0.0, bias=True)
        loss_fn(model(of([0.75])), None).backward()
        clip(list(model.parameters()))
        torch.testing.assert_close(model.weight.grad.flatten(), of(1.0), rtol=1e-5, atol=0)
        torch.testing.assert_close(model.bias.grad, of(1.0), rtol=1e-5, atol=0)
    assert "they become 0.6 and 0.8." in PROSE


# --- many epochs ----------------------------------------------------------------------------------------------------


def test_the_schedule_is_right_by_hand(ours: ModuleType) -> None:
    """The seven numbers, the peak twice; LambdaLR begins at once; per batch, a plan of 20 epochs is over after 20."""
    values = [f"{ours.warmup_cosine(epoch, 2, 6):.3f}".rstrip("0").rstrip(".") for epoch in range(7)]
    assert f"warmup = 2, epochs = 6: ½, {', '.join(values[1:])}." in PROSE
    assert (values[0], values[1:3]) == ("0.5", ["1", "1"])
    sgd = torch.optim.SGD(line_through_zero(1.0).parameters(), lr=0.2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(sgd, lambda epoch: ours.warmup_cosine(epoch, 5, 20))
    assert sgd.param_groups[0]["lr"] == pytest.approx(0.2 / 5)
    for _ in range(20):
        sgd.step()
        scheduler.step()
    assert sgd.param_groups[0]["lr"] == 0.0


def test_the_table_of_early_stopping_is_right(ours: ModuleType) -> None:
    """Four epochs with patience 2, row by row; the weights of epoch 2 go back."""
    table = README.split("### EarlyStopping")[1].split("\n\n")[2].splitlines()[2:]
    stopping, model, waited = ours.EarlyStopping(2), line_through_zero(0.0), 0
    for epoch, line in enumerate(table, start=1):
        number, loss, better, in_a_row, returns = (cell.strip() for cell in line.strip("|").split("|"))
        nn.init.constant_(model.weight, epoch)
        waited = 0 if float(loss) < stopping.best_loss else waited + 1
        assert (number, better, in_a_row) == (str(epoch), "no" if waited else "yes", str(waited))
        assert returns.startswith(str(stopping.update(float(loss), model)))
    stopping.restore(model)
    assert (len(table), model.weight.item()) == (4, 2.0)
    assert returns == "True: the weights of epoch 2 go back"
    stopping.update(math.nan, model)
    assert stopping.best_loss == 0.3


# --- checkpoints ------------------------------------------------------------------------------------------------------


def test_lost_momentum_by_hand() -> None:
    """With the gradient 1 the steps are 1, 1.9, 2.71; a new optimiser begins with 1 again."""
    model, steps = line_through_zero(0.0), []
    sgd = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
    for lost in (False, False, False, True):
        if lost:
            sgd = torch.optim.SGD(model.parameters(), lr=1.0, momentum=0.9)
        before = model.weight.item()
        model.weight.grad = of([1])
        sgd.step()
        steps.append(f"{before - model.weight.item():.3g}")
    assert f"v ← 0.9 v + g is {', '.join(steps[:3])}." in PROSE
    assert f"the third goes {steps[3]} instead of {steps[2]}" in PROSE


def test_the_program_that_resumes_ends_where_an_uninterrupted_one_does(ours: ModuleType, tmp_path: Path) -> None:
    """The README's loop for two epochs, then for four with everything made anew, against four at once."""
    code = compile(program("## 7. Stop today"), "README.md", "exec")
    x, t = torch.randn(30, 3, generator=seeded(0)), torch.randint(2, (30,), generator=seeded(1))

    def run(path: Path, epochs: int, seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
        adam = torch.optim.Adam(model.parameters(), lr=0.1)
        names = vars(ours) | {
            "os": os, "path": str(path), "epochs": epochs, "model": model, "optimizer": adam,
            "scheduler": torch.optim.lr_scheduler.StepLR(adam, 2, 0.1), "loss_fn": nn.CrossEntropyLoss(),
            "loader": ours.make_loader(x, t, 8, shuffle=True), "device": "cpu",
        }  # fmt: skip
        exec(code, names)
        return list(model.state_dict().values())

    run(tmp_path / "interrupted.pt", 2, seed=5)
    resumed, at_once = run(tmp_path / "interrupted.pt", 4, seed=6), run(tmp_path / "at_once.pt", 4, seed=5)
    assert all(torch.equal(mine, wanted) for mine, wanted in zip(resumed, at_once, strict=True))


# --- all together -----------------------------------------------------------------------------------------------------


def test_the_table_of_fit_line_is_right(ours: ModuleType) -> None:
    """w, b and the error after 1, 2 and 3 epochs, and how much of the way is left after 100 steps."""
    x, t = ours.linear_data(of(2, -3.4), 4.2, 1000, seeded(0))
    for epochs in (1, 2, 3):
        model = ours.fit_line(x, t, "cpu", seeded(0), epochs=epochs)
        w, error = ", ".join(map(written, model.weight[0])), nn.MSELoss()(model(x), t)
        cells = (str(epochs), f"({w})", written(model.bias), written(error, 6))
        assert f"| {' | '.join(cells)} |" in re.sub(r" +", " ", README)
    assert f"1 − 2 lr = {1 - 2 * 0.03:.2f}: after one epoch 0.94¹⁰⁰ = {0.94**100:.3f}" in PROSE
    assert f"{len(ours.make_loader(x, t, 10))} steps an epoch, 300 in the three epochs" in PROSE


def test_the_program_that_tries_train_digits_runs(ours: ModuleType) -> None:
    """The shapes are those of the data, and the reference recognises most digits."""
    printed: list[Any] = []
    names = vars(ours) | {"print": lambda *said: printed.extend(said)}
    torch.manual_seed(0)
    exec(compile(program("`train_digits` is yours"), "README.md", "exec"), names)
    history, accuracy = printed
    assert {"lr", "loss", "accuracy", "val_loss", "val_accuracy"} == set(history)
    assert accuracy > 0.9
    assert "split.train.x (1437, 8, 8) from 0 to 1" in PROSE
    assert names["split"].train.x.shape == (1437, 8, 8)
    assert (names["split"].train.x.min(), names["split"].train.x.max()) == (0.0, 1.0)


# --- stub and points ------------------------------------------------------------------------------------------------


def test_the_examples_in_the_stub_are_true(ours: ModuleType) -> None:
    """Every example in the stub's docstrings holds for the reference."""
    stub = load(FOLDER / "training.py")
    examples = [test for test in doctest.DocTestFinder().find(stub, "training") if test.examples]
    for test in examples:
        test.globs = vars(ours) | {"__name__": "training"}
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0, test.name
    without = {"fit", "save_checkpoint", "fit_line", "train_digits", "mixed_step"}
    public = {name for name, value in vars(stub).items() if getattr(value, "__module__", "") == stub.__name__}
    assert {test.name.split(".")[1] for test in examples} == public - without


def test_stub_and_reference_take_the_same_arguments(ours: ModuleType) -> None:
    """Names, order, defaults and annotations of every function and method."""
    stub = load(FOLDER / "training.py", "stub_of_exercise5")
    for name, value in vars(stub).items():
        if inspect.isfunction(value):
            assert inspect.signature(value) == inspect.signature(getattr(ours, name)), name
        elif inspect.isclass(value) and value.__module__ == stub.__name__:
            for method in ("__init__", "update", "restore"):
                assert inspect.signature(getattr(value, method)) == inspect.signature(
                    getattr(ours.EarlyStopping, method)
                )


def test_each_hole_has_one_todo_with_its_size() -> None:
    """Every function and method that raises NotImplementedError says how long it is, and there is one TODO for each."""
    text = (FOLDER / "training.py").read_text(encoding="utf-8")
    holes = re.findall(r"# TODO: about \d+ lines?[.:,].*\n +raise NotImplementedError\(\"[\w.]+\"\)", text)
    assert len(holes) == text.count("TODO") == text.count("raise NotImplementedError(")


def checks_in(path: Path) -> int:
    """Return how many checks a suite file has: a function counts once for each of its parameters."""
    count = 0
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
            lists = [mark.args[1] for mark in marks if ast.unparse(mark.func) == "pytest.mark.parametrize"]
            count += math.prod(len(values.elts) for values in lists if isinstance(values, ast.List | ast.Tuple))
    return count


def test_points_and_checks_are_those_of_the_readme(course: Course) -> None:
    """What is judged is said with its numbers."""
    exercise = load_exercise(course, "exercise5")
    public, hidden = checks_in(exercise.public_suite), sum(map(checks_in, exercise.hidden_folder.glob("test_*.py")))
    words = {4: "Four", 5: "Five", 6: "Six", 7: "Seven", 8: "Eight", 9: "Nine"}
    assert f"{exercise.points:g} points, {public + hidden} checks. {words[public]} are public" in PROSE


def test_the_band_of_the_accuracy_is_the_measured_one() -> None:
    """Mean and threshold of every device, to a hundredth; the attempts; how seldom a right solution fails."""
    bands = tomllib.loads((HIDDEN / "calibration.toml").read_text(encoding="utf-8"))["band"]
    for band in bands:
        assert f"It recognises about {100 * band['mean']:.0f} %" in PROSE
        assert f"whichever is lower: about {100 * band['threshold']:.0f} %." in PROSE
        assert band["attempts"] == 4
        assert band["false_fail"] < 1e-4
    assert "You have four attempts, and one is enough" in PROSE
    assert bands
