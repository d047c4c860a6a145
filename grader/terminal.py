"""A result as lines for a terminal: pure functions from plain data to text.

Owns symbols, colours, wrapping and the order inside a result. Knows nothing of how a result came about; `say` is the
only thing here that prints. Invariant: no character that a student chose reaches the terminal unless it is printable
(no escape sequences).
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

from grader import messages
from grader.hints import Hint
from grader.place import place_of
from grader.results import NOT_TO_FIX, CheckResult, ExerciseResult, Frame, Outcome
from grader.score import number
from grader.side_by_side import figure_lines
from grader.wrapping import wrapped

WIDTH = 80
SHOWN_IN_FULL = 3
_NARROWEST = 40
_OUTCOME_COLUMNS = 9
_POINTS_COLUMNS = 5
_SHOWN_FRAMES = 4
_SHOWN_PRINTED_LINES = 6
_LONGEST = 2000
_DEEPEST = 12
_NUMBERED = len("1. ")  # what stands below a numbered line is set in by as much

# outcome: (symbol, the same in ASCII, colour). The word beside the symbol says it all; colour only repeats it.
_LOOKS = {
    Outcome.PASSED: ("✓", "+", "green"),
    Outcome.FAILED: ("✗", "x", "red"),
    Outcome.RAISED: ("▲", "!", "magenta"),
    Outcome.FORBIDDEN: ("▲", "!", "magenta"),
    Outcome.CRASHED: ("▲", "!", "magenta"),
    Outcome.PROTOCOL: ("▲", "!", "magenta"),
    Outcome.REJECTED: ("▲", "!", "magenta"),
    Outcome.TIMEOUT: ("◷", "@", "yellow"),
    Outcome.MEMORY: ("◷", "@", "yellow"),
    Outcome.OUTPUT: ("◷", "@", "yellow"),
    Outcome.TODO: ("○", "o", "cyan"),
    Outcome.BLOCKED: ("·", ".", "bright_black"),
    Outcome.PENDING: ("·", ".", "bright_black"),
    Outcome.NOT_RUN: ("·", ".", "bright_black"),
    Outcome.ERROR: ("?", "?", "yellow"),
}


def console_for(stream: TextIO) -> Console:
    """Return a console on `stream`: 80 columns at most; colour on terminals only, if neither NO_COLOR nor dumb."""
    is_terminal = bool(getattr(stream, "isatty", lambda: False)())
    plain = not is_terminal or bool(os.environ.get("NO_COLOR"))
    # force_terminal: FORCE_COLOR in the environment must not put a moving progress line into a pipe.
    console = Console(
        file=stream, force_terminal=is_terminal, color_system=None if plain else "auto",
        markup=False, highlight=False, emoji=False,
    )  # fmt: skip
    console.width = max(_NARROWEST, min(console.width, WIDTH)) if is_terminal else WIDTH
    return console


def say(console: Console, lines: Iterable[Text | str] = ("",)) -> None:
    """Print lines that are already as wide as they may be, in what the stream can encode."""
    for line in lines:
        text = line if isinstance(line, Text) else Text(line)
        text.plain = text.plain.encode(console.encoding, "replace").decode(console.encoding)
        console.print(text, soft_wrap=True)


def heading_lines(slug: str, title: str, fence: str, seed: int, console: Console) -> Iterator[Text]:
    """Yield what stands above the checks; an unfenced run says so."""
    yield from _wrapped(messages.CHECK_HEADING.format(slug=slug, title=title), console, style="bold")
    yield Text(messages.CHECK_CONDITIONS.format(fence=fence, seed=seed))
    if fence == "none":
        yield from _wrapped(messages.CHECK_UNFENCED, console)
    yield Text()


def check_line(check: CheckResult, console: Console) -> Text:
    """Return the line of one check: symbol, outcome, title, points. A title that is too long for it is cut."""
    mark = f"{_mark(check.outcome, console)} {check.outcome:<{_OUTCOME_COLUMNS}} "
    points = f"{number(check.points)}/{number(check.max_points)}".rjust(_POINTS_COLUMNS)
    place = "" if check.device == "cpu" else f" ({check.device})"
    room = console.width - len("  ") - len(mark) - len(" ") - len(points)
    title = _cut(printable(check.title or check.id), room - len(place), console) + place
    title.align("left", room)
    return Text.assemble("  ", (mark, _LOOKS[check.outcome][2]), title, " ", points)


def detail_lines(result: ExerciseResult, console: Console, hint: str = "", as_student: bool = False) -> Iterator[Text]:
    """Yield what to look at: the first reasons in full, others in short, how many checks wait for them.

    Args:
        hint: The command that, followed by a check's name, gives a hint for it; empty where there is none.
        as_student: Hidden checks are not there to be named to that command.
    """
    groups = by_reason(result.checks)
    if not groups:
        return
    yield Text()
    yield Text(messages.CHECK_FIRST if len(groups) > 1 else messages.CHECK_ONLY, "bold")
    for place, group in enumerate(groups[:SHOWN_IN_FULL], start=1):
        yield Text()
        yield from in_full(place, group, console)
        if hint and group[0].diagnosis and not (as_student and group[0].visibility == "hidden"):
            yield from _wrapped(messages.CHECK_MORE_HINTS, console, indent=_NUMBERED)
            yield Text(printable(f"     {hint} {shlex.quote(group[0].id)}"))
    if len(groups) > SHOWN_IN_FULL:
        yield Text()
        yield Text(messages.CHECK_THEN, "bold")
        for group in groups[SHOWN_IN_FULL:]:
            yield from _in_short(group, console)
    if waiting := sum(check.outcome is Outcome.BLOCKED for check in result.checks):
        yield Text()
        yield from _wrapped(messages.CHECK_WAITING.format(count=waiting), console)


def next_lines(
    result: ExerciseResult, command: str, has_html: bool, console: Console, as_student: bool = False
) -> Iterator[Text]:
    """Yield what to type next where something is to be fixed. A command is one line however long, to be copied whole.

    Args:
        command: What led here; with `-k` and a check's name it judges that check and what it needs.
        has_html: The report for the student is written anyway.
        as_student: Only a public check can be judged again.
    """
    reasons = [check for group in by_reason(result.checks) for check in group]
    judged = [check for check in reasons if check.outcome is not Outcome.REJECTED]
    at_hand = [check for check in judged if not as_student or check.visibility == "public"]
    if at_hand:
        yield Text()
        yield from _wrapped(messages.CHECK_AGAIN, console)
        where = "" if at_hand[0].device == "cpu" else f" --device {at_hand[0].device}"
        yield Text(printable(f"  {command}{where} -k {shlex.quote(at_hand[0].id)}"))
    if reasons and not has_html:
        yield from _wrapped(messages.CHECK_HTML_HINT, console)
        yield Text(printable(f"  {command} --html report.html"))


def hint_lines(hint: Hint, console: Console) -> Iterator[Text]:
    """Yield one hint: what it is about, the step, and the command for the next one, to be copied whole."""
    yield from _wrapped(hint.heading, console, style="bold")
    for text in hint.about:
        yield from _wrapped(text, console, style="dim")
    if hint.text:
        yield Text()
    if hint.step:
        yield from _wrapped(hint.step, console, style="bold")
    for text in hint.text.splitlines():
        yield from _wrapped(text, console, indent=2)
    if hint.after:
        yield Text()
    for text in hint.after:
        yield from _wrapped(text, console)
    if hint.command:
        yield Text(printable(f"  {hint.command}"))


def summary_lines(result: ExerciseResult, console: Console, is_part: bool = False) -> Iterator[Text]:
    """Yield what stands below everything: flags, score, and what is still open.

    Args:
        is_part: Only some of the checks were asked for, so the score is not the whole one.
    """
    yield Text()
    for line in _printed(messages.CHECK_PRINTED_AT_IMPORT, result.stdout):
        yield from _wrapped(line, console, hanging=2)
    for flag in result.flags:
        text = messages.CHECK_FLAG.format(place=place_of(flag), message=flag.message)
        yield from _wrapped(text, console, hanging=2)
    passed = sum(check.outcome is Outcome.PASSED for check in result.checks)
    summary = messages.CHECK_SUMMARY.format(
        score=number(result.score), max_score=number(result.max_score), passed=passed, total=len(result.checks)
    )
    yield Text(summary, "bold")
    if pending := [check for check in result.checks if check.outcome is Outcome.PENDING]:
        devices = ", ".join(dict.fromkeys(check.device for check in pending))
        yield from _wrapped(messages.CHECK_PENDING.format(count=len(pending), devices=devices), console)
        for why in dict.fromkeys(check.message for check in pending if check.message):
            yield from _wrapped(why, console)
    if ours := len(result.our_failures):
        yield from _wrapped(messages.CHECK_OURS.format(count=ours), console)
    elif is_part:
        yield from _wrapped(messages.CHECK_PART, console)
    elif not result.complete:
        yield from _wrapped(messages.CHECK_INCOMPLETE, console)


def yes_no_lines(
    rows: Iterable[tuple[bool, str, str]], console: Console, words: tuple[str, str] = ("yes", "no")
) -> Iterator[Text]:
    """Yield one line per (good, text, what to do about it); the advice only where it is needed."""
    columns = max(map(len, words))
    for good, text, advice in rows:
        word = Text((words[0] if good else words[1]).ljust(columns), "green" if good else "bold red")
        first, *rest = _wrapped(text, console, width=console.width - columns - 3)
        yield Text.assemble("  ", word, " ", first)
        yield from (Text(" " * (columns + 3)) + line for line in rest)
        if advice and not good:
            yield from _wrapped(advice, console, indent=columns + 5)


def indented(text: str, console: Console) -> list[Text]:
    """Return a sentence wrapped and set in by two columns."""
    return _wrapped(text, console, indent=2)


def paragraph(
    text: str, console: Console, style: str = "", *, width: int = 0, indent: int = 0, hanging: int = 0
) -> list[Text]:
    """Return a sentence wrapped to the console's width or another one; set in by some columns, the first less."""
    return _wrapped(text, console, width=width, indent=indent, hanging=hanging, style=style)


