"""The twelve checks written down as each grader wants them: the same lines in another frame.

Knows how a suite looks in each grader, and nothing of how one is run.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SUITE = Path(__file__).parent / "suite"
SUPPORT = ("support.py", "comparisons.py")
CHECK_S = 10  # where a grader has a limit of its own for a check; ours is the same
_PLAIN_IMPORT = "from comparisons import close, stages\n"


@dataclass(frozen=True)
class Check:
    """One check: its name, what it claims, and its lines, in which `backprop` is the submission."""

    name: str
    title: str
    body: str

    def function(self, arguments: str = "", before: str = "") -> str:
        """Return it as a function, beginning with the line `before`."""
        lines = textwrap.indent(f"{before}\n{self.body}" if before else self.body, "    ")
        return f'def {self.name}({arguments}):\n    """{self.title}"""\n{lines}\n'


@cache
def checks() -> tuple[Check, ...]:
    """Read the checks out of suite/checks.py."""
    text = (SUITE / "checks.py").read_text()
    return tuple(_check(text, node) for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))


def _check(text: str, node: ast.FunctionDef) -> Check:
    lines = text.splitlines()[node.body[1].lineno - 1 : node.end_lineno]
    return Check(node.name, ast.get_docstring(node) or "", textwrap.dedent("\n".join(lines)))


def header() -> str:
    """Return the imports of the checks."""
    text = (SUITE / "checks.py").read_text()
    tree = ast.parse(text).body
    return "\n".join(text.splitlines()[tree[1].lineno - 1 : tree[-len(checks())].lineno - 1]).strip() + "\n"


def for_pytest() -> str:
    """Return a plain pytest file beside the submission."""
    return _joined("import backprop\n" + header(), (check.function() for check in checks()))


def for_gradescope() -> str:
    """Return a unittest file with weights, as gradescope-utils' examples have it."""
    methods = (f"@weight(1)\n{check.function('self')}" for check in checks())
    top = "import unittest\n\nimport backprop\nfrom gradescope_utils.autograder_utils.decorators import weight\n"
    return _joined(top + header() + "\n\nclass TestBackprop(unittest.TestCase):", map(_indented, methods))


def for_check50() -> str:
    """Return a check50 package; its failures must be check50's own."""
    top = "import sys\nfrom functools import wraps\nfrom pathlib import Path\n\nimport check50\nimport check50.py\n"
    path = "sys.path.insert(0, str(Path(__file__).parent))\n"
    own = header().replace(_PLAIN_IMPORT, "import comparisons\n")
    found = (check.function(before='backprop = check50.py.import_("backprop.py")') for check in checks())
    return _joined(top + path + own + _FAILURES, (f"@check50.check(timeout={CHECK_S})\n{text}" for text in found))


_FAILURES = '''

def failing(compare):
    """Make a failed comparison a failure of check50's."""

    @wraps(compare)
    def compared(*arguments, **options):
        try:
            compare(*arguments, **options)
        except AssertionError as error:
            raise check50.Failure(str(error)) from None

    return compared


close, stages = failing(comparisons.close), failing(comparisons.stages)
'''


def for_nbgrader() -> list[tuple[str, str]]:
    """Return the cells that come after the student's: a name ("" for one without points) and its lines."""
    cells = [("", header())]
    for check in checks():
        lines = Check(check.name, check.title, check.body.replace("backprop.", ""))
        cells.append((check.name, lines.function() + f"\n\n{check.name}()"))
    return cells


def for_otter() -> dict[str, str]:
    """Return otter's test files by name, one for each question, in its format without doctests."""
    top = "OK_FORMAT = False\n\nfrom types import SimpleNamespace\n\nfrom otter.test_files import test_case\n"
    found = {}
    for check in checks():
        question = check.name.removeprefix("test_")
        test = check.function("env", "backprop = SimpleNamespace(**env)")
        settings = f'\nname = "{question}"\npoints = 1\n\n\n@test_case(points=1, hidden=True)\n'
        found[f"{question}.py"] = top + header() + settings + test
    return found


def for_ours() -> str:
    """Return a hidden suite of ours."""
    own = header().replace(
        _PLAIN_IMPORT, "from grader.suite import expect_close as close, expect_stages as stages, points\n"
    )
    own = own.replace("from support", "from .support")
    return _joined(own, (f"@points(1)\n{check.function('submission', 'backprop = submission')}" for check in checks()))


def _indented(text: str) -> str:
    return textwrap.indent(text, "    ")


def _joined(top: str, functions: object) -> str:
    return top + "\n\n" + "\n\n".join(functions) + "\n"  # type: ignore[arg-type]


def full() -> int:
    """Return the score of a right answer."""
    return len(checks())
