"""Draw the figure of exercise 3: how the shapes change on the way through LeNet.

Run it to make exercises/exercise3_module/lenet.svg anew. Sizes are those of the reference's own layers, so that the
figure cannot disagree with the exercise. The same input gives the same file: no date, a fixed salt, text kept as text.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

ROOT = Path(__file__).resolve().parents[2]
FIGURE = ROOT / "exercises" / "exercise3_module" / "lenet.svg"
SETTINGS = {"svg.hashsalt": "exercise3", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9}

# Okabe and Ito's colours, which colour-blind readers can tell apart: what comes in, what convolutions make, what
# pooling makes, rows of numbers.
INPUT, CONVOLVED, POOLED, ROW = "#999999", "#0072B2", "#56B4E9", "#E69F00"
INK, QUIET = "#222222", "#555555"
LABELS = -1.15  # where the shapes are written


class Stage(NamedTuple):
    """One box of the figure: what it is called, its shape without the batch, its colour, how one arrives there."""

    name: str
    shape: tuple[int, ...]
    colour: str
    arrived_by: str


def lenet() -> torch.nn.Module:
    """Return the reference's LeNet."""
    path = ROOT / "solutions" / "exercise3_module" / "modules.py"
    spec = importlib.util.spec_from_file_location("exercise3_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net: torch.nn.Module = module.LeNet()
    return net


def stages() -> list[Stage]:
    """Return the stages with the shapes that an image of 32 x 32 pixels has on its way, taken from the layers."""
    net, image = lenet(), torch.zeros(1, 1, 32, 32)
    found = [Stage("image", tuple(image.shape[1:]), INPUT, "")]
    for name in ("conv1", "conv2"):
        image = net.get_submodule(name)(image)
        found.append(Stage(name, tuple(image.shape[1:]), CONVOLVED, f"{name}, 5 × 5,\nReLU"))
        image = torch.nn.functional.max_pool2d(image, 2)
        found.append(Stage("", tuple(image.shape[1:]), POOLED, "max pooling,\n2 × 2"))
    row = image.flatten(1)
    found.append(Stage("", tuple(row.shape[1:]), ROW, "one row\nper image"))
    for name in ("fc1", "fc2", "fc3"):
        row = net.get_submodule(name)(row)
        found.append(Stage("logits" if name == "fc3" else "", tuple(row.shape[1:]), ROW,
                           f"{name}" if name == "fc3" else f"{name},\nReLU"))  # fmt: skip
    return found


def draw_planes(axes: Axes, x: float, stage: Stage) -> float:
    """Draw the channels of an image as planes, one behind the other; return where the box ends."""
    channels, height, width = stage.shape
    side, shown = 1.2 * (height / 32) ** 0.5, min(channels, 6)
    for plane in reversed(range(shown)):
        shift = 0.1 * plane
        corner = (x + shift, -side / 2 + shift)
        axes.add_patch(Rectangle(corner, side, side, facecolor=stage.colour, edgecolor="white", linewidth=0.8))
    end = x + side + 0.1 * (shown - 1)
    axes.text((x + end) / 2, LABELS, f"{channels} × {height} × {width}", ha="center", va="top", color=INK)
    return end


def draw_row(axes: Axes, x: float, stage: Stage) -> float:
    """Draw a row of numbers as a bar; return where it ends."""
    (count,) = stage.shape
    height, width = 2.0 * (count / 400) ** 0.4, 0.2
    axes.add_patch(Rectangle((x, -height / 2), width, height, facecolor=stage.colour, edgecolor="none"))
    axes.text(x + width / 2, LABELS, str(count), ha="center", va="top", color=INK)
    return x + width


def draw_arrow(axes: Axes, start: float, end: float, text: str) -> None:
    """Draw the step from one stage to the next."""
    arrow = FancyArrowPatch((start + 0.08, 0), (end - 0.08, 0), arrowstyle="-|>", mutation_scale=9, color=QUIET)
    axes.add_patch(arrow)
    axes.text((start + end) / 2, 1.3, text, ha="center", va="bottom", color=QUIET, fontsize=8, linespacing=1.1)


def draw() -> Figure:
    """Return the whole figure."""
    figure = Figure(figsize=(10.5, 2.5), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    x, end = 0.0, 0.0
    for place, stage in enumerate(stages()):
        if place:
            x = end + 0.95
            draw_arrow(axes, end, x, stage.arrived_by)
        end = (draw_planes if len(stage.shape) == 3 else draw_row)(axes, x, stage)
    axes.text(0.6, 0, "one\nimage", ha="center", va="center", color="white")
    axes.text(end + 0.1, 0, "logits", ha="left", va="center", color=INK)
    axes.set_xlim(-0.3, end + 0.95)
    axes.set_ylim(-1.55, 1.85)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return figure


def main() -> None:
    """Write the file."""
    with mpl.rc_context(SETTINGS):
        draw().savefig(FIGURE, format="svg", metadata={"Date": None, "Creator": None})


if __name__ == "__main__":
    main()
