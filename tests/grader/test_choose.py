from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from grader.errors import SubmissionRejected, UsageError
from grader.events import PlannedCheck
from grader.grade import Grader
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.sandbox.fence import Tier
from grader.submission import SourceFile, Submission
from grader.suite.choose import arranged, chosen, to_judge
from grader.suite.plan import Step, SuiteCheck

from .tiny_course import REFERENCE, SLUG, make_course


def steps(*checks: tuple[str, tuple[str, ...]], devices: Sequence[str] = ("cpu",)) -> list[Step]:
    """A plan of checks given as (id, needs), each on each device; all but the cpu are pending."""
    return [
        Step(item, SuiteCheck(name, name.split("[")[0], "T", "hidden", "x:1", needs=needs), planned(name, device))
        for item, (name, needs) in enumerate(checks)
        for device in devices
    ]


def planned(name: str, device: str) -> PlannedCheck:
    """One line of a plan."""
    return PlannedCheck(name, "T", "hidden", device, 1.0, pending=device != "cpu")


PLAN = steps(
    ("test_loss", ()),
    ("test_relu[a]", ("test_loss",)),
    ("test_relu[b c]", ("test_loss",)),
    ("test_relu_gradient", ("test_relu",)),
    ("test_step", ()),
)


@pytest.mark.parametrize(
    ("keyword", "places"),
    [
        ("", [0, 1, 2, 3, 4]),
        ("  ", [0, 1, 2, 3, 4]),
        ("test_step", [4]),
        ("STEP", [4]),
        ("test_relu[b c]", [0, 2]),
        ("test_relu", [0, 1, 2]),
        ("relu", [0, 1, 2, 3]),
        ("relu and not gradient", [0, 1, 2]),
        ("gradient", [0, 1, 2, 3]),
        ("gradient or step", [0, 1, 2, 3, 4]),
        ("not (relu or loss)", [4]),
    ],
)
def test_a_keyword_chooses_checks_and_all_that_they_need(keyword: str, places: list[int]) -> None:
    """A whole id or function means just that; else parts of names with and, or, not. The order is the plan's."""
    assert list(chosen(PLAN, keyword)) == places


@pytest.mark.parametrize(
    ("keyword", "complaint"),
    [
        ("test_realu", "-k 'test_realu' matches no check. Did you mean test_relu"),
        ("gradeint", r"Did you mean gradient\?"),
        ("relu and (lss or gradeint)", r"Did you mean loss\?"),
        ("relu and loss", "-k 'relu and loss' matches no check."),
        ("relu and", r"-k 'relu and' cannot be read: [^(]*\. Join parts of names with and, or, not"),
        ("(relu", "cannot be read"),
    ],
)
def test_a_keyword_that_means_nothing_is_refused(keyword: str, complaint: str) -> None:
    """With near names, or with what could not be read."""
    with pytest.raises(UsageError, match=complaint):
        chosen(PLAN, keyword)


def test_only_what_can_be_judged_on_the_wanted_devices_is() -> None:
    """The places of other devices stay pending, as do those of devices that are not there."""
    plan = steps(("test_a", ()), ("test_b", ()), devices=("cpu", "cuda"))
    assert to_judge(plan, range(4), None) == to_judge(plan, range(4), ["cpu", "cuda"]) == (0, 2)
    assert to_judge(plan, (2, 3), ["cpu"]) == (2,)
    assert to_judge(plan, range(4), ["cuda"]) == ()


@pytest.mark.parametrize(
    ("order", "places"),
    [
        ((0, 1, 2, 3, 4), [0, 1, 2, 3, 4]),
        ((4, 3, 2, 1, 0), [4, 0, 2, 1, 3]),
        ((3, 4, 0, 2, 1), [4, 0, 2, 1, 3]),
        ((2, 0, 4), [0, 2, 4]),
        ((2, 4), [4, 2]),
        ((), []),
    ],
)
def test_a_wanted_order_is_kept_as_far_as_needs_allow(order: tuple[int, ...], places: list[int]) -> None:
    """The first of those whose needs are met comes next; what is not in the order is left out."""
    assert list(arranged(PLAN, range(5), order)) == places


def test_a_check_waits_for_what_it_needs_on_its_own_device_only() -> None:
    """The same check on another device is another place."""
    plan = steps(("test_a", ()), ("test_b", ("test_a",)), devices=("cpu", "cuda"))
    assert arranged(plan, range(4), (3, 2, 0, 1)) == (0, 2, 1, 3)


