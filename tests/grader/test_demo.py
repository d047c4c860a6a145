"""The demo: what it shows, where it leaves its reports, what it needs."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import pytest

from grader import demo
from grader.errors import UsageError
from grader.sandbox.fence import Tier, strongest_tier

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ["1_stub", "2_reference", "3_relu_mask_missing", "4_batch_mean_missing", "5_step_uphill", "6_looks_around"]


@pytest.mark.skipif(strongest_tier() is Tier.NONE, reason="the hostile submission is left out without a fence")
def test_six_submissions_are_judged_and_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stub and hostile file earn nothing, the reference everything, wrong answers something; each has a page."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(demo, "_report_folder", lambda root: tmp_path)
    monkeypatch.setenv("DEMO_SECRET_TOKEN", "set here so that it is unset again")
    stream = io.StringIO()
    demo.run_demo(stream)
    text = stream.getvalue()
    scores = [tuple(map(float, pair)) for pair in re.findall(r"^Score (\S+) / ([\d.]+)", text, re.MULTILINE)]
    full = scores[0][1]
    assert [score for score, _ in scores[:2]] == [0, full]
    assert all(0 < score < full for score, _ in scores[2:5])
    assert scores[5:] == [(0, full)]
    assert "    environment: denied (LookupError)\n" in text
    assert "ALLOWED" not in text
    assert text.endswith("".join(f"  {tmp_path / name}.html\n" for name in REPORTS))
    pages = [(tmp_path / f"{name}.html").read_text() for name in REPORTS]
    assert all(page.startswith("<!doctype html>") and "Backpropagation by hand" in page for page in pages)


def test_reports_lie_where_git_does_not_look(tmp_path: Path) -> None:
    """The build folder is ignored, and reports of an earlier run are gone."""
    folder = tmp_path / "build" / "demo"
    folder.mkdir(parents=True)
    (folder / "7_old.html").write_text("old")
    assert demo._report_folder(tmp_path) == folder
    assert list(folder.iterdir()) == []
    assert subprocess.run(["git", "check-ignore", "-q", "build/demo/1_stub.html"], cwd=ROOT).returncode in (0, 128)


def test_where_nothing_can_be_written_reports_lie_elsewhere(tmp_path: Path) -> None:
    """A course that cannot be written to does not stop the demo."""
    (tmp_path / "build").write_text("a file, where a folder should be")
    folder = demo._report_folder(tmp_path)
    assert folder.is_dir()
    assert not folder.is_relative_to(tmp_path)
    folder.rmdir()


def test_a_students_copy_has_no_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without solutions the demo says that it needs the whole repository, before anything is started."""
    (tmp_path / "exercises").mkdir()
    (tmp_path / "course.toml").write_text('name = "C"\n')
    (tmp_path / "exercises" / "exercise1_manual_backprop").symlink_to(ROOT / "exercises" / "exercise1_manual_backprop")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"needs the whole repository: solutions/exercise1_manual_backprop is not"):
        demo.run_demo(io.StringIO())
