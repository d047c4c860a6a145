"""What judging the reference of each exercise takes on one core: in a warm worker, and as a whole command.

    python benchmarks/reference.py [EXERCISE …] [--rounds N]

Exercise by exercise, one after the other in one run; figures of different machines do not compare. A reference that
does not get full marks on every device that is here is named; its time would mean nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from grader.course import Exercise, find_course, load_exercise
from grader.grade import Grader
from grader.results import ExerciseResult, Outcome
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[1]
SLOWEST = 3


@click.command()
@click.argument("exercises", nargs=-1)
@click.option("--rounds", default=5, show_default=True, help="Judgements in the warm worker.")
def main(exercises: tuple[str, ...], rounds: int) -> None:
    """Measure and print a table."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    course = find_course(ROOT)
    for name in exercises or course.slugs():
        exercise = load_exercise(course, name)
        print(f"{exercise.slug}, one core")
        warm(exercise, rounds)
        whole(exercise)


def warm(exercise: Exercise, rounds: int) -> None:
    """Judge the reference so many times after one that is not counted; print what the median took, and where."""
    submission = read_submission(exercise, exercise.solution_folder)
    with Grader(exercise) as grader:
        grader.grade(submission)
        walls, result = [], None
        for _ in range(rounds):
            began = time.perf_counter()
            result = grader.grade(submission)
            walls.append(time.perf_counter() - began)
    assert result is not None
    row("warm worker, median", statistics.median(walls), said(result))
    judged = [check for check in result.checks if check.outcome is not Outcome.PENDING]
    for device in dict.fromkeys(check.device for check in judged):
        on_it = [check for check in judged if check.device == device]
        row(f"  of it on {device}", sum(check.wall_s for check in on_it), f"{len(on_it)} checks")
    for check in sorted(judged, key=lambda check: -check.wall_s)[:SLOWEST]:
        row(f"  {check.id} on {check.device}"[:60], check.wall_s, "")


def whole(exercise: Exercise) -> None:
    """Run `grader check` on the reference as a user does, on all devices, start of everything included."""
    command = [sys.executable, "-m", "grader", "check", exercise.slug, "--device", "all", "--json", "-"]
    began = time.perf_counter()
    done = subprocess.run([*command, "--submission", str(exercise.solution_folder)], cwd=ROOT, capture_output=True)
    wall_s = time.perf_counter() - began
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    found: dict[str, Any] = json.loads(done.stdout)
    pending = sum(check["outcome"] == "pending" for check in found["checks"])
    row(
        "grader check --device all, whole command",
        wall_s,
        f"{found['score']:g}/{found['max_score']:g}, {pending} pending",
    )


def said(result: ExerciseResult) -> str:
    """Return the score, and what should not be there."""
    open_checks = [check.id for check in result.checks if check.outcome not in (Outcome.PASSED, Outcome.PENDING)]
    return f"{result.score:g}/{result.max_score:g}" + (f", NOT PASSED: {open_checks}" if open_checks else "")


def row(name: str, value: float, note: str) -> None:
    """Print one figure in seconds."""
    print(f"  {name:<60} {value:>7.2f} s  {note}", flush=True)


if __name__ == "__main__":
    main()
