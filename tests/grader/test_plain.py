from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from grader.course import Exercise
from grader.pytest_plugin import exercise_of
from grader.suite.context import derive_seed

from .tiny_course import REFERENCE, SLUG, make_course

HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    @needs("test_last", "test_public")
    def test_first(submission):
        '''Waits for the last.'''
        expect_equal(submission.double(1), 2)

    def test_swallows(submission):
        '''A suite that catches everything.'''
        try:
            submission.double(-1)
        except BaseException:
            pass

    def test_draws(rng, device, reference):
        '''The fixtures are those of the grader.'''
        expect_equal(torch.randint(1000, (1,), generator=rng).item(), SEEDED)
        expect_equal(reference.double(2), 4)
        expect_equal(once("four", lambda: 4), 4)

    def test_last(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")
"""
PUBLIC = """
    from grader.suite import *

    def test_public(submission):
        '''Doubles nothing.'''
        expect_equal(submission.double(0), 0)
"""
INI = "[pytest]\naddopts = -p grader.pytest_plugin --import-mode=importlib -p no:cacheprovider --strict-markers\n"
WRONG = """
import os
def double(x):
    print("doubling", flush=True)
    if type(x) is int and x < 0:
        os._exit(0)
    return helper(x)
def helper(x):
    raise ValueError("no idea")
"""


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """A course whose pytest options name the plugin, as this repository's do."""
    seeded = torch.Generator().manual_seed(derive_seed(7, "test_draws", "rng"))
    hidden = HIDDEN.replace("SEEDED", str(torch.randint(1000, (1,), generator=seeded).item()))
    folder = tmp_path_factory.mktemp("plain") / "course"
    return make_course(folder, hidden, PUBLIC, files={"pytest.ini": INI})


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run pytest as an author would."""
    command = [sys.executable, "-m", "pytest", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_reference_passes_from_anywhere(exercise: Exercise) -> None:
    """Without --submission it is what is judged; the course is found by the suite's path."""
    done = run(exercise.hidden_folder, exercise.public_suite, "-v", cwd=Path("/"))
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout
    order = [done.stdout.index(name) for name in ("test_last", "test_public", "test_first")]
    assert order == sorted(order)


def test_a_wrong_submission_is_shown_as_pytest_shows_things(exercise: Exercise, tmp_path: Path) -> None:
    """The suite's line, the student's frames and prints, what waits, and no frame of ours."""
    (tmp_path / "wrong.py").write_text(WRONG)
    suite = f"tests/hidden/{SLUG}"
    done = run(suite, f"--submission={tmp_path / 'wrong.py'}", "-rs", cwd=exercise.course.root)
    assert done.returncode == 1
    assert ">       expect_close(submission.double(torch.ones(2))" in done.stdout
    assert "StudentRaised: ValueError: no idea" in done.stdout
    assert 'File "work.py", line 9, in helper\n    raise ValueError("no idea")' in done.stdout
    assert "printed by the submission" in done.stdout
    assert "doubling" in done.stdout
    assert "waits for test_last, which has not passed" in done.stdout
    assert "Your code ended Python itself (exit status 0)" in done.stdout
    assert "grader/sandbox" not in done.stdout
    assert "2 failed, 1 passed, 1 skipped" in done.stdout


def test_seed_and_keyword_are_honoured(exercise: Exercise) -> None:
    """Another seed draws otherwise; -k is pytest's own, and what it leaves out is not waited for."""
    other = run(exercise.hidden_folder, "--seed", "8", "-k", "draws or first", "--fence", "none", cwd=Path("/"))
    assert "the submission runs behind the fence none. Note: this runs without a fence" in other.stdout
    assert "test_draws" in other.stdout
    assert "1 failed, 1 passed, 2 deselected" in other.stdout


@pytest.mark.parametrize("order", ["suite first", "submission first"])
def test_nothing_in_a_submissions_folder_is_run(exercise: Exercise, tmp_path: Path, order: str) -> None:
    """A conftest.py beside the submission is the student's; pytest must not take the option's value for a test path."""
    (tmp_path / "work.py").write_text(REFERENCE)
    (tmp_path / "conftest.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    arguments = [f"tests/hidden/{SLUG}", "--submission", tmp_path]
    done = run(*(arguments if order == "suite first" else arguments[1:] + arguments[:1]), cwd=exercise.course.root)
    assert "4 passed" in done.stdout
    assert not (tmp_path / "ran").exists()


PROBE = """
import sys, pytest
status = pytest.main(sys.argv[1:])
print("status", int(status), "torch" in sys.modules, "grader.suite" in sys.modules)
"""


@pytest.mark.parametrize("arguments", [[], ["."], ["tests"], ["exercises"]])
def test_a_bare_pytest_collects_no_suite_and_imports_no_torch(exercise: Exercise, arguments: list[str]) -> None:
    """Suites are judged where somebody asks for one by its path, and nobody else pays for it."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], cwd=exercise.course.root, capture_output=True, text=True, check=False
    )
    assert "no tests ran" in done.stdout
    assert "status 5 False False" in done.stdout


@pytest.mark.parametrize(
    ("submission", "code", "said"),
    [("nowhere.py", 2, "There is no file or folder"), ("broken.py", 1, "work.py, line 1: ")],
)
def test_a_submission_that_cannot_be_judged_is_said(
    exercise: Exercise, tmp_path: Path, submission: str, code: int, said: str
) -> None:
    """In one sentence, or as the failure of every check where it cannot be imported."""
    (tmp_path / "broken.py").write_text("def (:\n")
    done = run(f"tests/hidden/{SLUG}", f"--submission={tmp_path / submission}", cwd=exercise.course.root)
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_a_broken_rule_is_said_before_anything_runs(tmp_path: Path) -> None:
    """As the grader would, with file and line."""
    exercise = make_course(tmp_path, "def test_a():\n    pass\n", files={"pytest.ini": INI})
    done = run(exercise.hidden_folder, cwd=tmp_path)
    assert done.returncode == 4
    assert "test_hidden.py:1: test_a has no docstring" in done.stderr


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        (f"tests/hidden/{SLUG}", SLUG),
        (f"tests/hidden/{SLUG}/test_hidden.py", SLUG),
        (f"exercises/{SLUG}/test_public.py", SLUG),
        (f"exercises/{SLUG}", None),
        (f"exercises/{SLUG}/work.py", None),
        ("tests/hidden", None),
        ("tests", None),
        (".", None),
        ("/tests/hidden/elsewhere", None),
        ("/", None),
    ],
)
def test_a_suite_is_known_by_where_it_lies(exercise: Exercise, path: str, slug: str | None) -> None:
    """In a course's tests/hidden, or the public suite of an exercise."""
    found = exercise_of(exercise.course.root / path)
    assert found == (None if slug is None else (exercise.course.root, slug))


def test_a_calibrated_check_compares_with_its_band_or_says_what_is_missing(tmp_path: Path) -> None:
    """The same accuracies as when it is graded; without a calibration the check is an error that says what to run."""
    suite = """
        import torch
        from grader.suite import *

        @calibrated()
        @points(1)
        def test_trained(submission, rng):
            '''Half of the guesses are right.'''
            def run():
                labels = torch.randint(0, 2, (200,), generator=rng)
                return submission.double(labels) // 2 * 0, labels
            expect_accuracy(run, "guesses")
    """
    made = make_course(tmp_path / "course", suite, files={"pytest.ini": INI})
    missing = run(made.hidden_folder, "-q", cwd=made.course.root)
    assert missing.returncode == 1
    assert "test_trained has no calibration on cpu. Run `grader calibrate exercise1`." in missing.stdout
    grader = [sys.executable, "-m", "grader", "calibrate", "1", "--seeds", "30"]
    subprocess.run(grader, cwd=made.course.root, check=True, capture_output=True, timeout=300)
    found = run(made.hidden_folder, "-q", cwd=made.course.root)
    assert (found.returncode, "1 passed" in found.stdout) == (0, True), found.stdout
