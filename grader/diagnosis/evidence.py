"""What a failing check leaves for diagnosis: plain data, sent by the judge, kept in the atlas.

A sketch stands for a value without holding it: enough to tell two values apart, too little to read one back.
"""

from __future__ import annotations

import math
from enum import Enum
from typing import NamedTuple

import msgspec

PROJECTIONS = 8
UNNAMED_DEVICES = ("cuda",)
"""Checks there leave no evidence: values differ in the last digits, and an atlas must be the same on every machine.

What fails there gets the name that the same check has on another device, or none."""
# By the dtype received: at most the first apart is the same value, at least the second is another one. Between dialects
# of one answer float64 differs by less than 1e-9, float32 by 3.5e-7; two mistakes differ in the first digits.
_BOUNDS = {"float64": (1e-6, 1e-3), "float32": (2e-5, 1e-2), "float16": (1e-2, 1e-1), "bfloat16": (3e-2, 1e-1)}
_EXACT = (0.0, 0.0)


class Sketch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A value: what it is, and where it has numbers, their largest size and their projections on fixed directions.

    `odd` tells the pattern of NaN and infinite entries, `text` a value that is no array of numbers.
    """

    kind: str
    dtype: str = ""
    shape: tuple[int, ...] = ()
    peak: float = 0.0
    projections: tuple[float, ...] = ()
    odd: str = ""
    text: str = ""


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The first failing comparison of one check, or the exception that ended it.

    `scale` is the largest expected size, by which differences are measured; `structure` the sentence that says how the
    value relates to the expected one, where that could be measured.
    """

    label: str
    sketch: Sketch | None = None
    raised: tuple[str, str] | None = None
    scale: float = 0.0
    structure: str = ""


class Circumstances(NamedTuple):
    """What evidence depends on besides the files that were judged and the seed."""

    suite_sha256: str
    torch: str


class Nearness(Enum):
    """How two pieces of evidence compare; UNCLEAR lies between the bounds and is never taken for SAME."""

    SAME = "same"
    UNCLEAR = "unclear"
    OTHER = "other"


def nearness(one: Evidence, other: Evidence) -> Nearness:
    """Compare what two submissions brought to the same check."""
    if one.label != other.label or one.raised != other.raised:
        return Nearness.OTHER
    if one.sketch is None or other.sketch is None:
        return Nearness.SAME if one.sketch is other.sketch and one.raised is not None else Nearness.OTHER
    return _nearness_of_values(one.sketch, other.sketch, one.scale)


def reach(evidence: Evidence) -> float:
    """Return how much smaller the largest entry of another piece may be and both still be SAME; 0 without a value."""
    if evidence.sketch is None:
        return 0.0
    same, _ = _BOUNDS.get(evidence.sketch.dtype, _EXACT)
    return same * (evidence.scale or evidence.sketch.peak)


def _nearness_of_values(one: Sketch, other: Sketch, scale: float) -> Nearness:
    if (one.kind, one.dtype, one.shape, one.odd, one.text) != (
        other.kind, other.dtype, other.shape, other.odd, other.text,
    ):  # fmt: skip
        return Nearness.OTHER
    distance = _distance(one, other, scale)
    same, apart = _BOUNDS.get(one.dtype, _EXACT)
    if distance <= same:
        return Nearness.SAME
    return Nearness.OTHER if distance >= apart else Nearness.UNCLEAR


def _distance(one: Sketch, other: Sketch, scale: float) -> float:
    """Estimate the largest deviation of an entry, relative to the size of the expected values."""
    differences = [a - b for a, b in zip(one.projections, other.projections, strict=True)]
    norm = math.sqrt(sum(d * d for d in differences) / max(len(differences), 1))
    deviation = max(norm, abs(one.peak - other.peak))
    if deviation == 0.0:
        return 0.0
    return deviation / (scale or max(one.peak, other.peak))
