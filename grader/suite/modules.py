"""A comparison of modules: which tensors one has, by name, and of which shapes.

Owns only that; values are compared by `expect`. Its sentences tell names and shapes, so a statement must have them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from torch import Tensor

from grader import messages
from grader.suite.context import told_names, told_sizes
from grader.suite.expect import fail_received, type_name

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line


def expect_shapes(actual: Any, expected: Mapping[str, Sequence[int]], label: str | None = None) -> None:
    """Compare the names and shapes of a module's parameters, buffers or state; their order does not matter.

    Args:
        actual: What `net.parameters()`, `net.buffers()` or `net.state_dict()` returned.
        expected: Shapes by name; the messages tell them, so they must stand in the exercise's statement.
        label: What the student knows the module as, such as "SmallNet".
    Raises:
        ComparisonFailed: a name is missing or should not be there, or a shape is another one.
    """
    label = label or "state"
    if not isinstance(actual, Mapping):
        fail_received(label, actual, messages.WRONG_TYPE, expected="a dict", actual=type_name(actual))
    shapes = {str(name): _shape(value) for name, value in actual.items()}
    wanted = {name: str(tuple(shape)) for name, shape in expected.items()}
    if shapes != wanted:
        _fail(label, shapes, wanted)


def _fail(label: str, shapes: dict[str, str], wanted: dict[str, str]) -> NoReturn:
    """Say the first thing that is wrong; what is recorded tells all of it, so that mistakes can be told apart."""
    missing = [name for name in wanted if name not in shapes]
    extra = [name for name in shapes if name not in wanted]
    other = [name for name in wanted if name in shapes and shapes[name] != wanted[name]]
    shown = [f"-{name}" for name in missing] + [f"+{name}" for name in extra]
    received = " ".join(shown + [f"{name} {shapes[name]}" for name in other])
    if missing:
        present = ", ".join(told_names(shapes)) or "none"
        fail_received(label, received, messages.NAMES_MISSING, missing=", ".join(missing), present=present)
    if extra:
        fail_received(label, received, messages.NAMES_EXTRA, extra=", ".join(told_names(extra)))
    name = other[0]
    facts = {"name": name, "expected": wanted[name], "actual": told_sizes(shapes[name])}
    fail_received(label, received, messages.NAMED_SHAPE, **facts)


def _shape(value: Any) -> str:
    return str(tuple(value.shape)) if isinstance(value, Tensor) else type_name(value)
