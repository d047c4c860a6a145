"""What grading one submission costs beyond the student's own compute, beside a fresh pytest process, in one run.

    python benchmarks/overhead.py [--repeat N] [--cores N]

The same trivial checks (call a function, compare three numbers) are judged by us at each tier and by a plain
`python -m pytest` that imports the submission into its own process, as most graders do. Figures of different machines
do not compare; the ratios of one run do.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from grader.course import Exercise, load_course, load_exercise
from grader.errors import FenceError
from grader.grade import Grader
from grader.sandbox.fence import Tier, require_tier
from grader.submission import read_submission

FEW, MANY = 12, 112
SUBMISSION = "def double(x):\n    return 2 * x\n"
HEAD = "import pytest\nimport torch\n"
OURS = '''from grader.suite import expect_close, points

@points({count})
@pytest.mark.parametrize("factor", range({count}))
def test_double(submission, factor):
    """Doubles a tensor."""
    x = torch.arange(3.0, dtype=torch.float64) + factor
    expect_close(submission.double(x), 2 * x)
'''
PLAIN = """from work import double

@pytest.mark.parametrize("factor", range({count}))
def test_double(factor):
    x = torch.arange(3.0, dtype=torch.float64) + factor
    torch.testing.assert_close(double(x), 2 * x)
"""


@click.command()
@click.option("--repeat", default=30, show_default=True, help="Submissions graded; a fifth of it for pytest.")
@click.option("--cores", default=1, show_default=True, help="Cores to use.")
def main(repeat: int, cores: int) -> None:
    """Measure and print one table."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    print(f"cores {cores}, medians of {repeat}; {FEW} trivial checks")
    with tempfile.TemporaryDirectory() as folder:
        courses = {count: make_course(Path(folder, f"course{count}"), count) for count in (FEW, MANY)}
        fresh_ms = median_ms(lambda: run_pytest(courses[FEW]), max(repeat // 5, 3))
        row("a fresh python -m pytest", fresh_ms, "ms")
        for tier in filter(is_usable, Tier):
            measure(tier, courses, repeat, fresh_ms)


def make_course(root: Path, count: int) -> Exercise:
    """Write a course of one exercise with this many checks, and the same checks for plain pytest."""
    files = {
        "course.toml": 'name = "Overhead"\n',
        "exercises/exercise1_double/exercise.toml": f'title = "Double"\nfiles = ["work.py"]\npoints = {count}\n',
        "exercises/exercise1_double/work.py": SUBMISSION,
        "solutions/exercise1_double/work.py": SUBMISSION,
        "tests/hidden/exercise1_double/test_hidden.py": HEAD + OURS.format(count=count),
        "plain/work.py": SUBMISSION,
        "plain/test_plain.py": HEAD + PLAIN.format(count=count),
    }
    for path, text in files.items():
        root.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        root.joinpath(path).write_text(text)
    return load_exercise(load_course(root), "1")


def run_pytest(exercise: Exercise) -> None:
    """Judge once with a pytest process of its own."""
    folder = exercise.course.root / "plain"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if f"{FEW} passed" not in done.stdout:
        raise SystemExit(done.stdout + done.stderr)


def measure(tier: Tier, courses: dict[int, Exercise], repeat: int, fresh_ms: float) -> None:
    """Print start, cost per submission, cost per further check, and the ratio to a fresh pytest."""
    cost_ms: dict[int, float] = {}
    for count, exercise in courses.items():
        submission = read_submission(exercise)
        started = time.perf_counter()
        with Grader(exercise, tier) as grader:
            if count == FEW:
                row(f"{tier}: cold start until the suite is collected", (time.perf_counter() - started) * 1e3, "ms")
            result = grader.grade(submission)
            if result.score != count:
                raise SystemExit(result.to_json().decode())
            cost_ms[count] = median_ms(lambda bench=grader, handed_in=submission: bench.grade(handed_in), repeat)
    row(f"{tier}: one submission", cost_ms[FEW], "ms", f"{fresh_ms / cost_ms[FEW]:.0f} times less than pytest")
    row(f"{tier}: each further check", (cost_ms[MANY] - cost_ms[FEW]) / (MANY - FEW), "ms")


def is_usable(tier: Tier) -> bool:
    """Say why a tier cannot be measured here, if it cannot."""
    try:
        require_tier(tier)
    except FenceError as error:
        print(f"  tier {tier} not measured: {error}")
        return False
    return True


def median_ms(run: Callable[[], object], times: int) -> float:
    """Return the median duration of a call."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1e3)
    return statistics.median(taken)


def row(name: str, value: float, unit: str, note: str = "") -> None:
    """Print one figure."""
    print(f"  {name:<52} {value:>9.2f} {unit:<3} {note}", flush=True)


if __name__ == "__main__":
    main()
