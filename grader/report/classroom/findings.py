"""Everything that is computed of a class, once, for all pages to read.

Owns nothing but the putting together; numbers are `statistics`', `mistakes`' and `attention`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from grader.classroom.attention import Help, Matter, OneShort, needs_help, needs_person, one_short
from grader.classroom.mistakes import Cluster, Mistake, known_mistakes, unknown_clusters
from grader.classroom.statistics import ExerciseNumbers, Total, class_alpha, exercise_numbers, totals
from grader.classroom.view import ClassView
from grader.course import Exercise
from grader.report.classroom import words
from grader.report.classroom.links import Links
from grader.results import Outcome


class CheckThen(Protocol):
    """How a check ended in one of two runs."""

    @property
    def outcome(self) -> Outcome:
        """How."""


class ChangedCheck(Protocol):
    """A check that ended differently in two runs."""

    @property
    def check(self) -> str:
        """Its id."""

    @property
    def before(self) -> CheckThen | None:
        """How it ended; None where it was not there."""

    @property
    def after(self) -> CheckThen | None:
        """How it ends now."""


class Moved(Protocol):
    """One student in one exercise in two runs, as `grader.classroom.diff` tells it."""

    @property
    def student(self) -> str:
        """Their id."""

    @property
    def exercise(self) -> str:
        """The slug."""

    @property
    def before(self) -> float | None:
        """The score then; None where it was open or nothing was judged."""

    @property
    def after(self) -> float | None:
        """The score now."""

    @property
    def why(self) -> Sequence[str]:
        """The reasons, by their names."""

    @property
    def checks(self) -> Sequence[ChangedCheck]:
        """What ended differently."""


class Compared(Protocol):
    """Two runs of a class, as `grader.classroom.diff` compares them."""

    @property
    def moves(self) -> Sequence[Moved]:
        """Whoever moved."""

    @property
    def unchanged(self) -> int:
        """How many did not."""


@dataclass(frozen=True)
class Findings:
    """A class with its numbers. `moves` are what moved since the run before; None where nobody asked."""

    view: ClassView
    links: Links
    anonymous: bool
    numbers: dict[str, ExerciseNumbers]
    mistakes: list[Mistake]
    clusters: list[Cluster]
    matters: list[Matter]
    helps: list[Help]
    shorts: list[OneShort]
    totals: dict[str, Total]
    alpha: float | None
    moves: Sequence[Moved] | None
    unmoved: int

    @cached_property
    def whole(self) -> float:
        """The points of all exercises together."""
        return sum(self.view.max_scores.get(one.slug, 0.0) for one in self.view.exercises)

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises by slug."""
        return {one.slug: one for one in self.view.exercises}

    @cached_property
    def mistakes_of(self) -> dict[str, list[str]]:
        """The named mistakes of each student, the most frequent in the class first."""
        found: dict[str, dict[str, None]] = {}  # a name that several exercises know is said once
        for mistake in self.mistakes:
            for student in mistake.students:
                found.setdefault(student, {})[mistake.misconception] = None
        return {student: list(names) for student, names in found.items()}

    def shown(self, slug: str) -> str:
        """Return the number that stands for an exercise."""
        return self.links.numbers[slug]

    def label(self, slug: str) -> str:
        """Return number and title of an exercise."""
        return words.label(self.exercises[slug], self.shown(slug))


def findings_of(view: ClassView, links: Links, *, anonymous: bool, diff: Compared | None = None) -> Findings:
    """Compute everything."""
    return Findings(
        view,
        links,
        anonymous,
        {one.slug: exercise_numbers(view, one.slug) for one in view.exercises},
        known_mistakes(view),
        unknown_clusters(view),
        needs_person(view),
        needs_help(view),
        one_short(view),
        {one.student: one for one in totals(view)},
        class_alpha(view),
        None if diff is None else diff.moves,
        0 if diff is None else diff.unchanged,
    )
