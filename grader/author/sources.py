"""Gates that need no run: what can be read off stub, reference and suites.

Owns what counts as a function that is asked for. Pure: texts in, gates out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence

from grader import messages
from grader.author.gate import Gate, Problem

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_EVERYTHING = ("Exception", "BaseException")


def public_definitions(text: str) -> list[Definition]:
    """Return the functions and classes of a file whose name does not begin with an underscore."""
    body = ast.parse(text).body
    return [node for node in body if isinstance(node, Definition) and not node.name.startswith("_")]


def first_line(node: Definition) -> int:
    """Return the line on which a definition begins, decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def drop_docstring(node: ast.AST) -> None:
    """Take the docstring out of a module, class or function; what stands alone there leaves `pass`."""
    if isinstance(node, Definition | ast.Module) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:] or [ast.Pass()]


def signatures_gate(stubs: Mapping[str, str], references: Mapping[str, str], of_readme: Sequence[Problem] = ()) -> Gate:
    """Every function of the stub is in the reference, with the same arguments and annotations.

    Args:
        stubs: Text by path, in the order of `references`.
        of_readme: Where the statement disagrees with the stub, see `statement`.
    """
    problems, count = list(of_readme), 0
    for (stub, text), (reference, solved) in zip(stubs.items(), references.items(), strict=True):
        wanted, given = _signatures(text), _signatures(solved)
        count += len(wanted)
        for name, signature in wanted.items():
            if name not in given:
                problems.append(Problem(reference, "", messages.VERIFY_NOT_DEFINED.format(name=name, stub=stub)))
            elif given[name] != signature:
                said = messages.VERIFY_OTHER_SIGNATURE.format(name=name, stub=signature, reference=given[name])
                problems.append(Problem(reference, "", said))
    return _gate("signatures", messages.VERIFY_SIGNATURES, count, messages.VERIFY_SIGNATURES_ADVICE, problems)


def _signatures(text: str) -> dict[str, str]:
    return dict(_signatures_in(public_definitions(text), ""))


def _signatures_in(nodes: list[Definition], prefix: str) -> Iterator[tuple[str, str]]:
    for node in nodes:
        name = prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield name, ", ".join(map(ast.unparse, node.bases))
            functions: list[Definition] = [part for part in node.body if isinstance(part, ast.FunctionDef)]
            yield from _signatures_in(functions, f"{name}.")
        else:
            yield name, f"({ast.unparse(node.args)})" + (f" -> {ast.unparse(node.returns)}" if node.returns else "")


def judged_gate(stubs: Mapping[str, str], suites: Mapping[str, str]) -> Gate:
    """Every function of the stub is called somewhere in a suite."""
    called = set().union(*(_called_on_submission(ast.parse(text)) for text in suites.values())) if suites else set()
    asked = [(path, node.name) for path, text in stubs.items() for node in public_definitions(text)]
    problems = [
        Problem(path, "", messages.VERIFY_NEVER_CALLED.format(name=name)) for path, name in asked if name not in called
    ]
    return _gate("judged", messages.VERIFY_JUDGED, len(asked), messages.VERIFY_JUDGED_ADVICE, problems)


def _called_on_submission(tree: ast.AST) -> set[str]:
    """Return every NAME of `submission.NAME`, `submission.module("…").NAME` and `submission.call("NAME", …)`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_submission(node.value):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_submission(node.func.value):
            names = [argument.value for argument in node.args[:1] if isinstance(argument, ast.Constant)]
            found.update(name for name in names if isinstance(name, str) and node.func.attr in ("call", "get"))
    return found


def _is_submission(node: ast.expr) -> bool:
    """Whether an expression begins with the fixture `submission`."""
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return isinstance(node, ast.Name) and node.id == "submission"


def comparisons_gate(suites: Mapping[str, str]) -> Gate:
    """Hidden suites compare with `expect_*`: a bare assert says nothing, `raises(Exception)` accepts anything."""
    problems = [problem for path, text in suites.items() for problem in _careless(path, ast.parse(text))]
    return _gate("comparisons", messages.VERIFY_COMPARISONS, len(suites), messages.VERIFY_COMPARISONS_ADVICE, problems)


def _careless(path: str, tree: ast.Module) -> Iterator[Problem]:
    for top in tree.body:
        check = top.name if isinstance(top, ast.FunctionDef | ast.ClassDef) else ""
        for node in ast.walk(top):
            if isinstance(node, ast.Assert):
                yield Problem(f"{path}:{node.lineno}", check, messages.VERIFY_BARE_ASSERT)
            elif isinstance(node, ast.Call) and _catches_everything(node):
                text = messages.VERIFY_RAISES_ANYTHING.format(call=ast.unparse(node))
                yield Problem(f"{path}:{node.lineno}", check, text)


def _catches_everything(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    wanted = [ast.unparse(argument) for argument in (*call.args[:1], *(word.value for word in call.keywords))]
    return name == "raises" and any(name in wanted for name in _EVERYTHING)


def _gate(name: str, title: str, counted: int, advice: str, problems: list[Problem]) -> Gate:
    return Gate(name, title, counted, advice, tuple(problems))
