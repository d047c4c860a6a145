"""Whether a loop keeps an accelerator busy: what it moves and how often it waits (`sim`), how long it takes (CUDA).

Owns both rules. Counts are evidence that student code could forge, and a time is a matter of the machine: no points
hang on either alone, and no time ever reaches a diagnosis.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from grader import messages
from grader.errors import CourseError
from grader.sandbox.remote import GuestTools, Remote
from grader.suite import context
from grader.suite.expect import ComparisonFailed, check_and_record, fail_received

__tracebackhide__ = True  # in a plain pytest, a failure is shown at the suite's line

_COUNTS = ("to_device", "to_device_bytes", "to_host", "to_host_bytes", "synchronisations")
_BYTES = 1.5  # more than the data have: what else is small, such as a constant, must not count
# What differs less is not held against anybody: a call across the boundary and a scheduler's turn take as long.
_FLOOR_S = 0.005
_clock = time.monotonic


class _Finding(NamedTuple):
    """What is told of the counts; `fact` is by what two loops with the same mistake are the same."""

    fact: str
    sentence: str


class _Needs(NamedTuple):
    """What an epoch may need, and what is known of its data."""

    batches: int
    rows: int | None
    copies: int
    once: int
    waits: int
    data_bytes: int | None


# --- counts ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def traffic(guest: GuestTools) -> Iterator[dict[str, int]]:
    """Count what student code moves in this block, and how often it waits; the counts are there when the block ends.

    Args:
        guest: The fixture of that name.
    Raises:
        CourseError: the check is judged on another device than `sim`, where nothing is counted.
    """
    _require_device("sim", messages.TRAFFIC_DEVICE)
    before = guest.transfers()
    counts: dict[str, int] = {}
    yield counts
    after = guest.transfers()
    counts.update({name: after.get(name, 0) - before.get(name, 0) for name in _COUNTS})


def expect_traffic(
    counts: Mapping[str, int],
    *,
    batches: int,
    rows: int | None = None,
    copies: int = 2,
    once: int = 4,
    waits: int = 2,
    data_bytes: int | None = None,
    label: str = "epoch",
) -> None:
    """Compare what was moved and waited for with what an epoch may need; the worst that is too much is named.

    Args:
        counts: What `traffic` counted, or the difference of two readings of `guest.transfers()`.
        batches: How many batches the loop went through; more than `once` and `waits`, or nothing could be told.
        rows: How many rows these have together, so that moving them one by one can be named.
        copies: To the device, for each batch: its data and its labels.
        once: Further copies, in all.
        waits: For the device in all: reading a sum of losses, and a count of right predictions.
        data_bytes: The size of what is moved, so that moving all of it for each batch can be named.
    Raises:
        ComparisonFailed: it is more.
        CourseError: the check is judged on another device than `sim`, the block of `traffic` has not ended, or with
            these numbers nothing could be told.
    """
    _require_device("sim", messages.TRAFFIC_DEVICE)
    needs = _Needs(batches, rows, copies, once, waits, data_bytes)
    if not all(name in counts for name in _COUNTS):
        raise CourseError(messages.TRAFFIC_NOT_COUNTED)
    if batches <= max(once, waits) or (rows is not None and rows <= copies * batches + once):
        raise CourseError(messages.TRAFFIC_TOO_FEW.format(batches=batches, rows=rows, once=once, waits=waits))
    found = _finding(counts, needs)
    label = check_and_record(label, found.fact if found else "no more than needed")
    if found:
        raise ComparisonFailed(label, f"{label}: {found.sentence}")


def _finding(counts: Mapping[str, int], needs: _Needs) -> _Finding | None:
    """Return what is too much: first what is moved, then waiting, then what is only sent back."""
    if any(counts[name] < 0 for name in _COUNTS):
        return _Finding("unreadable", messages.TRAFFIC_UNREADABLE)
    return _moved(counts, needs) or _waited(counts, needs) or _sent_back(counts, needs)


def _moved(counts: Mapping[str, int], needs: _Needs) -> _Finding | None:
    count, size = counts["to_device"], counts["to_device_bytes"]
    if needs.rows is not None and _is_row_by_row(count, needs.rows, needs):
        facts = {"count": count, "batches": needs.batches, "rows": needs.rows}
        return _Finding("copies per row", messages.TRAFFIC_ROWS.format(**facts))
    if count > needs.copies * needs.batches + needs.once:
        facts = {"count": count, "batches": needs.batches, "copies": needs.copies}
        return _Finding("copies per batch", messages.TRAFFIC_COPIES.format(**facts))
    if needs.data_bytes is not None and size > _BYTES * needs.data_bytes:
        return _Finding("bytes", messages.TRAFFIC_BYTES.format(times=round(size / needs.data_bytes, 1)))
    return None


def _is_row_by_row(count: int, rows: int, needs: _Needs) -> bool:
    """Whether one of a batch's tensors, or more, came one row at a time and the others whole.

    A model that is moved in each step may take as many copies and more, so about as many is not enough.
    """
    exact = [split * rows + (needs.copies - split) * needs.batches for split in range(1, needs.copies + 1)]
    return any(0 <= count - expected <= needs.once for expected in exact)


def _waited(counts: Mapping[str, int], needs: _Needs) -> _Finding | None:
    count = counts["synchronisations"]
    if count <= needs.waits:
        return None
    return _repeated("waits", messages.TRAFFIC_WAITS, count, needs)


def _sent_back(counts: Mapping[str, int], needs: _Needs) -> _Finding | None:
    """Look at copies to the host that nobody waited for: they were asked for with non_blocking=True."""
    count = counts["to_host"]
    if count <= needs.waits:
        return None
    return _repeated("reads", messages.TRAFFIC_READS, count, needs)


def _repeated(what: str, template: str, count: int, needs: _Needs) -> _Finding:
    """Tell how often something happened; the fact is the same for loops that do it once or twice in each step."""
    each = count // needs.batches
    how = messages.TRAFFIC_EACH_ONCE if each == 1 else messages.TRAFFIC_EACH.format(each=each)
    if each == 0:
        how = messages.TRAFFIC_ENOUGH.format(waits=needs.waits)
    sentence = template.format(count=count, batches=needs.batches, how=how)
    return _Finding(f"{what} {'in each batch' if each else 'too often'}", sentence)


# --- times ----------------------------------------------------------------------------------------------------------


def expect_throughput(
    student: Callable[[], Any],
    reference: Callable[[], Any],
    at_most: float = 2.0,
    rounds: int = 5,
    label: str = "time of an epoch",
) -> None:
    """Time an epoch of the student's against one of ours on the same GPU: it may take `at_most` times as long.

    Both are run once untimed, then alternately, each going first in turn; the shortest time of each counts, as whatever
    else the machine does can only add to it. There are fewer rounds where the check's time allows no more.

    Args:
        student, reference: Run one epoch and return what it computed last, so that its arrival says that the device is
            done. Ours runs in a guest of its own: the fixture `ours`.
    Raises:
        ComparisonFailed: it takes longer; or the student's returned nothing that came across.
        CourseError: the check is judged on another device than CUDA, or a number makes no sense, or ours returned
            nothing that came across.
    """
    _require_device("cuda", messages.THROUGHPUT_DEVICE)
    if not at_most > 1 or rounds < 1:
        raise CourseError(messages.THROUGHPUT_NUMBERS.format(at_most=at_most, rounds=rounds))
    theirs, ours = _shortest(_of_student(student, label), _of_reference(reference), rounds)
    if theirs > at_most * ours + _FLOOR_S:
        # Nothing is recorded, and no number of ours is told: a time is of this machine and this moment.
        raise ComparisonFailed(label, _slow(label, theirs / ours if ours else math.inf, at_most))


def _shortest(student: Callable[[], Any], reference: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Return the shortest time of each in seconds."""
    turns = [(1, reference), (0, student)]
    for _, run in turns:
        run()
    times: tuple[list[float], list[float]] = ([], [])
    deadline, longest = context.required().deadline, 0.0
    for place in range(rounds):
        began = _clock()
        if place and began + longest > deadline:
            break
        for who, run in turns if place % 2 == 0 else reversed(turns):
            start = _clock()
            run()
            times[who].append(_clock() - start)
        longest = max(longest, _clock() - began)
    return min(times[0]), min(times[1])


def _of_student(run: Callable[[], Any], label: str) -> Callable[[], None]:
    def once() -> None:
        if not _came_across(value := run()):
            fail_received(label, value, messages.THROUGHPUT_NO_VALUE)

    return once


def _of_reference(run: Callable[[], Any]) -> Callable[[], None]:
    def once() -> None:
        if not _came_across(run()):
            raise CourseError(messages.THROUGHPUT_REFERENCE)

    return once


def _came_across(value: Any) -> bool:
    """Whether a value of the epoch is here: then the device has computed it, and all that it depends on."""
    return value is not None and not isinstance(value, Remote)


def _slow(label: str, ratio: float, at_most: float) -> str:
    """Say how much longer it took; rounded up, so that what is too slow never looks as if it were not."""
    shown = f"{math.ceil(10 * ratio) / 10:g}" if math.isfinite(ratio) else "∞"
    return messages.THROUGHPUT_SLOW.format(label=label, ratio=shown, at_most=f"{at_most:g}")


def _require_device(name: str, template: str) -> None:
    check = context.current()
    if check is not None and check.device != name:
        raise CourseError(template.format(check=check.id, device=check.device))
