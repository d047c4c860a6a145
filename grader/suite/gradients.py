"""Comparisons of gradients: a student's function against finite differences, hand-written ones against autograd.

Owns the numerics of differencing: float64 only, central differences along random directions, one set per input so that
a small bias is not drowned by a large weight, and steps that shrink where a kink (ReLU, max, abs) lies in reach.
Must not know how a call reaches the student's code: it differentiates whatever `fn` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor

from grader import messages
from grader.errors import CourseError
from grader.suite import context
from grader.suite.expect import (
    ComparisonFailed,
    check_and_record,
    expect_close,
    fail_received,
    type_name,
    wrong_number_of_values,
)

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line

# Central differences in float64 are right to 1e-9 at a step of 1e-6 and best near 1e-5; below 1e-8 rounding wins.
# Source: W. Press et al., Numerical Recipes, 3rd ed., 5.7.
_STEPS = (1e-6, 1e-7, 1e-8)
_DIRECTIONS = 3
_RESAMPLES = 8
_RTOL = 1e-5
_EPS = 2.0**-52


@dataclass(frozen=True)
class _Scalar:
    """The function as a number: its outputs times fixed random weights, signed so that no error cancels by design."""

    fn: Callable[..., Any]
    inputs: tuple[Any, ...]
    weights: tuple[Tensor, ...]

    def at(self, place: int, moved: Tensor) -> tuple[float, float]:
        """Return the value with one input replaced, and the sum of the magnitudes it is made of."""
        with torch.no_grad():
            products = [y * w for y, w in zip(self._outputs_at(place, moved), self.weights, strict=True)]
        return sum(float(p.sum()) for p in products), sum(float(p.abs().sum()) for p in products)

    def slope(self, place: int, moved: Tensor, direction: Tensor) -> float:
        """Return the slope along `direction` that autograd gives with one input replaced."""
        leaf = moved.requires_grad_()
        (gradient,) = _analytic(self._outputs_at(place, leaf), self.weights, [leaf])
        return float((gradient * direction).sum())

    def _outputs_at(self, place: int, moved: Tensor) -> tuple[Tensor, ...]:
        changed = [moved if i == place else _plain(x) for i, x in enumerate(self.inputs)]
        outputs = _outputs(self.fn(*changed))
        # Not by comparing attributes: an attribute of a remote object is remote, and comparing it is an error.
        if [y.shape if isinstance(y, Tensor) else None for y in outputs] != [w.shape for w in self.weights]:
            fail_received("result", list(outputs), messages.SHAPE_CHANGES)
        return outputs


def expect_gradients(
    fn: Callable[..., Any], inputs: Sequence[Any], rtol: float = _RTOL, label: str | None = None
) -> None:
    """Compare the autograd gradients of `fn` with central differences, for every floating point input.

    `fn` may be a student's function; its result must still be connected to the inputs. Directions and weights depend on
    the run's seed and the check only. An input at which `fn` has a kink is moved around, not judged.

    Args:
        rtol: Tolerance relative to the norm of the gradient.
        label: What to call the gradients; the input's place is added.
    Shapes:
        inputs: float64 tensors of any shape, or values that are passed on as they are.
    Raises:
        ComparisonFailed: a gradient is wrong, missing, or the result is cut off from the graph.
        CourseError: an input is a floating point tensor of another dtype than float64.
    Source: nothing is compared in float32: the best step leaves a relative error of 7e-3 there.
    """
    leaves = tuple(_leaf(x) for x in inputs)
    places = [i for i, x in enumerate(leaves) if _is_differentiable(x)]
    if not places:
        raise CourseError(messages.NO_DIFFERENTIABLE_INPUT)
    generator = _generator()
    outputs = _connected_outputs(label or "result", fn(*leaves))
    weights = tuple(torch.randn(y.shape, generator=generator, dtype=torch.float64) for y in outputs)
    scalar = _Scalar(fn, leaves, weights)
    analytic = _analytic(outputs, weights, [leaves[i] for i in places])
    for place, gradient in zip(places, analytic, strict=True):
        name = check_and_record(f"{label or 'gradient'} of input {place + 1}", gradient)
        _require_finite(name, gradient)
        for _ in range(_DIRECTIONS):
            _require_agreement(name, scalar, place, gradient, rtol, generator)


def expect_vjp(
    actual_grads: Any,
    fn: Callable[..., Any],
    inputs: Mapping[str, Any] | Sequence[Any],
    upstream: Any,
    rtol: float | None = None,
) -> None:
    """Compare hand-written gradients with autograd of `fn`, a function of the host (the reference or torch itself).

    With `inputs` as a dict, `fn` is called with its values in order and `actual_grads` must be a dict with the same
    keys for the floating point inputs; otherwise both are sequences, or `actual_grads` is the one gradient.

    Shapes:
        upstream: the shape of `fn`'s result, or a tuple of them.
        actual_grads: each the shape of its input.
    Raises:
        ComparisonFailed: a gradient is missing or wrong.
    """
    named = inputs if isinstance(inputs, Mapping) else {str(i): x for i, x in enumerate(inputs, start=1)}
    leaves = {name: _leaf(x, any_float=True) for name, x in named.items()}
    wanted = {name: x for name, x in leaves.items() if _is_differentiable(x)}
    outputs = _outputs(fn(*leaves.values()))
    upstreams = [u.detach() for u in _outputs(upstream)]
    expected = torch.autograd.grad(outputs, list(wanted.values()), upstreams, allow_unused=True)
    received = _by_name(actual_grads, list(wanted), isinstance(inputs, Mapping))
    for name, gradient in zip(wanted, expected, strict=True):
        whole = torch.zeros_like(wanted[name]) if gradient is None else gradient
        shown = name if isinstance(inputs, Mapping) else f"gradient of input {name}"
        expect_close(received[name], whole, rtol, label=shown)


def _by_name(actual: Any, names: list[str], is_mapping: bool) -> dict[str, Any]:
    """Give every gradient that was received the name of its input."""
    if is_mapping:
        if not isinstance(actual, Mapping):
            _wrong_container(actual, "dict")
        if missing := [name for name in names if name not in actual]:
            fail_received(missing[0], None, messages.GRADIENT_MISSING)
        return dict(actual)
    if len(names) == 1 and not isinstance(actual, list | tuple):
        return {names[0]: actual}
    if not isinstance(actual, list | tuple):
        _wrong_container(actual, "tuple")
    if len(actual) != len(names):
        wrong_number_of_values(check_and_record("gradients", actual), actual, len(names))
    return dict(zip(names, actual, strict=True))


def _wrong_container(actual: Any, expected: str) -> NoReturn:
    sentence = messages.RETURNED_NOTHING if actual is None else messages.WRONG_TYPE
    fail_received(
        "gradients", actual, sentence, expected=messages.NOUN_A.format(noun=expected), actual=type_name(actual)
    )


def _generator() -> torch.Generator:
    check = context.current()
    return torch.Generator().manual_seed(check.next_seed("gradients") if check else 0)


def _is_differentiable(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _plain(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


def _leaf(value: Any, any_float: bool = False) -> Any:
    """Return a floating point tensor as a leaf that asks for its gradient, anything else as it is."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return value
    if value.dtype != torch.float64 and not any_float:
        raise CourseError(messages.GRADIENTS_NEED_FLOAT64.format(dtype=str(value.dtype).removeprefix("torch.")))
    return value.detach().clone().requires_grad_()


