"""A graded class as plain data: what report, results and exports read of a store.

Owns the words in which a class is told. Knows neither SQL nor HTML; every number that needs more than one student is
`statistics`'. Invariant: a result with a failure of ours is open, and an open one is never told as a 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from grader.classroom.handin import Student, Unplaced
from grader.course import Course, Exercise
from grader.diagnosis.evidence import Evidence
from grader.results import ExerciseResult, Outcome
from grader.score import outcome_of


@dataclass(frozen=True)
class Override:
    """Points that a person gave instead of those of a check or, with `check` empty, of the whole exercise."""

    student: str
    exercise: str
    check: str
    points: float
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Comment:
    """What a person wrote to a student about an exercise."""

    student: str
    exercise: str
    text: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Attempt:
    """One judgement of one submission; every one is kept."""

    number: int
    run: int
    at: datetime
    wall_s: float
    result: ExerciseResult
    why: str = ""  # why it was judged again: "timeout", "retry", "suite", "submission" …


@dataclass(frozen=True)
class Lateness:
    """How late a submission was, and what that costs. `late_s` is None where only the platform's mark is known."""

    late_s: float | None = None
    marked: bool = False
    days_used: float = 0.0  # of the late-day bank
    factor: float = 1.0
    unsettled: bool = False  # late, nobody knows how much: a person has to say


@dataclass(frozen=True)
class Standing:
    """One student in one exercise. `result` is None where nothing was handed in or nothing is judged yet.

    `score` is what was judged, with overrides; `counted` is that after the late policy. Both are None where nothing was
    handed in, or where the result is open: some check has ended in a failure of ours. `counted` is None too where
    nobody knows how late the work was.
    """

    student: Student
    exercise: str
    result: ExerciseResult | None = None
    score: float | None = None
    counted: float | None = None
    open: bool = False
    handed_in: bool = False
    origin: str = ""
    problem: str = ""
    submitted_at: datetime | None = None
    times: int = 0
    notes: tuple[str, ...] = ()
    lateness: Lateness = Lateness()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    overrides: tuple[Override, ...] = ()
    comments: tuple[Comment, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    attempts: int = 0
    trouble: str = ""  # what an instructor, and nobody else, is told of a failure of ours

    def outcome(self, check: str) -> Outcome | None:
        """Return how a check ended: of several devices the first that was judged and not passed, else passed."""
        entries = [one for one in self.result.checks if one.id == check] if self.result else []
        return outcome_of(entries) if entries else None


@dataclass(frozen=True)
class RunInfo:
    """One grading of the class."""

    id: int
    began_at: datetime
    ended_at: datetime | None
    seed: int
    tier: str
    command: str
    grader: str
    wall_s: float = 0.0
    jobs: int = 0
    workers: int = 0


@dataclass(frozen=True)
class ClassView:
    """A class, as it stands now. `max_scores` by exercise are those of today's suites."""

    course: Course
    exercises: tuple[Exercise, ...]
    students: tuple[Student, ...]
    standings: Mapping[tuple[str, str], Standing]  # by student id and slug
    max_scores: Mapping[str, float]
    run: RunInfo
    unplaced: tuple[Unplaced, ...] = ()
    layout: str = ""

    def of(self, student: str, exercise: str) -> Standing:
        """Return how a student stands in an exercise."""
        return self.standings[student, exercise]

    def everybody(self) -> list[Standing]:
        """Return all standings, exercise by exercise, each in the order of the students."""
        return [standing for exercise in self.exercises for standing in self.in_exercise(exercise.slug)]

    def in_exercise(self, exercise: str) -> list[Standing]:
        """Return all students' standings in an exercise, in the order of the students."""
        return [self.standings[student.id, exercise] for student in self.students]