def printable(text: str) -> str:
    """Return `text` with every character that could steer a terminal written out as its code."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def can_show_symbols(console: Console) -> bool:
    """Whether the stream can encode what we draw with; otherwise ASCII does."""
    try:
        "✓✗▲◷○·…".encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True


def _mark(outcome: Outcome, console: Console) -> str:
    symbol, ascii_symbol, _ = _LOOKS[outcome]
    return symbol if can_show_symbols(console) else ascii_symbol


def by_reason(checks: Iterable[CheckResult]) -> list[list[CheckResult]]:
    """Return the checks that ask for a change in the order judged, those that ended for the same reason together."""
    groups: dict[object, list[CheckResult]] = {}
    for check in checks:
        if check.outcome not in NOT_TO_FIX:
            reason = check.diagnosis.misconception if check.diagnosis else (check.outcome, _same(check))
            groups.setdefault(reason, []).append(check)
    return list(groups.values())


def _same(check: CheckResult) -> tuple[object, ...]:
    """Return what is equal for checks of one outcome that ended for the same reason."""
    if check.outcome is Outcome.FAILED:  # two wrong values may be described alike and still be two mistakes
        return check.id, check.device
    if check.outcome is Outcome.TIMEOUT:  # where a loop happened to stand says nothing; who was called does
        return check.message, *(frame.function for frame in check.frames[:1])
    return check.message, *check.frames[-1:]


def in_full(place: int, group: list[CheckResult], console: Console) -> Iterator[Text]:
    """Yield everything that is known of a reason: name, message, the student's own lines, what was printed."""
    check = group[0]
    if check.diagnosis:
        yield from _diagnosed(place, group, console)
        return
    yield from _headline(place, check.title or check.id, check.outcome, console)
    name = check.id if check.device == "cpu" else f"{check.id} ({check.device})"
    yield from _wrapped(name, console, indent=_NUMBERED, style="dim")
    for text in _message(check).splitlines():
        yield from _wrapped(text, console, indent=_NUMBERED)
    yield from _values(check, console)
    for text in _evidence(check):
        yield from _wrapped(text, console, indent=_NUMBERED)
    if len(group) > 1:
        yield from _wrapped(messages.CHECK_ALIKE.format(count=len(group) - 1), console, indent=_NUMBERED)


