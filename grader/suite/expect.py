"""The comparisons a suite is written with: what was received against what was expected, in a fixed order.

Order: type, shape, dtype, device, finiteness, values. Nothing broadcasts, NaN never passes. Messages say what differs
and how (shapes, types, counts) and never a number of the expected value: a hidden check uses the same sentences.
Every comparison is recorded in `context` before it is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy
import torch
from torch import Tensor

from grader import language, messages
from grader.errors import CourseError, StudentRaised
from grader.results import Outcome
from grader.sandbox import autograd
from grader.sandbox.remote import Remote
from grader.suite import context

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line

# Norm-wise tolerance by dtype: (relative to the largest expected value, floor). The relative part is 10 to 50 times
# the deviation measured between dialects of the same correct answer (networks of up to three layers on a CPU: float32
# against float64 3.5e-7). Element-wise relative errors of the same answers reach 0.9 near zero, hence norm-wise. The
# floor lets the rounding noise of values around 1 pass where exactly 0 is expected; it counts only if all expected
# values are below floor / rtol.
# Source: N. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapters 3 and 6 (norm-wise error).
TOLERANCES: dict[torch.dtype, tuple[float, float]] = {
    torch.float64: (1e-9, 1e-14),
    torch.complex128: (1e-9, 1e-14),
    torch.float32: (2e-5, 1e-7),
    torch.complex64: (2e-5, 1e-7),
    torch.float16: (1e-2, 1e-4),
    torch.bfloat16: (3e-2, 1e-3),
}
# In checks that are judged on cuda, whose kernels sum in other orders; for what is not here the same numbers hold. Not
# measured: ten times those of the CPU, for float32 without TF32.
CUDA_TOLERANCES: dict[torch.dtype, tuple[float, float]] = {
    torch.float32: (2e-4, 1e-6),
    torch.complex64: (2e-4, 1e-6),
}


class Differs(NamedTuple):
    """What was received and what was expected, of one shape and dtype, and which entries are wrong (a mask)."""

    got: Tensor
    wanted: Tensor
    wrong: Tensor


class ComparisonFailed(AssertionError):
    """A comparison found a difference; the message is safe to show, `label` names the comparison.

    `differs` is there if only values differ. It holds what was expected: only a figure of a public check may show it.
    """

    def __init__(self, label: str, message: str, differs: Differs | None = None) -> None:
        super().__init__(message)
        self.label, self.message, self.differs = label, message, differs


class Awarded(ComparisonFailed):
    """A check that earns a share of its points, from 0 to below 1."""

    def __init__(self, label: str, message: str, share: float) -> None:
        super().__init__(label, message)
        self.share = share


def expect_close(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    label: str | None = None,
    *,
    scale: float = 0.0,
    device: str | None = None,
) -> None:
    """Compare a tensor, array or number with the expected one, norm-wise: max|a - b| <= rtol * max|b| + floor.

    Integers and booleans must be equal. An infinite value must stand where one is expected.

    Args:
        rtol: Tolerance relative to the largest expected value, on every device; None means the dtype's own
            (`TOLERANCES`, and in a check that is judged on cuda `CUDA_TOLERANCES`).
        label: What the student knows the value as, such as "dW1".
        scale: The size that values have in this computation, where the expected ones may cancel to 0.
        device: Where the student's tensor must be: "cpu", "sim" or "cuda"; None means that it does not matter.
    Shapes:
        actual, expected: equal; (N, 1) is not (N,).
    Raises:
        ComparisonFailed: they differ.
        CourseError: `expected` is no tensor, array or number, or contains NaN.
    Source: the table's comment.
    """
    label = check_and_record(label, actual, expected)
    got = _received(label, actual, _kind(expected))
    wanted = _as_tensor(expected)
    if torch.isnan(wanted).any():
        raise CourseError(messages.EXPECTED_NAN.format(label=label))
    _require_same_form(label, got, wanted)
    if device is not None and device_of(actual) != device:
        _fail(label, messages.WRONG_DEVICE, expected=device, actual=device_of(actual))
    differs = Differs(got, wanted, _wrong_entries(got, wanted, rtol, scale))
    _require_finite(label, differs)
    _require_values(label, differs, rtol)


def expect_equal(actual: Any, expected: Any, label: str | None = None) -> None:
    """Compare plain values (also nested in lists, tuples and dicts) or tensors for equality of type and value.

    Raises:
        ComparisonFailed: they differ; 1, 1.0 and True are three different values, and NaN equals nothing.
    """
    label = check_and_record(label, actual, expected)
    try:
        _require_equal(label, actual, expected)
    except ComparisonFailed as failed:  # its own label may be a place inside the value, such as out['sizes'][1]
        raise ComparisonFailed(label, failed.message, failed.differs) from None


def expect_tuple(actual: Any, count: int, label: str | None = None) -> tuple[Any, ...]:
    """Return what a student's function returned once it is known to be a tuple (or list) of `count` values.

    Taking a result apart by hand (`dw1, dw2 = …`) raises Python's own words where it is None or of another length.

    Raises:
        ComparisonFailed: it is something else.
    """
    label = check_and_record(label, actual)
    if not isinstance(actual, list | tuple):
        _wrong_type(label, actual, messages.EXPECTED_TUPLE.format(count=count))
    if len(actual) != count:
        wrong_number_of_values(label, actual, count)
    return tuple(actual)


def award(fraction: float, because: str, because_zh_CN: str = "") -> None:
    """Let the check earn a share of its points; below 1 it ends here, `failed`. Mostly a check's last statement.

    Args:
        fraction: From 0 to 1. NaN counts as 0: it came from what was received.
        because: What the student reads; it must not hold an expected value.
        because_zh_CN: The same in Chinese, for those who read the rest in it.
    Raises:
        Awarded: the share is below 1.
        CourseError: no share, or no sentence.
    """
    is_number = isinstance(fraction, int | float) and not isinstance(fraction, bool)
    if not is_number or fraction < 0 or fraction > 1 or not (isinstance(because, str) and because.strip()):
        raise CourseError(messages.AWARD_OUT_OF_RANGE.format(fraction=fraction, because=because))
    share = float(fraction) if fraction == fraction else 0.0
    label = check_and_record("award", share)
    said = because_zh_CN if because_zh_CN and language.current() == "zh_CN" else because
    if share < 1:
        # Rounded down: 99.9 % must not look like everything.
        raise Awarded(label, messages.AWARDED.format(because=said, percent=int(100 * share)), share)


def tolerance_of(dtype: torch.dtype) -> tuple[float, float]:
    """Return (relative part, floor) for a floating point dtype on the device of the check that is being judged.

    The check's device, which is the plan's: where a tensor was is something that student code says.
    """
    return CUDA_TOLERANCES.get(dtype, TOLERANCES[dtype]) if on_cuda() else TOLERANCES[dtype]


def on_cuda() -> bool:
    """Return whether the check that is being judged is judged on cuda."""
    check = context.current()
    return check is not None and check.device == "cuda"


def device_of(actual: Any) -> str:
    """Return where a tensor was on the student's side: "cpu", "sim" or "cuda"; the suite's own are on the CPU."""
    return autograd.device_of(actual).split(":")[0]


def expect_raises(name: str, fn: Callable[..., Any], *args: Any, label: str | None = None) -> StudentRaised:
    """Call a student's function that should raise the exception called `name` or a subclass of it; return it.

    Raises:
        ComparisonFailed: it returned, or raised something else.
        StudentRaised: the function is not written yet (todo), is forbidden or ran out of memory.
    """
    try:
        returned = fn(*args)
    except StudentRaised as raised:
        if raised.outcome is not Outcome.RAISED:
            raise
        label = check_and_record(label, context.Raised.of(raised))
        if name not in raised.mro:
            discretion = context.discretion()
            told = discretion.raised(raised) if discretion else raised
            _fail(label, messages.EXPECTED_RAISE_OTHER, expected=name, actual=told.type_name, text=told.text)
        return raised
    label = check_and_record(label, returned)
    _fail(label, messages.EXPECTED_RAISE_NONE, expected=name)


def expect_stages(actual: Any, expected: Mapping[str, Any], rtol: float | None = None) -> None:
    """Compare named intermediate results in order; the first that differs is the one worth looking at.

    Raises:
        ComparisonFailed: a stage is missing or differs.
    """
    if not isinstance(actual, Mapping):
        _wrong_type(check_and_record("stages", actual), actual, "a dict")
    names = list(expected)
    for place, name in enumerate(names):
        if name not in actual:
            fail_received(name, None, messages.STAGE_MISSING, present=", ".join(context.told_names(actual)) or "none")
        try:
            expect_close(actual[name], expected[name], rtol, label=name)
        except ComparisonFailed as failed:
            before = messages.STAGES_BEFORE.format(names=", ".join(names[:place])) if place else ""
            raise ComparisonFailed(failed.label, failed.message + before, failed.differs) from None


def type_name(value: object) -> str:
    """Return how a value is called in a sentence: tensor, array, set, the class of a remote object, …"""
    if isinstance(value, Tensor):
        return "tensor"
    if isinstance(value, numpy.ndarray):
        return "array"
    return context.told_names([value.type_name])[0] if isinstance(value, Remote) else type(value).__name__


def wrong_number_of_values(label: str, actual: Any, expected: int) -> NoReturn:
    """Fail a comparison because a function returned more or fewer values than it should.

    Raises:
        ComparisonFailed: always.
    """
    _fail(label, messages.WRONG_COUNT, expected=expected, actual=len(actual))


def check_and_record(label: str | None, actual: object, expected: object = None) -> str:
    """Record a value before it is judged; return the comparison's label."""
    check = context.current()
    return check.record(label, actual, expected) if check else label or "value"


