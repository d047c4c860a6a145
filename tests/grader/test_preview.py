"""`grader check --as-student`: what an author sees is what a student gets to see, to the letter."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

import grader.show
from grader import messages
from grader.course import Exercise
from grader.grade import Grader
from grader.report.render import student_report
from grader.results import Diagnosis, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.show import Checked, Wanted, check_and_show
from grader.state import FOLDER
from grader.terminal import console_for, detail_lines, next_lines

from .test_atlas import WRONG, answer
from .test_terminal import check, read, result
from .tiny_course import SLUG, make_course

COMPARES = """
    import torch
    from grader.suite import expect_close, points

    @points(1)
    def test_{name}(submission, rng):
        '''double(x) is 2 x.'''
        x = torch.randn(5, generator=rng, dtype=torch.float64)
        expect_close(submission.double(x), 2 * x, label="y")
"""
FAILS = "test_public, test_sum"
KNOWN = WRONG["tripled.py"].replace("Fails: test_double, test_sum", f"Fails: {FAILS}")
HIDDEN = COMPARES.format(name="sum")
PUBLIC = COMPARES.format(name="public")
NAMED = Diagnosis("mask-missing", "Your code misses the mask.", "Closed units have a gradient.\nMay they?")


@pytest.fixture
def _warm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zygote: Zygote) -> None:
    """Keep atlases in a folder of the test's own, and fork all graders from the one zygote of this run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(grader.show, "Grader", lambda exercise, tier: Grader(exercise, tier, zygote))


@pytest.fixture
def submission(tmp_path: Path, _warm: None) -> Path:
    """A file that makes the known mistake, beside the course."""
    path = tmp_path / "work.py"
    path.write_text(answer("x + x + x"))
    return path


def course(tmp_path: Path, level: str) -> Exercise:
    """Write a course with one public and one hidden check and a known mistake."""
    files = {f"solutions/{SLUG}/wrong/tripled.py": KNOWN}
    return make_course(tmp_path / "course", HIDDEN, PUBLIC, 2, files, f'[feedback]\nhidden = "{level}"\n')


def shown(exercise: Exercise, path: Path, as_student: bool, seed: int | None = None) -> tuple[Checked, str]:
    """Check a submission; return what came of it and what was printed."""
    stream = io.StringIO()
    wanted = Wanted(Tier.NONE, "grader check 1", path, seed, as_student=as_student)
    return check_and_show(exercise, wanted, stream), stream.getvalue()


def told(checked: Checked) -> list[object]:
    """Return all that a result says of its checks, without how long they took."""
    return [
        (one.id, one.outcome, one.points, one.message, one.comparison, one.diagnosis, one.figures)
        for one in checked.result.checks
    ]


@pytest.mark.parametrize("level", ["outcome", "hint"])
def test_a_preview_says_what_the_students_report_says(tmp_path: Path, submission: Path, level: str) -> None:
    """The same result and the same page at every feedback level; only the terminal says that it is a preview."""
    exercise = course(tmp_path, level)
    (author, printed), (student, preview) = (shown(exercise, submission, flag) for flag in (False, True))
    assert told(author) == told(student)
    for one, other in zip(author.result.checks, student.result.checks, strict=True):
        one.wall_s = other.wall_s = 0.0
    assert student_report(author.result, exercise, author.sources) == student_report(
        student.result, exercise, student.sources
    )
    assert f'hidden = "{level}"' in " ".join(preview.split())
    assert "Preview" not in printed
    public, hidden = student.result.checks
    assert public.diagnosis is not None
    assert len(public.figures) == 1
    is_silent = level == "outcome"
    assert (hidden.diagnosis is None, hidden.message == "", hidden.figures) == (is_silent, is_silent, [])
    assert ("grader hint exercise1 test_public\n" in preview, "grader hint" in printed) == (True, False)
    assert "  grader check 1 -k test_public\n" in preview
    assert not (exercise.course.root / FOLDER).exists()  # for hints only what lies in the exercise's folder counts


def test_of_another_seed_a_student_gets_no_names(tmp_path: Path, submission: Path) -> None:
    """A student's copy of the course knows the mistakes for the course's seed; an author's knows them for all."""
    exercise = course(tmp_path, "hint")
    assert exercise.course.seed == 7
    names = {}
    for seed, flag in ((7, True), (8, True), (8, False)):
        judged = shown(exercise, submission, flag, seed)[0].result
        names[seed, flag] = {one.diagnosis.misconception if one.diagnosis else None for one in judged.checks}
    assert names == {(7, True): {"tripled"}, (8, True): {None}, (8, False): {"tripled"}}


def test_no_command_of_a_preview_names_a_hidden_check() -> None:
    """Students could not run it."""
    console = console_for(io.StringIO())
    hidden = [check(id=f"test_{n}", diagnosis=NAMED if n else None) for n in (0, 1)]
    whole = result(*hidden)
    seen = read(detail_lines(whole, console, "grader hint 1", True))
    seen += read(next_lines(whole, "grader check 1", False, console, True))
    assert [line.strip() for line in seen if "grader" in line] == ["grader check 1 --html report.html"]
    assert messages.CHECK_MORE_HINTS not in seen
    both = result(*hidden, check(Outcome.RAISED, id="test_own", visibility="public", message="Raised."))
    seen = read(next_lines(both, "grader check 1", True, console, True))
    assert [line.strip() for line in seen if "grader" in line] == ["grader check 1 -k test_own"]
    seen = read(next_lines(both, "grader check 1", True, console))
    assert [line.strip() for line in seen if "grader" in line] == ["grader check 1 -k test_0"]
