"""A result as lines for a terminal: pure functions from plain data to text.

Owns symbols, colours, wrapping and points alignment. Knows nothing of how a result came about and prints nothing.
Invariant: no character that a student chose reaches the terminal unless it is printable (no escape sequences).
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click

from grader import messages
from grader.results import CheckResult, ExerciseResult, Flag, Outcome

WIDTH = 80
_OUTCOME_COLUMNS = 9
_POINTS_COLUMNS = 7
_INDENT = " " * (4 + _OUTCOME_COLUMNS + 1)
_SHOWN_PRINTED_LINES = 3

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


@dataclass(frozen=True)
class Screen:
    """What the reader's terminal can show."""

    width: int = WIDTH
    unicode: bool = True
    colour: bool = False

    @classmethod
    def of(cls, stream: object) -> Screen:
        """Describe `stream`: 80 columns at most, colour only on a terminal and without NO_COLOR."""
        is_terminal = bool(getattr(stream, "isatty", lambda: False)())
        columns = os.get_terminal_size(stream.fileno()).columns if is_terminal else WIDTH  # type: ignore[attr-defined]
        colour = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        return cls(min(max(columns, 40), WIDTH), _can_encode(stream), colour)

    def paint(self, text: str, colour: str | None = None, bold: bool = False) -> str:
        """Colour `text`, where colour can be shown."""
        return click.style(text, fg=colour, bold=bold or None) if self.colour else text


class CheckPrinter:
    """Turns checks into lines, one after the other; a reason that many checks share is printed once."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last_reason: list[str] = []

    def lines(self, check: CheckResult) -> Iterator[str]:
        """Yield the line of one check and, if it did not pass, why."""
        yield from _headline(check, self._screen)
        if check.outcome is Outcome.PASSED:
            return
        reason = list(_reason(check))
        if check.outcome is not Outcome.BLOCKED and reason:
            said_before, self._last_reason = reason == self._last_reason, reason
            reason = [messages.CHECK_SAME_REASON] if said_before else reason
        for text in reason:
            yield from (_encodable(line, self._screen) for line in _wrapped(text, self._screen.width))


def heading_lines(slug: str, title: str, fence: str, seed: int, screen: Screen) -> list[str]:
    """Return what stands above the checks; an unfenced run says so."""
    lines = [
        screen.paint(messages.CHECK_HEADING.format(slug=slug, title=title), bold=True),
        messages.CHECK_CONDITIONS.format(fence=fence, seed=seed),
    ]
    if fence == "none":
        lines += textwrap.wrap(messages.CHECK_UNFENCED, screen.width)
    return [*(_encodable(line, screen) for line in lines), ""]


def summary_lines(result: ExerciseResult, screen: Screen) -> list[str]:
    """Return what stands below the checks: flags, score, and what is still open."""
    lines = [""]
    for flag in result.flags:
        lines += textwrap.wrap(_flag(flag), screen.width, subsequent_indent="  ")
    passed = sum(check.outcome is Outcome.PASSED for check in result.checks)
    summary = messages.CHECK_SUMMARY.format(
        score=number(result.score), max_score=number(result.max_score), passed=passed, total=len(result.checks)
    )
    lines.append(screen.paint(summary, bold=True))
    if ours := sum(check.outcome is Outcome.ERROR for check in result.checks):
        lines += textwrap.wrap(messages.CHECK_OURS.format(count=ours), screen.width)
    elif not result.complete:
        lines += textwrap.wrap(messages.CHECK_INCOMPLETE, screen.width)
    return [_encodable(line, screen) for line in lines]


def yes_no_lines(
    rows: Iterable[tuple[bool, str, str]], screen: Screen, words: tuple[str, str] = ("yes", "no")
) -> Iterator[str]:
    """Yield one line per (good, text, what to do about it); the advice only where it is needed."""
    columns = max(map(len, words))
    for good, text, advice in rows:
        word = (words[0] if good else words[1]).ljust(columns)
        painted = screen.paint(word, "green") if good else screen.paint(word, "red", bold=True)
        first, *rest = textwrap.wrap(printable(text), screen.width - columns - 3) or [""]
        for line in (f"  {painted} {first}", *(" " * (columns + 3) + more for more in rest)):
            yield _encodable(line, screen)
        if advice and not good:
            wrapped = textwrap.wrap(printable(advice), screen.width - columns - 5)
            yield from (_encodable(" " * (columns + 5) + line, screen) for line in wrapped)


def indented(text: str, screen: Screen) -> list[str]:
    """Return a sentence wrapped and set in by two columns."""
    lines = textwrap.wrap(printable(text), screen.width, initial_indent="  ", subsequent_indent="  ")
    return [_encodable(line, screen) for line in lines]


def number(value: float) -> str:
    """Return 3.0 as "3" and 2.5 as "2.5"."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def printable(text: str) -> str:
    """Return `text` with every character that could steer a terminal written out as its code."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _headline(check: CheckResult, screen: Screen) -> Iterator[str]:
    symbol, ascii_symbol, colour = _LOOKS[check.outcome]
    mark = screen.paint(symbol if screen.unicode else ascii_symbol, colour)
    word = screen.paint(f"{check.outcome:<{_OUTCOME_COLUMNS}}", colour)
    points = f"{number(check.points)}/{number(check.max_points)}".rjust(_POINTS_COLUMNS)
    room = screen.width - len(_INDENT) - _POINTS_COLUMNS - 1
    first, *rest = textwrap.wrap(printable(check.title or check.id), room) or [check.id]
    yield _encodable(f"  {mark} {word} {first:<{room}} {points}", screen)
    yield from (_encodable(_INDENT + line, screen) for line in rest)


def _reason(check: CheckResult) -> Iterator[str]:
    """Yield the paragraphs that say why a check did not pass."""
    if check.outcome is Outcome.BLOCKED and check.blocked_by and not check.message:
        yield messages.CHECK_BLOCKED_BY.format(check=check.blocked_by)
    yield from check.message.splitlines()
    if check.frames and check.outcome is not Outcome.TODO:  # its message names the function; the line adds nothing
        frame = check.frames[-1]
        yield messages.CHECK_FRAME.format(
            file=frame.file, line=frame.line, function=frame.function, code=frame.code.strip()
        )
    printed = [line for line in check.stdout.splitlines() if line.strip()]
    yield from (messages.CHECK_PRINTED.format(line=line) for line in printed[:_SHOWN_PRINTED_LINES])


def _wrapped(text: str, width: int) -> Iterator[str]:
    clean = printable(text)
    # A message may align its own lines (values one below the other); keep that indentation.
    own = " " * (len(clean) - len(clean.lstrip()))
    yield from textwrap.wrap(clean.strip(), width, initial_indent=_INDENT + own, subsequent_indent=_INDENT + own)


def _flag(flag: Flag) -> str:
    return printable(messages.CHECK_FLAG.format(file=flag.file, line=flag.line, message=flag.message))


def _can_encode(stream: object) -> bool:
    try:
        "✓✗▲◷○·".encode(getattr(stream, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _encodable(line: str, screen: Screen) -> str:
    """Return the line, in ASCII where that is all that the terminal can show."""
    return line if screen.unicode else line.encode("ascii", "replace").decode("ascii")
