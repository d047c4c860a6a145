"""How points and outcomes are spread, as charts: shares of a width in percent, and heights in pixels.

Owns the geometry, and which outcomes share a colour. Text is never scaled, so nothing here has a view box.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader import messages
from grader.classroom.statistics import Bin, ExerciseNumbers, histogram, spread
from grader.report.classroom import words
from grader.report.classroom.findings import Findings
from grader.results import Outcome
from grader.score import number

HEIGHT = 190
_ROOM = 32
"""Above the highest bar, for its number and the median's."""
_FAMILIES: tuple[tuple[str, tuple[Outcome, ...]], ...] = (
    ("passed", (Outcome.PASSED,)),
    ("failed", (Outcome.FAILED,)),
    ("raised", (Outcome.RAISED, Outcome.FORBIDDEN, Outcome.CRASHED, Outcome.PROTOCOL, Outcome.REJECTED)),
    ("timeout", (Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT)),
    ("todo", (Outcome.TODO, Outcome.BLOCKED, Outcome.PENDING)),
)
_LEAST_LABELLED = 9.0  # percent of the width that a number needs


@dataclass(frozen=True)
class Bar:
    """One bar of the histogram; `x` and `width` in percent, `y` and `height` in pixels."""

    x: float
    width: float
    middle: float
    y: float
    label_y: float
    height: float
    count: int
    step: str


@dataclass(frozen=True)
class Histogram:
    """A histogram with a median. `screen` is what a screen reader says."""

    bars: list[Bar]
    ticks: list[tuple[float, str, str]]
    """(place in percent, number, how it is anchored)"""
    median: float | None
    median_text: str
    median_anchor: str
    screen: str
    is_total: bool


@dataclass(frozen=True)
class Piece:
    """One outcome family of a bar."""

    family: str
    x: float
    width: float
    label: str


@dataclass(frozen=True)
class Mix:
    """The outcomes of one exercise, as one bar and as numbers in the order of the families."""

    number: str
    pieces: list[Piece]
    counts: list[int]
    screen: str


@dataclass(frozen=True)
class ExerciseRow:
    """One line of the table of exercises."""

    slug: str
    label: str
    submitted: int
    median: str
    share: float
    full: int
    alpha: str


def family_names() -> list[tuple[str, str]]:
    """Return (family, what it is called) in the order of the bars."""
    return [
        ("passed", messages.CLASS_MIX_PASSED),
        ("failed", messages.CLASS_MIX_FAILED),
        ("raised", messages.CLASS_MIX_RAISED),
        ("timeout", messages.CLASS_MIX_TIMEOUT),
        ("todo", messages.CLASS_MIX_TODO),
        ("missing", messages.CLASS_MIX_MISSING),
    ]


def histogram_of(scores: Iterable[float], top: float, *, is_total: bool) -> Histogram | None:
    """Return the histogram of scores; None where there is none, or nothing to reach."""
    values = list(scores)
    middle = spread(values)
    if middle is None or top <= 0:
        return None
    bins = histogram(values, top)
    end = bins[-1].high
    bars = [_bar(bins, place, top) for place in range(len(bins))]
    at = words.points_share(middle.median, end)
    counts = ", ".join(str(one.count) for one in bins)
    step, median = number(bins[0].high), number(middle.median)
    return Histogram(
        bars,
        _ticks(bins),
        at,
        messages.CLASS_HISTOGRAM_MEDIAN.format(median=median),
        "end" if at > 30 else "start",
        messages.CLASS_HISTOGRAM_SCREEN.format(counts=counts, step=step, median=median),
        is_total,
    )


