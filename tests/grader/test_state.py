"""What is remembered between two commands: whole or not at all, never in anyone's way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from grader.results import CheckResult, Diagnosis, ExerciseResult, Frame, Outcome
from grader.state import FOLDER, Last, Scored, State, changing, remember, remembered, trouble
from grader.turns import turn

from .report_samples import check, figure, result


def diagnosed(misconception: str = "mask-missing", id: str = "test_dx") -> CheckResult:
    """Return a failed check with a known mistake."""
    known = Diagnosis(misconception, "Your code misses the mask.", "Seen.\nWhy?\nBecause.")
    told: dict[str, Any] = {"frames": [Frame("a.py", 1, "f")], "figures": [figure([[1.0]], [[2.0]])], "stdout": "out"}
    return check(Outcome.FAILED, id, diagnosis=known, **told)


def last(root: Path, judged: ExerciseResult | None = None) -> Last:
    """Return what is remembered of the exercise."""
    with changing(root) as state:
        return state.exercises.get((judged or result()).exercise, Last())


def take(root: Path, ladder: str) -> None:
    """Take one step of a ladder."""
    with changing(root) as state:
        steps = state.exercises[result().exercise].steps
        steps[ladder] = steps.get(ladder, 0) + 1


def test_the_last_result_is_kept_without_what_no_hint_needs(tmp_path: Path) -> None:
    """Checks, their diagnoses, the files' digest and the language; no frames, no pictures, nothing printed."""
    judged = result(check(), diagnosed())
    remember(tmp_path, judged, "zh_CN")
    kept = last(tmp_path)
    assert (kept.submission, kept.language, kept.steps) == (judged.submission.sha256, "zh_CN", {})
    assert [one.id for one in kept.checks] == ["test_a", "test_dx"]
    assert kept.checks[1].diagnosis == judged.checks[1].diagnosis
    assert (kept.checks[1].frames, kept.checks[1].figures, kept.checks[1].stdout) == ([], [], "")
    assert judged.checks[1].stdout == "out"


def test_each_exercise_has_its_own(tmp_path: Path) -> None:
    """A result of one exercise leaves what is known of another."""
    other = result(diagnosed(), exercise="exercise2_autograd")
    remember(tmp_path, result(check()), "en")
    remember(tmp_path, other, "en")
    assert [one.id for one in last(tmp_path).checks] == ["test_a"]
    assert [one.id for one in last(tmp_path, other).checks] == ["test_dx"]


def test_the_same_result_again_keeps_the_steps(tmp_path: Path) -> None:
    """Checking unchanged files again, or some checks of them, does not start the hints anew."""
    judged = result(diagnosed(), check())
    for again, is_part in ((judged, False), (judged, False), (result(diagnosed()), True)):
        remember(tmp_path, again, "en", is_part)
        take(tmp_path, "mask-missing")
    assert last(tmp_path).steps == {"mask-missing": 3}
    assert len(last(tmp_path).checks) == 2


def test_other_files_start_all_hints_anew(tmp_path: Path) -> None:
    """Steps taken for one version of the files do not count for the next."""
    remember(tmp_path, result(diagnosed()), "en")
    take(tmp_path, "mask-missing")
    take(tmp_path, "")
    changed = result(diagnosed())
    changed.submission = type(changed.submission)("0" * 64, changed.submission.files)
    remember(tmp_path, changed, "en")
    assert last(tmp_path).steps == {}


def test_another_diagnosis_starts_its_hints_anew(tmp_path: Path) -> None:
    """A mistake that is no longer named loses its steps, so that they begin again should it come back."""
    remember(tmp_path, result(diagnosed("mask-missing")), "en")
    for ladder in ("mask-missing", ""):
        take(tmp_path, ladder)
    remember(tmp_path, result(diagnosed("mask-inverted")), "en")
    assert last(tmp_path).steps == {"": 1}


DAMAGE = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b'{"exercises": 3}',
    b'{"schema": "grader.state/9"}',
    b'{"exercises": {}, "x": 1}',
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_put_aside(tmp_path: Path, damage: bytes) -> None:
    """Whatever stands in the file, nothing is known, one sentence says so, and what stood there is not lost."""
    file = tmp_path / FOLDER / "state.json"
    remember(tmp_path, result(diagnosed()), "en")
    file.write_bytes(damage)
    assert remembered(tmp_path) == State()
    said = trouble(tmp_path)
    assert said.startswith(f"{file} could not be read (")
    assert said.endswith("). It was put aside as state-1.json.bad; scores and hints begin anew.")
    assert (file.with_name("state-1.json.bad").read_bytes(), trouble(tmp_path)) == (damage, "")
    file.write_bytes(damage)
    remember(tmp_path, result(diagnosed()), "en")
    assert len(last(tmp_path).checks) == 1
    assert file.with_name("state-2.json.bad").read_bytes() == damage


