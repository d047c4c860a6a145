"""Patterns of events: which orders they accept, where a trace leaves them, and what was due there."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from grader.suite.patterns import (
    Event,
    Pattern,
    any_number,
    due_now,
    either,
    event,
    facts_by_kind,
    in_any_order,
    in_order,
    left_out,
    maybe,
    misfit,
    some,
    times,
)


def trace(kinds: str) -> list[Event]:
    """Return one event per letter."""
    return [Event(kind, {}) for kind in kinds]


def accepts(pattern: Pattern, kinds: str) -> bool:
    """Whether the letters are one of the pattern's orders."""
    return misfit(trace(kinds), pattern) is None


def test_parts_come_in_order() -> None:
    """No other order, nothing less, nothing more."""
    pattern = in_order("a", "b", "c")
    assert [kinds for size in range(5) for kinds in words(size) if accepts(pattern, kinds)] == ["abc"]


def words(size: int) -> list[str]:
    """Return all words of this length."""
    return ["".join(letters) for letters in itertools.product("abc", repeat=size)]


def test_parts_in_any_order_keep_their_own_order() -> None:
    """Events of the parts are mixed in every way that leaves each part's order alone."""
    pattern = in_any_order(in_order("a", "b"), "c")
    assert {kinds for size in range(5) for kinds in words(size) if accepts(pattern, kinds)} == {"abc", "acb", "cab"}
    assert accepts(in_any_order("a", maybe("b")), "ba")
    assert accepts(in_any_order("a", maybe("b")), "a")


@pytest.mark.parametrize("seed", range(40))
def test_patterns_mean_what_regular_expressions_mean(seed: int) -> None:
    """A random pattern accepts exactly the words that Python's own regular expression accepts."""
    pattern, expression = made(random.Random(seed), 4)
    for size in range(5):
        for kinds in words(size):
            assert accepts(pattern, kinds) == bool(re.fullmatch(expression, kinds)), (expression, kinds)


def made(draw: random.Random, depth: int) -> tuple[Pattern, str]:
    """Return a random pattern, and the same as a regular expression."""
    how = draw.choice(["event", "order", "either", "maybe", "some", "any", "times"] if depth else ["event"])
    if how == "event":
        kind = draw.choice("abc")
        return event(kind), kind
    (one, first), (two, second) = made(draw, depth - 1), made(draw, depth - 1)
    if how == "order":
        return in_order(one, two), f"(?:{first})(?:{second})"
    if how == "either":
        return either(one, two), f"(?:{first}|{second})"
    form = {"maybe": (maybe(one), "?"), "some": (some(one), "+"), "any": (any_number(one), "*")}
    pattern, suffix = form.get(how, (times(2, one), "{2}"))
    return pattern, f"(?:{first}){suffix}"


@pytest.mark.parametrize(
    ("pattern", "kinds", "place", "due"),
    [
        (in_order("a", "b"), "aa", 1, ["b"]),
        (in_order("a", maybe("b"), "c"), "ab", 2, ["c"]),
        (in_order("a", maybe("b"), "c"), "aa", 1, ["b", "c"]),
        (in_order("a", any_number("b")), "abba", 3, ["b"]),
        (in_any_order("a", "b"), "c", 0, ["a", "b"]),
        (in_any_order("a", "b"), "bb", 1, ["a"]),
        (times(3, "a"), "aa", 2, ["a"]),
        (in_order("a"), "ab", 1, []),
    ],
)
def test_the_first_event_that_is_not_legal_is_found(pattern: Pattern, kinds: str, place: int, due: list[str]) -> None:
    """Its place, or the end, and what could have come there."""
    found = misfit(trace(kinds), pattern)
    assert found is not None
    assert found.place == place
    assert [wanted.kind for wanted in due_now(found.due)] == due


def test_what_was_left_out_is_what_makes_the_event_legal() -> None:
    """Of several events that were due, the one after which this one may come."""
    due = in_order(either("a", "b"), "c")
    assert [wanted.kind for wanted in left_out(due, Event("c", {}))] == ["a", "b"]
    assert [wanted.kind for wanted in left_out(in_order(either("a", in_order("b", "b")), "c"), Event("c"))] == ["a"]
    assert left_out(in_order("a", "b"), Event("a", {})) == []


def test_facts_must_be_there_and_equal() -> None:
    """Facts that a pattern does not ask for do not matter; True is not 1, and floats may differ in the last digit."""
    pattern = event("step", moved=True, lr=[0.1, 0.01])
    right = {"moved": True, "lr": [0.1 + 1e-17, 0.01], "more": 3}
    assert misfit([Event("step", right)], in_order(pattern)) is None
    for wrong in ({**right, "moved": 1}, {**right, "lr": [0.1]}, {**right, "lr": [0.1, 0.011]}, {"moved": True}):
        assert misfit([Event("step", wrong)], in_order(pattern)) is not None


def test_the_facts_of_a_pattern_are_known_by_kind() -> None:
    """So that events and facts nobody asks about can be left out of account."""
    pattern = in_order(event("f", grad=True), maybe("b"), some(event("f", training=False)))
    assert facts_by_kind(pattern) == {"f": {"grad", "training"}, "b": set()}


def test_a_long_trace_is_matched_without_delay() -> None:
    """The work grows with the trace, not with the number of ways to read it."""
    step = in_order(any_number("z"), "f", any_number("z"), "b", maybe("c"), "s")
    assert accepts(in_order(times(300, step), any_number("z")), "zfzbcs" * 300)
    found = misfit(trace("zfzbcs" * 299 + "zfz"), in_order(times(300, step)))
    assert found is not None
    assert found.place == 299 * 6 + 3
