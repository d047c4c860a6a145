"""What a README says of the stub's functions: slips are found, mathematics is left alone."""

from __future__ import annotations

import pytest

from grader.author.gate import Problem
from grader.author.statement import readme_problems

STUB = """
def relu(x: Tensor) -> Tensor: ...
def relu_backward(upstream, x): ...
def train(net, data, *, steps: int = 3): ...
def step(w, *, lr): ...
def sums(*parts, **named): ...
def _relu_backward(x): ...

class Line:
    def __init__(self, size, bias=True): ...

class Plain: ...
"""


def problems(text: str) -> list[Problem]:
    """Return what is wrong with a README."""
    return readme_problems({"README.md": text}, {"stub.py": STUB})


@pytest.mark.parametrize("text", [
    "`relu(a)`", "    h = relu(a)      z = relu(2 * h)", "| `relu(x)` | max(x, 0) |", "| h = relu(a) | (N, H) |",
    "`train(net, batches, steps=3)`", "- `train(net, data, steps)`: trains", "### `train(net, data, *, steps=3)`",
    "```python\ndef relu(x: Tensor) -> Tensor:\n```", "`relu`", "`relu()`", "`relu(...)`", "`relu(…)`", "`relu(½ x)`",
    "`train(*everything)`", "`train(...)`", "`train(**options)`", "`step(w, lr=0.1)`",
    "`Line(3)`", "`Line(3, bias=False)`", "`Plain(1, 2, 3)`",
    "`sums(1, 2, 3, last=4)`", "`net.relu(1, 2, 3)`", "relu(x, y) in prose", "`relu(a",
    "`_relu_backward`", "`prelu(a, b)`", "`Relu_backward`",
    "- `relu` keeps what is positive, `relu(-1)` is 0", "`...`", "",
])  # fmt: skip
def test_what_agrees_is_left_alone(text: str) -> None:
    """Formulas with values, listings, definitions, calls that are only hinted at, and what is no code."""
    assert problems(text) == []


@pytest.mark.parametrize(("text", "said"), [
    ("`relu(a, b)`", "`relu(a, b)` does not fit relu(x) of the stub."),
    ("    f(relu(g(a), b))", "`relu(g(a), b)` does not fit relu(x) of the stub."),
    ("| relu(a, b) |", "`relu(a, b)` does not fit relu(x) of the stub."),
    ("~~~\nrelu(a, b)\n~~~", "`relu(a, b)` does not fit relu(x) of the stub."),
    ("`train(net)`", "`train(net)` does not fit train(net, data, *, steps=3) of the stub."),
    ("`train(net, data, 3)`", "`train(net, data, 3)` does not fit train(net, data, *, steps=3) of the stub."),
    ("`train(net, data, step=3)`", "`train(net, data, step=3)` does not fit train(net, data, *, steps=3) of the stub."),
    ("`train(n, net=1, data=2)`", "`train(n, net=1, data=2)` does not fit train(net, data, *, steps=3) of the stub."),
    ("`step(w)`", "`step(w)` does not fit step(w, *, lr) of the stub."),
    ("`Line(bias=True)`", "`Line(bias=True)` does not fit Line(size, bias=True) of the stub."),
    ("| `relu(a)` | max(a, 0) |", "it lists relu(a), the stub has (x)."),
    ("1. `train(net, data)`", "it lists train(net, data), the stub has (net, data, *, steps=3)."),
    ("```python\ndef relu(y: Tensor):\n```", "it lists relu(y), the stub has (x)."),
    ("| `relu(x)` | relu(1, 2) |", "`relu(1, 2)` does not fit relu(x) of the stub."),
    ("`relu_backwards`", "relu_backwards is not in the stub; is relu_backward meant?"),
])  # fmt: skip
def test_what_disagrees_is_told(text: str, said: str) -> None:
    """A count or a word that does not fit, arguments listed under other names, a name that is almost one."""
    assert [problem.text for problem in problems(text)] == [said]


def test_the_line_is_told() -> None:
    """Counted over fences, which are code until they end."""
    text = "# Title\n\n```python\nrelu(a)\n```\n\nrelu(a, b) is prose here, `relu(a, b)` is not.\n"
    assert [problem.file for problem in problems(text)] == ["README.md:7"]
