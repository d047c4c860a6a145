from __future__ import annotations

import builtins
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grader import messages
from grader.course import Exercise
from grader.errors import CourseError
from grader.results import Outcome
from grader.suite import context, once
from grader.suite.collect import CollectedSuite, read_suite
from grader.suite.context import derive_seed

from .tiny_course import SLUG, FakeSession, collect, judge_events, make_course, results

HEAD = "import pytest\nfrom grader.suite import *\n"
Collected = Callable[..., CollectedSuite]


@pytest.fixture
def collected(tmp_path: Path) -> Collected:
    """Collect a hidden suite given as text."""

    def run(hidden: str = "", **course: object) -> CollectedSuite:
        kept: list[CollectedSuite] = []
        exercise = make_course(tmp_path / "course", HEAD + hidden if hidden else "", **course)  # type: ignore[arg-type]
        collect(exercise, tmp_path / "private", kept.append)
        return kept[0]

    return run


def test_a_check_is_read_as_it_was_written(collected: Collected) -> None:
    """Title, points, needs, deadline and place come from the test function."""
    suite = collected(
        "def test_a():\n    '''First things first.'''\n\n"
        "@points(1)\n@needs('test_a')\n@limits(check_wall_s=20)\n"
        "def test_b():\n    '''\n    Second.\n\n    More.\n    '''\n"
    )
    first, second = (step.check for step in suite.steps)
    assert (first.title, first.points, first.needs, first.check_wall_s) == ("First things first.", 0.0, (), None)
    assert (second.title, second.points, second.needs, second.check_wall_s) == ("Second.", 1.0, ("test_a",), 20.0)
    assert second.where == f"tests/hidden/{SLUG}/test_hidden.py:6"


def test_public_checks_come_first_and_keep_their_place(collected: Collected) -> None:
    """The public suite runs from a copy, but messages name the file that the author knows."""
    suite = collected("@points(1)\ndef test_h():\n    '''H.'''\n", public="def test_p():\n    '''P.'''\n")
    assert [(step.check.id, step.check.visibility) for step in suite.steps] == [
        ("test_p", "public"),
        ("test_h", "hidden"),
    ]
    assert suite.steps[0].check.where == f"exercises/{SLUG}/test_public.py:1"


@pytest.mark.parametrize(
    ("hidden", "complaint"),
    [
        ("def test_a():\n    pass\n", ":3: test_a has no docstring"),
        ("@pytest.mark.skip\ndef test_a():\n    '''A.'''\n", ":3: test_a is marked skip"),
        ("@pytest.mark.xfail\ndef test_a():\n    '''A.'''\n", ":3: test_a is marked xfail"),
        ("@pytest.mark.skipif(True, reason='')\ndef test_a():\n    '''A.'''\n", ":3: test_a is marked skipif"),
        ("@points('3')\ndef test_a():\n    '''A.'''\n", ":3: the mark points takes one number"),
        ("@points(-1)\ndef test_a():\n    '''A.'''\n", ":3: the mark points takes one number"),
        ("@points(True)\ndef test_a():\n    '''A.'''\n", ":3: the mark points takes one number"),
        ("@pytest.mark.points(1, 2)\ndef test_a():\n    '''A.'''\n", ":3: the mark points takes one number"),
        ("@pytest.mark.limits(5)\ndef test_a():\n    '''A.'''\n", ":3: the mark limits takes check_wall_s=seconds"),
        ("@pytest.mark.needs(test=1)\ndef test_a():\n    '''A.'''\n", ":3: the mark needs takes names as strings"),
        ("@pytest.mark.point(3)\ndef test_a():\n    '''A.'''\n", ":3: Failed: 'point' not found"),
        ("@limits(wall_s=3)\ndef test_a():\n    '''A.'''\n", ":3: TypeError: limits() got an unexpected keyword"),
        ("\nx = 1 / 0\n", ":4: ZeroDivisionError: division by zero"),
        ("\n\ndef test_a(:\n", ":5: SyntaxError: invalid syntax"),
        ("import no_such_module\n", ":3: ModuleNotFoundError: No module named 'no_such_module'"),
        ("pytest.skip('later', allow_module_level=True)\n", ":1: a suite must not skip"),
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test_u(self):\n        pass\n",
            "test_u has no docstring",
        ),
        ("x = 1\n", "exercise1_tiny has no checks"),
    ],
)
def test_a_suite_that_breaks_a_rule_is_refused_with_its_place(
    collected: Collected, hidden: str, complaint: str
) -> None:
    """Whatever is wrong with a suite is the course's fault and is said with file and line."""
    with pytest.raises(CourseError, match=re.escape(complaint)) as caught:
        collected(hidden)
    assert "has no checks" in complaint or f"tests/hidden/{SLUG}/test_hidden.py" in str(caught.value)


