from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch

from grader.errors import CourseError, GuestLost, ProxyMisuse, StudentRaised
from grader.events import Broken, Event
from grader.grade import Grader
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.remote import Remote
from grader.sandbox.wire import HandleRef
from grader.submission import SourceFile, Submission
from grader.suite import context
from grader.suite.expect import ComparisonFailed, device_of, expect_close
from grader.suite.sharing import once

from .tiny_course import SLUG, FakeSession, judge_events, make_course, results

HEAD = "import pytest, torch\nfrom grader.suite import *\n"
TWO = """
@points(1)
def test_a(submission):
    '''A.'''
    submission.note(once("key", lambda: submission.work()))

@points(1)
def test_b(submission):
    '''B.'''
    submission.note(once("key", lambda: submission.work()))
"""


CHANGING = """
@points(1)
@pytest.mark.parametrize("n", [1, 2])
def test_a(submission, n):
    '''A.'''
    value = once("key", lambda: submission.work())
    submission.note(repr(value))
    value["x"][0].add_(1)
"""


class Judged:
    """Judges fake submissions whose `work` is a function of the test's; remembers what the suite noted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.noted, self.calls, self.runs = folder, list[object](), 0, 0

    def __call__(self, suite: str, work: Callable[[], object]) -> list[Event]:
        def counted() -> object:
            self.calls += 1
            return work()

        self.runs += 1
        points = suite.count("@points(1)")
        exercise = make_course(self.folder / f"c{self.runs}", HEAD + suite, points=points)
        self.session = FakeSession({"work": counted, "note": self.noted.append})
        return judge_events(exercise, self.folder / f"p{self.runs}", self.session)

    def results(self, suite: str, work: Callable[[], object]) -> list[CheckResult]:
        """Judge and return the results in order."""
        return list(results(self(suite, work)).values())


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """A judge of fake submissions."""
    return Judged(tmp_path)


def raising(error: BaseException) -> Callable[[], object]:
    """Make a function that raises this."""

    def work() -> object:
        raise error

    return work


def test_the_second_check_finds_what_the_first_computed(judged: Judged) -> None:
    """Once for each submission, not once for ever."""
    assert {result.outcome for result in judged.results(TWO, lambda: 3)} == {Outcome.PASSED}
    assert (judged.noted, judged.calls) == ([3, 3], 1)
    judged.results(TWO, lambda: 4)
    assert (judged.noted, judged.calls) == ([3, 3, 4, 4], 2)


def test_what_is_shared_are_copies(judged: Judged) -> None:
    """A check that changes what it was given changes it for itself; graphs are not shared."""
    value = {"x": [torch.ones(2, requires_grad=True) * 2], "n": (1, "a", None, b"b", True)}
    judged.results(CHANGING, lambda: value)
    assert len(judged.noted) == 2
    assert judged.noted[0] == judged.noted[1] == "{'x': [tensor([2., 2.])], 'n': (1, 'a', None, b'b', True)}"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (StudentRaised("ValueError", ("ValueError",), "no"), Outcome.RAISED),
        (StudentRaised("NotImplementedError", (), "", (), Outcome.TODO), Outcome.TODO),
        (GuestLost(Outcome.TIMEOUT, "too slow"), Outcome.TIMEOUT),
        (ComparisonFailed("loss", "loss: the value is wrong"), Outcome.FAILED),
        (ProxyMisuse("misused", received="set"), Outcome.FAILED),
    ],
)
def test_a_failure_of_the_students_is_shared_too(judged: Judged, error: BaseException, outcome: Outcome) -> None:
    """Every check that asks ends in it, and nobody waits for it twice."""
    first, second = judged.results(TWO, raising(error))
    assert (first.outcome, second.outcome, judged.calls) == (outcome, outcome, 1)
    assert (first.message, first.comparison) == (second.message, second.comparison)


def test_a_shared_loss_of_the_guest_cannot_be_swallowed(judged: Judged) -> None:
    """It sticks in the second check as it did in the first."""
    swallowing = TWO.replace(
        '    submission.note(once("key", lambda: submission.work()))\n',
        "    try:\n        once('key', lambda: submission.work())\n    except BaseException:\n        pass\n",
    )
    found = judged.results(swallowing, raising(GuestLost(Outcome.CRASHED, "gone")))
    assert [result.outcome for result in found[1:]] == [Outcome.CRASHED]


def test_a_failure_of_ours_is_tried_again(judged: Judged) -> None:
    """It must not become the outcome of every check that asks."""
    left = [ZeroDivisionError()] * 2
    found = judged.results(TWO, lambda: 3 if not left else raising(left.pop())())
    assert [result.outcome for result in found] == [Outcome.PASSED] * 2
    assert judged.calls == 3


def test_comparisons_inside_belong_to_every_check_that_asks(judged: Judged) -> None:
    """A diagnosis must not depend on which check came first."""
    suite = """
@points(1)
def test_a(submission):
    '''A.'''
    once("key", lambda: expect_close(submission.work(), 1.0, label="inner"))
    expect_close(submission.work(), 2.0, label="outer")

@points(1)
def test_b(submission):
    '''B.'''
    once("key", lambda: expect_close(submission.work(), 1.0, label="inner"))
    from grader.suite import context
    submission.note([(made.label, made.index, made.actual) for made in context.current().comparisons])
