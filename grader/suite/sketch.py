"""From what reached a comparison to evidence for diagnosis: a sketch, and how it relates to the right one.

Owns the directions that values are projected on. Runs in the judge, where expected values are; what leaves is a sketch.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

import numpy
import torch
from torch import Tensor

from grader.diagnosis.evidence import PROJECTIONS, Evidence, Sketch
from grader.sandbox.remote import Remote
from grader.suite import context
from grader.suite.structure import structure_of

_TEXT_CHARS = 200


def evidence_of(comparison: context.Comparison) -> Evidence:
    """Return what a failing comparison leaves for diagnosis."""
    if isinstance(comparison.actual, context.Raised):
        return Evidence(comparison.label, raised=(comparison.actual.type_name, comparison.actual.text))
    expected = as_tensor(comparison.expected)
    # A truth value is no multiple of another one.
    related = None if isinstance(comparison.actual, bool) else as_tensor(comparison.actual)
    return Evidence(
        comparison.label,
        sketch=sketch_of(comparison.actual),
        scale=peak_of(expected) if expected is not None else 0.0,
        structure=structure_of(related, expected),
    )


def sketch_of(value: Any) -> Sketch:
    """Return what a value is recognised by."""
    numbers = as_tensor(value)
    if numbers is None:
        return Sketch(_kind(value), text=_text(value))
    plain = _as_float64(numbers)
    odd = ~torch.isfinite(plain)
    finite = torch.where(odd, 0.0, plain)
    return Sketch(
        _kind(value),
        str(numbers.dtype).removeprefix("torch."),
        tuple(numbers.shape),
        peak_of(finite),
        tuple((_directions(finite.numel()) @ finite).tolist()),
        _digest(plain[odd].tolist(), odd) if bool(odd.any()) else "",
    )


def as_tensor(value: Any) -> Tensor | None:
    """Return tensors, arrays and numbers as a tensor without a graph, None for anything else."""
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "biufc":
        return torch.from_numpy(numpy.ascontiguousarray(value))
    if isinstance(value, int | float | complex):
        return torch.tensor(value, dtype=torch.complex128 if isinstance(value, complex) else torch.float64)
    return None


def peak_of(value: Tensor) -> float:
    """Return the largest size of a finite entry."""
    plain = _as_float64(value)
    return float(plain[torch.isfinite(plain)].abs().max()) if bool(torch.isfinite(plain).any()) else 0.0


def _as_float64(value: Tensor) -> Tensor:
    """Return all entries in one row of float64."""
    parts = torch.view_as_real(value.resolve_conj()) if value.is_complex() else value
    return parts.reshape(-1).to(torch.float64)


@lru_cache(maxsize=64)
def _directions(count: int) -> Tensor:
    """Return fixed random directions; the projections of a difference are about as large as its norm."""
    generator = torch.Generator().manual_seed(count)
    return torch.randn(PROJECTIONS, count, generator=generator, dtype=torch.float64)


def _digest(values: list[float], where: Tensor) -> str:
    """Name the pattern of entries that are no numbers."""
    return hashlib.sha256(f"{values} {where.nonzero().tolist()}".encode()).hexdigest()[:16]


def _kind(value: Any) -> str:
    return f"remote {value.type_name}" if isinstance(value, Remote) else type(value).__name__


def _item(value: Any) -> str:
    """Say what stands in a list or dict: names and counts tell two apart, other values are told by their type."""
    return str(value) if isinstance(value, str | int) else _kind(value)


def _text(value: Any) -> str:
    """Say as much of a value that holds no numbers as tells it from another: its text, or what it consists of."""
    if isinstance(value, str):
        return value[:_TEXT_CHARS]
    if isinstance(value, list | tuple):
        return ", ".join(_item(item) for item in value)[:_TEXT_CHARS]
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_item(item)}" for key, item in value.items())[:_TEXT_CHARS]
    return ""
