"""What came back of a job: while it is judged, and when it is over. Plain data; knows nothing of how it was judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.diagnosis.evidence import Evidence
from grader.events import Score
from grader.results import CheckResult, ExerciseResult, Flag


@dataclass
class Judged:
    """What came back of a job: the places of the plan that it was about, and what was found out there."""

    chosen: tuple[int, ...] = ()
    results: dict[tuple[str, str], CheckResult] = field(default_factory=dict)
    evidence: dict[tuple[str, str], Evidence] = field(default_factory=dict)
    scores: dict[tuple[str, str], tuple[Score, ...]] = field(default_factory=dict)
    flags: list[Flag] = field(default_factory=list)
    stdout: str = ""


@dataclass(frozen=True)
class Judgement:
    """A result, and by check id what diagnosis needs of those that failed; that part is never shown."""

    result: ExerciseResult
    evidence: dict[str, Evidence]
