"""The checks of a class as rows of a table, the hardest first.

Owns their order, and what is shown of each. Knows no markup.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.classroom.statistics import Item
from grader.report.classroom import words
from grader.report.classroom.findings import Findings
from grader.score import number

SHOWN = 12
"""Rows before the others fold away, where there is a script to unfold them."""


@dataclass(frozen=True)
class CheckRow:
    """One check. `place` is where the dot of its discrimination stands, in percent from -0.2 to 1."""

    slug: str
    number: str
    title: str
    id: str
    points: str
    difficulty: float | None
    passed: str
    discrimination: str
    place: float | None
    is_weak: bool
    named: tuple[str, int] | None
    wall_s: float
    time: str
    tags: str


def check_rows(found: Findings, slug: str | None = None) -> list[CheckRow]:
    """Return all checks, or those of one exercise; what nobody was judged in comes last."""
    order = {one.slug: place for place, one in enumerate(found.view.exercises, start=1)}
    items = [item for one in found.numbers.values() if slug in (None, one.slug) for item in one.items]
    items.sort(key=lambda one: (one.difficulty is None, one.difficulty or 0.0))
    return [_row(found, item, f"e{order[item.exercise]}") for item in items]


def _row(found: Findings, item: Item, tag: str) -> CheckRow:
    r = item.discrimination
    return CheckRow(
        item.exercise,
        found.shown(item.exercise),
        item.title,
        item.id,
        number(item.max_points),
        None if item.difficulty is None else round(100 * item.difficulty, 1),
        "" if item.difficulty is None else words.percent(item.difficulty),
        "" if r is None else f"{r:.2f}".replace("-", "−"),
        None if r is None else round(min(max(100 * (r + 0.2) / 1.2, 0.0), 100.0), 1),
        item.is_weak,
        item.mistakes[0] if item.mistakes else None,
        round(1000 * item.wall_s, 1),
        words.took(item.wall_s),
        f"{tag} low" if item.is_weak else tag,
    )