def _diagnosed(place: int, group: list[CheckResult], console: Console) -> Iterator[Text]:
    """Yield a mistake that was recognised: what it is, what was seen, where; of the values one line is enough."""
    check = group[0]
    assert check.diagnosis is not None
    yield from _headline(place, check.diagnosis.statement, check.outcome, console)
    for text in check.diagnosis.hint.splitlines()[:1]:
        yield from _wrapped(text, console, indent=_NUMBERED)
    seen = messages.CHECK_SEEN_IN.format(title=check.title or check.id, check=check.id)
    yield from _wrapped(seen, console, indent=_NUMBERED, style="dim")
    if check.message.strip():
        values = messages.CHECK_VALUES.format(message=check.message.strip().splitlines()[0])
        line = _cut(printable(values), console.width - _NUMBERED, console)
        line.stylize("dim")
        yield Text(" " * _NUMBERED) + line
    for text in _evidence(check):
        yield from _wrapped(text, console, indent=_NUMBERED)
    if len(group) > 1:
        yield from _wrapped(messages.CHECK_ALSO_IN.format(count=len(group) - 1), console, indent=_NUMBERED)


def _headline(place: int, text: str, outcome: Outcome, console: Console) -> Iterator[Text]:
    label = f"{place}. "
    first, *rest = _wrapped(text, console, width=console.width - len(label), style="bold")
    yield Text(label, _LOOKS[outcome][2]) + first
    yield from (Text(" " * len(label)) + line for line in rest)


