"""One thing to fix, as a student reads it: what was seen, where in their code, what to try.

Owns which sentences and which piece of code belong to a failure. Knows no markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from grader import messages
from grader.place import place_of
from grader.report.causes import Cause, Item, is_silent
from grader.report.charts import Chart, chart
from grader.report.excerpt import Excerpt, around, defined_names, definition
from grader.report.heatmap import Heatmap, heatmap
from grader.report.text import clipped, paragraphs
from grader.results import CheckResult, Curves, Diagnosis, Frame, Outcome
from grader.score import number

_STATEMENT_CHARS = 220
_SHOWN_FRAMES = 8
_PAPER_LINES = 12


@dataclass(frozen=True)
class Printed:
    """What a student's code printed during a check."""

    summary: str
    lines: list[str]

    @property
    def is_short(self) -> bool:
        """Whether it may be unfolded on paper."""
        return len(self.lines) <= _PAPER_LINES


@dataclass(frozen=True)
class Device:
    """How a check ended on a further device."""

    outcome: Outcome
    label: str
    said: list[tuple[bool, str]]


@dataclass(frozen=True)
class Article:
    """All that is shown of one cause."""

    cause: Cause
    anchor: str
    title: str
    statement: str
    """What stands large where this is the first thing to fix."""
    label: str
    said: list[tuple[bool, str]]
    """(is aligned, text) of each paragraph of the message."""
    rest: list[tuple[bool, str]]
    """The paragraphs that the statement has not said."""
    unwritten: str
    """Where the function stands that is still to be written, if that is the cause."""
    silent: str
    """What to say where the message is empty."""
    about: str
    devices: list[Device]
    points: str
    frames: list[tuple[str, str]]
    excerpt: Excerpt | None
    caption: str
    mark: str
    printed: Printed | None
    diagnosis: Diagnosis | None
    hints: list[str]
    figures: list[Heatmap | Chart]
    figures_from: str
    """The title of the check that they are of, where there are several."""
    command: str

    @property
    def check(self) -> CheckResult:
        """The check that speaks for all of this cause."""
        return self.cause.check

    @property
    def items(self) -> tuple[Item, ...]:
        """The checks that ended for this reason."""
        return self.cause.items


def article(
    cause: Cause,
    sources: Mapping[str, str],
    *,
    anchor: str,
    command: str,
    with_code: bool = True,
    with_device: bool = False,
) -> Article:
    """Collect what is to be shown of a cause.

    Args:
        anchor: The name by which the rest of the page links to it.
        with_code: Whether to show the code it is about.
        command: What replays its check; empty where a student cannot.
        with_device: Whether to say on which device a check ended that way.
    """
    check = cause.check
    drawn = next((item.check for item in cause.items if item.check.figures), None)  # one of several checks shows it
    said = [] if is_silent(check) else list(paragraphs(check.message))
    statement, rest = _statement(cause, said)
    shown = _excerpt(check, sources) if with_code else None
    return Article(
        cause=cause,
        anchor=anchor,
        title=_title(cause),
        statement=statement,
        label=label(check, with_device),
        said=said,
        rest=rest,
        unwritten=place_of(check.frames[-1]) if unwritten(cause) else "",
        silent="" if said else _silent(check),
        about=about(cause.items[0], with_device),
        devices=[Device(one.outcome, label(one, True), list(paragraphs(one.message))) for one in cause.items[0].others],
        points=points_of(sum(item.points for item in cause.items), sum(item.max_points for item in cause.items)),
        frames=_frames(check.frames) if len(check.frames) > 1 else [],
        excerpt=shown,
        caption=_caption(shown) if shown else "",
        mark=_mark(check.outcome),
        printed=printed(next((item.check.stdout for item in cause.items if item.check.stdout.strip()), "")),
        diagnosis=check.diagnosis,
        hints=[line.strip() for line in check.diagnosis.hint.splitlines() if line.strip()] if check.diagnosis else [],
        figures=pictures(drawn) if drawn else [],
        figures_from=(drawn.title or drawn.id) if drawn and len(cause.items) > 1 else "",
        command=command,
    )


def label(check: CheckResult, with_device: bool) -> str:
    """Return the outcome as a word, with the device where there are several."""
    word = check.outcome.replace("_", " ")
    return messages.REPORT_ON_DEVICE.format(outcome=word, device=check.device) if with_device else word


def pictures(check: CheckResult) -> list[Heatmap | Chart]:
    """Return the figures of a check as they are drawn."""
    return [chart(figure) if isinstance(figure, Curves) else heatmap(figure) for figure in check.figures]


def about(item: Item, with_device: bool) -> str:
    """Return the small print of a check: which suite it is from, what it compared, how it ended elsewhere."""
    check = item.check
    parts = [messages.REPORT_PUBLIC if check.visibility == "public" else messages.REPORT_HIDDEN]
    if check.comparison:
        parts.append(messages.REPORT_COMPARISON.format(label=f"`{check.comparison}`"))
    if with_device:
        parts += [label(one, True) for one in item.entries if one is not check and one not in item.others]
    return " · ".join(parts)


