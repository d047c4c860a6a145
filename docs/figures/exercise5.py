"""Draw the figures of exercise 5: who waits for whom, a schedule of learning rates, and where early stopping stops.

Run it to make waiting.svg, schedule.svg and curves.svg of exercises/exercise5_gpu_training anew. Schedule and curves
are those of the reference's own functions, so that the figures cannot disagree with the exercise; the curves are a
real training, in float64. The same input gives the same files: no date, a fixed salt, text kept as text.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from torch import nn

from grader.data import digits

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise5_gpu_training"
SETTINGS = {
    "svg.hashsalt": "exercise5", "svg.fonttype": "none", "path.simplify": False, "font.family": "sans-serif",
    "font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#555555",
    "axes.labelcolor": "#222222", "xtick.color": "#555555", "ytick.color": "#555555", "hatch.linewidth": 0.6,
}  # fmt: skip

# Okabe and Ito's colours, which colour-blind readers can tell apart; lines and bars differ by dashes or hatching too.
BLUE, SKY, ORANGE, GREY, INK = "#0072B2", "#56B4E9", "#D55E00", "#777777", "#222222"


@cache
def training() -> ModuleType:
    """Return the reference, imported."""
    path = ROOT / "solutions" / "exercise5_gpu_training" / "training.py"
    spec = importlib.util.spec_from_file_location("exercise5_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- who waits for whom ---------------------------------------------------------------------------------------------

# Made-up durations, in units: the host gets a batch and asks for its step; the device begins a little later.
FETCH, ASK, LATER, COMPUTE, BATCHES = 2.0, 2.0, 0.5, 4.0, 4


class Bar(NamedTuple):
    """What host or device does for a time, and for which batch (0: none in particular)."""

    row: str
    kind: str
    start: float
    end: float
    batch: int


def timeline(reads_every_batch: bool) -> list[Bar]:
    """Return what happens in an epoch; the host waits when it reads a number, and for nothing else."""
    bars, host, device = [], 0.0, 0.0
    for batch in range(1, BATCHES + 1):
        asked = host + FETCH
        begun = max(asked + LATER, device)
        bars += [Bar("host", "fetch", host, asked, batch), Bar("host", "ask", asked, asked + ASK, batch)]
        bars += [Bar("device", "compute", begun, begun + COMPUTE, batch)]
        host, device = asked + ASK, begun + COMPUTE
        if reads_every_batch or batch == BATCHES:
            bars += [Bar("host", "wait", host, device, 0)]
            host = device
    return bars


ROWS = {"host": 1.0, "device": 0.0}
LOOKS = {
    "fetch": (SKY, "", "gets a batch"), "ask": (BLUE, "", "asks for its step"), "wait": ("white", "////", "waits"),
    "compute": (ORANGE, "", "computes the step"),
}  # fmt: skip


def draw_bar(axes: Axes, bar: Bar) -> None:
    """Draw one bar with the number of its batch."""
    colour, hatch, _ = LOOKS[bar.kind]
    corner, width = (bar.start, ROWS[bar.row] - 0.36), bar.end - bar.start
    axes.add_patch(Rectangle(corner, width, 0.72, facecolor=colour, hatch=hatch, edgecolor=GREY, linewidth=0.6))
    if bar.batch:
        ink = INK if bar.kind == "fetch" else "white"
        axes.text((bar.start + bar.end) / 2, ROWS[bar.row], str(bar.batch), ha="center", va="center", color=ink)


def draw_waiting() -> Figure:
    """Return the two timelines, one below the other, on one scale."""
    figure = Figure(figsize=(8.4, 3.3), facecolor="white")
    lines = {"reads the loss of every batch": timeline(True), "reads it once, after the epoch": timeline(False)}
    end = max(bar.end for bars in lines.values() for bar in bars)
    for axes, (title, bars) in zip(figure.subplots(2, 1), lines.items(), strict=True):
        for bar in bars:
            draw_bar(axes, bar)
        axes.set(xlim=(0, end + 0.2), ylim=(-0.55, 1.5), xticks=[], yticks=list(ROWS.values()), yticklabels=list(ROWS))
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_xlabel("time, for an epoch of four batches →", loc="left")
    handles = [Patch(facecolor=colour, hatch=hatch, edgecolor=GREY, linewidth=0.6, label=text)
               for colour, hatch, text in LOOKS.values()]  # fmt: skip
    figure.legend(handles=handles, loc="lower right", ncols=4, frameon=False, columnspacing=1.4, handlelength=1.6)
    figure.subplots_adjust(left=0.07, right=0.99, top=0.92, bottom=0.14, hspace=0.38)
    return figure


# --- a schedule -----------------------------------------------------------------------------------------------------

EPOCHS = 20
SCHEDULES = ((5, BLUE, "o", "-", "warmup = 5, epochs = 20"), (0, ORANGE, "s", "--", "warmup = 0, epochs = 20"))


def factors(warmup: int) -> list[float]:
    """Return what the learning rate is multiplied by in each epoch, and in one more."""
    return [training().warmup_cosine(epoch, warmup, EPOCHS) for epoch in range(EPOCHS + 1)]


def draw_schedule() -> Figure:
    """Return the factor of each epoch, with and without a warm-up."""
    figure = Figure(figsize=(8.4, 2.5), facecolor="white")
    axes = figure.subplots()
    for warmup, colour, marker, dashes, text in SCHEDULES:
        look = {"color": colour, "marker": marker, "linestyle": dashes, "markersize": 4, "linewidth": 1.2}
        axes.plot(range(EPOCHS + 1), factors(warmup), label=text, gid=f"warmup-{warmup}", **look)
    axes.set(xlim=(-0.4, EPOCHS + 0.4), ylim=(-0.03, 1.06), xlabel="epoch, counted from 0", xticks=range(0, 21, 5))
    axes.set_title("what the learning rate is multiplied by", loc="left", fontsize=10, color=INK)
    axes.legend(loc="upper right", frameon=False)
    figure.subplots_adjust(left=0.05, right=0.98, top=0.9, bottom=0.18)
    return figure


# --- curves of a training that begins to learn by heart ---------------------------------------------------------------

ROWS_TRAINED, ROWS_MISLABELLED, PATIENCE, CURVE_EPOCHS = 150, 30, 5, 40


@cache
def history() -> Sequence[dict[str, float]]:
    """Train on few digits, a fifth of them with labels drawn anew, for longer than is good for it."""
    draws = torch.Generator().manual_seed(0)
    split = digits(draws, test=400, dtype=torch.float64)
    x, t = split.train.x[:ROWS_TRAINED], split.train.t[:ROWS_TRAINED].clone()
    torch.manual_seed(0)
    t[:ROWS_MISLABELLED] = torch.randint(10, (ROWS_MISLABELLED,))
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10)).double()
    ours = training()
    found: list[dict[str, float]] = ours.fit(
        model,
        ours.make_loader(x, t, 25, shuffle=True, generator=torch.Generator().manual_seed(1)),
        ours.make_loader(split.test.x, split.test.t, 400),
        nn.CrossEntropyLoss(),
        lambda parameters: torch.optim.Adam(parameters, lr=0.01),
        "cpu",
        CURVE_EPOCHS,
    )
    return found


def stopping_epochs() -> tuple[int, int]:
    """Return the best epoch and the one after which training with this patience ends, both counted from 1."""
    stopping, best = training().EarlyStopping(PATIENCE), 0
    for epoch, entry in enumerate(history(), start=1):
        if entry["val_loss"] < stopping.best_loss:
            best = epoch
        if stopping.update(entry["val_loss"], nn.Identity()):
            return best, epoch
    raise AssertionError("the training of the figure has to go on for longer")


PANELS = (("loss", "mean loss", (0.0, 2.4)), ("accuracy", "accuracy", (0.0, 1.12)))
LINES = (("", "training, on the way", BLUE, "-"), ("val_", "validation, after the epoch", ORANGE, "--"))


def parts(values: Sequence[float], stop: int) -> Iterator[tuple[str, Sequence[int], Sequence[float], float]]:
    """Return a curve up to where training stops, and paler what would have come."""
    epochs = range(1, len(values) + 1)
    yield "seen", epochs[:stop], values[:stop], 1.0
    yield "unseen", epochs[stop - 1 :], values[stop - 1 :], 0.35


def draw_curve_panel(axes: Axes, key: str, title: str, limits: tuple[float, float]) -> None:
    """Draw one quantity of training and validation, with the two epochs that early stopping is about."""
    best, stop = stopping_epochs()
    for epoch, text, dashes, side in ((best, "best", "-", -0.5), (stop, "stop", ":", 0.5)):
        axes.axvline(epoch, color=GREY, linewidth=0.9, linestyle=dashes)
        where = {"ha": "right" if side < 0 else "left", "va": "top"}
        axes.text(epoch + side, limits[1], f"{text}: {epoch}", color=INK, fontsize=8, **where)
    for prefix, text, colour, dashes in LINES:
        for part, epochs, values, alpha in parts([entry[prefix + key] for entry in history()], stop):
            look = {"color": colour, "linestyle": dashes, "linewidth": 1.6, "alpha": alpha}
            axes.plot(epochs, values, gid=f"{prefix}{key}-{part}", label=text if part == "seen" else None, **look)
    axes.set(xlim=(0, CURVE_EPOCHS), ylim=limits, xlabel="epoch, counted from 1", xticks=range(0, CURVE_EPOCHS + 1, 10))
    axes.set_title(title, loc="left", fontsize=10, color=INK)


def draw_curves() -> Figure:
    """Return losses and accuracies of the training."""
    figure = Figure(figsize=(8.4, 3.3), facecolor="white")
    for axes, panel in zip(figure.subplots(1, 2), PANELS, strict=True):
        draw_curve_panel(axes, *panel)
    figure.legend(*axes.get_legend_handles_labels(), loc="lower right", ncols=2, frameon=False, handlelength=2.6)
    figure.subplots_adjust(left=0.05, right=0.98, top=0.91, bottom=0.24, wspace=0.14)
    return figure


FIGURES = {"waiting.svg": draw_waiting, "schedule.svg": draw_schedule, "curves.svg": draw_curves}


def write(folder: Path) -> None:
    """Write all files into a folder."""
    with mpl.rc_context(SETTINGS):
        for name, draw in FIGURES.items():
            draw().savefig(folder / name, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    write(FOLDER)
