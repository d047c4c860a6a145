"""What stands on the screen while an exercise is watched: pure functions from a view to lines.

Owns the order, and what is folded away where a screen is too small: never the first thing to fix, which is shown whole.
`terminal` owns how a check or a message looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from grader import messages
from grader.course import Exercise
from grader.results import CheckResult, ExerciseResult, Outcome
from grader.score import number
from grader.terminal import (
    by_reason,
    can_show_symbols,
    check_line,
    hint_lines,
    in_full,
    paragraph,
    printable,
    summary_lines,
)
from grader.watch.machine import View
from grader.watch.news import News, is_finished

_BAR = 30
_SHOWN_NEWS = 3
# What is to be fixed comes first, what passed last; in between what waits for something.
_ORDER = {Outcome.PASSED: 3, Outcome.PENDING: 2, Outcome.NOT_RUN: 2, Outcome.BLOCKED: 1}


def screen_lines(
    exercise: Exercise,
    view: View,
    console: Console,
    *,
    rows: int | None = None,
    following: str = "",
    keys: bool = False,
    is_part: bool = False,
) -> list[Text]:
    """Return all that a student is to see.

    Args:
        rows: How many lines there is room for; None means any number. A first thing to fix that is longer is longer.
        following: What to go on with once everything passes.
        keys: Whether single keys are read, so that they are worth a line.
        is_part: Only some of the checks were asked for.
    """
    top = [*_heading(exercise, view, console), *_what(view, console)]
    below = [*_hint(view, console), *_bottom(view, console, following, is_part), *(_keys() if keys else [])]
    room = None if rows is None else rows - len(top) - len(below)
    return [*top, *_rest(_checks(view), console, room), *below]


def _heading(exercise: Exercise, view: View, console: Console) -> Iterator[Text]:
    yield from paragraph(messages.CHECK_HEADING.format(slug=exercise.slug, title=exercise.title), console, "bold")
    if view.result is not None:
        facts = {"fence": view.result.environment.fence, "seed": view.result.seed}
        judged = messages.WATCH_JUDGED.format(at=view.at, wall_s=view.wall_s, **facts)
        yield from paragraph(judged, console, "dim")
    else:
        yield from paragraph(messages.WATCH_WATCHING.format(files=", ".join(exercise.files)), console, "dim")


def _what(view: View, console: Console) -> Iterator[Text]:
    """Yield what to look at: why there is no result, or the first thing to fix, whole."""
    if view.error:
        yield Text()
        yield from paragraph(view.error, console)
    for group in by_reason(_checks(view))[:1]:
        yield from (Text(), Text(messages.CHECK_ONLY, "bold"), Text(), *in_full(1, group, console))
    if not (view.result or view.so_far or view.error):
        yield Text()
        yield from paragraph(messages.WATCH_WAITING, console)


def _rest(checks: Sequence[CheckResult], console: Console, room: int | None) -> list[Text]:
    """Return one line for each check that is not shown above; those there is no room for are counted."""
    first = {(check.id, check.device) for group in by_reason(checks)[:1] for check in group}
    others = [check for check in checks if (check.id, check.device) not in first]
    if not others:
        return []
    others.sort(key=lambda check: _ORDER.get(check.outcome, 0))
    heading = [Text(), Text(messages.WATCH_THEN if first else messages.WATCH_ALL, "bold")]
    fit = len(others) if room is None else room - len(heading)
    if fit >= len(others):
        return [*heading, *(check_line(check, console) for check in others)]
    shown = max(fit - 1, 0)  # a line for what is folded away
    lines = [*(check_line(check, console) for check in others[:shown]), *_folded(others[shown:], console)]
    return [*heading, *lines]


def _folded(checks: Sequence[CheckResult], console: Console) -> list[Text]:
    counts = Counter(check.outcome.replace("_", " ") for check in checks)
    parts = [messages.WATCH_FOLDED_PART.format(count=count, outcome=outcome) for outcome, count in counts.items()]
    text = messages.WATCH_FOLDED.format(count=len(checks), outcomes=", ".join(parts))
    if len(counts) == 1:
        text = messages.WATCH_FOLDED_ALIKE.format(count=len(checks), outcome=next(iter(counts)))
    return [Text("  ") + line for line in paragraph(text, console, "dim")]


def _hint(view: View, console: Console) -> Iterator[Text]:
    """Yield the hint; what it is about is not said once more where that is the first thing to fix."""
    if (hint := view.hint) is None:
        return
    after = tuple(messages.WATCH_HINT_AGAIN if text == messages.HINT_NEXT else text for text in hint.after)
    yield Text()
    lines = list(hint_lines(replace(hint, after=after, command=""), console))
    named = [group[0].diagnosis for group in by_reason(_checks(view))[:1]]
    if hint.text and named and named[0] and named[0].statement == hint.heading:
        lines = lines[next(place for place, line in enumerate(lines) if not line.plain) + 1 :]
    yield from lines


def _bottom(view: View, console: Console, following: str, is_part: bool) -> Iterator[Text]:
    """Yield what stands below: the score, what changed since the last run, what to do once everything passes."""
    if view.result is not None:
        yield from summary_lines(view.result, console, is_part=is_part)
        yield _bar(view.result, console)
        yield from _news(view.news, console)
        yield from _done(view.result, console, following)
    elif view.so_far:
        yield Text()
        yield from paragraph(messages.WATCH_GOES_ON.format(count=len(view.so_far)), console)
    for note in view.notes:
        yield Text()
        yield from paragraph(note, console)


def _bar(result: ExerciseResult, console: Console) -> Text:
    full, empty = ("█", "░") if can_show_symbols(console) else ("#", ".")
    filled = int(_BAR * result.score / result.max_score) if result.max_score else 0
    return Text.assemble((full * filled, "green"), (empty * (_BAR - filled), "dim"))


def _news(new: News, console: Console) -> Iterator[Text]:
    if new.points:
        yield from paragraph(messages.WATCH_POINTS.format(points=float(number(new.points))), console)
    for titles, sentence, style in (
        (new.passes, messages.WATCH_PASSES, "green"),
        (new.fails, messages.WATCH_FAILS, "red"),
    ):
        for title in titles[:_SHOWN_NEWS]:
            line = Text("  ") + Text(sentence.format(title=printable(title)), style)
            line.truncate(console.width, overflow="ellipsis" if can_show_symbols(console) else "crop")
            yield line
        if more := len(titles[_SHOWN_NEWS:]):
            yield Text("  " + messages.WATCH_MORE_NEWS.format(count=more))


def _done(result: ExerciseResult, console: Console, following: str) -> Iterator[Text]:
    if is_finished(result.checks):
        pending = sum(check.outcome is Outcome.PENDING for check in result.checks)
        sentence = messages.WATCH_ALL_PASSED_HERE if pending else messages.WATCH_ALL_PASSED
        yield Text()
        yield from paragraph(sentence.format(count=pending or len(result.checks)), console, "bold green")
        yield from paragraph(following, console)


def _keys() -> list[Text]:
    return [Text(), Text(messages.WATCH_KEYS, "dim")]


def _checks(view: View) -> Sequence[CheckResult]:
    return view.result.checks if view.result is not None else view.so_far
