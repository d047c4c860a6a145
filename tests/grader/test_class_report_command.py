"""`grader report`: what it reads, where it writes, what it says when it cannot."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from grader.cli import main
from grader.commands import report as command
from grader.commands.report import KEY_FILE
from tests.grader.classroom_data import made_class


class Kept:
    """A store with a class in it, and as many runs as a test wants."""

    runs_there = 1

    @classmethod
    def open(cls, folder: Path) -> Kept:
        """Return it, wherever it is."""
        return cls()

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def view(self, course: object, late: Any) -> Any:
        """Return a small class, after the late policy."""
        return late(made_class(12, 2, 3))

    def runs(self) -> list[str]:
        """Return names of runs."""
        return [f"run {place}" for place in range(self.runs_there)]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Put the store in the place of the real one, and note what is asked of the parts beside it."""
    calls: dict[str, list[Any]] = {"late": [], "difference": [], "opened": []}

    def late(view: Any) -> Any:
        calls["late"].append(view)
        return view

    def difference(store: Kept, before: str, after: str) -> Any:
        calls["difference"].append((before, after))
        return SimpleNamespace(moves=[], unchanged=24)

    def opened(url: str) -> bool:
        calls["opened"].append(url)
        return len(calls["opened"]) == 1

    parts = {
        "store": SimpleNamespace(Store=Kept),
        "late": SimpleNamespace(apply=late),
        "picture": SimpleNamespace(difference=difference),
    }
    monkeypatch.setattr(command, "part", parts.__getitem__)
    monkeypatch.setattr(
        command.webbrowser, "open", lambda url: calls["opened"].append(url) or len(calls["opened"]) == 1
    )
    monkeypatch.setattr(Kept, "runs_there", 1)
    return calls


def run(*words: str | Path) -> Result:
    """Type `grader report …`."""
    return CliRunner().invoke(main, ["report", *map(str, words)])


def test_a_report_lies_beside_the_store(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """In DIR/report, after the late policy, and the command says where."""
    done = run(tmp_path)
    assert done.output.strip() == f"Report: {tmp_path / 'report' / 'index.html'}"
    assert (done.exit_code, len(asked["late"])) == (0, 1)
    assert len(list((tmp_path / "report" / "students").iterdir())) == 12
    assert not (tmp_path / KEY_FILE).exists()


def test_one_file_goes_where_it_is_told(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """--out names the folder, --single-file leaves one file there."""
    assert run(tmp_path, "--single-file", "--out", tmp_path / "x" / "y").exit_code == 0
    assert [path.name for path in (tmp_path / "x" / "y").rglob("*")] == ["index.html"]


def test_pseudonyms_stay_from_report_to_report(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """Their key is made once, lies beside the store for its owner alone, and is in no page."""
    names = []
    for _ in range(2):
        assert run(tmp_path, "--anonymous").exit_code == 0
        names.append(sorted(path.name for path in (tmp_path / "report" / "students").iterdir()))
    assert names[0] == names[1]
    key = tmp_path / KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert all(key.read_text() not in path.read_text("utf-8") for path in (tmp_path / "report").rglob("*.html"))
    key.unlink()
    run(tmp_path, "--anonymous")
    assert sorted(path.name for path in (tmp_path / "report" / "students").iterdir()) != names[0]


def test_a_key_that_cannot_be_kept_is_said(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """The report is written all the same."""
    (tmp_path / KEY_FILE).mkdir()
    done = run(tmp_path, "--anonymous")
    assert done.exit_code == 0
    assert "The key for pseudonyms cannot be kept" in done.output
    assert (tmp_path / "report" / "index.html").is_file()


def test_a_diff_compares_the_last_two_runs(
    asked: dict[str, list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three runs the second and the third; with one run there is nothing to compare, and that is said."""
    alone = run(tmp_path, "--diff")
    assert (alone.exit_code, "no earlier run" in alone.output) == (2, True)
    monkeypatch.setattr(Kept, "runs_there", 3)
    assert run(tmp_path, "--diff").exit_code == 0
    assert asked["difference"] == [("run 1", "run 2")]
    assert "24 results have not moved." in (tmp_path / "report" / "index.html").read_text("utf-8")


def test_a_diff_is_never_anonymous(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """The two options do not go together, and the sentence says why."""
    done = run(tmp_path, "--diff", "--anonymous")
    assert done.exit_code == 2
    assert "--diff cannot be combined with --anonymous" in done.output


def test_open_starts_a_browser_or_says_that_it_could_not(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """The page's own address is opened."""
    first, second = run(tmp_path, "--open"), run(tmp_path, "--open")
    assert asked["opened"] == [(tmp_path / "report" / "index.html").as_uri()] * 2
    assert "No browser" not in first.output
    assert "No browser could be started" in second.output


def test_a_folder_that_cannot_be_written_is_the_callers_mistake(asked: dict[str, list[Any]], tmp_path: Path) -> None:
    """Exit code 2 and a sentence, no traceback."""
    (tmp_path / "report").write_text("")
    done = run(tmp_path)
    assert done.exit_code == 2
    assert "The report cannot be written to" in done.output
    assert "Traceback" not in done.output
