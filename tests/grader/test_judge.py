from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grader import messages
from grader.errors import (
    GuestLost,
    InfrastructureError,
    ProtocolViolation,
    ProxyMisuse,
    ReplyTooLarge,
    StudentRaised,
    SubmissionRejected,
)
from grader.events import Began, Broken, Ended, Event, Finished, Opened
from grader.results import CheckResult, Flag, Frame, Outcome

from .tiny_course import SLUG, FakeSession, judge_events, make_course, results

Judged = Callable[..., list[Event]]
FRAME = Frame("work.py", 2, "double", "return x")
ONE_CHECK = """
    import torch
    from grader.suite import *
    @points(1)
    def test_a(submission):
        '''A.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")
"""


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    """Judge fake submissions against suites given as text."""

    def run(session: FakeSession, hidden: str = ONE_CHECK, **more: object) -> list[Event]:
        course = {key: more.pop(key) for key in ("public", "points", "more", "files") if key in more}
        course = {"more": '[feedback]\nhidden = "full"\n', **course}  # what is not told at "hint": test_discreet
        exercise = make_course(tmp_path / "course", hidden, **course)  # type: ignore[arg-type]
        return judge_events(exercise, tmp_path / "private", session, **more)  # type: ignore[arg-type]

    return run


def double(error: BaseException | object) -> dict[str, Callable[..., object]]:
    """A submission whose only function raises this, or returns it."""

    def function(*args: object) -> object:
        if isinstance(error, BaseException):
            raise error
        return error

    return {"double": function}


def only(events: list[Event]) -> CheckResult:
    """The one result among the events."""
    (result,) = results(events).values()
    return result


def test_a_right_answer_passes_with_its_points(judged: Judged) -> None:
    """Opened, begun, ended, finished: every check is told as it ends."""
    events = judged(FakeSession({"double": lambda x: 2 * x}))
    assert [type(event) for event in events] == [Opened, Began, Ended, Finished]
    result = only(events)
    assert (result.outcome, result.points, result.max_points, result.message) == (Outcome.PASSED, 1.0, 1.0, "")


@pytest.mark.parametrize(
    ("ended_with", "outcome", "message"),
    [
        (torch.ones(2), Outcome.FAILED, "twice: 2 of 2 values are wrong"),
        (None, Outcome.FAILED, "twice: expected a tensor, but your function returned nothing"),
        (
            StudentRaised("ValueError", ("ValueError",), "no", (FRAME,)),
            Outcome.RAISED,
            "raised ValueError: no (work.py, line 2)",
        ),
        (StudentRaised("KeyError", ("KeyError",), ""), Outcome.RAISED, "raised KeyError: (without a text)"),
        (
            StudentRaised("NotImplementedError", (), "x", (FRAME,), Outcome.TODO),
            Outcome.TODO,
            "Not written yet: double",
        ),
        (StudentRaised("Forbidden", (), "no torch.nn", (), Outcome.FORBIDDEN), Outcome.FORBIDDEN, "no torch.nn"),
        (
            StudentRaised("MemoryError", (), "", (), Outcome.MEMORY),
            Outcome.MEMORY,
            "more memory than this exercise allows",
        ),
        (ReplyTooLarge("too large"), Outcome.OUTPUT, "too large"),
        (ProtocolViolation("bad frame"), Outcome.PROTOCOL, "bad frame"),
        (GuestLost(Outcome.CRASHED, "it ended"), Outcome.CRASHED, "it ended"),
        (ProxyMisuse("secret", received="set"), Outcome.FAILED, "returned a value of type set"),
        (ZeroDivisionError("secret"), Outcome.ERROR, messages.NOT_YOUR_FAULT),
        (InfrastructureError("secret"), Outcome.ERROR, messages.NOT_YOUR_FAULT),
        (SystemExit(0), Outcome.ERROR, messages.NOT_YOUR_FAULT),
        (AssertionError("secret"), Outcome.FAILED, messages.CLAIM_DOES_NOT_HOLD),
    ],
)
def test_what_a_check_ended_with_decides_its_outcome(
    judged: Judged, ended_with: object, outcome: Outcome, message: str
) -> None:
    """Blame is decided by whose exception it was; our own say nothing about themselves to a student."""
    result = only(judged(FakeSession(double(ended_with))))
    assert (result.outcome, result.points) == (outcome, 0.0)
    assert message in result.message
    assert "secret" not in result.message


