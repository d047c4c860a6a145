"""The format of the corpus: what is wrong in an entry is said with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course import load_course, load_exercise
from grader.errors import CourseError
from grader.grade import Grader
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote

from . import entries
from .bench import copy_course
from .canaries import plant
from .entries import load_entries, load_entry

GOOD = """
what = "ends Python"
catalogue = ["F1"]
layer = ["process"]
outcomes = { "*" = "crashed", test_double = ["crashed", "timeout"] }
says = ["ended Python"]
score_at_most = 0.0
wall_s_at_most = 6.0
"""


def made(root: Path, expect: str = GOOD, files: tuple[str, ...] = ("submission/work.py",)) -> Path:
    """Write an entry and return its folder."""
    folder = root / "forging" / "made"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x = 1\n")
    (folder / "expect.toml").write_text(expect)
    return folder


def test_a_good_entry_is_read(tmp_path: Path) -> None:
    """Outcomes are looked up by check, with a fallback."""
    entry = load_entry(made(tmp_path), tmp_path)
    assert entry.name == "forging/made"
    assert entry.expect.allowed("test_labels") == (Outcome.CRASHED,)
    assert entry.expect.allowed("test_double") == (Outcome.CRASHED, Outcome.TIMEOUT)
    assert load_entries(tmp_path) == [entry]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('["F1"]', '["F99"]', r"catalogue: there is no F99\."),
        ('["F1"]', '["F1", "F1"]', "an id stands there twice"),
        ('["F1"]', "[]", "catalogue"),
        ('["process"]', '["magic"]', r"layer.*magic"),
        ("test_double", "test_dubble", r"no check test_dubble\. Did you mean test_double"),
        ('"*" = "crashed", ', "", r'say what becomes of test_\w+, or of every other check with "\*"'),
        ('"*" = "crashed"', '"*" = "exploded"', r"outcomes.*exploded"),
        ('says = ["ended Python"]', "", "write what the student must read"),
        ("score_at_most = 0.0", "score_at_most = -1.0", "score_at_most"),
        ("wall_s_at_most = 6.0", "", "wall_s_at_most"),
        ('what = "ends', 'why = "ends', "what|why"),
        ("outcomes =", "outcomes ", "cannot be read"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_entry_is_named(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """File and key, and what would be right where that can be guessed."""
    assert old in GOOD
    with pytest.raises(CourseError, match=sentence) as raised:
        load_entry(made(tmp_path, GOOD.replace(old, new, 1)), tmp_path)
    assert "forging/made" in str(raised.value)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (("build.py",), "submission/ is missing or empty"),
        (("submission/work.py", "work.py"), r"work\.py is no part of an entry"),
    ],
)
def test_stray_and_missing_files_are_named(tmp_path: Path, files: tuple[str, ...], sentence: str) -> None:
    """What is handed in is in submission/, and nothing else is beside it."""
    with pytest.raises(CourseError, match=sentence):
        load_entry(made(tmp_path, files=files), tmp_path)


def test_the_ids_that_are_read_from_the_suites_are_those_of_the_plan(tmp_path: Path, zygote: Zygote) -> None:
    """The loader does not run the suites; the grader does."""
    copy_course(tmp_path, plant())
    with Grader(load_exercise(load_course(tmp_path), "1"), Tier.NONE, zygote) as grader:
        assert {planned.id for planned in grader.plan} == entries.known_checks()
        assert sum(planned.max_points for planned in grader.plan) == 13


def test_the_target_belongs_to_no_other_course() -> None:
    """The repository's own commands do not see it."""
    course = load_course(Path(__file__).resolve().parents[2])
    assert "exercise1_target" not in course.slugs()
