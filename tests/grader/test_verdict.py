from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grader import messages
from grader.grade import Grader
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import Tier
from grader.score import exit_code, score
from grader.submission import SourceFile, Submission

from .tiny_course import FakeSession, judge_events, make_course, results

AWARDING = """
    import pytest
    from grader.suite import *

    @points(4)
    @pytest.mark.parametrize("n", [1, 2])
    def test_share(submission, n):
        '''Earns what the submission says.'''
        award(submission.double(n), f"Right for {n}.")

    @points(1)
    @needs("test_share")
    def test_after(submission):
        '''Waits.'''
"""


def judged(tmp_path: Path, shares: dict[int, float]) -> list[CheckResult]:
    """Judge a fake submission that earns these shares."""
    exercise = make_course(tmp_path / "course", AWARDING, points=5)
    return list(results(judge_events(exercise, tmp_path / "p", FakeSession({"double": shares.__getitem__}))).values())


def test_an_award_earns_its_share_of_the_parameters_points(tmp_path: Path) -> None:
    """Below 1 the check has failed, with points; what needs it waits."""
    whole, part, after = judged(tmp_path, {1: 1, 2: 2 / 3})
    assert (whole.outcome, whole.points, whole.message) == (Outcome.PASSED, 2.0, "")
    assert (part.outcome, part.points, part.max_points) == (Outcome.FAILED, pytest.approx(4 / 3), 2.0)
    assert (part.message, part.comparison) == ("Right for 2. Of this check's points that earns 66 %.", "award")
    assert (after.outcome, after.points) == (Outcome.BLOCKED, 0.0)
    assert score([whole, part, after]) == 3.333333


@pytest.mark.parametrize(
    ("share", "points", "said"), [(0.0, 0.0, "0 %"), (0.9999, 1.9998, "99 %"), (float("nan"), 0.0, "0 %")]
)
def test_less_than_everything_never_reads_as_everything(tmp_path: Path, share: float, points: float, said: str) -> None:
    """The percentage is rounded down, and a NaN that came from a submission earns nothing."""
    result = judged(tmp_path, {1: share, 2: 1})[0]
    assert (result.outcome, result.points) == (Outcome.FAILED, pytest.approx(points))
    assert f"Of this check's points that earns {said}." in result.message


def test_an_id_earns_the_least_of_its_judged_devices() -> None:
    """A share on one device and everything on another is the share; what is pending does not count."""

    def entry(device: str, outcome: Outcome, points: float) -> CheckResult:
        return CheckResult("test_a", "A", "hidden", device, outcome, points, 4.0)

    cpu, sim = entry("cpu", Outcome.PASSED, 4.0), entry("sim", Outcome.FAILED, 1.5)
    pending = entry("cuda", Outcome.PENDING, 0.0)
    assert score([cpu, sim, pending]) == 1.5
    assert score([cpu, pending]) == 4.0
    assert score([sim, entry("cuda", Outcome.TIMEOUT, 0.0)]) == 0.0
    assert score([pending]) == 0.0


UNPACKING = """
    import torch
    from torch.nn import functional
    from grader.suite import *

    @points(1)
    def test_pair(submission):
        '''Two values.'''
        first, second = submission.pair()

    def test_entry(submission):
        '''An entry of a dict.'''
        submission.pair()["loss"]

    def test_attribute(submission):
        '''A method of a tensor.'''
        submission.pair().sum(dim=5)

    def test_backward(submission):
        '''A loss with a graph.'''
        submission.pair().backward()

    def test_library(submission):
        '''A function of torch, in Python.'''
        functional.mse_loss(submission.pair(), torch.ones(2))

    def test_ours():
        '''Nothing was received.'''
        first, second = None

    def test_ours_as_well(submission):
        '''A function of the suite's own is broken.'''
        submission.pair()
        expect_vjp(torch.ones(2), lambda x: x @ torch.ones(3), (torch.ones(2),), torch.ones(2))

    def test_not_about_values(submission):
        '''Another exception of the suite's.'''
        submission.pair()
        1 / 0
"""
JUDGED, OURS = "failed", "error"
REACHED = ["test_pair", "test_entry", "test_attribute", "test_backward", "test_library"]


@pytest.fixture(scope="module")
def grader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader for checks that take what they receive apart by hand."""
    with Grader(make_course(tmp_path_factory.mktemp("course"), UNPACKING), Tier.NONE) as started:
        yield started


def returning(grader: Grader, value: str) -> dict[str, CheckResult]:
    """Judge a submission whose function returns this."""
    text = f"import torch, numpy\ndef pair():\n    return {value}\n"
    result = grader.grade(Submission("0" * 64, (SourceFile("work.py", text),)))
    return {check.id: check for check in result.checks}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("None", "nothing (None); did you forget `return`?"),
        ("(1, 2, 3)", "a tuple of 3 values"),
        ("[1]", "a list of 1 values"),
        ("{'a': 1, 'b': 2, 3: 4}", "a dict with the keys 'a', 'b', 3"),
        ("{i: i for i in range(9)}", "a dict with the keys 0, 1, 2, 3, 4, …"),
        ("torch.ones(3)", "a tensor of shape (3,) and dtype float32"),
        ("numpy.ones(3)", "an array of shape (3,) and dtype float64"),
        ("7", "a value of type int"),
    ],
)
def test_a_suite_that_breaks_on_what_it_received_fails_the_check(grader: Grader, value: str, shown: str) -> None:
    """`a, b = f(x)` where f returns None is the student's mistake; the sentence says what was returned."""
    checks = returning(grader, value)
    broken = [checks[name] for name in REACHED if checks[name].outcome is Outcome.FAILED]
    assert broken
    said = {check.id: messages.RETURNED_UNUSABLE.format(what=shown) for check in broken}
    if value.startswith("torch."):
        said["test_backward"] = messages.GRAPH_IS_CUT_THERE
    assert {check.id: check.message for check in broken} == said
    assert {checks[name].outcome.value for name in REACHED} <= {JUDGED, "passed"}


def test_what_does_not_come_from_a_received_value_is_our_error(grader: Grader) -> None:
    """Nothing received, or code of ours in between, or an exception that no value causes."""
    checks = returning(grader, "None")
    assert [checks[name].outcome.value for name in REACHED] == [JUDGED] * 5
    for name in ("test_ours", "test_ours_as_well", "test_not_about_values"):
        assert (checks[name].outcome.value, checks[name].message) == (OURS, messages.NOT_YOUR_FAULT)


def test_the_instructor_finds_the_traceback_of_both(grader: Grader) -> None:
    """Who reads the log sees which line of the suite could not go on."""
    returning(grader, "None")
    assert "test_hidden.py" in grader.log()
    assert "ZeroDivisionError" in grader.log()


def test_a_remote_value_taken_apart_fails_too(grader: Grader) -> None:
    """What cannot cross raises on use; it was the student who returned it."""
    checks = returning(grader, "{1, 2}")
    assert checks["test_pair"].outcome is Outcome.FAILED
    assert checks["test_pair"].message == messages.RETURNED_UNREADABLE.format(type="set")


def test_a_failed_check_is_no_failure_of_ours(grader: Grader) -> None:
    """Exit code 1 would be right but for the checks that are broken on purpose here."""
    text = "import torch\ndef pair():\n    return None\n"
    result = grader.grade(Submission("0" * 64, (SourceFile("work.py", text),)), keyword=" or ".join(REACHED))
    assert exit_code(result) == 1
