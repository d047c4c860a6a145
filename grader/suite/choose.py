"""Which checks of the plan a job is about: `-k` expressions, whole ids, the checks that those need, devices.

Owns what `-k` means, which is what it means to pytest, whose parser this is. Judges nothing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter

from _pytest.mark.expression import Expression

from grader import messages
from grader.course import did_you_mean_part
from grader.errors import UsageError
from grader.suite.plan import Step

_WORD = re.compile(r"[^\s()]+")


def chosen(steps: Sequence[Step], keyword: str) -> tuple[int, ...]:
    """Return the places of the checks that `keyword` means and of all that those need, in the order of the plan.

    Args:
        keyword: A whole id or function name; else an expression of parts of ids with and, or, not; empty means all.
    Raises:
        UsageError: it is no expression, or means no check; near names are suggested.
    """
    if not keyword.strip():
        return tuple(range(len(steps)))
    wanted = _functions_by_id(steps, keyword.strip())
    needed = _all_needed(steps, set(wanted.values()))
    return tuple(index for index, step in enumerate(steps) if step.check.id in wanted or step.check.function in needed)


def to_judge(steps: Sequence[Step], indices: Iterable[int], devices: Sequence[str] | None) -> tuple[int, ...]:
    """Return which of these places are judged here and now; the others stay pending."""
    return tuple(
        index
        for index in indices
        if not steps[index].planned.pending and (devices is None or steps[index].planned.device in devices)
    )


def arranged(steps: Sequence[Step], indices: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Return those of the places that stand in `order`, in that order, but each after those that it needs."""
    ranks = {index: rank for rank, index in enumerate(order)}
    waiting = TopologicalSorter({index: _needed(steps, index, indices) for index in indices})
    waiting.prepare()
    ready: list[tuple[int, int]] = []
    found = []
    while waiting.is_active():
        for index in waiting.get_ready():
            heapq.heappush(ready, (ranks.get(index, len(ranks)), index))
        _, first = heapq.heappop(ready)
        found.append(first)
        waiting.done(first)
    return tuple(index for index in found if index in ranks)


def _needed(steps: Sequence[Step], index: int, indices: Iterable[int]) -> list[int]:
    """Return which of these places a check waits for: those it needs, on its own device."""
    step = steps[index]
    return [
        other
        for other in indices
        if steps[other].check.function in step.check.needs and steps[other].planned.device == step.planned.device
    ]


def _functions_by_id(steps: Sequence[Step], keyword: str) -> dict[str, str]:
    """Return the ids that are meant, each with its test function."""
    functions = {step.check.id: step.check.function for step in steps}
    named = {name: function for name, function in functions.items() if keyword in (name, function)}
    if named:
        return named
    try:
        expression = Expression.compile(keyword)
    except Exception as error:  # a SyntaxError or, in older versions of pytest, a ParseError of its own
        problem = getattr(error, "msg", error)
        raise UsageError(messages.KEYWORD_UNREADABLE.format(keyword=keyword, problem=problem)) from None
    found = {name: function for name, function in functions.items() if _means(expression, name)}
    if not found:
        hint = _near_names(keyword, sorted({*functions, *functions.values()}))
        raise UsageError(messages.KEYWORD_MATCHES_NOTHING.format(keyword=keyword, hint=hint))
    return found


def _near_names(keyword: str, names: Sequence[str]) -> str:
    """Suggest what may have been meant by the first word of an expression that is part of no name."""
    words = (word for word in _WORD.findall(keyword) if word not in ("and", "or", "not"))
    unknown = next((word for word in words if not any(word.lower() in name.lower() for name in names)), keyword)
    return did_you_mean_part(unknown, names)


def _means(expression: Expression, identifier: str) -> bool:
    return expression.evaluate(lambda part, /, **more: part.lower() in identifier.lower())


def _all_needed(steps: Sequence[Step], functions: set[str]) -> set[str]:
    """Return the test functions that these need, directly or not."""
    needs = {step.check.function: step.check.needs for step in steps}
    found: set[str] = set()
    todo = [name for function in functions for name in needs[function]]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += needs[name]
    return found
