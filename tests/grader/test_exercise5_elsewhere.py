"""What exercise 5 says of torch, of devices and of other texts is true.

What the source texts get wrong is shown to be wrong with torch's own functions, and what devices do on the simulated
one.
"""

from __future__ import annotations

import ast
import copy
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from grader.limits import Limits
from grader.sandbox import fence
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote
from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "solutions" / "exercise5_gpu_training" / "training.py"
README = (ROOT / "exercises" / "exercise5_gpu_training" / "README.md").read_text(encoding="utf-8")
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


def seeded(seed: int) -> torch.Generator:
    """Return a generator of its own."""
    return torch.Generator().manual_seed(seed)


def through_zero(weight: float) -> nn.Linear:
    """Return y = w x with this weight, in float64."""
    model = nn.Linear(1, 1, bias=False, dtype=D)
    nn.init.constant_(model.weight, weight)
    return model


# --- devices --------------------------------------------------------------------------------------------------------

ON_SIM = """
import copy, torch
from torch import nn

def facts():
    model = nn.Linear(2, 3)
    before = [id(parameter) for parameter in model.parameters()]
    x = torch.ones(4, 2)
    moved, model_moved = x.to("sim"), model.to("sim") is model
    kept = [id(parameter) for parameter in model.parameters()] == before
    momentum = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    nn.functional.cross_entropy(model(moved), torch.tensor([0, 1, 2, 0]).to("sim")).backward()
    momentum.step()
    state = copy.deepcopy(momentum.state_dict())
    for entry in state["state"].values():
        entry["momentum_buffer"] = entry["momentum_buffer"].cpu()
    momentum.load_state_dict(state)
    buffers = {momentum.state[parameter]["momentum_buffer"].device.type for parameter in model.parameters()}
    return {"x": x.device.type, "moved": moved.device.type, "again": moved.to("sim") is moved, "model": model_moved,
            "kept": kept, "number": (2.0 * moved).device.type, "buffers": sorted(buffers),
            "order": torch.randperm(3).device.type}

def said(what):
    model, x, t = nn.Linear(2, 3).to("sim"), torch.ones(4, 2), torch.tensor([0, 1, 2, 0])
    tries = {
        "rows": lambda: model(x), "targets": lambda: nn.functional.cross_entropy(model(x.to("sim")), t),
        "dropped": lambda: (x.to("sim"), model(x)), "numpy": lambda: model(x.to("sim")).detach().numpy(),
        "cuda": lambda: x.to("cuda"),
    }
    try:
        tries[what]()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing was raised"
"""


@pytest.fixture(scope="module")
def on_sim(zygote: Zygote) -> Iterator[Callable[..., Any]]:
    """A function that runs one of the functions above on the simulated accelerator."""
    spec = GuestSpec(fence.strongest_tier(), Limits(check_wall_s=120.0), (Source("student.py", ON_SIM),))
    with Session(zygote, spec) as session:
        session.open(0, device="sim")
        session.begin_check(3, math.inf, "sim")
        yield session.submission.call


def test_what_moves_to_a_device_is_what_the_table_says(on_sim: Callable[..., Any]) -> None:
    """`to` returns a tensor and leaves the old one, a model moves in place, an optimiser's state follows by itself."""
    assert on_sim("facts") == {
        "x": "cpu", "moved": "sim", "again": True, "model": True, "kept": True, "number": "sim", "buffers": ["sim"],
        "order": "cpu",
    }  # fmt: skip


@pytest.mark.parametrize(("what", "message"), [("rows", "Expected all tensors to be on the same device, but"),
                                               ("targets", "Expected all tensors to be on the same device, but"),
                                               ("dropped", "Expected all tensors to be on the same device, but"),
                                               ("numpy", "can't convert … device type tensor to numpy."),
                                               ("cuda", "")])  # fmt: skip
def test_what_raises_on_a_device_is_what_the_table_says(on_sim: Callable[..., Any], what: str, message: str) -> None:
    """The texts are torch's own; a dropped result of `to` looks like a batch that was never moved."""
    said = on_sim("said", what)
    kind = {"numpy": "TypeError", "cuda": "AssertionError"}.get(what, "RuntimeError")
    begin, _, end = message.partition(" … ")
    assert said.startswith(f"{kind}: {begin}")
    assert end in said
    assert f"`{kind}: {message} …`" in PROSE or ("CUDA" in said and f"`{kind}` or `RuntimeError`" in PROSE)