def test_a_folder_in_the_files_place_is_put_aside_too(tmp_path: Path) -> None:
    """Nothing that lies where the file belongs can keep it from being written for ever."""
    (tmp_path / FOLDER / "state.json").mkdir(parents=True)
    assert "(Is a directory). It was put aside as state-1.json.bad" in trouble(tmp_path)
    remember(tmp_path, result(diagnosed()), "en")
    assert len(last(tmp_path).checks) == 1


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    """A course whose folder cannot be made (here a file is in its place) is judged and hinted at all the same."""
    (tmp_path / FOLDER).write_text("in the way")
    remember(tmp_path, result(diagnosed()), "en")
    assert last(tmp_path) == Last()
    assert (tmp_path / FOLDER).read_text() == "in the way"
    why = f"because {tmp_path / FOLDER} cannot be written to: File exists."
    assert trouble(tmp_path) == f"Scores and hints are not remembered, {why}"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered can still be read there, and one sentence says that nothing new will be."""
    remember(tmp_path, result(diagnosed()), "en")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert trouble(tmp_path).endswith("cannot be written to: Permission denied.")
    assert len(remembered(tmp_path).exercises) == 1


def scored(root: Path) -> tuple[float | None, float | None]:
    """Return last and best points."""
    kept = last(root)
    return kept.score and kept.score.points, kept.best and kept.best.points


def test_last_and_best_score_are_kept(tmp_path: Path) -> None:
    """The last one is that of the last whole check; the best one stays until the checks are worth something else."""
    good, bad, more = check(), check(Outcome.FAILED), check(id="test_b")
    for judged, expected in [
        (result(bad), (0, 0)),
        (result(good), (1, 1)),
        (result(bad), (0, 1)),
        (result(check(Outcome.ERROR)), (0, 1)),  # a mistake of ours is no score of theirs
        (result(bad, more), (1, 1)),
        (result(bad, check(Outcome.FAILED, "test_b")), (0, 1)),
    ]:
        remember(tmp_path, judged, "en")
        assert scored(tmp_path) == expected
    assert last(tmp_path).best == Scored(1, 2, 1, 2, result().submission.sha256)


def test_some_checks_alone_are_no_score(tmp_path: Path) -> None:
    """What -k chose leaves the score of the files that were checked as a whole."""
    remember(tmp_path, result(check(), check(id="test_b")), "en")
    part = result(check(Outcome.FAILED))
    part.submission = type(part.submission)("0" * 64, part.submission.files)
    remember(tmp_path, part, "en", is_part=True)
    kept = last(tmp_path)
    assert kept.score == kept.best == Scored(2, 2, 2, 2, result().submission.sha256)
    assert kept.submission == "0" * 64


def test_only_whole_files_are_ever_there(tmp_path: Path) -> None:
    """Nothing unfinished is left behind."""
    remember(tmp_path, result(diagnosed()), "en")
    assert sorted(os.listdir(tmp_path / FOLDER)) == [".gitignore", "state.json", "state.lock"]


def test_two_terminals_lose_no_step(tmp_path: Path) -> None:
    """Whoever changes something waits for the other: of forty steps taken at once from four sides all are there."""
    remember(tmp_path, result(diagnosed()), "en")
    sides = [threading.Thread(target=lambda: [take(tmp_path, "mask-missing") for _ in range(10)]) for _ in range(4)]
    for side in sides:
        side.start()
    for side in sides:
        side.join()
    assert last(tmp_path).steps == {"mask-missing": 40}


class Windows(ModuleType):
    """What Windows has instead of fcntl; the first `busy` tries end as if another held the file for ten seconds."""

    LK_LOCK, LK_UNLCK = 1, 0

    def __init__(self, busy: int) -> None:
        super().__init__("msvcrt")
        self.busy, self.done = busy, list[int]()

    def locking(self, fd: int, mode: int, count: int) -> None:
        self.done.append(mode)
        if mode == self.LK_LOCK and self.busy:
            self.busy -= 1
            raise OSError(36, "Resource deadlock avoided")


def test_windows_waits_longer_than_its_lock_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no fcntl the lock of Windows is tried again, and let go at the end; without either all goes on."""
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for busy, expected in [(0, [1, 0]), (2, [1, 1, 1, 0])]:
        windows = Windows(busy)
        monkeypatch.setitem(sys.modules, "msvcrt", windows)
        with turn(tmp_path / "lock"):
            assert windows.done == expected[:-1]
        assert windows.done == expected
    monkeypatch.setitem(sys.modules, "msvcrt", Windows(1000))
    with pytest.raises(OSError, match="holding it for minutes"), turn(tmp_path / "lock"):
        pytest.fail("went on without its turn")
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    remember(tmp_path, result(diagnosed()), "en")
    assert len(last(tmp_path).checks) == 1


def test_git_does_not_see_it(tmp_path: Path) -> None:
    """In a repository without any rule of its own only what came with the course is offered to be committed."""
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True, capture_output=True)
    remember(tmp_path, result(diagnosed()), "en")
    seen = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert seen.stdout == ""
    (tmp_path / FOLDER / "stubs").mkdir()
    (tmp_path / FOLDER / "stubs" / "work.py").write_text("x = 1\n")
    seen = subprocess.run([*git, "status", "-uall", "--porcelain"], check=True, capture_output=True, text=True)
    assert seen.stdout == f"?? {FOLDER}/stubs/work.py\n"