def points_of(points: float, max_points: float) -> str:
    """Return "0 of 2 points"; a check that is worth nothing says so."""
    if max_points == 0:
        return messages.REPORT_NO_POINTS
    form = messages.REPORT_OF_POINT if max_points == 1 else messages.REPORT_OF_POINTS
    return form.format(points=number(points), max_points=number(max_points))


def printed(text: str) -> Printed | None:
    """Return what was printed and how to call it, or None if nothing can be seen of it."""
    if not text.strip():
        return None
    lines, count = clipped(text)
    form = messages.REPORT_PRINTED_LINE if count == 1 else messages.REPORT_PRINTED
    return Printed(form.format(count=f"{count:,}"), lines)


def _title(cause: Cause) -> str:
    if function := unwritten(cause):
        return messages.REPORT_WRITE.format(function=function)
    title = cause.check.title or cause.check.id
    more = len(cause.items) - 1
    return messages.REPORT_ALIKE.format(title=title, count=more) if more else title


def unwritten(cause: Cause) -> str:
    """Return the name of the function that is still to be written, if that is the cause."""
    is_todo = cause.check.outcome is Outcome.TODO and cause.check.frames
    return cause.check.frames[-1].function if is_todo else ""


def _statement(cause: Cause, said: list[tuple[bool, str]]) -> tuple[str, list[tuple[bool, str]]]:
    """Return what to say first, and what is then left to say."""
    if unwritten(cause):
        return _title(cause), said[1:]
    if cause.check.diagnosis:
        return cause.check.diagnosis.statement, said
    if said and not said[0][0] and len(said[0][1]) <= _STATEMENT_CHARS:
        return said[0][1], said[1:]
    return cause.check.title or cause.check.id, said


def _silent(check: CheckResult) -> str:
    return messages.REPORT_SILENT if check.visibility == "hidden" else messages.REPORT_SILENT_PUBLIC


def _mark(outcome: Outcome) -> str:
    """Return what a screen reader says at the marked line."""
    marks = {
        Outcome.RAISED: messages.REPORT_MARK_RAISED,
        Outcome.TODO: messages.REPORT_MARK_TODO,
        Outcome.FORBIDDEN: messages.REPORT_MARK_FORBIDDEN,
        Outcome.REJECTED: messages.REPORT_MARK_REJECTED,
    }
    return marks.get(outcome, messages.REPORT_MARK)


def _frames(frames: list[Frame]) -> list[tuple[str, str]]:
    """Return (place, function) of each frame; of a deep recursion, the first and the last."""
    shown = [(place_of(one), _function(one)) for one in frames]
    if len(shown) > _SHOWN_FRAMES:
        left_out = messages.REPORT_FRAMES_LEFT_OUT.format(count=f"{len(shown) - _SHOWN_FRAMES:,}")
        shown[_SHOWN_FRAMES // 2 : -_SHOWN_FRAMES // 2] = [(left_out, "")]
    return shown


def _function(frame: Frame) -> str:
    if frame.function == "<module>":
        return messages.REPORT_FRAME_TOP
    return messages.REPORT_FRAME_IN.format(function=frame.function)


def _excerpt(check: CheckResult, sources: Mapping[str, str]) -> Excerpt | None:
    """Return the student's code that belongs to a failure: the line that raised, or a function the check names."""
    if check.outcome is Outcome.FAILED and not check.frames:
        return _named_function(check, sources)
    if place := _place(check, sources):
        file, line = place
        if file in sources and (found := around(file, sources[file], line)):
            return found
    if check.frames and check.frames[-1].code.strip():
        frame = check.frames[-1]
        return around(frame.file, "\n" * (frame.line - 1) + frame.code, frame.line) if frame.line < 1 << 20 else None
    return None


def _place(check: CheckResult, sources: Mapping[str, str]) -> tuple[str, int] | None:
    """Return file and line of the innermost frame, or those a syntax error names."""
    if check.frames:
        return check.frames[-1].file, check.frames[-1].line
    if check.outcome is Outcome.REJECTED:
        for file in sources:
            lead = messages.SYNTAX_ERROR.partition("{line}")[0].format(file=file)
            if found := re.match(re.escape(lead) + r"(\d{1,7})(?!\d)", check.message):
                return file, int(found[1])
    return None


def _named_function(check: CheckResult, sources: Mapping[str, str]) -> Excerpt | None:
    """Return the one function that a check names. No line of it is marked: the value is wrong, not a line."""
    words = set(re.findall(r"\w+", f"{check.title} {check.comparison or ''}"))
    found = [(file, name) for file, source in sources.items() for name in defined_names(source) if name in words]
    if len(found) != 1:
        return None  # several may be to blame
    file, name = found[0]
    return definition(file, sources[file], name)


def _caption(shown: Excerpt) -> str:
    place = messages.REPORT_EXCERPT.format(file=shown.file, first=shown.lines[0].number, last=shown.lines[-1].number)
    return messages.REPORT_EXCERPT_FUNCTION.format(name=shown.name, place=place) if shown.name else place