# --- what the texts say and what is so ------------------------------------------------------------------------------


def test_the_loss_of_the_last_batch_knows_nothing_of_the_others(ours: ModuleType) -> None:
    """E9: with other targets in the first 96 rows it stays the same, while the mean of the epoch does not."""
    x, t = torch.randn(100, 3, generator=seeded(0)), torch.randint(3, (100,), generator=seeded(1))
    other = torch.cat([(t[:96] + 1) % 3, t[96:]])
    printed, means = [], []
    for targets in (t, other):
        loader = ours.make_loader(x, targets, 32)
        for rows, labels in loader:
            loss = nn.functional.cross_entropy(rows, labels)
        printed.append(loss.item())
        means.append(ours.evaluate(nn.Identity(), loader, nn.functional.cross_entropy, "cpu")[0])
    assert printed[0] == printed[1]
    assert abs(means[0] - means[1]) > 0.01


def test_without_shuffling_the_last_batch_is_the_same_rows_for_ever(ours: ModuleType) -> None:
    """E9 and E10: whoever forgets `shuffle` always prints the loss of the same four rows; shuffled, they differ."""
    rows = torch.arange(100)
    for shuffle, different in ((False, 1), (True, 3)):
        loader = ours.make_loader(rows, rows, 32, shuffle, seeded(0))
        last = {tuple(list(loader)[-1][1].tolist()) for _ in range(3)}
        assert len(last) == different


def test_numpy_warns_of_a_tensor_in_dot() -> None:
    """E14: np.dot(X, w) computes with a deprecation warning; converted explicitly, it is silent."""
    x, w = np.ones((3, 2)), torch.tensor([2, -3.4])
    with pytest.warns(DeprecationWarning, match="__array__"):
        mixed = np.dot(x, w)
    np.testing.assert_allclose(mixed, x @ w.numpy())


def test_only_pick_device_knows_of_cuda_and_no_name_hides_a_builtin() -> None:
    """E11: the reference says "cuda" in one place, and none of its functions is called as one of Python's own."""
    text = REFERENCE.read_text(encoding="utf-8")
    said = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant) and node.value == "cuda"]
    (pick,) = (node for node in ast.parse(text).body if getattr(node, "name", "") == "pick_device")
    assert [pick.lineno <= node.lineno <= (pick.end_lineno or 0) for node in said] == [True]
    names = re.findall(r"^def (\w+)|^class (\w+)", text, re.MULTILINE)
    assert {name for pair in names for name in pair if name} & set(dir(__builtins__)) == set()


def test_a_loss_has_tensors_only_if_it_has_weights() -> None:
    """E13: of the others there is nothing to move."""
    for plain in (nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()):
        assert plain.state_dict() == {}
    assert list(nn.CrossEntropyLoss(weight=of(1, 2)).state_dict()) == ["weight"]


def test_eval_and_no_grad_do_different_things() -> None:
    """E20: after eval() gradients are recorded; under no_grad dropout drops and normalisation remembers."""
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))
    x = torch.randn(50, 2, generator=seeded(0))
    with torch.no_grad():
        scores = net(x)
    assert not scores.requires_grad
    assert (scores == 0).any()
    assert net[0].num_batches_tracked == 1
    scores = net.eval()(x)
    assert scores.requires_grad
    assert not (scores == 0).any()
    assert net[0].num_batches_tracked == 1


def test_backward_computes_and_a_step_applies() -> None:
    """E20: backward leaves the weights alone, a step leaves the gradients alone."""
    model = through_zero(1.0)
    sgd = torch.optim.SGD(model.parameters(), lr=0.5)
    sgd.step()
    assert (model.weight.item(), model.weight.grad) == (1.0, None)
    nn.MSELoss()(model(of([1])), of([3])).backward()
    assert (model.weight.item(), model.weight.grad.item()) == (1.0, -4.0)
    sgd.step()
    assert (model.weight.item(), model.weight.grad.item()) == (3.0, -4.0)


def agreement(ours: ModuleType) -> int:
    """Train 784-256-10 on 100 random rows for two epochs; return how many of ten new rows get the same class."""
    net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    sgd = torch.optim.SGD(net.parameters(), lr=0.01)
    for _ in range(2):
        for x, t in ours.make_loader(torch.randn(100, 784), torch.randint(10, (100,)), 32, shuffle=True):
            ours.train_step(net, x, t, nn.CrossEntropyLoss(), sgd, "cpu")
    return int(ours.predict(net, [(torch.randn(10, 784), None)], "cpu").bincount().max())


