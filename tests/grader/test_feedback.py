"""How much a result says of a hidden check, and that what is withheld is nowhere in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grader.errors import CourseError, GuestLost, InfrastructureError, StudentRaised
from grader.grade import Grader
from grader.policy import Feedback, FeedbackLevel, withheld
from grader.results import CheckResult, Diagnosis, Frame, Outcome
from grader.sandbox.fence import Tier
from grader.submission import SourceFile, Submission

from .tiny_course import FakeSession, judge_events, make_course, results

SUITE = """
    import torch
    from grader.suite import *
    @points(1)
    def test_{name}(submission):
        '''The double of 1 is 2.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="a telling label")
    @points(1)
    @needs("test_{name}")
    def test_{name}_again(submission):
        '''And again.'''
"""
FRAME = Frame("work.py", 2, "double", "return x")
Judged = Callable[..., dict[str, CheckResult]]


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Judge a fake submission against one public and one hidden check, the same but for the name."""

    def run(level: FeedbackLevel, ends_with: object, **session: object) -> dict[str, CheckResult]:
        def double(_: object) -> object:
            if isinstance(ends_with, BaseException):
                raise ends_with
            return ends_with

        exercise = make_course(
            tmp_path / level / "course",
            SUITE.format(name="hidden"),
            SUITE.format(name="public"),
            points=4,
            more=f'[feedback]\nhidden = "{level}"\n',
        )
        fake = FakeSession({"double": double}, printed="a telling print", **session)  # type: ignore[arg-type]
        return results(judge_events(exercise, tmp_path / level / "private", fake))

    return run


ENDINGS = {
    "wrong value": torch.ones(2),
    "raised": StudentRaised("ValueError", ("ValueError",), "a telling text", (FRAME,)),
    "forbidden": StudentRaised("ForbiddenUse", ("ForbiddenUse",), "a telling text", (FRAME,), Outcome.FORBIDDEN),
    "todo": StudentRaised("NotImplementedError", (), "", (FRAME,), Outcome.TODO),
    "lost": GuestLost(Outcome.TIMEOUT, "a telling text"),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_at_outcome_a_hidden_check_says_only_how_it_ended(judged: Judged, ending: str) -> None:
    """Title, outcome and points; also of the check that waits for it."""
    found = judged("outcome", ENDINGS[ending])
    told = judged("hint", ENDINGS[ending])
    for name in ("test_hidden", "test_hidden_again"):
        result = found[name]
        assert (result.title, result.outcome) == (told[name].title, told[name].outcome)
        assert (result.points, result.max_points) == (0, 1)
        assert (result.message, result.comparison, result.diagnosis) == ("", None, None)
        assert (result.frames, result.figures, result.stdout) == ([], [], "")
        assert told[name].message
    assert found["test_hidden_again"].blocked_by == "test_hidden"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_public_check_always_says_everything(judged: Judged, ending: str) -> None:
    """The student has its source anyway."""
    public = judged("outcome", ENDINGS[ending])["test_public"]
    assert public.message
    assert public.stdout == "a telling print"
    assert public.frames == ([FRAME] if isinstance(ENDINGS[ending], StudentRaised) else [])
    assert public.comparison == ("a telling label" if ending == "wrong value" else None)


@pytest.mark.parametrize("level", ["hint", "full"])
def test_at_the_other_levels_a_hidden_check_says_why(judged: Judged, level: FeedbackLevel) -> None:
    """Message, comparison and the student's own lines."""
    hidden = judged(level, ENDINGS["wrong value"])["test_hidden"]
    assert hidden.message.startswith("a telling label: 2 of 2 values are wrong")
    assert hidden.comparison == "a telling label"


def test_a_passed_check_has_its_points_at_every_level(judged: Judged) -> None:
    """What is withheld is the reason, not the result."""
    hidden = judged("outcome", 2 * torch.ones(2))["test_hidden"]
    assert (hidden.outcome, hidden.points) == (Outcome.PASSED, 1)


def test_a_failing_import_is_told_at_every_level(judged: Judged) -> None:
    """It is about the file; no hidden check has begun yet."""
    raised = StudentRaised("ImportError", ("ImportError",), "no module named scipy", (FRAME,))
    hidden = judged("outcome", None, fails_to_open=[raised])["test_hidden"]
    assert (hidden.outcome, hidden.frames) == (Outcome.RAISED, [FRAME])
    assert "no module named scipy" in hidden.message


def test_a_failure_of_ours_is_told_at_every_level(judged: Judged) -> None:
    """A student must not take it for their own."""
    hidden = judged("outcome", InfrastructureError("x"))["test_hidden"]
    assert hidden.outcome is Outcome.ERROR
    assert "The mistake is ours" in hidden.message


def test_a_diagnosis_is_withheld_too() -> None:
    """Whoever adds it to a result."""
    told = CheckResult("a", "A.", "hidden", "cpu", Outcome.FAILED, 0.0, 1.0, diagnosis=Diagnosis("m", "s", "h"))
    quiet = withheld(told, Feedback("outcome"))
    assert (quiet.diagnosis, told.diagnosis) == (None, Diagnosis("m", "s", "h"))
    assert withheld(told, Feedback()) is told


# --- the whole way ----------------------------------------------------------------------------------------------


def test_policy_and_feedback_of_the_file_reach_the_guest(tmp_path: Path, strongest: Tier) -> None:
    """From exercise.toml through worker, judge and guest into the result."""
    exercise = make_course(
        tmp_path,
        SUITE.format(name="hidden"),
        SUITE.format(name="public"),
        points=4,
        more="""
[policy]
autograd = "off"
[[policy.forbid]]
names = ["torch.nn"]
sentence = "By hand."
[feedback]
hidden = "outcome"
""",
    )
    text = "import torch.nn.functional as F\ndef double(x):\n    return 2 * F.relu(x)\n"
    with Grader(exercise, strongest) as grader:
        result = grader.grade(Submission("0" * 64, (SourceFile("work.py", text),)), seed=7)
    checks = {check.id: check for check in result.checks}
    assert checks["test_hidden"].outcome is checks["test_public"].outcome is Outcome.FORBIDDEN
    assert checks["test_public"].message == "torch.nn.functional.relu is not allowed here: By hand."
    assert checks["test_public"].frames == [Frame("work.py", 3, "double", "return 2 * F.relu(x)")]
    assert checks["test_hidden"].message == ""
    flags = [(flag.rule, flag.line, flag.message) for flag in result.flags]
    assert flags == [("forbidden", 3, checks["test_public"].message)]


def test_a_misspelt_forbidden_name_stops_the_grading(tmp_path: Path, strongest: Tier) -> None:
    """It would forbid nothing, and nobody would notice."""
    rule = '[[policy.forbid]]\nnames = ["torch.nn", "torch.optm"]\nsentence = "S."\n'
    exercise = make_course(tmp_path, SUITE.format(name="hidden"), points=2, more=rule)
    wanted = r"exercises/exercise1_tiny/exercise\.toml: policy\.forbid: there is nothing called 'torch\.optm' to forbid"
    with pytest.raises(CourseError, match=wanted), Grader(exercise, strongest) as grader:
        grader.grade(Submission("0" * 64, (SourceFile("work.py", "x = 1\n"),)), seed=7)
