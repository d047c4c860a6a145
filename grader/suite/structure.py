"""What a wrong value has to do with the right one, measured and said in one sentence; nothing is guessed.

Owns the order in which relations are tried: the simplest that holds is said. Must not know which mistakes there are. A
sentence reveals a relation to the expected value, so it is shown only where the exercise's feedback level allows it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from grader import messages

_SAME = 1e-6
_HALF_RIGHT = 0.5
_LISTED = 4
# A larger inverse than this is a rounded float, not somebody's divisor; its digits would say more than a relation.
_LARGEST_DIVISOR = 10_000


def structure_of(actual: Tensor | None, expected: Tensor | None) -> str:
    """Return the sentence for the relation between two values, or nothing where none was found.

    Shapes:
        actual, expected: any; other shapes than the expected one have relations of their own.
    """
    if actual is None or expected is None or actual.is_complex() or expected.is_complex():
        return ""
    got, wanted = actual.to(torch.float64), expected.to(torch.float64)
    if not (got.numel() and wanted.numel() and bool(torch.isfinite(got).all()) and bool(torch.isfinite(wanted).all())):
        return ""
    relations = _SAME_SHAPE if got.shape == wanted.shape else _OTHER_SHAPE
    return next((sentence for relation in relations if (sentence := relation(got, wanted))), "")


def _close(got: Tensor, wanted: Tensor, rtol: float = _SAME) -> bool:
    return bool((got - wanted).abs().max() <= rtol * wanted.abs().max())


# --- another shape ------------------------------------------------------------------------------------------------


def _transposed(got: Tensor, wanted: Tensor) -> str:
    fits = got.dim() == 2 and got.T.shape == wanted.shape
    return messages.STRUCTURE_TRANSPOSED if fits and _close(got.T, wanted) else ""


def _extra_axes(got: Tensor, wanted: Tensor) -> str:
    fits = got.squeeze().shape == wanted.squeeze().shape
    return messages.STRUCTURE_AXES if fits and _close(got.squeeze(), wanted.squeeze()) else ""


def _rearranged(got: Tensor, wanted: Tensor) -> str:
    fits = got.numel() == wanted.numel()
    return messages.STRUCTURE_REARRANGED if fits and _close(got.reshape(wanted.shape), wanted) else ""


def _summed(got: Tensor, wanted: Tensor) -> str:
    """Whether adding up an axis, or averaging over it, gives the expected value."""
    for axis in range(got.dim()):
        if got.shape[:axis] + got.shape[axis + 1 :] == wanted.shape and _close(got.sum(dim=axis), wanted):
            return messages.STRUCTURE_NOT_SUMMED.format(axis=axis, count=got.shape[axis])
    return ""


# --- the same shape -----------------------------------------------------------------------------------------------


def _right(got: Tensor, wanted: Tensor) -> str:
    return messages.STRUCTURE_RIGHT_VALUES if _close(got, wanted) else ""


def _zero(got: Tensor, wanted: Tensor) -> str:
    if bool(got.any()):
        return ""
    return messages.STRUCTURE_ZERO if got.numel() > 1 else messages.STRUCTURE_ZERO_OF_ONE


def _constant(got: Tensor, wanted: Tensor) -> str:
    same = got.numel() > 1 and bool((got == got.reshape(-1)[0]).all())
    return messages.STRUCTURE_CONSTANT if same else ""


def _rounded(got: Tensor, wanted: Tensor) -> str:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        eps = torch.finfo(dtype).eps
        if _close(got, wanted, 4 * eps) and bool((got == got.to(dtype).to(torch.float64)).all()):
            return messages.STRUCTURE_ROUNDED.format(dtype=str(dtype).removeprefix("torch."))
    return messages.STRUCTURE_DIGITS if _close(got, wanted, 1e-3) else ""


def _multiple(got: Tensor, wanted: Tensor) -> str:
    ratio = float((got * wanted).sum() / (wanted * wanted).sum()) if bool(wanted.any()) else 0.0
    if not ratio or not _close(got, ratio * wanted, _SAME * max(1.0, abs(ratio))):
        return ""
    if abs(ratio + 1) <= _SAME:
        return messages.STRUCTURE_SIGN
    if got.numel() == 1:
        # A single number is a multiple of any other: only a factor that somebody may have meant says something. Whole
        # numbers have such a factor anyway: whoever returns 1 would read what we expected.
        is_said = _is_simple(ratio) and not bool((wanted == wanted.round()).all())
        return messages.STRUCTURE_MULTIPLE_OF_ONE.format(ratio=_shown(ratio)) if is_said else ""
    return messages.STRUCTURE_MULTIPLE.format(ratio=_shown(ratio))


def _is_simple(ratio: float) -> bool:
    """Whether a factor is a whole number or one over a whole number, and not a huge one."""
    larger = max(abs(ratio), 1 / abs(ratio))
    return larger <= _LARGEST_DIVISOR and abs(larger - round(larger)) <= _SAME * larger


def _shown(ratio: float) -> str:
    """Return a factor as a student thinks of it: 7, 1/7, else four digits."""
    if abs(ratio) < 1 and _is_simple(ratio):
        return f"{'-' if ratio < 0 else ''}1/{abs(round(1 / ratio))}"
    return f"{ratio:.4g}"


def _square_transposed(got: Tensor, wanted: Tensor) -> str:
    return _transposed(got, wanted)


def _offset(got: Tensor, wanted: Tensor) -> str:
    difference = got - wanted
    same = got.numel() > 1 and _close(difference, difference.mean().expand_as(difference))
    return messages.STRUCTURE_OFFSET if same else ""


def _shifted(got: Tensor, wanted: Tensor) -> str:
    """Whether every row, or every column, is a multiple of the expected one, each with a factor of its own."""
    for axis, sentence in ((1, messages.STRUCTURE_ROWS), (0, messages.STRUCTURE_COLUMNS)):
        if wanted.dim() == 2 and min(wanted.shape) > 1 and _is_multiple_along(got, wanted, axis):
            return sentence
    return ""


def _is_multiple_along(got: Tensor, wanted: Tensor, axis: int) -> bool:
    norms = (wanted * wanted).sum(dim=axis, keepdim=True)
    ratios = (got * wanted).sum(dim=axis, keepdim=True) / norms.clamp(min=torch.finfo(torch.float64).tiny)
    return _close(got, ratios * wanted) and bool(ratios.any())


def _mostly_right(got: Tensor, wanted: Tensor) -> str:
    """Whether at least half of the entries are right, or the wrong ones have something in common."""
    wrong = (got - wanted).abs() > _SAME * wanted.abs().max()
    count = int(wrong.sum())
    where = _where(wrong, got, wanted) if 0 < count < wrong.numel() else ""
    if not where and not 0 < count <= _HALF_RIGHT * wrong.numel():
        return ""
    return messages.STRUCTURE_EXCEPT.format(wrong=count, count=wrong.numel(), where=where)


def _where(wrong: Tensor, got: Tensor, wanted: Tensor) -> str:
    if bool((wanted[wrong] == 0).all()) and bool((wanted[~wrong] != 0).all()):
        return messages.STRUCTURE_WHERE_ZERO
    if bool((got[wrong] == 0).all()):
        return messages.STRUCTURE_WHERE_YOURS_ZERO
    for axis, sentence in enumerate((messages.STRUCTURE_WHERE_ROWS, messages.STRUCTURE_WHERE_COLUMNS)):
        if wrong.dim() == 2:
            places = wrong.any(dim=1 - axis).nonzero().reshape(-1).tolist()
            if len(places) <= min(_LISTED, wrong.shape[axis] // 2):
                return sentence.format(places=", ".join(map(str, places)))
    return ""


_Relation = Callable[[Tensor, Tensor], str]
_OTHER_SHAPE: tuple[_Relation, ...] = (_transposed, _extra_axes, _rearranged, _summed)
_SAME_SHAPE: tuple[_Relation, ...] = (
    _right, _zero, _rounded, _multiple, _square_transposed, _constant, _offset, _shifted, _mostly_right,
)  # fmt: skip