def test_frames_and_the_comparison_are_told(judged: Judged) -> None:
    """The student's own frames come with an exception, the label with a comparison."""
    raised = only(judged(FakeSession(double(StudentRaised("E", ("E",), "", (FRAME,))))))
    assert (raised.frames, raised.comparison) == ([FRAME], None)


def test_a_failed_comparison_is_named(judged: Judged) -> None:
    """`comparison` is the label of the one that failed."""
    assert only(judged(FakeSession(double(None)))).comparison == "twice"


def test_a_suite_cannot_swallow_a_lost_guest(judged: Judged) -> None:
    """A check during which the guest was lost cannot pass, whatever pytest thinks of it."""
    session = FakeSession({})

    def lose(x: torch.Tensor) -> torch.Tensor:
        session.lost = GuestLost(Outcome.TIMEOUT, "too slow")
        return 2 * x

    session.functions["double"] = lose
    result = only(judged(session))
    assert (result.outcome, result.points, result.message) == (Outcome.TIMEOUT, 0.0, "too slow")


@pytest.mark.parametrize("failures", [1, 2, 3])
def test_only_our_own_failures_are_retried_and_only_twice(judged: Judged, failures: int) -> None:
    """The third attempt still counts; after it the check is `error`."""
    session = FakeSession({})
    left = [ZeroDivisionError()] * failures
    session.functions["double"] = lambda x: 2 * x if not left else (_ for _ in ()).throw(left.pop())
    result = only(judged(session))
    assert result.outcome is (Outcome.PASSED if failures < 3 else Outcome.ERROR)
    assert session.calls.count("begin") == min(failures + 1, 3)


def test_a_students_mistake_is_not_retried(judged: Judged) -> None:
    """Or a slow wrong answer would be paid for three times."""
    session = FakeSession(double(GuestLost(Outcome.TIMEOUT, "slow")))
    judged(session)
    assert session.calls == ["open", "begin", "end"]


def test_every_attempt_draws_alike(judged: Judged) -> None:
    """A retry is the same check: its guest is seeded the same."""
    session = FakeSession(double(ZeroDivisionError()))
    judged(session)
    assert len(session.seeds) == 3
    assert len(set(session.seeds)) == 1


NEEDS = """
    import pytest
    from grader.suite import *
    @points(1)
    @needs("test_a")
    def test_b(submission):
        '''B.'''
    @pytest.mark.parametrize("n", [1, 2])
    def test_a(submission, n):
        '''A.'''
        expect_equal(submission.double(n), 2)
    @needs("test_b")
    def test_c(submission):
        '''C.'''
"""


def test_a_check_whose_need_did_not_pass_is_blocked(judged: Judged) -> None:
    """All parameters of a needed check must pass; what needs a blocked check is blocked too."""
    found = results(judged(FakeSession({"double": lambda n: 2 * n}), NEEDS))
    assert [(r.id, r.outcome, r.blocked_by) for r in found.values()] == [
        ("test_a[1]", Outcome.PASSED, None),
        ("test_a[2]", Outcome.FAILED, None),
        ("test_b", Outcome.BLOCKED, "test_a[2]"),
        ("test_c", Outcome.BLOCKED, "test_b"),
    ]
    assert found["test_b"].message == "Waits for “A” (test_a[2]), which has not passed."


def test_a_check_whose_needs_passed_is_judged(judged: Judged) -> None:
    """The other side of it."""
    found = results(judged(FakeSession({"double": lambda n: 2}), NEEDS))
    assert {r.outcome for r in found.values()} == {Outcome.PASSED}


