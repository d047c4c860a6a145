"""Merging the results of two machines: what belongs together, what is taken, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from grader.errors import UsageError
from grader.merge import merge
from grader.results import CheckResult, Environment, ExerciseResult, Flag, Outcome, SubmissionInfo

PASSED, FAILED, PENDING = Outcome.PASSED, Outcome.FAILED, Outcome.PENDING


def entry(name: str, outcome: Outcome, device: str = "cpu", points: float = 2.0) -> CheckResult:
    """One line of a result."""
    return CheckResult(
        name, f"title of {name}", "hidden", device, outcome, points if outcome is PASSED else 0.0, points
    )


def result(*checks: CheckResult, devices: tuple[str, ...] = ("cpu",), **facts: Any) -> ExerciseResult:
    """Return a result with these checks, whose score is not yet computed."""
    values: dict[str, Any] = {
        "exercise": "exercise5", "submission": SubmissionInfo("5ab", ["a.py"]), "suite_sha256": "c0de", "seed": 7,
        "environment": Environment("0", "3.11", "2.13", list(devices), "namespaces"), **facts,
    }  # fmt: skip
    return ExerciseResult(score=0, max_score=0, complete=False, checks=list(checks), **values)


def test_pending_entries_are_replaced_and_the_score_is_computed_anew() -> None:
    """A check that another machine judged on its device takes its place, order kept; the score follows."""
    here = result(entry("a", PASSED), entry("b", PENDING, "cuda"), entry("c", PENDING, "cuda"))
    there = result(entry("a", PENDING), entry("b", PASSED, "cuda"), entry("c", FAILED, "cuda"), devices=("cpu", "cuda"))
    merged = merge(here, there)
    assert [(check.id, check.outcome) for check in merged.checks] == [("a", PASSED), ("b", PASSED), ("c", FAILED)]
    assert (merged.score, merged.max_score, merged.complete) == (4.0, 6.0, True)
    assert merged.environment.devices == ["cpu", "cuda"]
    assert (here.score, here.checks[1].outcome) == (0, PENDING)


def test_what_was_judged_here_stays() -> None:
    """Only pending entries are replaced: an earlier pass does not undo a failure, nor a failure a pass."""
    here = result(entry("a", FAILED), entry("b", PASSED))
    merged = merge(here, result(entry("a", PASSED), entry("b", FAILED)))
    assert merged.checks == here.checks
    assert merged.score == 2.0


def test_what_nobody_judged_stays_pending() -> None:
    """A check that is pending in both, or that the earlier result does not know, leaves the result open."""
    merged = merge(result(entry("a", PENDING), entry("b", PENDING)), result(entry("a", PENDING)))
    assert [check.outcome for check in merged.checks] == [PENDING, PENDING]
    assert not merged.complete


def test_an_entry_is_worth_what_the_plan_says_here() -> None:
    """Title and worth come from this result, and points never exceed them."""
    generous = replace(entry("a", PASSED, points=99.0), title="easy")
    (check,) = merge(result(entry("a", PENDING)), result(generous)).checks
    assert (check.title, check.points, check.max_points) == ("title of a", 2.0, 2.0)


def test_flags_of_both_are_kept_once() -> None:
    """What a person should look at is not lost."""
    first, second = Flag("r", "a.py", 1, "one"), Flag("r", "a.py", 2, "two")
    assert merge(result(flags=[first]), result(flags=[first, second])).flags == [first, second]


@pytest.mark.parametrize(("other", "merged"), [("none", "none"), ("namespaces", "landlock"), ("?", "?")])
def test_the_weaker_fence_is_named(other: str, merged: str) -> None:
    """A merged result promises no more than its weaker part; an unknown tier promises nothing."""
    fenced = {fence: Environment("0", "3.11", "2.13", ["cpu"], fence) for fence in ("landlock", other)}
    both = merge(result(environment=fenced["landlock"]), result(environment=fenced[other]))
    assert both.environment.fence == merged


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"exercise": "exercise6"}, "It is about exercise6, this one about exercise5"),
        ({"submission": SubmissionInfo("other", [])}, "It judged other files than this one"),
        ({"suite_sha256": "older"}, "another version of the checks"),
        ({"seed": 8}, "It used seed 8, this one 7"),
        ({"seed": 8, "suite_sha256": "older"}, "another version of the checks.* It used seed 8"),
    ],
)
def test_results_that_do_not_belong_together_are_refused(facts: dict[str, Any], sentence: str) -> None:
    """Each difference is named, all of them at once."""
    with pytest.raises(UsageError, match=f"The earlier result cannot be merged. .*{sentence}"):
        merge(result(), result(**facts))


def test_a_submission_that_was_not_read_is_never_merged() -> None:
    """Two rejected submissions look alike, but nobody knows whether they are."""
    unread = result(submission=SubmissionInfo("", []))
    with pytest.raises(UsageError, match="could not be read"):
        merge(unread, unread)
