"""Draw the figures of exercise 2: the graph of the bowl with its gradients, and a value that has to wait.

Run it to make exercises/exercise2_autograd/graph.svg and diamond.svg anew. All numbers are computed here by torch, so
that no figure can disagree with autograd. No date, a fixed salt, text kept as text: the same files each time.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise2_autograd"
SETTINGS = {"svg.hashsalt": "exercise2", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}

# Okabe and Ito's colours, which colour-blind readers can tell apart: forward in blue, backward in vermilion.
FORWARD, BACKWARD, INK, QUIET = "#0072B2", "#D55E00", "#222222", "#555555"
THIRDS = {1 / 3: "⅓"}
WIDTH, HEIGHT = 1.5, 0.62


def written(value: torch.Tensor) -> str:
    """Return a number or a row of numbers as README writes it."""
    entries = [THIRDS.get(number, f"{number:g}") for number in value.detach().reshape(-1).tolist()]
    return entries[0] if len(entries) == 1 else f"({', '.join(entries)})"


def box(axes: Axes, place: tuple[float, float], name: str, value: str, gradient: str, leaf: bool = False) -> None:
    """Draw one tensor: its name and value, and under the box the gradient that arrives there."""
    x, y = place
    axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0.02,rounding_size=0.12",
            facecolor="#e8f2f9" if leaf else "white", edgecolor=FORWARD, linewidth=1.6 if leaf else 1.0,
        )
    )  # fmt: skip
    axes.text(x, y + 0.13, name, ha="center", va="center", color=INK, weight="bold")
    axes.text(x, y - 0.14, value, ha="center", va="center", color=INK)
    axes.text(x, y - HEIGHT / 2 - 0.22, gradient, ha="center", va="center", color=BACKWARD)


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], said: str, *, back: bool = False) -> None:
    """Draw a step, of the way forward or of the way back, and what happens on it."""
    colour = BACKWARD if back else FORWARD
    style = {"arrowstyle": "-|>", "mutation_scale": 10, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    axes.add_patch(FancyArrowPatch(start, end, color=colour, linestyle="--" if back else "-", **style))
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    axes.text(
        middle[0], middle[1] + (-0.16 if back else 0.14), said, ha="center", va="center", color=colour, fontsize=8
    )


def canvas(width: float, height: float, right: float, bottom: float, top: float) -> tuple[Figure, Axes]:
    """Return an empty figure in units of the boxes."""
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-1, right), ylim=(bottom, top), aspect="equal")
    axes.set_axis_off()
    return figure, axes


def graph() -> Figure:
    """Draw the bowl at (1, 2, 3): four tensors, three steps, each with what it passes back."""
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    y = x + 2
    z = 3 * y**2
    out = z.mean()
    dx, dy, dz = torch.autograd.grad(out, (x, y, z))
    figure, axes = canvas(7.4, 1.75, 8.8, -0.85, 0.98)
    tensors = [("x, a leaf", x, dx), ("y", y, dy), ("z", z, dz), ("out", out, torch.ones(()))]
    for place, (name, value, gradient) in enumerate(tensors):
        box(axes, (2.6 * place, 0.25), name, written(value), f"gradient {written(gradient)}", leaf=place == 0)
    for place, (step, slope) in enumerate((("+ 2", "· 1"), ("3 y²", "· 6 y"), ("mean", "· 1 / n"))):
        left, right = 2.6 * place + WIDTH / 2 + 0.05, 2.6 * (place + 1) - WIDTH / 2 - 0.05
        arrow(axes, (left, 0.37), (right, 0.37), step)
        arrow(axes, (right, 0.13), (left, 0.13), slope, back=True)
    return figure


def diamond() -> Figure:
    """Draw r = a + 5 y with a = 2 y and y = 3 x: y is one step from r, and has to wait for a all the same."""
    x = torch.tensor(4.0, requires_grad=True)
    y = 3 * x
    a = 2 * y
    r = a + 5 * y
    dx, dy, da = (written(gradient) for gradient in torch.autograd.grad(r, (x, y, a)))
    figure, axes = canvas(7.4, 2.25, 8.8, -0.75, 1.6)
    places = {"x": (0, 0), "y": (2.6, 0), "a": (5.2, 1.0), "r": (7.8, 0)}
    said = {"x": f"{dy} · 3 = {dx}", "y": f"5 at once, 2 from a: {dy}", "a": da, "r": "1"}
    for (name, place), value in zip(places.items(), (x, y, a, r), strict=True):
        box(axes, place, name, written(value), said[name], leaf=name == "x")
    edge = WIDTH / 2 + 0.05
    arrow(axes, (edge, 0), (2.6 - edge, 0), "· 3")
    arrow(axes, (2.6 + edge, 0.1), (5.2 - edge, 0.95), "· 2")
    arrow(axes, (5.2 + edge, 0.95), (7.8 - edge, 0.1), "+")
    arrow(axes, (2.6 + edge, -0.1), (7.8 - edge, -0.1), "+ 5 y")
    return figure


def main() -> None:
    """Write both figures."""
    with mpl.rc_context(SETTINGS):
        for name, draw in (("graph", graph), ("diamond", diamond)):
            draw().savefig(FOLDER / f"{name}.svg", metadata={"Date": None, "Creator": None}, facecolor="white")


if __name__ == "__main__":
    main()