def _bar(bins: Sequence[Bin], place: int, top: float) -> Bar:
    one, share, is_last = bins[place], 100 / len(bins), place == len(bins) - 1
    height = (HEIGHT - _ROOM) * one.count / max(bin.count for bin in bins)
    form = messages.CLASS_HISTOGRAM_LAST if is_last else messages.CLASS_HISTOGRAM_STEP
    return Bar(
        x=round(place * share + 0.4, 2),
        width=round(share - 0.8, 2),
        middle=round((place + 0.5) * share, 2),
        y=round(HEIGHT - height, 1),
        label_y=round(HEIGHT - height - 6, 1),
        height=round(height, 1),
        count=one.count,
        step=form.format(low=number(one.low), high=number(top if is_last else one.high)),
    )


def _ticks(bins: Sequence[Bin]) -> list[tuple[float, str, str]]:
    """Return a tick at every second step, and at both ends."""
    ends = [0.0, *(one.high for one in bins)]
    last = len(bins)
    chosen = [place for place in range(last + 1) if place % 2 == last % 2 or place == 0]
    anchors = {0: "start", last: "end"}
    return [(round(100 * one / last, 2), number(ends[one]), anchors.get(one, "middle")) for one in chosen if one != 1]


def total_histogram(found: Findings) -> Histogram | None:
    """Return the histogram of all students' totals, without those that are open."""
    return histogram_of((one.score for one in found.totals.values() if not one.open), found.whole, is_total=True)


def left_out(found: Findings) -> str:
    """Return how many are not in the histogram."""
    count = sum(one.open for one in found.totals.values())
    if count == 0:
        return ""
    if count == 1:
        return messages.CLASS_SCORES_OPEN_ONE
    return messages.CLASS_SCORES_OPEN.format(students=words.students(count))


def mixes(found: Findings) -> list[Mix]:
    """Return a bar for every exercise of which something was judged."""
    return [mix for one in found.numbers.values() if (mix := mix_of(found, one)) is not None]


def mix_of(found: Findings, numbers: ExerciseNumbers) -> Mix | None:
    """Return how all checks of all students ended, those of whom nothing came included."""
    outcomes: Counter[Outcome] = Counter()
    for item in numbers.items:
        outcomes.update(item.outcomes)
    counts = [sum(outcomes[one] for one in family) for _, family in _FAMILIES]
    counts.append((len(found.view.students) - numbers.submitted) * len(numbers.items))
    if sum(counts) == 0:
        return None
    pieces = _pieces(counts)
    shown = found.shown(numbers.slug)
    parts = ", ".join(
        messages.CLASS_MIX_PART.format(name=name, percent=100 * count / sum(counts))
        for (_, name), count in zip(family_names(), counts, strict=True)
    )
    screen = messages.CLASS_MIX_SCREEN.format(
        exercise=messages.CLASS_IN_EXERCISE_FIRST.format(number=shown), parts=parts
    )
    return Mix(shown, pieces, counts, screen)


def _pieces(counts: Sequence[int]) -> list[Piece]:
    x, pieces = 0.0, []
    for (family, _), count in zip(family_names(), counts, strict=True):
        width = 100 * count / sum(counts)
        fits = width >= _LEAST_LABELLED and family in ("passed", "failed")
        if count:
            pieces.append(Piece(family, round(x, 2), round(width, 2), words.percent(width / 100) if fits else ""))
        x += width
    return pieces


def exercise_rows(found: Findings) -> list[ExerciseRow]:
    """Return the table of exercises."""
    return [_exercise_row(found, one) for one in found.numbers.values()]


def _exercise_row(found: Findings, numbers: ExerciseNumbers) -> ExerciseRow:
    middle = numbers.spread
    return ExerciseRow(
        numbers.slug,
        found.label(numbers.slug),
        numbers.submitted,
        messages.CLASS_STUDENT_SCORE.format(score=number(middle.median), whole=number(numbers.max_score))
        if middle
        else messages.CLASS_DASH,
        words.points_share(middle.median, numbers.max_score) if middle else 0.0,
        numbers.full,
        alpha_text(numbers.alpha),
    )


def alpha_text(alpha: float | None) -> str:
    """Return alpha to two digits, or a dash."""
    return messages.CLASS_DASH if alpha is None else f"{alpha:.2f}"
