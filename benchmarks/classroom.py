"""Grading a class: submissions per second, peak memory, and whether killed runs end as an uninterrupted one.

    python benchmarks/classroom.py [--students N] [--exercises N] [--workers N] [--kills N]

The class is made of references, equivalents, wrong answers and stubs of this repository's exercises, in shares that a
real one could have. Figures of different machines do not compare.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import click
import psutil

from grader.author.own_files import read_own
from grader.classroom.handin import Handin, Intake, Student
from grader.classroom.run import Wanted, cores, grade_class
from grader.classroom.store import Store
from grader.classroom.watch import ConsoleWatch
from grader.course import Course, Exercise, load_course, load_exercise
from grader.diagnosis.atlas import EQUIVALENT_FOLDER, WRONG_FOLDER
from grader.errors import GraderError
from grader.sandbox.fence import strongest_tier
from grader.submission import SourceFile, Submission, made_submission
from grader.terminal import console_for

ROOT = Path(__file__).resolve().parents[1]
_SHARES = {"reference": 0.25, EQUIVALENT_FOLDER: 0.2, WRONG_FOLDER: 0.45, "stub": 0.1}
_SAMPLE_S = 0.2
_MIB = 1 << 20


@click.command()
@click.option("--students", default=300, show_default=True, help="How many hand in.")
@click.option("--exercises", default=5, show_default=True, help="For how many exercises each does.")
@click.option("--workers", default=cores(), show_default=True, help="Submissions judged at once.")
@click.option("--kills", default=0, show_default=True, help="Also kill a second run at so many drawn points.")
@click.option("--into", type=click.Path(path_type=Path), hidden=True)
def main(students: int, exercises: int, workers: int, kills: int, into: Path | None) -> None:
    """Measure and print."""
    course = load_course(ROOT)
    chosen = tuple(load_exercise(course, slug) for slug in course.slugs()[:exercises])
    if into is not None:  # a run that is to be killed
        _grade(course, chosen, students, workers, into)
        os._exit(0)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "whole"
        with _Peak() as peak:
            took_s = _grade(course, chosen, students, workers, out)
        count = students * len(chosen)
        print(f"{count} submissions ({students} x {len(chosen)}), {workers} at once, fence {strongest_tier()}")
        print(f"  {'time':<40} {took_s:>10.1f} s\n  {'submissions per second':<40} {count / took_s:>10.2f}")
        print(f"  {'peak memory, all processes':<40} {peak.all_bytes / _MIB:>10.0f} MiB (shared pages counted once)")
        print(f"  {'peak memory, the command itself':<40} {peak.own_bytes / _MIB:>10.0f} MiB")
        if kills:
            again = Path(folder) / "killed"
            command = [sys.executable, __file__, "--students", str(students), "--exercises", str(exercises)]
            done = _killed(kills, [*command, "--workers", str(workers), "--into", str(again)], again, count)
            same = _outcomes(course, out) == _outcomes(course, again)
            print(f"  killed {done} times and gone on with: {'the same in everything' if same else 'DIFFERENT'}")
            sys.exit(0 if same else 1)


def _grade(course: Course, chosen: Sequence[Exercise], students: int, workers: int, out: Path) -> float:
    wanted = Wanted(ROOT / "solutions", out, tuple(chosen), strongest_tier(), course.seed, workers, "benchmark")
    watch = ConsoleWatch(console_for(sys.stderr), "")
    started = time.perf_counter()
    with watch:
        grade_class(course, wanted, watch, lambda *_, **__: made_intake(chosen, students))
    return time.perf_counter() - started


def made_intake(exercises: Sequence[Exercise], students: int) -> Intake:
    """Return what a class of this size hands in; no two files are equal, so that each one is judged."""
    draw = random.Random(1)
    kinds = [kind for kind, share in _SHARES.items() for _ in range(round(100 * share))]
    people = tuple(Student(f"student-{number:03d}") for number in range(1, students + 1))
    handins = []
    for exercise in exercises:
        answers = {kind: _answers(exercise, kind) for kind in _SHARES}
        for person in people:
            kind = draw.choice([kind for kind in kinds if answers[kind]])
            submission = _signed(draw.choice(answers[kind]), person.id)
            handins.append(Handin(person.id, exercise.slug, submission, f"{person.id}/{exercise.slug}"))
    return Intake("made", people, tuple(handins), exercises=tuple(exercise.slug for exercise in exercises))


def _answers(exercise: Exercise, kind: str) -> list[Submission]:
    if kind in (EQUIVALENT_FOLDER, WRONG_FOLDER):
        paths = sorted((exercise.solution_folder / kind).glob("*.py"))
    else:
        paths = [exercise.solution_folder if kind == "reference" else exercise.stub_folder]
    return [read_own(exercise, path) for path in paths]


def _signed(submission: Submission, id: str) -> Submission:
    first, *others = submission.sources
    sources = [SourceFile(first.name, f"{first.text}\n# {id}\n"), *others]
    return made_submission({source.name: source.text for source in sources})


def _killed(kills: int, command: list[str], out: Path, count: int) -> int:
    """Run again and again, killed once it has kept so many results as were drawn, and to the end at last."""
    draw, done = random.Random(2), 0
    for kept in sorted(draw.randrange(count) for _ in range(kills)):
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and _kept(out) < kept:
                time.sleep(draw.uniform(0.0, _SAMPLE_S))  # so that it hits any moment of keeping one
            done += process.poll() is None
            process.send_signal(signal.SIGKILL)
    subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
    return done


def _kept(out: Path) -> int:
    try:
        with Store.open(out) as store:
            return len(store.judgements())
    except GraderError:  # there is none yet, or it is just being made
        return 0


def _outcomes(course: Course, out: Path) -> dict[tuple[str, str], object]:
    with Store.open(out) as store:
        view = store.view(course)
    return {
        key: (
            one.score,
            [
                (check.id, check.device, check.outcome, check.points, check.message, check.diagnosis)
                for check in (one.result.checks if one.result else [])
            ],
        )
        for key, one in view.standings.items()
    }


class _Peak:
    """Looks at the memory of this process and all below it now and then, and keeps the largest."""

    def __init__(self) -> None:
        self.all_bytes = self.own_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        own = psutil.Process()
        while not self._over.wait(_SAMPLE_S):
            self.own_bytes = max(self.own_bytes, own.memory_info().rss)
            self.all_bytes = max(self.all_bytes, sum(_share(one) for one in [own, *own.children(recursive=True)]))

    def __enter__(self) -> _Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _share(process: psutil.Process) -> int:
    """Return a process's proportional share of memory: what several processes share counts once in their sum."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    main()
