"""What to teach again, and what nobody has a name for, as the page shows them.

Owns which of it is shown in full. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader import messages
from grader.classroom.mistakes import Cluster, Mistake
from grader.diagnosis.evidence import Evidence
from grader.report.advice import points
from grader.report.classroom.findings import Findings
from grader.report.classroom.words import plain_statement, points_share
from grader.score import number

IN_FULL = 6
_SQUARES = 60
"""Above so many students one bar stands for all."""
_NAMED = 200
_TEXT_CHARS = 160


@dataclass(frozen=True)
class Ranked:
    """One mistake, with what to say about it in class."""

    count: int
    of: int
    statement: str
    squares: list[tuple[float, bool]]
    """(left edge in percent, has the mistake) for each student; empty above 60."""
    square: float
    """The width of one, in percent."""
    share: float
    seen: str
    ask: str
    teach: str
    about: str
    misconception: str
    students: list[str]
    more: int
    first: str
    slug: str
    number: str
    lost: str


@dataclass(frozen=True)
class Unknown:
    """One cluster."""

    count: int
    measured: str
    where: str
    label: str
    more: str
    example: str
    slug: str


def ranked(found: Findings, slug: str | None = None) -> list[Ranked]:
    """Return the known mistakes of the class, or of one exercise."""
    widest = max((one.of for one in found.mistakes), default=1)
    return [_ranked(found, one, widest) for one in found.mistakes if slug in (None, one.exercise)]


def _ranked(found: Findings, mistake: Mistake, widest: int) -> Ranked:
    hints = [line.strip() for line in mistake.diagnosis.hint.splitlines() if line.strip()]
    seen, ask, teach = (*hints, "", "", "")[:3]
    count, step = len(mistake.students), 100 / widest
    exercise = messages.CLASS_IN_EXERCISE_FIRST.format(number=found.shown(mistake.exercise))
    return Ranked(
        count=count,
        of=mistake.of,
        statement=plain_statement(mistake.diagnosis.statement),
        squares=[(round(place * step, 2), place < count) for place in range(mistake.of)] if widest <= _SQUARES else [],
        square=round(step * 0.72, 2),
        share=points_share(count, mistake.of),
        seen=seen,
        ask=ask,
        teach=teach,
        about=messages.CLASS_MISTAKE_LOST.format(exercise=exercise, points=points(mistake.points_lost)),
        misconception=mistake.misconception,
        students=list(mistake.students[:_NAMED]),
        more=max(0, count - _NAMED),
        first=messages.CLASS_MISTAKE_FIRST.format(check=mistake.check),
        slug=mistake.exercise,
        number=found.shown(mistake.exercise),
        lost=number(mistake.points_lost),
    )


def unknown(found: Findings, slug: str | None = None) -> list[Unknown]:
    """Return the clusters of the class, or of one exercise."""
    return [_unknown(found, one) for one in found.clusters if slug in (None, one.exercise)]


def _unknown(found: Findings, cluster: Cluster) -> Unknown:
    more = len(cluster.checks) - 1
    exercise = messages.CLASS_IN_EXERCISE_FIRST.format(number=found.shown(cluster.exercise))
    and_more = messages.CLASS_UNKNOWN_AND_ONE if more == 1 else messages.CLASS_UNKNOWN_AND.format(count=more)
    return Unknown(
        count=len(cluster.students),
        measured=_measured(cluster.evidence, found.anonymous),
        where=f"{exercise}, `{cluster.checks[0]}`",
        label=messages.CLASS_UNKNOWN_AGREE.format(label=cluster.evidence.label),
        more=and_more if more else "",
        example=cluster.students[0],
        slug=cluster.exercise,
    )


def _measured(evidence: Evidence, anonymous: bool) -> str:
    if evidence.structure:
        return messages.CLASS_UNKNOWN_QUOTED.format(structure=evidence.structure)
    if evidence.raised is not None:
        type_name, text = evidence.raised
        if anonymous:
            name = f"`{type_name}`" if type_name else messages.CLASS_UNKNOWN_EXCEPTION
            return messages.CLASS_UNKNOWN_RAISED_TYPE.format(type=name)
        return messages.CLASS_UNKNOWN_RAISED.format(type=type_name, text=text[:_TEXT_CHARS])
    if evidence.sketch is not None and evidence.sketch.dtype:
        shape = f"({', '.join(map(str, evidence.sketch.shape))}{',' if len(evidence.sketch.shape) == 1 else ''})"
        return messages.CLASS_UNKNOWN_VALUE.format(shape=shape, dtype=evidence.sketch.dtype)
    return messages.CLASS_UNKNOWN_OTHER