def fail_received(label: str, received: object, template: str, **facts: object) -> NoReturn:
    """Record a value that cannot be right and fail.

    Raises:
        ComparisonFailed: always.
    """
    label = check_and_record(label, received)
    raise ComparisonFailed(label, template.format(label=label, **facts))


def _fail(label: str, template: str, differs: Differs | None = None, **facts: object) -> NoReturn:
    raise ComparisonFailed(label, template.format(label=label, **facts), differs)


def _wrong_type(label: str, actual: object, expected: str) -> NoReturn:
    """Fail because of a type; `expected` has its article."""
    if actual is None:
        _fail(label, messages.RETURNED_NOTHING, expected=expected)
    _fail(label, messages.WRONG_TYPE, expected=expected, actual=type_name(actual))


def _with_article(noun: str) -> str:
    return (messages.NOUN_AN if noun[0] in "aeio" else messages.NOUN_A).format(noun=noun)


def _kind(expected: object) -> str:
    if isinstance(expected, Tensor):
        return "tensor"
    if isinstance(expected, numpy.ndarray):
        return "array"
    if isinstance(expected, int | float | complex) and not isinstance(expected, bool):
        return "number"
    raise CourseError(messages.EXPECTED_NOT_COMPARABLE.format(type=type(expected).__name__))


