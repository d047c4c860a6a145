from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Set
from pathlib import Path

import psutil
import pytest

from grader.errors import CourseError, InfrastructureError, SubmissionRejected
from grader.events import Began, Ended, Finished, Job, Line, PlannedCheck, SourceText
from grader.grade import Grader, grade_submission
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.score import exit_code, is_complete, max_score, score
from grader.submission import SourceFile, Submission
from grader.ticket import CalledOff, Ticket

from .tiny_course import REFERENCE, SLUG, STUB, make_course

PASSED, FAILED, PENDING, ERROR, NOT_RUN = (
    Outcome.PASSED, Outcome.FAILED, Outcome.PENDING, Outcome.ERROR, Outcome.NOT_RUN,
)  # fmt: skip


def entry(name: str, outcome: Outcome, points: float = 1.0, device: str = "cpu") -> CheckResult:
    """One line of a result."""
    return CheckResult(name, "T", "hidden", device, outcome, points if outcome is PASSED else 0.0, points)


def test_points_belong_to_the_id_and_need_every_judged_device() -> None:
    """Passing on one of two devices earns nothing; a pending device neither earns nor loses."""
    checks = [
        entry("both", PASSED, 2), entry("both", PASSED, 2, "cuda"),
        entry("one", PASSED, 4), entry("one", FAILED, 4, "cuda"),
        entry("half", PASSED, 8), entry("half", PENDING, 8, "cuda"),
        entry("later", PENDING, 16, "cuda"),
    ]  # fmt: skip
    assert (score(checks), max_score(checks)) == (10.0, 30.0)


def test_thirds_add_up_to_whole_points() -> None:
    """A parametrised check that passes wholly earns exactly its points."""
    assert score([entry(str(n), PASSED, 1 / 3) for n in range(9)]) == 3.0
    assert max_score([entry(str(n), FAILED, 0.1) for n in range(10)]) == 1.0


@pytest.mark.parametrize(
    ("checks", "complete"),
    [
        ([entry("a", PASSED), entry("b", FAILED)], True),
        ([entry("a", PASSED), entry("a", PENDING, device="cuda")], True),
        ([entry("a", PASSED), entry("b", PENDING)], False),
        ([entry("a", PASSED), entry("b", ERROR)], False),
        ([entry("a", NOT_RUN)], False),
        ([entry("a", PASSED), entry("a", ERROR, device="cuda")], False),
    ],
)
def test_a_result_is_complete_when_nothing_can_change_it(checks: list[CheckResult], complete: bool) -> None:
    """An id that no device has judged, or a failure of ours, leaves it open."""
    assert is_complete(checks) is complete


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([PASSED, PASSED], 0), ([PASSED, PENDING], 0), ([PASSED, FAILED], 1), ([PENDING, Outcome.BLOCKED], 1),
        ([PASSED, FAILED, ERROR], 4), ([PASSED, NOT_RUN], 4),
    ],
)  # fmt: skip
def test_the_exit_code_tells_whose_fault_it_is(tiny: Grader, outcomes: list[Outcome], code: int) -> None:
    """0 all passed, 1 some did not, 4 we could not judge."""
    result = tiny.reject(SubmissionRejected("x"))
    result.checks = [entry(str(place), outcome) for place, outcome in enumerate(outcomes)]
    assert exit_code(result) == code


HIDDEN = """
    import os, signal, torch
    from grader.suite import *

    @points(1)
    def test_first(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(1)
    @limits(check_wall_s=0.5)
    def test_host(submission):
        '''The judge does what the submission says, as a broken suite might.'''
        what = submission.mode()
        while what == "hang":
            pass
        if what == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "exit":
            os._exit(0)
        if what == "broken":
            submission.double(torch.ones(2)) == 2, bool(submission.double)

    @points(1)
    def test_last(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
PUBLIC = """
    import torch
    from grader.suite import *

    def test_public(submission):
        '''Doubles nothing.'''
        expect_equal(submission.double([]), [])
