"""What a student waits for where nothing can be forked: by new processes, beside forks, in one run on this machine.

    python benchmarks/spawn.py [--repeat N] [--pause S] [--exercise E]

Forced on Linux; what macOS and Windows take was never measured. Between two checks nothing happens for `--pause`
seconds, as while somebody edits, so that the spare has imported torch by the next one; `at once` leaves no pause.
Times are those of the command's process, medians, from giving the files to having the result, student's time included.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

import click
import psutil

from grader.course import Exercise, load_course, load_exercise
from grader.grade import Grader
from grader.sandbox.fence import Tier
from grader.sandbox.spawned import Spawner
from grader.submission import Submission, read_submission
from grader.workers import Launcher

MIB = 1 << 20


@click.command()
@click.option("--repeat", default=5, show_default=True, help="Checks of each kind.")
@click.option("--pause", default=10.0, show_default=True, help="Seconds between two checks.")
@click.option("--exercise", default="1", show_default=True, help="Whose reference is checked.")
def main(repeat: int, pause: float, exercise: str) -> None:
    """Measure and print one table."""
    found = load_exercise(load_course(Path(__file__).parents[1]), exercise)
    submission = read_submission(found, found.solution_folder)
    load = os.getloadavg()[0]
    print(f"{found.slug}, tier none, {os.cpu_count()} cores, load {load:.1f}, medians of {repeat}, pause {pause:g} s")
    for name, launcher in (("forks", None), ("new processes", Spawner())):
        measure(name, launcher, found, submission, repeat, pause)


def measure(
    name: str, launcher: Launcher | None, exercise: Exercise, submission: Submission, repeat: int, pause: float
) -> None:
    began = time.monotonic()
    with Grader(exercise, Tier.NONE, launcher) as grader:
        row(name, "start, until the suite is collected", [time.monotonic() - began])
        row(name, "the first check", [timed(grader, submission)])
        paused = []
        for _ in range(repeat):
            time.sleep(pause)
            paused.append(timed(grader, submission))
        row(name, "a check again, after a pause", paused)
        row(name, "a check again, at once", [timed(grader, submission) for _ in range(repeat)])
        time.sleep(pause)
        processes = psutil.Process().children(recursive=True)
        private = sum(process.memory_full_info().uss for process in processes) // MIB
        print(f"{name:14} {'memory of its own, waiting':38} {private:7} MiB in {len(processes)} processes")


def timed(grader: Grader, submission: Submission) -> float:
    began = time.monotonic()
    result = grader.grade(submission)
    taken = time.monotonic() - began
    if result.score != result.max_score:
        sys.exit(f"the reference got {result.score} of {result.max_score}")
    return taken


def row(name: str, what: str, times: list[float]) -> None:
    median = statistics.median(times)
    print(f"{name:14} {what:38} {median:7.2f} s   ({min(times):.2f} to {max(times):.2f})")


if __name__ == "__main__":
    main()