def test_a_suite_that_starts_a_thread_at_import_is_refused(
    collected: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fork of a process with two threads can hang for ever."""
    stop = threading.Event()
    monkeypatch.setattr(builtins, "stop_the_thread", stop, raising=False)
    try:
        with pytest.raises(CourseError, match=r"test_hidden\.py:1: importing this file starts a thread"):
            collected("import threading\nthreading.Thread(target=stop_the_thread.wait).start()\n")
    finally:
        stop.set()


def test_a_course_without_any_suite_is_refused(collected: Collected) -> None:
    """Nothing to judge is not the same as everything passed."""
    with pytest.raises(CourseError, match="has no checks"):
        collected("")


def test_nothing_else_in_a_students_folder_is_run(collected: Collected, tmp_path: Path) -> None:
    """conftest.py, __init__.py, pytest.ini and a torch.py beside the public suite are the student's, hence hostile."""
    bomb = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    folder = f"exercises/{SLUG}"
    hostile = {f"{folder}/{name}.py": bomb for name in ("conftest", "__init__", "torch", "pytest", "sitecustomize")}
    hostile |= {
        "exercises/conftest.py": bomb,
        "exercises/__init__.py": bomb,
        f"{folder}/pytest.ini": "[pytest]\naddopts=-x",
    }
    collected(public="import torch\ndef test_p():\n    '''P.'''\n", files=hostile)
    assert not (tmp_path / "ran").exists()


def test_the_digest_of_a_suite_changes_with_any_of_its_files(tmp_path: Path) -> None:
    """Results of different suites must not be mixed up, whichever file was edited."""
    exercise = make_course(tmp_path, "h", "p", files={f"tests/hidden/{SLUG}/data.csv": "1"})
    digests = set()
    for round_, path in enumerate([None, exercise.public_suite, *exercise.hidden_folder.glob("*")]):
        if path is not None:
            path.write_text("changed")
        private = tmp_path / f"private{round_}"
        private.mkdir()
        digests.add(read_suite(exercise, private).sha256)
    assert len(digests) == 4


def judged_values(exercise: Exercise, private: Path, seed: int) -> dict[str, object]:
    """Return what a suite hands to `submission.note`, by check."""
    noted: dict[str, object] = {}
    judge_events(exercise, private, FakeSession({"note": noted.__setitem__}), seed)
    return noted


def test_draws_depend_on_the_seed_and_the_check_only(tmp_path: Path) -> None:
    """A check draws the same alone and in the suite, and two checks draw differently."""
    draw = "    '''T.'''\n    submission.note('{0}', torch.rand(2, generator=rng).tolist())\n"
    body = "import torch\n" + "".join(f"def test_{n}(submission, rng):\n" + draw.format(n) for n in "ab")
    both = make_course(tmp_path / "both", "from grader.suite import *\n" + body, points=0.5, more="")
    (both.hidden_folder / "test_points.py").write_text(
        "from grader.suite import *\n@points(.5)\ndef test_p():\n    '''P.'''\n"
    )
    first = judged_values(both, tmp_path / "p1", seed=7)
    assert judged_values(both, tmp_path / "p2", seed=7) == first
    assert judged_values(both, tmp_path / "p3", seed=8)["a"] != first["a"]
    assert first["a"] != first["b"]
    alone = torch.Generator().manual_seed(derive_seed(7, "test_a", "rng"))
    assert first["a"] == torch.rand(2, generator=alone).tolist()


def test_the_reference_is_our_solution(tmp_path: Path) -> None:
    """The fixture imports solutions/, once per submission."""
    text = (
        "from grader.suite import *\n@points(1)\ndef test_a(submission, reference, device):\n    '''T.'''\n"
        "    submission.note('value', reference.double(21))\n    submission.note('device', device)\n"
    )
    assert judged_values(make_course(tmp_path / "c", text), tmp_path / "p", 7) == {"value": 42, "device": "cpu"}


@pytest.mark.parametrize("use", [context.required, lambda: once("key", dict)], ids=["fixture", "once"])
def test_what_needs_a_check_says_so_outside_of_one(use: Callable[[], object]) -> None:
    """In a pytest that nobody judges with there is no submission."""
    with pytest.raises(CourseError, match="only in a check that the grader judges"):
        use()


def test_a_failing_check_is_never_rendered_by_pytest(tmp_path: Path) -> None:
    """pytest's own report shows source and values of hidden checks; ours is not even made."""
    text = (
        "from grader.suite import *\n@points(1)\ndef test_a(submission):\n    '''T.'''\n"
        "    class Loud:\n        def __repr__(self):\n            submission.note('rendered', True)\n"
        "            return 'secret'\n    assert Loud() == 'secret'\n"
    )
    noted: dict[str, object] = {}
    session = FakeSession({"note": noted.__setitem__})
    judged = results(judge_events(make_course(tmp_path / "c", text), tmp_path / "p", session))["test_a"]
    assert (judged.outcome, judged.message, noted) == (Outcome.FAILED, messages.CLAIM_DOES_NOT_HOLD, {})