"""
PATIENT = HIDDEN.replace("check_wall_s=0.5", "check_wall_s=60")
MODE = "\ndef mode():\n    return {!r}\n"
LIMITS = "[limits]\ncheck_wall_s = 1.5\nwall_s = 20\n"
IDS = ["test_public", "test_first", "test_host", "test_last"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A started grader for the tiny course, without a fence: what is tested here is what judges."""
    exercise = make_course(tmp_path_factory.mktemp("course"), HIDDEN, PUBLIC, points=3, more=LIMITS)
    with Grader(exercise, Tier.NONE) as grader:
        yield grader


def submitted(text: str) -> Submission:
    """A submission of one file."""
    return Submission("0" * 64, (SourceFile("work.py", text),))


def outcomes(result: ExerciseResult) -> list[str]:
    """How the checks ended, in the order of the plan."""
    assert [check.id for check in result.checks] == IDS
    return [check.outcome.value for check in result.checks]


def below() -> set[psutil.Process]:
    """The processes that this one has started, directly or not."""
    return set(psutil.Process().children(recursive=True))


def survivors(before: set[psutil.Process], seen: Set[psutil.Process] = frozenset()) -> list[psutil.Process]:
    """What was started since, or seen on the way, and does not end; what was killed may need a moment to be reaped."""
    return psutil.wait_procs((below() | seen) - before, timeout=5)[1]


def test_the_reference_gets_everything(tiny: Grader) -> None:
    """Full score, exit 0, and the result says where and with what it was judged."""
    seen: list[str] = []
    result = tiny.grade(submitted(REFERENCE + MODE.format("fine")), on_check=lambda check: seen.append(check.id))
    assert outcomes(result) == ["passed"] * 4
    assert (result.score, result.max_score, result.complete, exit_code(result)) == (3.0, 3.0, True, 0)
    assert seen == IDS == [planned.id for planned in tiny.plan]
    assert (result.exercise, result.seed, result.environment.fence, result.environment.devices) == (
        SLUG,
        7,
        "none",
        ["cpu"],
    )
    assert result.environment.torch
    assert len(result.suite_sha256) == 64


def test_a_result_survives_json(tiny: Grader) -> None:
    """What is written can be read back, strictly."""
    result = tiny.grade(submitted(REFERENCE), seed=3)
    assert ExerciseResult.from_json(result.to_json()) == result
    assert result.seed == 3


def test_the_stub_is_todo_everywhere(tiny: Grader) -> None:
    """Not written is not wrong, and the frame shown is the student's."""
    result = tiny.grade(submitted(STUB + MODE.format("fine")))
    assert outcomes(result) == ["todo", "todo", "passed", "todo"]
    assert exit_code(result) == 1
    assert {frame.file for check in result.checks for frame in check.frames} == {"work.py"}


@pytest.mark.parametrize("mode", ["hang", "die", "exit"])
def test_a_judge_that_is_stuck_or_gone_costs_one_check(tiny: Grader, mode: str) -> None:
    """The next judge goes on with the check after it; the student loses no points to us."""
    result = tiny.grade(submitted(REFERENCE + MODE.format(mode)))
    assert outcomes(result) == ["passed", "passed", "error", "passed"]
    assert (result.score, result.complete, exit_code(result)) == (2.0, False, 4)