def _received(label: str, actual: object, kind: str) -> Tensor:
    """Return what was received as a tensor if it is of the expected kind."""
    is_number = isinstance(actual, int | float | complex) and not isinstance(actual, bool)
    fits = {"tensor": isinstance(actual, Tensor), "array": isinstance(actual, numpy.ndarray), "number": is_number}
    if not fits[kind]:
        _wrong_type(label, actual, _with_article(kind))
    return _as_tensor(actual)


def _as_tensor(value: Any) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, numpy.ndarray):
        return torch.from_numpy(numpy.ascontiguousarray(value).reshape(value.shape))
    if isinstance(value, complex):
        return torch.tensor(value, dtype=torch.complex128)
    try:
        return torch.tensor(float(value), dtype=torch.float64)
    except OverflowError:
        return torch.tensor(float("inf"), dtype=torch.float64)


def _require_same_form(label: str, got: Tensor, wanted: Tensor) -> None:
    if got.shape != wanted.shape:
        hint = messages.SAME_COUNT_OTHER_SHAPE if got.numel() == wanted.numel() and got.numel() > 1 else ""
        _fail(label, messages.WRONG_SHAPE, expected=_shape(wanted), actual=context.told_sizes(_shape(got)), hint=hint)
    if got.dtype != wanted.dtype:
        _fail(label, messages.WRONG_DTYPE, expected=_dtype(wanted), actual=_dtype(got))


