"""What is remembered between two commands: whole or not at all, never in anyone's way."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from grader.results import CheckResult, Diagnosis, ExerciseResult, Frame, Outcome
from grader.state import FOLDER, Last, changing, remember

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
    for again in (judged, judged, result(diagnosed())):
        remember(tmp_path, again, "en")
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


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"exercises": 3}', b'{"schema": "grader.state/9"}']
)
def test_a_damaged_file_is_as_if_absent(tmp_path: Path, damage: bytes) -> None:
    """Whatever stands in the file, nothing is known, and the next result is kept again."""
    remember(tmp_path, result(diagnosed()), "en")
    (tmp_path / FOLDER / "state.json").write_bytes(damage)
    assert last(tmp_path) == Last()
    (tmp_path / FOLDER / "state.json").write_bytes(damage)
    remember(tmp_path, result(diagnosed()), "en")
    assert len(last(tmp_path).checks) == 1


def test_where_nothing_can_be_written_nothing_fails(tmp_path: Path) -> None:
    """A course whose folder cannot be made (here a file is in its place) is judged and hinted at all the same."""
    (tmp_path / FOLDER).write_text("in the way")
    remember(tmp_path, result(diagnosed()), "en")
    assert last(tmp_path) == Last()
    assert (tmp_path / FOLDER).read_text() == "in the way"


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


def test_git_does_not_see_it(tmp_path: Path) -> None:
    """In a repository without any rule of its own, nothing of it is offered to be committed."""
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "--quiet"], check=True, capture_output=True)
    remember(tmp_path, result(diagnosed()), "en")
    seen = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True)
    assert seen.stdout == ""