@pytest.mark.parametrize(
    ("mode", "outcome"),
    [("import os; os._exit(0)", "crashed"), ("while True: pass", "timeout"), ("raise SystemExit(0)", "raised"),
     ("import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n    while True: pass", "timeout"),
     ("import sys; sys.exit(0)", "raised"), ("return {1}", "failed"), ("raise NotImplementedError", "todo")],
)  # fmt: skip
def test_what_a_students_function_does_costs_its_own_check(tiny: Grader, mode: str, outcome: str) -> None:
    """A hang, a crash or os._exit in one function leaves the others judged."""
    result = tiny.grade(submitted(f"{REFERENCE}\ndef mode():\n    {mode}\n"))
    assert outcomes(result) == ["passed", "passed", outcome, "passed"]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [("import os\nos._exit(0)\n", "crashed"), ("while True: pass\n", "timeout"), ("def f(:\n", "rejected"),
     ("import helper\n", "raised"), ("a\n" * 500_000, "rejected")],
)  # fmt: skip
def test_a_failing_import_is_every_checks_outcome(tiny: Grader, text: str, outcome: str) -> None:
    """And every check has its message."""
    result = tiny.grade(submitted(text))
    assert outcomes(result) == [outcome] * 4
    assert all(check.message for check in result.checks)
    assert exit_code(result) == 1


def test_a_check_that_turns_out_to_be_broken_names_its_line(tiny: Grader) -> None:
    """The run stops; the next submission is judged as if nothing had been."""
    with pytest.raises(CourseError, match=rf"tests/hidden/{SLUG}/test_hidden\.py:22: "):
        tiny.grade(submitted(REFERENCE + MODE.format("broken")))
    assert tiny.grade(submitted(REFERENCE + MODE.format("fine"))).score == 3.0


def test_a_submission_that_cannot_be_read_is_rejected_in_every_check(tiny: Grader) -> None:
    """A result, not an exception: a class run needs a line for everybody."""
    seen: list[str] = []
    result = tiny.reject(SubmissionRejected("work.py is empty."), on_check=lambda check: seen.append(check.message))
    assert outcomes(result) == ["rejected"] * 4
    assert seen == ["work.py is empty."] * 4
    assert (result.score, result.max_score, exit_code(result)) == (0.0, 3.0, 1)


def test_no_judge_outlives_its_submission(tiny: Grader) -> None:
    """Between submissions there are the worker and the zygote, and what a stuck judge had started is gone."""
    before = below()
    tiny.grade(submitted(REFERENCE + MODE.format("hang")))
    assert survivors(before) == []


def test_grading_one_path_starts_and_ends_everything(tmp_path: Path) -> None:
    """The function for a single submission: reads it, judges it, leaves nothing running."""
    exercise = make_course(tmp_path, HIDDEN, PUBLIC, points=3, more=LIMITS)
    before = below()
    exercise.stub_folder.joinpath("work.py").write_text(REFERENCE + MODE.format("fine"))
    good = grade_submission(exercise.course, exercise, tier=Tier.NONE)
    exercise.stub_folder.joinpath("work.py").write_text("")
    empty = grade_submission(exercise.course, exercise, tier=Tier.NONE)
    assert (outcomes(good), outcomes(empty)) == (["passed"] * 4, ["rejected"] * 4)
    assert survivors(before) == []


def test_an_interrupted_job_leaves_nothing_running(tmp_path: Path) -> None:
    """Ctrl-C arrives while a check loops: judge, guest, worker and zygote end."""
    before, seen = below(), set[psutil.Process]()
    text = f"{REFERENCE}\ndef mode():\n    while True: pass\n"

    def interrupt(check: CheckResult) -> None:
        seen.update(below())
        raise KeyboardInterrupt("now")

    exercise = make_course(tmp_path, PATIENT, PUBLIC, points=3, more=LIMITS)
    with Grader(exercise, Tier.NONE) as grader:
        with pytest.raises(KeyboardInterrupt, match="now"):
            grader.grade(submitted(text), on_check=interrupt)
        assert len(seen - before) >= 4  # zygote, worker, judge, guest
        assert survivors(before, seen) == []
        with pytest.raises(InfrastructureError, match="This Grader is closed"):
            grader.grade(submitted(text))


