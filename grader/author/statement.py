"""What an exercise's README says of the functions that the stub asks for: names and arguments.

Owns where code stands in a README and which of it is about a function. Pure: texts in, problems out. Formulas are full
of calls (`h = relu(a)`), whose arguments are values; only their number and the words of keywords can be wrong.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Mapping

from grader import messages
from grader.author.gate import Problem
from grader.author.sources import public_definitions

_FENCE = re.compile(r"\s*(```|~~~)")
_SPAN = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
# A heading, list item or table row that begins with a call in code lists a function, and so does a `def`.
_LISTED = re.compile(r"\s*(?:(?:#+|[-*+|]|\d+\.)\s*\**`|def )\s*([A-Za-z_]\w*)(\([^`]*\))")
# Spelt so nearly alike, a name is a slip of the pen: prelu and relu, cross_entropy and cross_entropy_loss are less so.
_NEARLY = 0.9

_Asked = Mapping[str, ast.arguments]


def readme_problems(readme: Mapping[str, str], stubs: Mapping[str, str]) -> list[Problem]:
    """Return where a README and the stub disagree about a function.

    Args:
        readme: Text by path; empty where there is none.
        stubs: Text by path.
    """
    asked = dict(pair for text in stubs.values() for pair in _asked(text))
    known = {name for text in stubs.values() for name in _NAME.findall(text)}
    return [
        Problem(f"{path}:{number}", "", said)
        for path, text in readme.items()
        for number, line, code in _code(text)
        for said in (*_listed(line, asked), *_called(line, code, asked), *_misspelt(code, asked, known))
    ]


def _asked(text: str) -> Iterator[tuple[str, ast.arguments]]:
    """Yield the public functions of a file with their arguments; a class with those of its __init__, without self."""
    for node in public_definitions(text):
        if not isinstance(node, ast.ClassDef):
            yield node.name, node.args
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                yield node.name, _without_self(part.args)


def _without_self(arguments: ast.arguments) -> ast.arguments:
    kept = ast.parse(f"def f({ast.unparse(arguments)}): ...").body[0]
    assert isinstance(kept, ast.FunctionDef)
    del (kept.args.posonlyargs or kept.args.args)[:1]
    return kept.args


def _code(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield number, line and code: the code is the line itself in a block or table, else what its spans hold."""
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _FENCE.match(line):
            fence = "" if match[1] == fence else fence or match[1]
        elif fence or line.startswith(("    ", "|")):
            yield number, line, line
        else:
            yield number, line, "\n".join(_SPAN.findall(line))


def _listed(line: str, asked: _Asked) -> Iterator[str]:
    """Yield what is wrong with a line that lists a function."""
    name, listed = _listing(line, asked)
    if listed is not None and _names(listed) != _names(asked[name]):
        stub = _shown(asked[name])
        yield messages.VERIFY_README_LISTS.format(name=name, readme=_shown(listed), stub=stub)


def _listing(line: str, asked: _Asked) -> tuple[str, ast.arguments | None]:
    """Return the function that a line lists and the arguments it gives it; None if there are none to compare."""
    match = _LISTED.match(line)
    if match is None or match[1] not in asked:
        return "", None
    try:
        listed = ast.parse(f"def f{match[2]}: ...").body[0]
    except SyntaxError:
        return "", None  # a call with values, or an ellipsis
    return match[1], listed.args if isinstance(listed, ast.FunctionDef) and _names(listed.args) else None


def _called(line: str, code: str, asked: _Asked) -> Iterator[str]:
    """Yield what is wrong with the calls in code, but for that of a listing, which is none."""
    listed, arguments = _listing(line, asked)
    for match in _NAME.finditer(code):
        text = match[0] + _in_parentheses(code[match.end() :])
        if match[0] == listed and arguments is not None:
            listed = ""
        elif match[0] in asked and (call := _parsed(text)) is not None and not _fits(call, asked[match[0]]):
            yield messages.VERIFY_README_CALL.format(call=text, name=match[0], stub=_shown(asked[match[0]]))


def _in_parentheses(code: str) -> str:
    """Return what `code` begins with if that is a parenthesis, up to the one that closes it; else nothing."""
    depth = 0
    for place, character in enumerate(code):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return code[: place + (character == ")")]
    return ""


def _parsed(text: str) -> ast.Call | None:
    """Return a call if it is Python; mathematics need not be."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):
        return None
    return call if isinstance(call, ast.Call) else None


def _fits(call: ast.Call, wanted: ast.arguments) -> bool:
    """Whether a function with these arguments can be called so; `f()` and `f(...)` stand for any call."""
    words = [word.arg for word in call.keywords]
    left_open = any(isinstance(part, ast.Starred) or ast.unparse(part) == "..." for part in call.args)
    if not (call.args or words) or left_open or None in words:
        return True
    by_place = [argument.arg for argument in (*wanted.posonlyargs, *wanted.args)]
    given = [*by_place[: len(call.args)], *words]
    optional = by_place[len(by_place) - len(wanted.defaults) :]
    needed = {
        *by_place,
        *(part.arg for part, value in zip(wanted.kwonlyargs, wanted.kw_defaults, strict=True) if not value),
    }
    return (
        (len(call.args) <= len(by_place) or wanted.vararg is not None)
        and (set(words) <= set(_names(wanted)) or wanted.kwarg is not None)
        and len(set(given)) == len(given)
        and needed - set(optional) <= set(given)
    )


def _names(arguments: ast.arguments) -> list[str]:
    return [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def _shown(arguments: ast.arguments) -> str:
    """Return arguments as one writes them, without annotations."""
    plain = ast.parse(f"def f({ast.unparse(arguments)}): ...")
    for node in ast.walk(plain):
        if isinstance(node, ast.arg):
            node.annotation = None
    function = plain.body[0]
    assert isinstance(function, ast.FunctionDef)
    return ast.unparse(function.args)


def _misspelt(code: str, asked: _Asked, known: set[str]) -> Iterator[str]:
    for name in dict.fromkeys(_NAME.findall(code)):
        near = difflib.get_close_matches(name, asked, 1, _NEARLY) if name not in known else []
        # Softmax beside softmax is a class of torch, and no slip.
        if near and name.islower() == near[0].islower():
            yield messages.VERIFY_README_NAME.format(name=name, near=near[0])
