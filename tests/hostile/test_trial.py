"""The harness notices what it is there to notice: each kind of finding, brought about once."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from grader.results import CheckResult, Environment, ExerciseResult, Flag, Outcome, SubmissionInfo

from .bench import Judged
from .canaries import PATTERN, SUCCEEDED, leaks, plant
from .entries import Expect
from .trial import neighbours_verdict, verdicts

CANARIES = plant()
EXPECT = Expect(
    what="tries", catalogue=("F1",), layer=("process",), outcomes={"*": Outcome.FAILED, "test_b": Outcome.PASSED},
    score_at_most=1.0, wall_s_at_most=5.0, says=("is wrong",), prints=("denied",), flags=("os._exit",),
)  # fmt: skip


def result(**changes: object) -> ExerciseResult:
    """Return a result that is as it must be, but for these fields."""
    checks = [
        CheckResult("test_a", "A.", "hidden", "cpu", Outcome.FAILED, 0.0, 2.0, message="x: the value is wrong"),
        CheckResult("test_b", "B.", "public", "cpu", Outcome.PASSED, 1.0, 1.0, stdout="denied"),
    ]
    made = ExerciseResult(
        "exercise1_target", SubmissionInfo("0" * 64, ["work.py"]), "1" * 64, 1.0, 3.0, True, 7,
        Environment("0", "3", "2", ["cpu"], "namespaces"), checks, flags=[Flag("name", "work.py", 1, "uses os._exit")],
    )  # fmt: skip
    return replace(made, **changes)


def check(index: int, **changes: object) -> list[CheckResult]:
    """Return the checks of the good result with one changed."""
    checks = result().checks
    checks[index] = replace(checks[index], **changes)
    return checks


def kinds(judged: Judged) -> list[str]:
    """Return the kinds of what is found."""
    return [finding.kind for finding in verdicts(judged, EXPECT, CANARIES)]


def test_what_is_as_it_must_be_is_no_finding() -> None:
    """The result that the others are made from."""
    assert verdicts(Judged(result(), "<p>", 1.0), EXPECT, CANARIES) == []


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        (lambda: result(score=2.0), "score raised"),
        (lambda: result(score=0.5), "score raised"),  # not the sum of its checks
        (lambda: result(stdout=CANARIES["expected"]), "secret read"),
        (lambda: result(stdout=f"environment: {SUCCEEDED}"), "secret read"),
        (lambda: result(checks=check(0, outcome=Outcome.TIMEOUT)), "wrong outcome"),
        (lambda: result(checks=check(0, message="")), "wrong outcome"),
        (lambda: result(checks=check(0, message="something else")), "wrong outcome"),
        (lambda: result(checks=check(1, stdout="")), "wrong outcome"),
        (lambda: result(flags=[]), "wrong outcome"),
    ],
)
def test_each_difference_is_a_finding(changed: Callable[[], ExerciseResult], kind: str) -> None:
    """Of the kind that the summary counts it under."""
    assert set(kinds(Judged(changed(), "", 1.0))) == {kind}


def test_a_page_that_holds_a_secret_is_a_finding() -> None:
    """What is made of the result is searched too."""
    assert kinds(Judged(result(), f"<p>{CANARIES['source']}</p>", 1.0)) == ["secret read"]


def test_what_takes_too_long_is_a_finding() -> None:
    """The bound is on judging alone."""
    assert kinds(Judged(result(), "", 5.1)) == ["too slow"]


def test_a_neighbour_whose_result_changes_is_a_finding() -> None:
    """Every field counts; the caller has taken the times out."""
    assert neighbours_verdict(result(), result()) == []
    (finding,) = neighbours_verdict(result(checks=check(0, outcome=Outcome.CRASHED)), result())
    assert "test_a was failed, is crashed" in finding.text
    assert [finding.kind for finding in neighbours_verdict(result(flags=[]), result())] == ["wrong outcome"]


@pytest.mark.parametrize(
    "hide",
    [
        bytes,
        lambda canary: canary[::-1],
        lambda canary: canary.hex().encode(),
        lambda canary: base64.b64encode(b"a" + canary),
        lambda canary: base64.b64encode(b"ab" + canary + b"c"),
        lambda canary: base64.b64encode(canary),
    ],
)
def test_a_canary_is_found_however_it_is_written(hide: Callable[[bytes], bytes]) -> None:
    """As it is, backwards, as hexadecimal digits, in base 64 at every offset."""
    assert leaks(b"before " + hide(CANARIES["source"].encode()) + b" after", CANARIES) == ["source"]


def test_neither_the_pattern_nor_another_canary_is_a_leak() -> None:
    """Whoever searches for canaries holds the pattern."""
    assert leaks(PATTERN.encode() + plant()["source"].encode(), CANARIES) == []