@pytest.mark.parametrize(
    "why",
    [
        SubmissionRejected("work.py, line 1: bad"),
        StudentRaised("ImportError", ("ImportError",), "no helper", (FRAME,)),
        GuestLost(Outcome.TIMEOUT, "loops at import"),
    ],
)
def test_a_failing_import_is_found_once_and_told_for_every_check(judged: Judged, why: BaseException) -> None:
    """No check is left without an outcome, and the import is not tried again for each."""
    session = FakeSession({}, fails_to_open=[why])
    found = results(judged(session, NEEDS))
    outcome = why.outcome  # type: ignore[attr-defined]
    assert [r.outcome for r in found.values()] == [outcome] * 4
    assert all(r.message for r in found.values())
    assert session.calls == ["open", "close"]


def test_a_start_that_fails_for_us_is_tried_again(judged: Judged) -> None:
    """Infrastructure is the only family that is retried when opening."""
    session = FakeSession({"double": lambda x: 2 * x}, fails_to_open=[InfrastructureError("fork")] * 2)
    assert only(judged(session)).outcome is Outcome.PASSED


def test_a_start_that_never_works_is_our_error(judged: Judged) -> None:
    """After three attempts every check is `error` and costs nothing."""
    session = FakeSession({}, fails_to_open=[InfrastructureError("secret")] * 3)
    result = only(judged(session))
    assert (result.outcome, result.message) == (Outcome.ERROR, messages.NOT_YOUR_FAULT)


def test_flags_are_told_when_the_submission_is_opened(judged: Judged) -> None:
    """What a person should look at comes before the first check."""
    flag = Flag("name", "work.py", 3, "uses ctypes")
    assert judged(FakeSession({"double": lambda x: 2 * x}, flags=[flag]))[0] == Opened((flag,))


def test_flags_are_told_of_a_submission_that_cannot_be_imported(judged: Judged) -> None:
    """A file that ends Python while it is imported is worth looking at all the more."""
    flag = Flag("name", "work.py", 3, "uses os._exit")
    lost = FakeSession({}, fails_to_open=[GuestLost(Outcome.CRASHED, "gone")], flags=[flag])
    assert judged(lost)[0] == Opened((flag,))


def test_what_was_printed_is_shown_for_public_checks_only(judged: Judged) -> None:
    """A hidden check's inputs could be printed."""
    public = "def test_p():\n    '''P.'''\n"
    found = results(judged(FakeSession({"double": lambda x: 2 * x}, printed="hello"), public=public))
    assert {r.id: r.stdout for r in found.values()} == {"test_p": "hello", "test_a": ""}


def test_checks_not_started_when_the_time_is_used_up_are_timeouts(judged: Judged) -> None:
    """wall_s is for the whole submission; the sentence says that earlier checks used it."""
    result = only(judged(FakeSession({"double": lambda x: 2 * x}), wall_s=0.0))
    assert (result.outcome, result.message) == (Outcome.TIMEOUT, messages.TIME_USED_UP.format(wall_s=60))


def test_pending_checks_are_left_alone(judged: Judged) -> None:
    """What cannot be judged on this machine is neither run nor told."""
    text = ONE_CHECK.replace("@points(1)", "@points(1)\n    @devices('cuda')")
    session = FakeSession({})
    events = judged(session, text, more='[devices]\nrun = ["cpu", "cuda"]\n')
    assert [type(event) for event in events] == [Opened, Finished]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("submission.double(1)", "it is a proxy"),
        ("import pytest; pytest.skip('not today')", "a check must not skip or xfail while it runs"),
        ("import pytest; pytest.xfail('known')", "a check must not skip or xfail while it runs"),
    ],
)
def test_a_broken_check_stops_with_file_and_line(judged: Judged, body: str, complaint: str) -> None:
    """The course is broken: no outcome of this submission can be trusted."""
    text = f"from grader.suite import *\n@points(1)\ndef test_a(submission):\n    '''A.'''\n    {body}\n"
    last = judged(FakeSession(double(ProxyMisuse("it is a proxy"))), text)[-1]
    assert isinstance(last, Broken)
    assert last.message.startswith(f"tests/hidden/{SLUG}/test_hidden.py:5: {complaint}")


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [("1 / 0\n", "the reference, cannot be imported: ZeroDivisionError: division by zero"), (None, "is missing")],
)
def test_a_broken_reference_is_the_courses_fault(judged: Judged, reference: str | None, complaint: str) -> None:
    """It stops the run and names the file."""
    text = "from grader.suite import *\n@points(1)\ndef test_a(reference):\n    '''A.'''\n"
    path = f"solutions/{SLUG}/work.py"
    toml = {"files": {path: reference}} if reference else {"more": "", "files": {}}
    if reference is None:
        text = text.replace("reference)", "reference, request)")
        toml["files"] = {f"exercises/{SLUG}/exercise.toml": 'title = "T"\nfiles = ["other.py"]\npoints = 1\n'}
        path = f"solutions/{SLUG}/other.py"
    last = judged(FakeSession({}), text, **toml)[-1]
    assert isinstance(last, Broken)
    assert path in last.message
    assert complaint in last.message