"""
    first, second = judged.results(suite, lambda: 1.0)
    assert (first.comparison, second.outcome) == ("outer", Outcome.PASSED)
    assert judged.noted == [[("inner", 0, 1.0)]]
    assert [result.comparison for result in judged.results(suite, lambda: 3.0)] == ["inner", "inner"]


DRAWING = """
@points(1)
def test_a(submission, rng):
    '''A.'''
    torch.rand(5, generator=rng), torch.rand(1)
    inside = once("key", lambda: [torch.rand((), generator=rng).item(), torch.rand(()).item()])
    submission.note((inside, [torch.rand((), generator=rng).item(), torch.rand(()).item()]))
"""


def test_draws_do_not_depend_on_who_computed(judged: Judged) -> None:
    """Inside they depend on the key, after it on check and key: a check alone draws as in the suite."""
    judged.results(DRAWING.replace("test_a", "test_b"), lambda: None)
    seeded_alone = judged.session.seeds
    judged.results(DRAWING + DRAWING.replace("test_a", "test_b"), lambda: None)
    alone, first, second = judged.noted
    assert alone == second
    assert first[0] == second[0]  # type: ignore[index]
    assert first[1] != second[1]  # type: ignore[index]
    assert judged.session.seeds[-1] == seeded_alone[-1]


IN_A_GUEST = """
    from grader.suite import *

    @points(1)
    def test_a(submission, rng):
        '''A.'''
        once("drawn", lambda: submission.draw())
        submission.show("a", once("drawn", lambda: submission.draw()), submission.draw())

    def test_b(submission, rng):
        '''B.'''
        submission.draw()
        submission.show("b", once("drawn", lambda: submission.draw()), submission.draw())
"""
DRAWS = """
import random, numpy, torch
def draw():
    return [float(torch.rand(())), float(numpy.random.rand()), random.random()]
def show(*values):
    print(*values)
"""


def test_student_code_draws_alike_in_a_check_alone_and_in_the_suite(tmp_path: Path) -> None:
    """The guest is seeded for what is shared and after it, whichever check computed it."""
    submission = Submission("0" * 64, (SourceFile("work.py", DRAWS),))
    with Grader(make_course(tmp_path, public=IN_A_GUEST), Tier.NONE) as grader:
        whole, alone = grader.grade(submission), grader.grade(submission, keyword="test_b")
    assert [check.outcome for check in whole.checks] == [Outcome.PASSED] * 2
    (a, b), (b_alone,) = ([check.stdout for check in result.checks] for result in (whole, alone))
    assert b == b_alone != ""
    assert a.split("]")[0] == b.split("]")[0].replace("b", "a")
    assert a.split("]")[1] != b.split("]")[1]


@pytest.fixture
def in_a_check() -> context.Check:
    """Be in a check without a judge."""
    check = context.Check("test_a", "cpu", 7, FakeSession({}), lambda: None)  # type: ignore[arg-type, return-value]
    context.begin(check)
    return check


@pytest.fixture(autouse=True)
def _in_no_check_afterwards() -> object:
    yield
    context.end()


@pytest.mark.parametrize("value", [object(), {1}, [numpy.float32], lambda: 1, {"a": [torch.nn.Linear(1, 1)]}])
def test_objects_of_the_suites_own_are_refused(in_a_check: context.Check, value: object) -> None:
    """What is shared must be a value; the sentence says what may be."""
    with pytest.raises(CourseError, match=r"once\('key'\) was given a value of type .* It shares tensors"):
        once("key", lambda: value)


def test_a_remote_object_is_refused(in_a_check: context.Check) -> None:
    """It dies with its check. Where it is what a student returned, the check fails; else the course is broken."""
    ours = Remote(None, HandleRef(0, "module"))  # type: ignore[arg-type]
    with pytest.raises(ProxyMisuse, match="lives until its check ends") as caught:
        once("key", lambda: [ours])
    assert caught.value.received is None
    theirs = Remote(None, HandleRef(1001, "set"), lease=object())  # type: ignore[arg-type]
    with pytest.raises(ProxyMisuse, match="a value of type set") as caught:
        once("other", lambda: {"x": theirs})
    assert caught.value.received == "set"


def test_a_suite_that_shares_an_object_stops_with_file_and_line(judged: Judged) -> None:
    """The course is broken, whatever the submission does."""
    last = judged(TWO, object)[-1]
    assert isinstance(last, Broken)
    assert last.message.startswith(
        f"tests/hidden/{SLUG}/test_hidden.py:7: once('key') was given a value of type object"
    )


def test_arrays_and_the_device_of_tensors_survive(in_a_check: context.Check) -> None:
    """A tensor that came from a device still says so."""
    x = torch.ones(2)
    x._guest_device = "cuda:0"  # type: ignore[attr-defined]
    array = numpy.ones(2)
    shared = once("key", lambda: (x, array))
    assert (device_of(shared[0]), device_of(torch.ones(2))) == ("cuda", "cpu")
    expect_close(shared[1], array)
    assert shared[1] is not array


def test_each_device_has_its_own(in_a_check: context.Check) -> None:
    """What was trained on one device says nothing about another."""
    assert once("key", lambda: 1) == 1
    in_a_check.device = "cuda"
    assert once("key", lambda: 2) == 2
    in_a_check.device = "cpu"
    assert once("key", lambda: 3) == 1
