"""The rules of naming a mistake, on made-up records: value, containment, uniqueness, exceptions."""

from __future__ import annotations

import pytest

from grader.diagnosis.evidence import Evidence, Nearness, Sketch, nearness
from grader.diagnosis.lookup import Known, Match, Record, diagnose
from grader.results import Outcome

FAILED, PASSED, BLOCKED, RAISED = Outcome.FAILED, Outcome.PASSED, Outcome.BLOCKED, Outcome.RAISED


def value(first: float, dtype: str = "float64", label: str = "dw") -> Evidence:
    """Evidence of a value whose first projection tells it from others."""
    return Evidence(label, Sketch("Tensor", dtype, (2,), 1.0, (first,) + (0.0,) * 7), scale=1.0)


def raised(text: str) -> Evidence:
    """Evidence of an exception."""
    return Evidence("exception", raised=("ValueError", text))


def record(**checks: Evidence | Outcome) -> Record:
    """A submission: a check with evidence failed (or raised), the others ended as given."""
    outcomes = {
        name: (RAISED if item.raised else FAILED) if isinstance(item, Evidence) else item
        for name, item in checks.items()
    }
    return Record(outcomes, {name: item for name, item in checks.items() if isinstance(item, Evidence)})


def known(name: str, **checks: Evidence | Outcome) -> Known:
    """A wrong answer of the atlas."""
    return Known(name, record(**checks))


def test_the_same_value_at_the_same_check_is_the_same_mistake() -> None:
    """And it explains everything when nothing else failed."""
    atlas = [known("mask", a=value(1), b=PASSED), known("sign", a=value(2), b=PASSED)]
    assert diagnose(record(a=value(1 + 1e-9), b=PASSED), atlas) == {"a": Match("mask", True)}


def test_a_candidate_must_fail_nothing_that_passed_here() -> None:
    """Its value agrees at one check, but it breaks another one too: naming it would be wrong."""
    atlas = [known("divided-twice", a=value(1), b=value(5))]
    assert diagnose(record(a=value(1), b=PASSED), atlas) == {}


def test_a_blocked_check_does_not_speak_against_a_candidate() -> None:
    """What could not be judged here may well be broken."""
    atlas = [known("mask", a=value(1), b=value(5))]
    assert diagnose(record(a=value(1), b=BLOCKED), atlas) == {"a": Match("mask", True)}


def test_a_mistake_that_explains_some_failures_is_named_there_only() -> None:
    """Two mistakes at once: the check that isolates one of them names it, the other stays unknown."""
    atlas = [known("mask", a=value(1), b=PASSED)]
    assert diagnose(record(a=value(1), b=value(9)), atlas) == {"a": Match("mask", False)}


def test_a_candidate_that_agrees_in_few_of_its_checks_is_not_taken() -> None:
    """A relative of a known mistake agrees on the worked example and differs wherever the numbers are random."""
    atlas = [known("relative", a=value(1), b=value(2), c=value(3))]
    assert diagnose(record(a=value(1), b=value(7), c=value(8)), atlas) == {}
    assert diagnose(record(a=value(1), b=value(2), c=value(8)), atlas) == {
        "a": Match("relative", False),
        "b": Match("relative", False),
    }


def test_of_two_candidates_the_other_checks_decide() -> None:
    """Both agree here; one of them agrees elsewhere too."""
    atlas = [known("part", a=value(1)), known("whole", a=value(1), b=value(2))]
    both = diagnose(record(a=value(1), b=value(2)), atlas)
    assert both == {"a": Match("whole", True), "b": Match("whole", True)}


def test_two_candidates_that_cannot_be_told_apart_name_nothing() -> None:
    """A wrong name is worse than none."""
    assert diagnose(record(a=value(1)), [known("one", a=value(1)), known("other", a=value(1))]) == {}


def test_a_value_between_same_and_other_names_nothing() -> None:
    """Neither it nor its neighbour is taken."""
    atlas = [known("near", a=value(1.0001)), known("exact", a=value(1))]
    assert diagnose(record(a=value(1)), atlas) == {}


def test_an_exception_names_a_mistake_only_if_everything_that_failed_agrees() -> None:
    """The same text comes from many mistakes."""
    atlas = [known("shape", a=raised("mat1 and mat2"), b=PASSED)]
    assert diagnose(record(a=raised("mat1 and mat2"), b=PASSED), atlas) == {"a": Match("shape", True)}
    assert diagnose(record(a=raised("mat1 and mat2"), b=value(1)), atlas) == {}
    assert diagnose(record(a=raised("index out of range"), b=PASSED), atlas) == {}


def test_a_passed_check_is_never_diagnosed() -> None:
    """Nor one that left no evidence."""
    atlas = [known("mask", a=value(1))]
    assert diagnose(record(a=PASSED), atlas) == {}
    assert diagnose(Record({"a": FAILED}, {}), atlas) == {}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (value(1 + 5e-7), Nearness.SAME),
        (value(1 + 1e-4), Nearness.UNCLEAR),
        (value(1.1), Nearness.OTHER),
        (value(1, dtype="float32"), Nearness.OTHER),
        (value(1, label="db"), Nearness.OTHER),
        (raised("x"), Nearness.OTHER),
        (Evidence("dw"), Nearness.OTHER),
    ],
)
def test_values_are_compared_by_projection_dtype_and_label(other: Evidence, expected: Nearness) -> None:
    """Norm-wise, relative to the size of the expected value."""
    assert nearness(value(1), other) is expected
