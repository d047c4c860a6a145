"""Draw the figures of exercise 4: what losses cost and how steep they are, of numbers and of probabilities.

Run it to make exercises/exercise4_losses/distances.svg and probabilities.svg anew. The curves are those of the
reference's own functions, their slopes those that autograd finds, so that the figures cannot disagree with the
exercise. The same input gives the same files: no date, a fixed salt, text kept as text, points kept as they are.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise4_losses"
SETTINGS = {
    "svg.hashsalt": "exercise4", "svg.fonttype": "none", "path.simplify": False, "font.family": "sans-serif",
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#555555",
    "axes.labelcolor": "#222222", "xtick.color": "#555555", "ytick.color": "#555555",
}  # fmt: skip

# Okabe and Ito's colours, which colour-blind readers can tell apart; each curve differs by its dashes too.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555"

Loss = Callable[[Tensor], Tensor]


class Curve(NamedTuple):
    """One line: the name it has in the file, the one it has for readers, how it looks, what it shows."""

    id: str
    text: str
    colour: str
    dashes: str
    loss: Loss


class Panel(NamedTuple):
    """One picture: title, what its axes are, how far they go, where there is room for names, curves or their slopes."""

    title: str
    x_label: str
    x: tuple[float, float]
    y: tuple[float, float]
    room: str
    curves: Sequence[Curve]
    of_slopes: bool = False


@cache
def losses() -> ModuleType:
    """Return the reference, imported."""
    path = ROOT / "solutions" / "exercise4_losses" / "losses.py"
    spec = importlib.util.spec_from_file_location("exercise4_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def values(curve: Curve, x: Tensor, of_slopes: bool) -> Tensor:
    """Return what a curve shows at the points x: its loss of each by itself, or the slope of that."""
    points = x.clone().requires_grad_()
    each = torch.stack([curve.loss(point) for point in points])
    return torch.autograd.grad(each.sum(), points)[0] if of_slopes else each.detach()


def _distance(name: str, *arguments: float) -> Loss:
    return lambda error: getattr(losses(), name)(error, torch.zeros_like(error), *arguments)


def _row(p: Tensor) -> Tensor:
    """Logits of two classes, of which the first has the probability p."""
    return torch.stack([p.log(), (1 - p).log()])[None]


def _focal(gamma: float) -> Loss:
    return lambda p: losses().focal_loss(_row(p), torch.tensor([0]), gamma)


def _squared_behind_sigmoid(logit: Tensor) -> Tensor:
    return losses().mse(torch.sigmoid(logit), torch.ones_like(logit))


def _binary(logit: Tensor) -> Tensor:
    return losses().binary_cross_entropy_with_logits(logit, torch.ones_like(logit))


def _focal_of_logit(logit: Tensor) -> Tensor:
    return losses().focal_loss(torch.stack([torch.zeros_like(logit), logit])[None], torch.tensor([1]))


DISTANCES = (
    Curve("mse", "MSE", ORANGE, "-", _distance("mse")),
    Curve("mae", "MAE", BLUE, "--", _distance("mae")),
    Curve("smooth_l1", "smooth L1, β = 1", GREEN, "-.", _distance("smooth_l1")),
)
OF_P = (
    Curve("cross_entropy", "cross-entropy (γ = 0)", BLUE, "-", _focal(0.0)),
    Curve("focal_half", "focal, γ = ½", PURPLE, ":", _focal(0.5)),
    Curve("focal_2", "focal, γ = 2", ORANGE, "--", _focal(2.0)),
    Curve("focal_5", "focal, γ = 5", GREEN, "-.", _focal(5.0)),
)
OF_LOGIT = (
    Curve("binary", "cross-entropy", BLUE, "-", _binary),
    Curve("focal", "focal, γ = 2", ORANGE, "--", _focal_of_logit),
    Curve("squared", "squared error of sigmoid", GREY, ":", _squared_behind_sigmoid),
)
ERROR, P, LOGIT = "prediction − target", "probability p of the label", "logit of the label (2 classes, the other 0)"
FIGURES = {
    "distances.svg": (
        Panel("what an error costs", ERROR, (-3, 3), (0, 5), "upper center", DISTANCES),
        Panel("its slope", ERROR, (-3, 3), (-3, 3), "upper left", DISTANCES, of_slopes=True),
    ),
    "probabilities.svg": (
        Panel("what a row costs", P, (0.01, 0.99), (0, 3), "upper right", OF_P),
        Panel("its slope for the logit", LOGIT, (-6, 6), (-1.3, 0.1), "lower right", OF_LOGIT, of_slopes=True),
    ),
}


def points_of(panel: Panel) -> Tensor:
    """Return where the curves of a panel are drawn; none at 0, where the absolute error has a corner."""
    return torch.linspace(*panel.x, 180, dtype=torch.float64)


def draw_panel(axes: Axes, panel: Panel, prefix: str) -> None:
    """Draw axes, curves and their names."""
    x = points_of(panel)
    axes.axhline(0, color="#cccccc", linewidth=0.8)
    for curve in panel.curves:
        y = values(curve, x, panel.of_slopes)
        look = {"linestyle": curve.dashes, "color": curve.colour, "linewidth": 1.8, "label": curve.text}
        axes.plot(x.numpy(), y.numpy(), gid=f"{prefix}-{curve.id}", **look)
    axes.legend(loc=panel.room, frameon=False, handlelength=2.6)
    axes.set(xlim=panel.x, ylim=panel.y, xlabel=panel.x_label)
    axes.set_title(panel.title, fontsize=10, color="#222222")


def draw(panels: Sequence[Panel]) -> Figure:
    """Return one figure: its panels side by side."""
    figure = Figure(figsize=(8.4, 3.1), facecolor="white")
    for place, (axes, panel) in enumerate(zip(figure.subplots(1, len(panels)), panels, strict=True)):
        draw_panel(axes, panel, f"panel{place}")
    figure.subplots_adjust(left=0.05, right=0.98, top=0.9, bottom=0.16, wspace=0.14)
    return figure


def write(folder: Path) -> None:
    """Write both files into a folder."""
    with mpl.rc_context(SETTINGS):
        for name, panels in FIGURES.items():
            draw(panels).savefig(folder / name, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    write(FOLDER)
