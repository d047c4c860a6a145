"""What exports say of a result in plain words: as much as its student may know, bounded, nothing in it invisible.

Owns the words that formats share. Knows no format: whoever writes one escapes for it. Invariants: of a hidden check
nothing is told that the exercise's feedback level withholds now; figures, which hold expected values, are never told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from grader import messages
from grader.classroom.view import Override, Standing
from grader.course import Exercise
from grader.enumeration import enumerated
from grader.place import place_of
from grader.policy import withheld
from grader.report.advice import checks as counted
from grader.report.advice import meaning
from grader.report.causes import Item, sort_checks
from grader.report.text import spelled
from grader.results import OUR_FAILURES, CheckResult, ExerciseResult, Outcome
from grader.score import number

MAX_CHARS = 4000
_MAX_PRINTED = 1000


def allowed(result: ExerciseResult, exercise: Exercise) -> ExerciseResult:
    """Return a result with no more in it than its student may know now; a stored one can be older than the level."""
    shown = [withheld(check, exercise.feedback) for check in result.checks]
    return msgspec.structs.replace(result, checks=shown)


def items(result: ExerciseResult) -> list[Item]:
    """Return the checks in the order of the suite, each with its entries for all devices."""
    return sorted(sort_checks(result.checks).items, key=lambda item: item.index)


def title_of(item: Item) -> str:
    """Return what a check claims, in one line."""
    return line(item.check.title or item.check.id).strip()


def word(outcome: Outcome) -> str:
    """Return an outcome as a word of a sentence."""
    return outcome.replace("_", " ")


def earned(item: Item) -> str:
    """Return "2 of 3 points"."""
    return messages.TOLD_EARNED.format(points=number(item.points), max_points=number(item.max_points))


def honest(result: ExerciseResult) -> list[str]:
    """Return what has to be known of a score before it is believed: that there is none yet, or that it can grow."""
    ours = [item for item in items(result) if item.outcome in OUR_FAILURES]
    waiting = [item for item in items(result) if item.outcome is Outcome.PENDING]
    said = [messages.TOLD_OPEN.format(checks=counted(len(ours)))] if ours else []
    return said + ([messages.TOLD_PENDING.format(checks=counted(len(waiting)))] if waiting else [])


def of_standing(standing: Standing, max_score: float) -> list[str]:
    """Return what persons and the late policy did to a score, and what was said to the student."""
    said = [_override(override) for override in standing.overrides]
    if standing.lateness.unsettled:
        said.append(messages.TOLD_UNSETTLED)
    elif standing.counted is not None and standing.counted != standing.score:
        facts = {"counted": number(standing.counted), "max_score": number(max_score)}
        said.append(messages.TOLD_LATE.format(**facts))
    return [line(one) for one in said] + [
        messages.TOLD_COMMENT.format(text=text(one.text)) for one in standing.comments
    ]


def why(item: Item) -> str:
    """Return all that is said of how a check ended, over all devices; "" if it passed and said nothing."""
    entries = [item.check, *item.others]
    with_device = len({entry.device for entry in item.entries}) > 1
    told = []
    for entry in entries:
        said = "\n".join(_about(entry))
        if said:
            told.append(messages.TOLD_ON_DEVICE.format(device=entry.device, text=said) if with_device else said)
    return clip("\n".join(told), MAX_CHARS)


def why_in_short(item: Item) -> str:
    """Return the first line of that, or what the outcome means."""
    check = item.check
    first = next(iter(why(item).splitlines()), "")
    return clip(first, MAX_CHARS) if first else line(meaning(check.outcome))


def text(raw: str) -> str:
    """Return text of several lines with everything that cannot be seen written as its code."""
    return "\n".join(line(one) for one in raw.expandtabs(4).splitlines())


def line(raw: str) -> str:
    """Return text as one line with everything that cannot be seen written as its code."""
    return spelled(raw).rstrip()


def clip(said: str, chars: int) -> str:
    """Return a text of at most so many characters, and a remark if it was longer."""
    return said if len(said) <= chars else f"{said[:chars]}\n{messages.TOLD_CUT}"


def _override(override: Override) -> str:
    """Return what a person gave, and why."""
    facts = {"points": number(override.points), "reason": override.reason}
    if override.check:
        return messages.TOLD_OVERRIDE_CHECK.format(check=override.check, **facts)
    return messages.TOLD_OVERRIDE.format(**facts)


def _about(check: CheckResult) -> Iterator[str]:
    """Yield what is known of an entry: the mistake's name, the message, the student's own line, what was printed."""
    if check.diagnosis:
        yield text(check.diagnosis.statement)
        yield from _hint(check.diagnosis.hint)
    if check.message:
        yield text(check.message)
    elif check.outcome is Outcome.BLOCKED and check.blocked_by:
        yield messages.TOLD_WAITS.format(check=line(check.blocked_by))
    elif check.outcome is not Outcome.PASSED:
        yield meaning(check.outcome)
    if check.outcome is not Outcome.TODO:  # its message names the function; the line adds nothing
        for frame in check.frames[-1:]:
            yield line(messages.CHECK_FRAME.format(place=place_of(frame), function=frame.function))
            yield f"    {line(frame.code.strip())}"
    if check.stdout.strip():
        yield f"{messages.CHECK_PRINTED}\n{clip(text(check.stdout.strip()), _MAX_PRINTED)}"


def _hint(ladder: str) -> Iterator[str]:
    """Yield the first step only: it says what was seen; the others are for who asks for them."""
    for step in text(ladder).splitlines()[:1]:
        yield messages.TOLD_HINT.format(hint=step)


def names(standings: Iterable[Standing]) -> str:
    """Return who a note is about, printable, the first few of very many."""
    return enumerated(messages.EXPORT_ENTRY.format(student=one.student.id, exercise=one.exercise) for one in standings)