def _require_finite(label: str, differs: Differs) -> None:
    got = differs.got
    nan = int(torch.isnan(got).sum())
    # An infinity is only right in the place of the same infinity.
    infinite = int((torch.isinf(got) & (got != differs.wanted)).sum())
    found = [f"{count} {word}" for count, word in ((nan, "NaN"), (infinite, "infinite")) if count]
    if found:
        _fail(label, messages.NOT_FINITE, differs, found=" and ".join(found), count=got.numel())


def _require_values(label: str, differs: Differs, rtol: float | None) -> None:
    """Fail if an entry is wrong; without a tolerance of its own, and for integers, the sentence says what held."""
    dtype = differs.got.dtype
    within = messages.EXACTLY
    if dtype in TOLERANCES:
        within = messages.WITHIN_TOLERANCE.format(rtol=tolerance_of(dtype)[0] if rtol is None else rtol)
    _require_none_wrong(label, differs, within)


def _require_none_wrong(label: str, differs: Differs, within: str) -> None:
    got, wrong = differs.got, int(differs.wrong.sum())
    if wrong:
        sentence = messages.WRONG_VALUES if got.numel() > 1 else messages.WRONG_VALUE
        facts = {"shape": _shape(got), "dtype": _dtype(got), "within": within}
        _fail(label, sentence, differs, wrong=wrong, count=got.numel(), **facts)


def _wrong_entries(got: Tensor, wanted: Tensor, rtol: float | None, scale: float) -> Tensor:
    """Return where values are further from the expected ones than the tolerance allows, or no numbers."""
    if got.dtype not in TOLERANCES:
        return got != wanted
    by_dtype, floor = tolerance_of(got.dtype)
    rtol = by_dtype if rtol is None else rtol
    wide = torch.complex128 if wanted.is_complex() else torch.float64
    a, b = got.to(wide), wanted.to(wide)
    finite = b.abs()[torch.isfinite(b)]
    largest = max(scale, float(finite.max()) if finite.numel() else 0.0)
    # Equal infinities have the difference NaN; any other NaN is wrong.
    return ~((a - b).abs() <= rtol * largest + floor) & (a != b)


def _require_equal(label: str, actual: Any, expected: Any) -> None:
    if isinstance(expected, Tensor | numpy.ndarray):
        got, wanted = _received(label, actual, _kind(expected)), _as_tensor(expected)
        _require_same_form(label, got, wanted)
        _require_none_wrong(label, Differs(got, wanted, got != wanted), messages.EXACTLY)
    elif type(actual) is not type(expected):
        _wrong_type(label, actual, _with_article("value None" if expected is None else type(expected).__name__))
    elif isinstance(expected, list | tuple):
        if len(actual) != len(expected):
            wrong_number_of_values(label, actual, len(expected))
        for place, (one, other) in enumerate(zip(actual, expected, strict=True)):
            _require_equal(f"{label}[{place}]", one, other)
    elif isinstance(expected, dict):
        _require_equal_dicts(label, actual, expected)
    elif isinstance(expected, bool):
        if actual is not expected:  # there are only two, so to say which is wrong says no more
            _fail(label, messages.NOT_EQUAL_BOOL, expected=expected, actual=actual)
    elif actual != expected:
        _fail(label, messages.NOT_EQUAL, _two_numbers(actual, expected), type=type_name(actual))


def _two_numbers(actual: object, expected: object) -> Differs | None:
    if not isinstance(expected, int | float):
        return None
    return Differs(_as_tensor(actual), _as_tensor(expected), torch.tensor(True))


def _require_equal_dicts(label: str, actual: dict[Any, Any], expected: dict[Any, Any]) -> None:
    missing = [key for key in expected if key not in actual]
    if missing or len(actual) != len(expected):
        _fail(label, messages.WRONG_KEYS, missing=len(missing), extra=len(actual) - len(expected) + len(missing))
    for key, value in expected.items():
        _require_equal(f"{label}[{key!r}]", actual[key], value)


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