def test_long_messages_are_cut(judged: Judged) -> None:
    """A student chooses the text of an exception, and results are kept for years."""
    result = only(judged(FakeSession(double(StudentRaised("E", ("E",), "x" * 10**6)))))
    assert len(result.message) < 5000


def test_a_failing_fixture_teardown_is_ours(judged: Judged) -> None:
    """A check that passed but whose clean-up failed has not been judged properly."""
    text = """
        import pytest
        from grader.suite import *
        @pytest.fixture
        def broken():
            yield
            raise OSError("disk")
        @points(1)
        def test_a(broken):
            '''A.'''
    """
    assert only(judged(FakeSession({}), text)).outcome is Outcome.ERROR


def test_shared_fixtures_live_across_checks(judged: Judged) -> None:
    """A module-scoped fixture is made once and cleaned up after its last check."""
    text = """
        import pytest
        from grader.suite import *
        LOG = []
        @pytest.fixture(scope="module")
        def shared():
            LOG.append("up")
            yield
            LOG.append("down")
        @points(1)
        def test_a(shared):
            '''A.'''
        def test_b(submission, shared):
            '''B.'''
            submission.note(list(LOG))
        def test_c(submission):
            '''C.'''
            submission.note(list(LOG))
    """
    noted: list[object] = []
    found = results(judged(FakeSession({"note": noted.append}), text))
    assert {r.outcome for r in found.values()} == {Outcome.PASSED}
    assert noted[0] == ["up"]


def test_host_draws_without_a_generator_are_reproducible(judged: Judged, tmp_path: Path) -> None:
    """A suite that forgets `rng` still judges two submissions alike."""
    text = """
        import random, numpy, torch
        from grader.suite import *
        @points(1)
        def test_a(submission):
            '''A.'''
            submission.note((random.random(), numpy.random.rand(), float(torch.rand(()))))
    """
    noted: list[object] = []
    exercise = make_course(tmp_path / "c", text)
    again = functools.partial(judge_events, exercise, session=FakeSession({"note": noted.append}))
    again(private=tmp_path / "p1")
    again(private=tmp_path / "p2")
    assert noted[0] == noted[1]


def test_a_blocked_check_at_the_end_of_a_file_leaves_nothing_behind(judged: Judged) -> None:
    """The next file's first check is judged as ever, although pytest kept the first file's fixtures for the blocked."""
    text = """
        from grader.suite import *
        @points(1)
        def test_{0}(submission):
            '''Is 2.'''
            expect_equal(submission.double(1), {1})
        @points(1)
        @needs("test_{0}")
        def test_{0}_again(submission):
            '''And again.'''
    """
    found = results(
        judged(FakeSession({"double": lambda x: 2 * x}), text.format("b", 2), public=text.format("a", 3), points=4)
    )
    assert [result.outcome for result in found.values()] == [
        Outcome.FAILED, Outcome.BLOCKED, Outcome.PASSED, Outcome.PASSED,
    ]  # fmt: skip