def _outputs(result: Any) -> tuple[Any, ...]:
    return tuple(result) if isinstance(result, list | tuple) else (result,)


def _connected_outputs(label: str, result: Any) -> tuple[Tensor, ...]:
    """Return the outputs if autograd can go back from them; non-tensors and cut graphs are the student's to fix."""
    outputs = _outputs(result)
    for output in outputs:
        if not isinstance(output, Tensor):
            sentence = messages.RETURNED_NOTHING if output is None else messages.WRONG_TYPE
            expected = messages.NOUN_A.format(noun="tensor")
            fail_received(label, output, sentence, expected=expected, actual=type_name(output))
        if output.dtype != torch.float64:
            dtype = str(output.dtype).removeprefix("torch.")
            fail_received(label, output, messages.WRONG_DTYPE, expected="float64", actual=dtype)
        if not output.requires_grad:
            fail_received(label, output, messages.GRAPH_IS_CUT)
        if not torch.isfinite(output).all():
            check_and_record(label, output)
            _require_finite(label, output.detach())
    return outputs


def _analytic(outputs: tuple[Tensor, ...], weights: tuple[Tensor, ...], leaves: list[Tensor]) -> list[Tensor]:
    connected = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    if not connected:
        return [torch.zeros_like(x) for x in leaves]
    gradients = torch.autograd.grad([y for y, _ in connected], leaves, [w for _, w in connected], allow_unused=True)
    return [torch.zeros_like(x) if g is None else g.detach() for x, g in zip(leaves, gradients, strict=True)]


def _require_finite(label: str, value: Tensor) -> None:
    if bad := int((~torch.isfinite(value)).sum()):
        raise _failed(label, messages.NOT_FINITE, found=f"{bad} NaN or infinite", count=value.numel())


def _require_agreement(
    label: str, scalar: _Scalar, place: int, gradient: Tensor, rtol: float, generator: torch.Generator
) -> None:
    """Compare along one random direction; where a kink is in reach at every step, try another direction."""
    for _ in range(_RESAMPLES):
        direction = torch.randn(gradient.shape, generator=generator, dtype=torch.float64)
        agreed = _agreement(scalar, place, gradient, direction, rtol)
        if agreed:
            return
        if agreed is False:
            raise _failed(label, messages.GRADIENT_WRONG, shape=tuple(gradient.shape))
    raise _failed(label, messages.NOT_DIFFERENTIABLE)


def _agreement(scalar: _Scalar, place: int, gradient: Tensor, direction: Tensor, rtol: float) -> bool | None:
    """Return whether slope and difference agree along `direction`; None if a kink hides the answer.

    A difference across a kink is wrong although the gradient is right. So a disagreement counts only where the slope
    is the same at both ends of the step, and at two steps, as several kinks may balance; otherwise a smaller step looks
    closer.
    """
    disagreed = 0
    start = scalar.inputs[place].detach()
    slope = float((gradient * direction).sum())
    for relative in _STEPS:
        step = relative * max(1.0, float(start.abs().max()) if start.numel() else 1.0)
        ends = [start + step * direction, start - step * direction]
        (above, size), (below, _) = (scalar.at(place, end) for end in ends)
        central = (above - below) / (2 * step)
        tolerance = rtol * max(float(gradient.norm()), abs(central)) + 64 * _EPS * size / step
        if abs(central - slope) <= tolerance:
            return True
        turns = sum(abs(scalar.slope(place, end, direction) - slope) for end in ends)
        disagreed += turns <= 0.5 * abs(central - slope)
        if disagreed == 2:
            return False
    return None


def _failed(label: str, template: str, **facts: object) -> ComparisonFailed:
    return ComparisonFailed(label, template.format(label=label, **facts))