def test_a_job_that_is_called_off_leaves_a_warm_grader(tmp_path: Path, zygote: Zygote) -> None:
    """In the middle of a check that loops, judge and guest end; the worker stays and judges what comes next."""
    exercise = make_course(tmp_path, PATIENT, PUBLIC, points=3, more=LIMITS)
    ticket, late, ended = Ticket(), Ticket(), list[str]()
    with Grader(exercise, Tier.NONE, zygote) as grader:
        warm = below()

        def call_off(planned: PlannedCheck) -> None:
            if planned.id == "test_host":
                ticket.call_off()

        with pytest.raises(CalledOff, match=r"^$"):
            grader.judge(
                submitted(f"{REFERENCE}\ndef mode():\n    while True: pass\n"),
                on_begin=call_off, on_check=lambda check: ended.append(check.id), ticket=ticket,
            )  # fmt: skip
        assert ended == ["test_public", "test_first"]
        assert survivors(warm) == []
        good = grader.judge(submitted(REFERENCE + MODE.format("fine")), ticket=late).result
        late.call_off()  # it has ended, so this means nothing to the next one
        again = grader.judge(submitted(REFERENCE + MODE.format("fine"))).result
        assert below() >= warm
    assert (good.score, again.score) == (3.0, 3.0)


def test_a_worker_that_is_killed_leaves_checks_not_run(tmp_path: Path) -> None:
    """The plan is known, so nothing is lost silently; its judge dies with it, and the next job says what happened."""
    exercise = make_course(tmp_path, PATIENT, PUBLIC, points=3, more=LIMITS)
    before, judges = below(), list[psutil.Process]()
    text = f"{REFERENCE}\ndef mode():\n    while True: pass\n"

    def kill_worker(check: CheckResult) -> None:
        if check.id == "test_first":
            named = [child for child in below() - before if child.name() == "grader worker"]
            (worker,) = [child for child in named if child.ppid() not in {other.pid for other in named}]
            judges.extend(worker.children())  # nobody's children once their worker is gone
            worker.kill()

    with Grader(exercise, Tier.NONE) as grader:
        result = grader.grade(submitted(text), on_check=kill_worker)
        assert outcomes(result) == ["passed", "passed", "not_run", "not_run"]
        assert (result.complete, exit_code(result)) == (False, 4)
        with pytest.raises(InfrastructureError, match="has ended unexpectedly"):
            grader.grade(submitted(text))
        assert len(judges) == 1
        assert psutil.wait_procs(judges, timeout=5)[1] == []
    assert survivors(before) == []


def test_a_broken_suite_is_told_before_anything_is_judged(tmp_path: Path) -> None:
    """Starting fails with the place, and nothing is left running."""
    before = below()
    exercise = make_course(tmp_path, "def test_a():\n    pass\n")
    with pytest.raises(CourseError, match=r"test_hidden\.py:1: test_a has no docstring"), Grader(exercise, Tier.NONE):
        pass
    assert survivors(before) == []


def test_lines_arrive_whole_however_they_were_cut() -> None:
    """The framing does not depend on how the kernel splits a stream."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Line(theirs).send(Finished())
        theirs.sendall(b'{"type":"began","index":3,')
        line = Line(ours)
        assert line.receive() == Finished()
        with pytest.raises(TimeoutError, match="timed out"):
            line.receive(deadline=time.monotonic())
        theirs.sendall(b'"deadline":1.5}\n')
        assert line.receive() == Began(3, 1.5)
        theirs.close()
        assert line.receive() is None


def test_a_line_that_is_not_ours_is_refused() -> None:
    """Both ends are ours; anything else is a mistake of ours, not a message."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b'{"type":"ended","index":0}\n')
        with pytest.raises(InfrastructureError, match="none of our own code writes"):
            Line(ours).receive()


def test_a_job_survives_the_line() -> None:
    """Text of any kind gets through, line ends included."""
    job = Job((SourceText("a.py", "x = '\\u2028 ü\n'\n"),), 7, "none")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        Line(theirs).send(job)
        assert Line(ours).receive_job() == job
        Line(theirs).send(Ended(0, entry("a", PASSED)))
        assert Line(ours).receive() == Ended(0, entry("a", PASSED))
