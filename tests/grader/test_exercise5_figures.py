"""The figures of exercise 5 show what they say: a schedule is measured, a sketch is consistent, all are drawn anew."""

from __future__ import annotations

import importlib.metadata
import itertools
import math
import re
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from tests.grader.our_files import load

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exercises" / "exercise5_gpu_training"
README = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
NUMBER = r"-?\d+\.?\d*(?:e-?\d+)?"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that draws the figures."""
    pytest.importorskip("matplotlib", reason="figures are an author's work: pip install 'nn-grader[author]'")
    return load(ROOT / "docs" / "figures" / "exercise5.py", "figures_of_exercise5")


@pytest.fixture(scope="module")
def drawn_anew(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all figures, drawn now."""
    folder = tmp_path_factory.mktemp("figures")
    script.write(folder)
    return folder


def corners(file: str, name: str) -> Tensor:
    """Return the corners of a curve as they stand in the committed file."""
    path = re.search(rf'<g id="{name}">\s*<path d="([^"]*)"', (FOLDER / file).read_text(encoding="utf-8"))
    assert path is not None, name
    return torch.tensor([[float(x), float(y)] for x, y in re.findall(rf"[ML] ({NUMBER}) ({NUMBER})", path[1])])


def factor(epoch: int, warmup: int) -> float:
    """The schedule of 20 epochs by a formula that is not the reference's: half a cosine is a squared one."""
    if epoch < warmup:
        return (epoch + 1) / warmup
    return math.cos(math.pi / 2 * (epoch - warmup) / (20 - warmup)) ** 2


def test_the_committed_schedule_is_the_formula() -> None:
    """Both curves lie where one scale puts the formula's values of 21 epochs, to a hundredth of a point."""
    drawn = torch.cat([corners("schedule.svg", f"warmup-{warmup}") for warmup in (5, 0)])
    wanted = torch.tensor([factor(epoch, warmup) for warmup in (5, 0) for epoch in range(21)])
    scale = torch.stack([torch.ones_like(wanted), wanted], dim=1)
    fitted = scale @ torch.linalg.lstsq(scale, drawn[:, 1:]).solution
    assert drawn.shape == (42, 2)
    torch.testing.assert_close(fitted[:, 0], drawn[:, 1], rtol=0, atol=0.01)
    torch.testing.assert_close(drawn[:21, 0], drawn[21:, 0], rtol=0, atol=0.01)


def test_the_sketch_of_waiting_is_consistent(script: ModuleType) -> None:
    """A step is asked for before it is computed, nobody does two things at once, and the totals are what was added."""
    for reads_every_batch in (True, False):
        bars = script.timeline(reads_every_batch)
        for row in script.ROWS:
            times = [(bar.start, bar.end) for bar in bars if bar.row == row]
            assert all(before[1] <= after[0] for before, after in itertools.pairwise(times))
        begun = {bar.batch: bar.start for bar in bars if bar.kind == "compute"}
        assert all(bar.start < begun[bar.batch] < bar.end for bar in bars if bar.kind == "ask")
        assert [bar.kind for bar in bars].count("wait") == (4 if reads_every_batch else 1)
    each, once = (max(bar.end for bar in script.timeline(reads)) for reads in (True, False))
    assert (each, once) == (4 * (2 + 0.5 + 4), 2 + 0.5 + 4 * 4)


def test_where_the_training_of_the_figure_stops_is_what_the_readme_says(script: ModuleType) -> None:
    """Best in epoch 14, stopped after 19; later training is better, validation worse: it learns by heart."""
    best, stop = script.stopping_epochs()
    assert f"best in epoch {best}, and patience {script.PATIENCE} stops after epoch {stop}" in README
    assert f"{script.ROWS_TRAINED} digits, a fifth of them with labels drawn anew" in README
    assert script.ROWS_TRAINED == 5 * script.ROWS_MISLABELLED
    history = script.history()
    assert len(history) == script.CURVE_EPOCHS == 40
    assert min(history, key=lambda entry: entry["val_loss"]) is history[best - 1]
    assert history[-1]["loss"] < history[best - 1]["loss"] / 2
    assert history[-1]["val_loss"] > 1.2 * history[best - 1]["val_loss"]
    assert history[-1]["val_accuracy"] < history[best - 1]["val_accuracy"] - 0.05


def skeleton(text: str) -> tuple[str, Tensor]:
    """Return a figure without its numbers, and the numbers; names made of digests count as text."""
    body = re.sub(r"#?\b[a-z]+[0-9a-f]{10}\b", "NAME", text)
    return re.sub(NUMBER, "0", body), torch.tensor([float(number) for number in re.findall(NUMBER, body)])


@pytest.mark.parametrize("name", ["waiting.svg", "schedule.svg", "curves.svg"])
def test_the_script_makes_the_committed_figure(drawn_anew: Path, name: str) -> None:
    """With the matplotlib that made it, the file is the same but for what a processor rounds differently."""
    committed = (FOLDER / name).read_text(encoding="utf-8")
    made_with = re.findall(r"Matplotlib v([\d.]+)", committed)[0]
    if importlib.metadata.version("matplotlib") != made_with:
        pytest.skip(f"the figures were made with matplotlib {made_with}; another version draws other ticks")
    (text, numbers), (drawn_text, drawn) = map(skeleton, (committed, (drawn_anew / name).read_text(encoding="utf-8")))
    assert text == drawn_text
    torch.testing.assert_close(drawn, numbers, rtol=0, atol=0.01)
    assert f"]({name})" in README
    assert sorted(path.name for path in drawn_anew.iterdir()) == sorted(path.name for path in FOLDER.glob("*.svg"))
