"""The figures of exercise 4 show what they say: their curves are measured, and drawn anew.

They are measured in the committed files, without matplotlib, against formulas that are not the reference's.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise4_losses"
SCRIPT = ROOT / "docs" / "figures" / "exercise4.py"

Formula = Callable[[Tensor], Tensor]


def slope(fn: Formula, x: Tensor) -> Tensor:
    """Return what autograd says of a function's slope at every x."""
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad(fn(leaf).sum(), leaf)[0]


def script_of_the_figures() -> ModuleType:
    """Import the script that draws them; it needs matplotlib."""
    return load(SCRIPT, "figures_of_exercise4")


def focal(p: Tensor, gamma: float) -> Tensor:
    """Focal loss of a row whose label has the probability p."""
    return -((1 - p) ** gamma) * p.log()


# What the figures show, by formulas that are not the reference's: panel -> what is along x, and its curves.
CURVES: dict[tuple[str, str], tuple[tuple[float, float], dict[str, Formula]]] = {
    ("distances.svg", "panel0"): ((-3.0, 3.0), {
        "mse": lambda r: r**2, "mae": torch.abs,
        "smooth_l1": lambda r: functional.smooth_l1_loss(r, 0 * r, reduction="none")}),
    ("distances.svg", "panel1"): ((-3.0, 3.0), {
        "mse": lambda r: 2 * r, "mae": torch.sign, "smooth_l1": lambda r: r.clamp(-1, 1)}),
    ("probabilities.svg", "panel0"): ((0.01, 0.99), {
        "cross_entropy": lambda p: -p.log(), "focal_half": lambda p: focal(p, 0.5),
        "focal_2": lambda p: focal(p, 2.0), "focal_5": lambda p: focal(p, 5.0)}),
    ("probabilities.svg", "panel1"): ((-6.0, 6.0), {
        "binary": lambda z: torch.sigmoid(z) - 1,
        "focal": lambda z: slope(lambda z: focal(torch.sigmoid(z), 2.0), z),
        "squared": lambda z: slope(lambda z: (torch.sigmoid(z) - 1) ** 2, z)}),
}  # fmt: skip


def drawn_points(file: str, name: str) -> Tensor:
    """Return the corners of a curve as they stand in the file, without those where it was cut off at the border."""
    text = (FOLDER / file).read_text(encoding="utf-8")
    path = re.search(rf'<g id="{name}">\s*<path d="([^"]*)"', text)
    assert path is not None, name
    corners = [[float(x), float(y)] for x, y in re.findall(r"[ML] (\S+) (\S+)", path[1])]
    points = torch.tensor(corners, dtype=torch.float64)
    height = float(re.findall(r'viewBox="0 0 \S+ (\S+)"', text)[0])
    return points[(points[:, 1] > 0) & (points[:, 1] < height)]


@pytest.mark.parametrize("place", CURVES, ids=lambda place: "-".join(place))
def test_the_committed_figures_show_the_losses(place: tuple[str, str]) -> None:
    """All curves of a panel lie where one scale for x and one for y put the formulas, to a hundredth of a point."""
    (start, end), curves = CURVES[place]
    drawn = {name: drawn_points(place[0], f"{place[1]}-{name}") for name in curves}
    across = torch.cat([points[:, 0] for points in drawn.values()]).unique()
    step = across.diff().median()
    expected = []
    for name, curve in curves.items():
        # The last corner of all curves is the end of the axis, and the corners are 179 equal steps apart.
        x = end - (across.max() - drawn[name][:, 0]) / step * (end - start) / 179
        expected.append(curve(x))
    y, value = torch.cat([points[:, 1] for points in drawn.values()]), torch.cat(expected)
    scale = torch.stack([torch.ones_like(value), value], dim=1)
    fitted = scale @ torch.linalg.lstsq(scale, y[:, None]).solution
    assert len(y) > 350
    assert float((fitted[:, 0] - y).abs().max()) < 0.01


def test_the_script_makes_the_committed_figures(tmp_path: Path) -> None:
    """With the matplotlib that made them, the files are the same to the last byte."""
    pytest.importorskip("matplotlib", reason="figures are an author's work: pip install 'nn-grader[author]'")
    made_with = re.findall(r"Matplotlib v([\d.]+)", (FOLDER / "distances.svg").read_text(encoding="utf-8"))[0]
    if importlib.metadata.version("matplotlib") != made_with:
        pytest.skip(f"the figures were made with matplotlib {made_with}; another version draws other ticks")
    script = script_of_the_figures()
    script.write(tmp_path)
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["distances.svg", "probabilities.svg"]
    for path in tmp_path.iterdir():
        assert path.read_text(encoding="utf-8") == (FOLDER / path.name).read_text(encoding="utf-8"), path.name
        assert f"]({path.name})" in readme