def test_ten_equal_predictions_are_rare(ours: ModuleType) -> None:
    """E20: in 40 runs never, and three or four of ten agree in most. (3000 runs, made once: all ten in 3 of them.)"""
    torch.manual_seed(0)
    found = [agreement(ours) for _ in range(40)]
    assert max(found) < 10
    assert sum(count in (3, 4) for count in found) > 20
    assert "We ran that program 3000 times: all ten were equal in 3 of them, three or four in most." in PROSE


def test_percent_d_cuts_off_and_a_single_target_is_compared_with_every_row() -> None:
    """E25: 66.67 % is printed as 66 %; a target without the batch axis fits one row, and silently every other."""
    assert "%d %%".__mod__(100 * 2 / 3) == "66 %"
    assert "`%d %%` makes 66 % of 66.67 %." in PROSE
    target, rows = torch.randn(10, generator=seeded(0)), torch.randn(2, 10, generator=seeded(1))
    with pytest.warns(UserWarning, match="broadcasting"):
        loss = nn.MSELoss()(rows, target)
    torch.testing.assert_close(loss, nn.MSELoss()(rows, torch.stack([target, target])))


def test_mse_loss_has_no_root_and_is_640_times_flatter_than_the_sum() -> None:
    """E21: of 64 rows with 10 outputs; and of a batch of 10 rows with one, ten times, as fit_line is told."""
    for shape, factor in (((64, 10), 640), ((10, 1), 10)):
        y = torch.randn(shape, generator=seeded(0), dtype=D, requires_grad=True)
        torch.testing.assert_close(nn.MSELoss()(y, 0 * y), (y**2).mean())
        (of_sum,) = torch.autograd.grad((y**2).sum(), y)
        (of_mean,) = torch.autograd.grad(nn.MSELoss()(y, torch.zeros_like(y)), y)
        torch.testing.assert_close(of_sum, factor * of_mean)
    assert "summed up 64 · 10 squares: gradients 640 times as large" in PROSE


def test_a_state_dict_is_the_parameters_own_memory() -> None:
    """dict(…) and .copy() go on training with the model; clones and deep copies do not."""
    model = through_zero(1.0)
    kept = model.state_dict()
    shallow, cloned = (dict(kept), kept.copy()), ({"weight": kept["weight"].clone()}, copy.deepcopy(kept))
    with torch.no_grad():
        model.weight += 1
    assert [state["weight"].item() for state in shallow] == [2.0, 2.0]
    assert [state["weight"].item() for state in cloned] == [1.0, 1.0]


def test_loading_refuses_code_by_default(tmp_path: Path) -> None:
    """weights_only is the default, and says no to anything but tensors and plain values."""
    torch.save({"model": SimpleNamespace()}, tmp_path / "file.pt")
    with pytest.raises(Exception, match="weights_only"):
        torch.load(tmp_path / "file.pt")


def test_half_precision_reaches_as_far_as_the_readme_says() -> None:
    """2^-24 is the smallest number of float16, 2^-26 becomes 0, but not times 65,536; and the scaler's own numbers."""
    small = of(2.0**-24, 2.0**-26).half()
    assert small.gt(0).tolist() == [True, False]
    assert "2⁻²⁴ = 6 · 10⁻⁸" in PROSE
    assert f"{2.0**-24:.0e}" == "6e-08"
    assert f"2⁻¹⁰ = {float((of(2.0**-26) * 65_536).half()):.5f}" in PROSE
    scaler = torch.amp.GradScaler("cpu")
    assert (scaler.get_scale(), scaler.get_backoff_factor(), scaler.get_growth_factor()) == (65_536.0, 0.5, 2.0)
    assert f"doubles it after {scaler.get_growth_interval()} good steps" in PROSE
    assert torch.finfo(torch.bfloat16).smallest_normal == torch.finfo(torch.float32).smallest_normal


def test_every_false_statement_is_counted() -> None:
    """As many items as the heading says."""
    section = README.split("## Nine things you may read elsewhere that are not so")[1].split("\n## ")[0]
    assert len(re.findall(r"^- \*\"", section, re.MULTILINE)) == 9
