"""Mutants of a reference: copies with one small change each, made by the operators of cosmic-ray.

The only module that knows cosmic-ray; it is imported when mutants are made. Owns which mutants are worth judging: those
that Python can read and that differ from the reference, and from each other, in more than blanks, docstrings and
annotations. Runs none of them.
"""

from __future__ import annotations

import ast
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from grader import messages
from grader.author.sources import Definition, drop_docstring, first_line
from grader.errors import UsageError
from grader.sandbox.scan import scan_source

_CONTEXT_LINES = 2


@dataclass(frozen=True)
class Mutant:
    """One file of the reference with one change.

    `line` is where it was changed, `function` the dotted name of the function around it, empty outside of all; `was`
    and `now` are the changed lines before and after.
    """

    file: str
    line: int
    function: str
    was: str
    now: str
    diff: str
    text: str


@dataclass(frozen=True)
class Mutants:
    """All mutants worth judging, from top to bottom, and how many others were left out for which reason.

    The reasons: `unreadable` to Python, `unchanged` in what it does, `repeated` because an earlier mutant is the same.
    """

    mutants: tuple[Mutant, ...]
    skipped: Mapping[str, int]


def make_mutants(texts: Mapping[str, str]) -> Mutants:
    """Return the mutants of a reference, given as the text of each file by its name.

    Raises:
        UsageError: cosmic-ray is not installed.
    """
    mutants: list[Mutant] = []
    skipped = Counter(unreadable=0, unchanged=0, repeated=0)
    for file, text in texts.items():
        statements = _statements(text)
        for place, statement in enumerate(statements):
            known = {_meaning(statement): "unchanged"}
            made = []
            for operator, mutated in _mutated(statement):
                meaning = _meaning(mutated)
                if meaning is None or meaning in known:
                    skipped[known[meaning] if meaning else "unreadable"] += 1
                else:
                    known[meaning] = "repeated"
                    made.append(_mutant(file, statements, place, mutated, operator))
            mutants += sorted(made, key=lambda mutant: mutant.line)
    return Mutants(tuple(mutants), dict(skipped))


def _statements(text: str) -> list[str]:
    """Return a file cut into its statements: what each mutant is parsed and compared by, many times faster than all."""
    try:
        from cosmic_ray.ast import get_ast
    except ImportError as error:
        raise UsageError(messages.MUTANTS_NEED_COSMIC_RAY.format(problem=error)) from error
    return [node.get_code() for node in get_ast(text).children]


def _mutated(statement: str) -> Iterator[tuple[str, str]]:
    """Yield the name of an operator and what it makes of a statement, for every operator and place it applies to."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.operators.provider import OperatorProvider

    nodes = [*ast_nodes(get_ast(statement))]
    for name, operator in _operators(OperatorProvider()):
        positions = sum(1 for node in nodes for _ in operator.mutation_positions(node))
        yield from ((name, mutate_code(statement, operator, occurrence)) for occurrence in range(positions))


def _operators(provider: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every operator but the two that need arguments: they put in numbers that are drawn without a seed."""
    for name in provider:
        if not provider[name].arguments():
            yield name, provider[name]()


def _meaning(statement: str) -> str | None:
    """Return what is equal for statements that do the same for the same reason; None if Python cannot read one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python warns of what it finds odd, and mutants are odd
        if scan_source("", statement).error is not None:
            return None
        return ast.dump(_Bare().visit(ast.parse(statement)))


class _Bare(ast.NodeTransformer):
    """Takes out what Python does not act on: docstrings and annotations."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Take them out of one node, after the nodes below it."""
        super().generic_visit(node)
        drop_docstring(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
        return node


def _mutant(file: str, statements: Sequence[str], place: int, mutated: str, operator: str) -> Mutant:
    text = "".join([*statements[:place], mutated, *statements[place + 1 :]])
    before, after = _rows("".join(statements)), _rows(text)
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    was, now = before[start : len(before) - end], after[start : len(after) - end]
    # Whoever takes out a decorator takes the empty lines above along.
    line = start + 1 + next((index for index, row in enumerate(was) if row.strip()), 0)
    function = _function_at(statements[place], line - "".join(statements[:place]).count("\n"))
    diff = "\n".join([f"--- {file}", f"+++ {file} ({operator})", *_hunk(before, start, was, now, function)])
    return Mutant(file, line, function, _joined(was), _joined(now), diff, text)


def _hunk(before: Sequence[str], start: int, was: Sequence[str], now: Sequence[str], function: str) -> Iterator[str]:
    """Yield the change as in a unified diff. (That of difflib takes blank lines of long files for changed ones.)"""
    above = before[max(0, start - _CONTEXT_LINES) : start]
    below = before[start + len(was) :][:_CONTEXT_LINES]
    first, same = start + 1 - len(above), len(above) + len(below)
    yield f"@@ -{first},{len(was) + same} +{first},{len(now) + same} @@ {function}".rstrip()
    for sign, rows in ((" ", above), ("-", was), ("+", now), (" ", below)):
        yield from (sign + row for row in rows)


def _joined(rows: Sequence[str]) -> str:
    return "\n".join(rows).strip("\n")


def _rows(text: str) -> list[str]:
    # Not splitlines: Python does not end a line at a form feed.
    return text.removesuffix("\n").split("\n")


def _alike(lines: Sequence[str], others: Sequence[str]) -> int:
    """Return how many lines are the same at the beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(lines, others, strict=False)))


def _function_at(statement: str, line: int) -> str:
    """Return the names of the definitions around a line, outermost first, joined by dots."""
    nodes = (node for node in ast.walk(ast.parse(statement)) if isinstance(node, Definition))
    return ".".join(node.name for node in nodes if first_line(node) <= line <= (node.end_lineno or node.lineno))
