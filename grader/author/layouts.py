"""The same answer under another layout: names changed, functions in another order, comments and docstrings gone.

Owns what may be changed without changing what a file does; in doubt it stays as it is. Pure: text in, text out.
Renaming one identifier everywhere in a file keeps what refers to what, so only those must stay that are known outside
of it, or by other means than by name: what the stub asks for, members of classes, imports, words of calls.
"""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grader.author.sources import drop_docstring
from grader.submission import Submission, made_submission

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
# Where one of these is used, names are looked at as text.
_LOOKS_AT_NAMES = {"eval", "exec", "compile", "locals", "vars", "globals", "dir", "*"}
# Where one of these is defined, making a class runs code of the file.
_RUNS_EARLY = {"__init_subclass__", "__set_name__", "__prepare__"}


def other_layout(submission: Submission) -> Submission:
    """Return a submission that does the same and looks different.

    Raises:
        SyntaxError: a file of it cannot be read.
    """
    trees = {source.name: ast.parse(source.text) for source in submission.sources}
    known_outside = _known_outside(trees.values())
    return made_submission({name: _rewritten(tree, known_outside) for name, tree in trees.items()})


def _rewritten(tree: ast.Module, known_outside: set[str]) -> str:
    for node in ast.walk(tree):
        drop_docstring(node)
    names = _bound(tree)
    if not _LOOKS_AT_NAMES & {name for node in ast.walk(tree) for name in _names_in(node)}:
        _rename(tree, names - _stay(tree, known_outside))
    tree.body = _reordered(tree.body)
    return ast.unparse(tree) + "\n"


# --- names ------------------------------------------------------------------------------------------------------


def _names_in(node: ast.AST) -> Iterator[str]:
    """Yield the identifiers that a node itself holds, but for attributes and the words of calls."""
    if isinstance(node, ast.alias):
        yield (node.asname or node.name).split(".")[0]
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names
    elif not isinstance(node, ast.keyword):
        for field in ("id", "arg", "name", "rest"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield name


def _bound(tree: ast.AST) -> set[str]:
    """Return every identifier that something is bound to: by assignment, as a parameter, by def, except or match."""
    return {
        name
        for node in ast.walk(tree)
        if not isinstance(node, ast.Name) or isinstance(node.ctx, ast.Store)
        for name in _names_in(node)
    }


def _known_outside(trees: Iterable[ast.Module]) -> set[str]:
    """Return what some file of the submission says as an attribute, as a text or in an import."""
    found: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
        elif isinstance(node, ast.alias):
            found |= {node.name, node.name.split(".")[0]}
    return found


def _stay(tree: ast.Module, known_outside: set[str]) -> set[str]:
    """Return the identifiers of a file that must not change."""
    nodes = list(ast.walk(tree))
    at_top = {name for node in tree.body for name in _bound_by(node)}
    parameters = {name for node in nodes if isinstance(node, ast.arg) for name in _names_in(node)}
    bodies = [tree.body, *(node.body for node in nodes if isinstance(node, ast.ClassDef))]
    of_public = (
        part for body in bodies for part in body if isinstance(part, _FUNCTIONS) and not _is_private(part.name)
    )
    return {
        *dir(builtins),
        *(name for node in nodes if isinstance(node, ast.alias) for name in _names_in(node)),
        *(node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg),
        *(node.name for node in nodes if isinstance(node, ast.ClassDef)),
        *(name for body in bodies[1:] for part in body for name in _bound_by(part)),
        *(argument.arg for part in of_public for argument in ast.walk(part.args) if isinstance(argument, ast.arg)),
        *(name for name in at_top if not _is_private(name)),
        *((at_top | parameters) & known_outside),
    }


def _bound_by(statement: ast.stmt) -> set[str]:
    """Return what a statement binds in its own scope; of a definition that is its name alone."""
    return {statement.name} if isinstance(statement, _DEFINITIONS) else _bound(statement)


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _rename(tree: ast.Module, names: set[str]) -> None:
    used = {name for node in ast.walk(tree) for name in _names_in(node)}
    fresh = (f"name_{number}" for number in itertools.count(1) if not {f"name_{number}", f"_name_{number}"} & used)
    # What is private stays so, for whoever tells by the underscore what a file is asked for.
    new = {
        name: f"_{other}" if name.startswith("_") else other for name, other in zip(sorted(names), fresh, strict=False)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [new.get(name, name) for name in node.names]
        elif not isinstance(node, ast.alias):
            for field in ("id", "arg", "name", "rest"):
                if getattr(node, field, None) in new:
                    setattr(node, field, new[getattr(node, field)])


# --- order ------------------------------------------------------------------------------------------------------


def _reordered(body: Sequence[ast.stmt]) -> list[ast.stmt]:
    """Return the statements with definitions that follow each other in the opposite order; all else stays in place."""
    order: list[ast.stmt] = []
    for are_definitions, group in itertools.groupby(body, lambda node: isinstance(node, _DEFINITIONS)):
        run = list(group)
        order += _backwards(run) if are_definitions else run  # type: ignore[arg-type]
    return order


def _backwards(run: Sequence[_Definition]) -> list[ast.stmt]:
    """Return definitions in the opposite order, each class before what names it while it is being defined."""
    by_name: dict[str, ast.stmt] = {node.name: node for node in run}
    parts = {node.name: list(_at_once(node)) for node in run}
    needs = {name: _read_in(part for part, _ in found) & by_name.keys() - {name} for name, found in parts.items()}
    executed = _read_in(part for found in parts.values() for part, is_executed in found if is_executed)
    inside = {name for node in run for part in ast.walk(node) for name in _names_in(part)}
    if len(by_name) < len(run) or executed & by_name.keys() or inside & _RUNS_EARLY:
        return list(run)
    placed: dict[str, ast.stmt] = {}
    for node in reversed(run):
        _place(node.name, by_name, needs, placed)
    return list(placed.values())


def _place(
    name: str, by_name: Mapping[str, ast.stmt], needs: Mapping[str, set[str]], placed: dict[str, ast.stmt]
) -> None:
    if name not in placed:
        for needed in sorted(needs[name]):
            _place(needed, by_name, needs, placed)
        placed[name] = by_name[name]


def _at_once(node: ast.stmt) -> Iterator[tuple[ast.AST, bool]]:
    """Yield what Python looks at when it comes to a statement of a class or module, and whether it may call something.

    Bodies of functions wait; annotations and base classes are looked up and no more.
    """
    if isinstance(node, _FUNCTIONS):
        yield from (
            (part, True) for part in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults) if part
        )
        yield from ((part, False) for part in ast.walk(node.args) if isinstance(part, ast.arg))
        if node.returns:
            yield node.returns, False
    elif isinstance(node, ast.ClassDef):
        yield from ((part, True) for part in (*node.decorator_list, *node.keywords))
        yield from ((part, False) for part in node.bases)
        for statement in node.body:
            yield from _at_once(statement)
    elif isinstance(node, ast.AnnAssign):
        yield node.annotation, False
        if node.value:
            yield node.value, True
    else:
        yield node, True


def _read_in(parts: Iterable[ast.AST]) -> set[str]:
    return {node.id for part in parts for node in ast.walk(part) if isinstance(node, ast.Name)}
