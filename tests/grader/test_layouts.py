"""An answer under another layout: what changes, what stays, and that it still does the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from grader.author.layouts import other_layout
from grader.submission import SourceFile, Submission

ROOT = Path(__file__).resolve().parents[2]


def relaid(*texts: str) -> list[str]:
    """Return the files of a submission rewritten."""
    sources = tuple(SourceFile(f"file{place}.py", text) for place, text in enumerate(texts))
    return [source.text for source in other_layout(Submission("", sources)).sources]


def run(text: str) -> dict[str, Any]:
    """Execute a file and return its names."""
    names: dict[str, Any] = {}
    exec(text, names)
    return names


def defined(text: str) -> list[str]:
    """Return the functions and classes at the top of a file, in order."""
    return [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]


ANSWER = '''
"""A docstring that is in the way."""

import math as m
from functools import partial

_scale = 2  # a comment
LIMIT = 100


def _scaled(value, times=3):
    """Another docstring."""
    return value * _scale * times


def total(x, start=0):
    global _scale
    result, rest = start, {"result": 1}

    def add(part):
        nonlocal result
        result += _scaled(part)

    for entry in x:
        add(entry)
    try:
        assert result < LIMIT
    except AssertionError as error:
        result = len(str(error))
    match rest:
        case {"result": found, **others}:
            result += found + len(others)
    squares = [m.sqrt(entry * entry) for entry in x if (last := entry) is not None]
    _scale += 0
    return result + sum(squares) + last + partial(_scaled, times=1)(1)


def mean(x):
    pass
    """No docstring: it does not come first."""
    return total(x) / len(x)
'''


def test_it_does_the_same() -> None:
    """Closures, globals, walrus, except and match bind new names and compute what they did."""
    (text,) = relaid(ANSWER)
    assert run(text)["mean"]([1, 2, 5]) == run(ANSWER)["mean"]([1, 2, 5])


@pytest.mark.parametrize("name", ["_scale", "_scaled", "value", "result", "rest", "add", "part", "entry", "error",
                                  "found", "others", "squares", "last"])  # fmt: skip
def test_what_is_its_own_business_has_another_name(name: str) -> None:
    """Locals, helpers, globals with an underscore and parameters of helpers."""
    (text,) = relaid(ANSWER)
    assert not {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} & {name}
    assert f"def {name}(" not in text


@pytest.mark.parametrize("name", ["total", "mean", "x", "start", "LIMIT", "m", "partial", "len", "times"])
def test_what_others_ask_for_stays(name: str) -> None:
    """Public functions with their parameters, constants, imports, builtins, and words that a call uses."""
    (text,) = relaid(ANSWER)
    assert re.search(rf"\b{name}\b", text)
    assert '"result"' in text.replace("'", '"')  # a text is no name


def test_comments_and_docstrings_are_gone() -> None:
    """What only a reader sees; a text that is no docstring stays."""
    (text,) = relaid(ANSWER)
    assert not re.search("comment|in the way|Another", text)
    assert "No docstring" in text


def test_functions_stand_in_another_order() -> None:
    """Those that follow each other are turned around; what stands between stays there."""
    text = "def a(): ...\n\ndef b(): ...\n\nseed = 1\n\ndef c(): ...\n\ndef d(): ...\n"
    (new,) = relaid(text)
    assert defined(new) == ["b", "a", "d", "c"]
    assert new.index("seed") < new.index("def d")


@pytest.mark.parametrize(("text", "order"), [
    ("class Base: ...\n\nclass Net(Base): ...\n\ndef f(net: Net): ...\n", ["Base", "Net", "f"]),
    ("class A: ...\n\ndef f(): return A()\n", ["f", "A"]),
    ("class A: ...\n\ndef f() -> A: ...\n", ["A", "f"]),
    ("class A:\n    size: int = 1\n    def f(self, other: 'A'): ...\n\nclass B:\n    inner: A\n", ["A", "B"]),
    ("def once(f): return f\n\n@once\ndef g(): ...\n\ndef h(): ...\n", ["once", "g", "h"]),
    ("def one(): return 1\n\ndef g(x=one()): ...\n", ["one", "g"]),
    ("def f(): return 1\n\ndef f(): return 2\n", ["f", "f"]),
    ("class A:\n    def __init_subclass__(cls): f()\n\ndef f(): ...\n\nclass B(A): ...\n", ["A", "f", "B"]),
    ("class A:\n    table = [1]\n\ndef f(): ...\n\ndef g(x: A): ...\n", ["A", "g", "f"]),
])  # fmt: skip
def test_order_is_kept_where_it_matters(text: str, order: list[str]) -> None:
    """Base classes and annotations first; where making a definition calls another one, all stays as it is."""
    (new,) = relaid(text)
    assert defined(new) == order
    run(new)


@pytest.mark.parametrize("text", [
    "def f(x):\n    y = x\n    return eval('y')\n",
    "def f(x):\n    y = x\n    return locals()['y']\n",
    "from math import *\n\ndef f(x):\n    floor = x\n    return floor\n",
])  # fmt: skip
def test_a_file_that_looks_at_names_keeps_them(text: str) -> None:
    """Whoever reads names as text, or imports none knows what, would notice."""
    (new,) = relaid(text)
    assert "name_1" not in new
    assert run(new)["f"](3) == 3


def test_members_and_nested_classes_keep_their_names() -> None:
    """What is reached through an object is not renamed; locals of methods are."""
    text = (
        "class Net:\n    size = 3\n    def __init__(self, width):\n        both = self.size + width\n"
        "        self.both = both\n    def _grow(self, by):\n        self.both += by\n        return self\n"
    )
    (new,) = relaid(text)
    assert run(new)["Net"](1)._grow(2).both == 6
    assert "both = " in new  # `both` is an attribute too, but a local may be renamed
    assert "name_1 = self.size + width" in new


def test_a_helper_that_another_file_asks_for_keeps_its_name() -> None:
    """By import or as an attribute of the module; one that nobody asks for does not."""
    model = "def _shared(x):\n    return x\n\ndef _own(x):\n    return x\n\ndef f(x):\n    return _shared(_own(x))\n"
    first, _ = relaid(model, "from file0 import _shared\n")
    assert "def _shared" in first
    assert "_own" not in first
    first, _ = relaid(model, "import file0\n\nfile0._own(1)\n")
    assert "def _own" in first
    assert "_shared" not in first


@pytest.mark.parametrize("text", [
    "def f(x):\n    return sum([x])\n\ndef g(x):\n    sum = x\n    return sum\n",
    "def f(x):\n    import math\n    return int(math.sqrt(x * x))\n",
    "def f(x):\n    from os.path import _joinrealpath as join\n    _joinrealpath = x\n    return _joinrealpath\n",
])  # fmt: skip
def test_a_name_that_comes_from_elsewhere_stays(text: str) -> None:
    """A builtin, also where it is a local of another function; what is imported inside of a function."""
    (new,) = relaid(text)
    assert run(new)["f"](3) == 3


def test_a_class_keeps_its_name() -> None:
    """Messages tell the type of what was returned, whatever its name begins with."""
    (new,) = relaid("class _Row:\n    pass\n\ndef f():\n    class Inner(_Row):\n        pass\n    return Inner()\n")
    made = type(run(new)["f"]())
    assert [kind.__name__ for kind in made.__mro__] == ["Inner", "_Row", "object"]


def test_new_names_are_new() -> None:
    """A file that happens to use the names that are given here keeps them apart."""
    (new,) = relaid("def f(name_1):\n    a = 1\n    return a + name_1\n")
    assert run(new)["f"](5) == 6


def asked(text: str) -> dict[str, str]:
    """Return the public functions of a file with their arguments."""
    nodes = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return {node.name: ast.unparse(node.args) for node in nodes if not node.name.startswith("_")}


def test_every_answer_of_ours_is_still_one() -> None:
    """The public functions of a rewritten answer are those it had, with the same arguments; its text is another."""
    texts = {path: path.read_text() for path in sorted((ROOT / "solutions").rglob("*.py"))}
    rewritten = {path: relaid(text)[0] for path, text in texts.items()}
    assert [path for path, text in texts.items() if asked(text) != asked(rewritten[path])] == []
    assert [path for path, text in texts.items() if ast.unparse(ast.parse(text)) + "\n" == rewritten[path]] == []
    assert len(texts) > 50