HIDDEN = """
    from grader.suite import *

    @points(1)
    @needs("test_public")
    def test_first(submission):
        '''Doubles one.'''
        expect_equal(submission.double(1), 2)

    @points(2)
    def test_second(submission):
        '''Doubles two.'''
        expect_equal(submission.double(2), 4)
"""
PUBLIC = """
    from grader.suite import *

    def test_public(submission):
        '''Doubles nothing.'''
        expect_equal(submission.double(0), 0)
"""
DEVICES = '[devices]\nrun = ["cpu", "cuda"]\n'


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader for three checks, each listed for cpu and cuda."""
    exercise = make_course(tmp_path_factory.mktemp("course"), HIDDEN, PUBLIC, points=3, more=DEVICES)
    with Grader(exercise, Tier.NONE) as grader:
        yield grader


def submitted(text: str = REFERENCE) -> Submission:
    """A submission of one file."""
    return Submission("0" * 64, (SourceFile("work.py", text),))


def lines(result: ExerciseResult) -> list[tuple[str, str, str]]:
    """Id, device and outcome of every line of a result."""
    return [(check.id, check.device, check.outcome.value) for check in result.checks]


def test_a_result_holds_the_chosen_checks_and_is_not_complete(tiny: Grader) -> None:
    """Their points are all there is to earn, and what they need is judged first."""
    result = tiny.grade(submitted(), keyword="test_first")
    assert lines(result) == [
        ("test_public", "cpu", "passed"),
        ("test_public", "cuda", "pending"),
        ("test_first", "cpu", "passed"),
        ("test_first", "cuda", "pending"),
    ]
    assert (result.score, result.max_score, result.complete) == (1.0, 1.0, False)
    assert tiny.grade(submitted()).complete is True


def test_other_devices_stay_pending(tiny: Grader) -> None:
    """Nothing is judged where nothing that was asked for is there."""
    result = tiny.grade(submitted(), keyword="second", devices=["cuda"])
    assert lines(result) == [("test_second", "cpu", "pending"), ("test_second", "cuda", "pending")]
    assert (result.score, result.max_score, result.complete) == (0.0, 2.0, False)
    assert [outcome for _, _, outcome in lines(tiny.grade(submitted(), devices=["cpu"]))] == ["passed", "pending"] * 3


def test_what_means_nothing_is_refused_and_the_next_job_is_judged(tiny: Grader) -> None:
    """A wrong -k or device is the caller's mistake, not the end of the grader."""
    with pytest.raises(UsageError, match="-k 'third' matches no check"):
        tiny.grade(submitted(), keyword="third")
    with pytest.raises(UsageError, match=f"{SLUG} is not judged on sim: it lists cpu, cuda"):
        tiny.grade(submitted(), devices=["sim"])
    assert tiny.grade(submitted()).score == 3.0


def test_a_rejected_submission_has_the_chosen_checks_too(tiny: Grader) -> None:
    """What could not be read is rejected in the checks that were asked for."""
    seen: list[CheckResult] = []
    why = SubmissionRejected("work.py is empty.")
    result = tiny.reject(why, keyword="second", on_check=seen.append, seed=3)
    assert lines(result) == [("test_second", "cpu", "rejected"), ("test_second", "cuda", "pending")]
    assert (result.seed, result.max_score, result.complete) == (3, 2.0, False)
    assert [check.message for check in seen] == ["work.py is empty."]


def test_whoever_watches_is_told_of_each_check_as_it_begins(tiny: Grader) -> None:
    """A long check has a name while it runs."""
    told: list[str] = []
    tiny.grade(
        submitted(),
        on_begin=lambda check: told.append(f"began {check.id}"),
        on_check=lambda check: told.append(f"ended {check.id}"),
    )
    assert told == [f"{what} test_{name}" for name in ("public", "first", "second") for what in ("began", "ended")]


@pytest.mark.parametrize(
    ("text", "outcome"),
    [(REFERENCE, Outcome.PASSED), ("raise ValueError", Outcome.RAISED), ("import os\nos._exit(0)", Outcome.CRASHED)],
)
def test_what_is_printed_at_import_belongs_to_the_result(tiny: Grader, text: str, outcome: Outcome) -> None:
    """It is shown with no check, also where the import fails."""
    result = tiny.grade(submitted(f"print('hello', flush=True)\n{text}\n"), devices=["cpu"])
    assert result.stdout == "hello\n"
    assert {check.outcome for check in result.checks} == {outcome, Outcome.PENDING}
    assert {check.stdout for check in result.checks} == {""}


def test_a_quiet_submission_prints_nothing(tiny: Grader, tmp_path: Path) -> None:
    """And what a function prints is not taken for the import's."""
    result = tiny.grade(submitted(REFERENCE.replace("return", "print('in'); return")))
    assert result.stdout == ""
    assert result.checks[0].stdout == "in\n"