def _message(check: CheckResult) -> str:
    """Return what the check says of itself; a hidden one may be told not to say a word."""
    return check.message or messages.OUTCOME_ONLY


def _values(check: CheckResult, console: Console) -> Iterator[Text]:
    """Yield the values that differ, where a check may show them."""
    for figure in check.figures:
        for line in figure_lines(figure, console.width - _NUMBERED):
            if isinstance(line, Text):
                yield Text(" " * _NUMBERED) + line
            else:
                yield from _wrapped(line, console, indent=_NUMBERED)


def _evidence(check: CheckResult) -> Iterator[str]:
    """Yield the student's own lines that led there, and what they printed."""
    if check.outcome is not Outcome.TODO:  # its message names the function; the line adds nothing
        for frame in check.frames[-_SHOWN_FRAMES:]:
            yield from _frame(frame)
    yield from _printed(messages.CHECK_PRINTED, check.stdout)


def _printed(heading: str, text: str) -> list[str]:
    """Return the beginning of what was printed, below a heading; nothing if there is nothing."""
    lines = [f"    {line.rstrip()}" for line in text.splitlines() if line.strip()]
    left_out = [f"    {messages.CHECK_PRINTED_MORE.format(count=len(lines) - _SHOWN_PRINTED_LINES)}"]
    cut = lines if len(lines) <= _SHOWN_PRINTED_LINES else lines[:_SHOWN_PRINTED_LINES] + left_out
    return [heading, *cut] if lines else []


def _frame(frame: Frame) -> Iterator[str]:
    yield messages.CHECK_FRAME.format(place=place_of(frame), function=frame.function)
    if frame.code.strip():
        yield f"    {frame.code.strip()}"


def _in_short(group: list[CheckResult], console: Console) -> Iterator[Text]:
    """Yield two lines at most for a reason: which check, and the beginning of its message."""
    check = group[0]
    text = " ".join(_message(check).split())
    if check.diagnosis:
        text = messages.CHECK_KNOWN_IN_SHORT.format(statement=check.diagnosis.statement, check=check.id)
    elif check.outcome is not Outcome.TODO:  # there the message names the function, which matters more
        text = messages.CHECK_IN_SHORT.format(check=check.id, message=text)
    mark, room = _mark(check.outcome, console), console.width - len("  x ")
    first, *rest = _wrapped(text, console, width=room)
    yield Text.assemble("  ", (mark, _LOOKS[check.outcome][2]), " ", first)
    if rest:
        yield Text("    ") + _cut(" ".join(line.plain for line in rest), room, console)


def _cut(text: Text | str, room: int, console: Console) -> Text:
    """Return as much of a line as there is room for."""
    line = Text(text) if isinstance(text, str) else text
    line.truncate(room, overflow="ellipsis" if can_show_symbols(console) else "crop")
    return line


def _wrapped(
    text: str, console: Console, *, width: int = 0, indent: int = 0, hanging: int = 0, style: str = ""
) -> list[Text]:
    """Return `text` as lines of at most `width` columns, or of what the console leaves beside the indentation."""
    clean = printable(text[:_LONGEST])
    # A message may align its own lines (values one below the other); keep that indentation.
    own = min(len(clean) - len(clean.lstrip()), _DEEPEST)
    lines = wrapped(Text(clean.strip(), style), (width or console.width - indent) - own - hanging, console)
    first, rest = " " * (indent + own), " " * (indent + own + hanging)
    for line in lines:
        line.rstrip()
    return [Text(rest if place else first) + line if line else line for place, line in enumerate(lines)]
