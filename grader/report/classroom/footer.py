"""Where the time went, under which circumstances a class was judged, and what has changed since the run before.

Owns which facts are named. Knows no markup.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from grader import messages
from grader.classroom.statistics import judged, marks
from grader.classroom.view import Standing
from grader.report.classroom import words
from grader.report.classroom.findings import ChangedCheck, Findings, Moved
from grader.results import ExerciseResult, Outcome

_LIMITS = (Outcome.TIMEOUT, Outcome.MEMORY, Outcome.OUTPUT)
SLOWEST = 5
OVER_SHOWN = 20
CHECKS_SHOWN = 3
_HASH_CHARS = 8


@dataclass(frozen=True)
class TimeRow:
    """A submission that ran over a limit, or was slow."""

    student: str
    slug: str
    number: str
    what: str
    time: str


@dataclass(frozen=True)
class Change:
    """One score that moved."""

    student: str
    slug: str
    number: str
    before: str
    after: str
    why: str
    checks: list[str]
    more: int
    is_up: bool


def over_limits(found: Findings) -> list[TimeRow]:
    """Return what was stopped: which outcomes, and how long its checks ran; the longest first."""
    rows = []
    for standing in found.view.standings.values():
        ends = Counter(one.outcome for one in marks(standing).values() if one.outcome in _LIMITS)
        if ends:
            what = ", ".join(messages.REPORT_KEY_ENTRY.format(count=count, outcome=one) for one, count in ends.items())
            rows.append((_wall(standing), _time_row(found, standing, what)))
    return [row for _, row in sorted(rows, key=lambda one: (-one[0], one[1].student))]


def slowest(found: Findings) -> list[TimeRow]:
    """Return the submissions whose checks took longest."""
    standings = [one for exercise in found.view.exercises for one in judged(found.view, exercise.slug)]
    first = sorted(standings, key=lambda one: (-_wall(one), one.student.id))[:SLOWEST]
    return [_time_row(found, one, "") for one in first]


def _time_row(found: Findings, standing: Standing, what: str) -> TimeRow:
    shown = found.shown(standing.exercise)
    return TimeRow(standing.student.id, standing.exercise, shown, what, words.took(_wall(standing)))


def _wall(standing: Standing) -> float:
    return sum(one.wall_s for one in standing.result.checks) if standing.result else 0.0


def facts(found: Findings) -> list[tuple[str, list[str]]]:
    """Return (name, lines) of everything that decided the results beside the submissions."""
    run, results = found.view.run, [one.result for one in found.view.standings.values() if one.result]
    done = messages.CLASS_FACT_RUN_TEXT.format(results=words.results(len(results)), wall=_whole_time(found))
    workers = [messages.CLASS_FACT_WORKERS.format(workers=run.workers)] if run.workers else []
    found_facts = [
        (messages.CLASS_FACT_RUN, [done, *workers]),
        (messages.CLASS_FACT_BEGAN, [words.moment(run.began_at)]),
        (messages.CLASS_FACT_SEED, _distinct([str(run.seed), *(str(one.seed) for one in results)])),
        (
            messages.CLASS_FACT_DEVICES,
            [", ".join(_distinct(name for one in results for name in one.environment.devices))],
        ),
        (messages.CLASS_FACT_FENCE, [_fence(one) for one in _distinct(one.environment.fence for one in results)]),
        (messages.CLASS_FACT_VERSIONS, _distinct(_versions(one) for one in results)),
        (messages.CLASS_FACT_SUITES, _suites(found)),
        (messages.CLASS_FACT_LAYOUT, [found.view.layout]),
        (messages.CLASS_FACT_COMMAND, [run.command]),
    ]
    named = [(name, [line for line in lines if line]) for name, lines in found_facts]
    return [(name, lines) for name, lines in named if lines]


def _whole_time(found: Findings) -> str:
    run = found.view.run
    took_s = run.wall_s or ((run.ended_at - run.began_at).total_seconds() if run.ended_at else 0.0)
    return words.took(took_s)


def _versions(result: ExerciseResult) -> str:
    where = result.environment
    return messages.CLASS_FACT_VERSION.format(torch=where.torch, python=where.python, grader=where.grader)


def _fence(tier: str) -> str:
    return messages.CLASS_FACT_UNFENCED if tier == "none" else tier


def _suites(found: Findings) -> list[str]:
    lines = []
    for exercise in found.view.exercises:
        standings = found.view.in_exercise(exercise.slug)
        hashes = _distinct(one.result.suite_sha256[:_HASH_CHARS] for one in standings if one.result)
        shown = found.shown(exercise.slug)
        lines += [messages.CLASS_FACT_SUITE.format(number=shown, hash=one) for one in hashes]
    return lines


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def first_replay(found: Findings) -> str:
    """Return, as an example, the command for the first check in the class that did not pass."""
    for one in found.view.standings.values():
        for check in one.result.checks if one.result else ():
            if check.outcome not in (Outcome.PASSED, Outcome.PENDING, Outcome.BLOCKED):
                return replay(found, one, check.id)
    return ""


def replay(found: Findings, standing: Standing, check: str) -> str:
    """Return the command that judges one check of a stored submission again."""
    student, exercise = shlex.quote(standing.student.id), found.shown(standing.exercise)
    return messages.CLASS_REPLAY_COMMAND.format(student=student, exercise=exercise, check=shlex.quote(check))


def changes(found: Findings) -> list[Change]:
    """Return whose score moved, the largest move first; of students and exercises that are still there."""
    moves = [one for one in found.moves or () if (one.student, one.exercise) in found.view.standings]
    moves.sort(key=lambda one: -abs((one.after or 0.0) - (one.before or 0.0)))
    return [_change(found, one) for one in moves]


def _change(found: Findings, move: Moved) -> Change:
    reasons = {
        "new": messages.CLASS_WHY_NEW,
        "submission": messages.CLASS_WHY_SUBMISSION,
        "suite": messages.CLASS_WHY_SUITE,
        "points": messages.CLASS_WHY_POINTS,
        "seed": messages.CLASS_WHY_SEED,
        "retry": messages.CLASS_WHY_RETRY,
        "timeout": messages.CLASS_WHY_TIMEOUT,
        "override": messages.CLASS_WHY_OVERRIDE,
        "environment": messages.CLASS_WHY_ENVIRONMENT,
    }
    return Change(
        move.student,
        move.exercise,
        found.shown(move.exercise),
        words.score_of(move.before),
        words.score_of(move.after),
        ", ".join(reasons.get(str(why), str(why)) for why in move.why),
        [_changed(one) for one in move.checks[:CHECKS_SHOWN]],
        max(0, len(move.checks) - CHECKS_SHOWN),
        (move.after or 0.0) > (move.before or 0.0),
    )


def _changed(change: ChangedCheck) -> str:
    before, after = (
        one.outcome.replace("_", " ") if one else messages.CLASS_CHANGED_ABSENT for one in (change.before, change.after)
    )
    return messages.CLASS_CHANGED_CHECK.format(check=change.check, before=before, after=after)
