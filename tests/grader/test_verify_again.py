"""The gates on a second run, on results written down here; nothing is judged."""

from __future__ import annotations

from grader.author.again_gates import layouts_gate, reversed_gate
from grader.author.gate import Gate
from grader.author.runs import AgainSeen
from grader.results import CheckResult, Outcome

from .test_verify_gates import BLOCKED, FAILED, PASSED, said, seen, value, wrong

ZOO = [wrong("one", {"a": 2.0, "b": 5.0}), wrong("two", {"a": 3.0})]


def again(outcomes: dict[str, Outcome], values: dict[str, float]) -> AgainSeen:
    """Return a second run of the first of the zoo."""
    return AgainSeen("one.py", seen(outcomes, {check: value(size) for check, size in values.items()}), ZOO[0].seen)


def both(outcomes: dict[str, Outcome], values: dict[str, float]) -> tuple[Gate, Gate]:
    """Return both gates on a second run of the first of the zoo."""
    run = again(outcomes, values)
    return layouts_gate([run], ZOO), reversed_gate([run], ZOO)


def test_what_ends_as_before_is_good() -> None:
    """The same checks fail with the same values; a part of the suite is enough."""
    for gate in both({"a": FAILED, "b": FAILED}, {"a": 2.0, "b": 5.0}):
        assert gate.good
        assert gate.counted == 1


def test_a_check_that_is_not_run_again_keeps_its_word() -> None:
    """Without the failure of b nothing would be called one; the whole suite has seen it."""
    for gate in both({"a": FAILED}, {"a": 2.0}):
        assert gate.good


def test_what_decided_between_two_names_still_does() -> None:
    """Two mistakes agree at a; that b shows only one of them is not forgotten when a alone is run again."""
    zoo = [wrong("one", {"a": 2.0, "b": 5.0}), wrong("half", {"a": 2.0})]
    run = AgainSeen("one.py", seen({"a": FAILED}, {"a": value(2.0)}), zoo[0].seen)
    assert layouts_gate([run], zoo).good


def test_what_was_seen_before_does_not_speak_for_now() -> None:
    """Of checks that wait this time no value is left over, so a keeps its name by what it shows itself."""
    zoo = [wrong("wide", {"a": 1.0, "b": 2.0, "c": 3.0})]
    now = seen({"a": FAILED, "b": BLOCKED, "c": BLOCKED}, {"a": value(1.0)})
    told = {check for _, check, _ in said(layouts_gate([AgainSeen("wide.py", now, zoo[0].seen)], zoo))}
    assert told == {"b", "c"}


def test_another_outcome_is_told_with_both() -> None:
    """A check that passes now, and the name that is lost with it."""
    expected = [
        ("one.py", "b", "now it ended passed, before failed."),
        ("one.py", "a", "now it is called nothing, before one."),
        ("one.py", "b", "now it is called nothing, before one."),
    ]
    for gate in both({"a": FAILED, "b": PASSED}, {"a": 2.0}):
        assert said(gate) == expected


def test_another_name_is_told_with_both() -> None:
    """The value of another mistake brings its name; that the value differs is said where only the order did."""
    name = ("one.py", "a", "now it is called two, before one.")
    layouts, backwards = both({"a": FAILED, "b": FAILED}, {"a": 3.0, "b": 5.0})
    assert said(layouts) == [name]
    assert said(backwards) == [("one.py", "a", "it fails as before, but with another value."), name]


def test_a_check_that_waits_both_times_is_the_same() -> None:
    """Blocked is an outcome like any other and leaves nothing to compare."""
    waiting = seen({"a": BLOCKED}, {})
    assert reversed_gate([AgainSeen("f.py", waiting, waiting)], []).good


def test_a_check_of_a_device_that_names_nothing_is_not_compared() -> None:
    """A check that is only for a GPU, and so pending here, is in the result and in no comparison."""
    run = again({"a": FAILED, "b": FAILED}, {"a": 2.0, "b": 5.0})
    of_a_gpu = CheckResult("c", "", "hidden", "cuda", Outcome.PENDING, 0.0, 1.0)
    run.again.result.checks.append(of_a_gpu)
    for gate in (layouts_gate([run], ZOO), reversed_gate([run], ZOO)):
        assert gate.good
