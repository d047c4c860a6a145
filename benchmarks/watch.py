"""How long a student waits after saving, with `grader check --watch` open: from the save to the verdict on the screen.

    python benchmarks/watch.py [--saves N] [EXERCISE ...]

A copy of the course is watched on a pseudo-terminal of 80 columns; stub and reference are saved in turn, and a save
ends when the whole screen with its verdict has arrived. `own` is what the student's code took of that, as the sum of
what the checks took (which includes our comparisons); what is beyond it is the grader's: watching, starting a guest,
naming the mistake, drawing. That part is to stay under 300 ms. Figures of a busy machine say little.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from grader.course import Course, Exercise, load_course, load_exercise
from grader.state import remembered

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("course.toml", "exercises", "solutions", "tests/hidden")
LEGEND = "q quit"
BUDGET_MS = 300


@click.command()
@click.option("--saves", default=10, show_default=True, help="Saves of each of both files; one more of each warms up.")
@click.argument("names", metavar="[EXERCISE]...", nargs=-1)
def main(saves: int, names: tuple[str, ...]) -> None:
    """Measure and print one line per exercise and file."""
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(f"cores {cores}, load {load:.1f} before; {saves} saves each; milliseconds")
    print(f"  {'':<34} {'median':>8} {'worst':>8} {'own':>8} {'beyond':>8} {'worst':>8}")
    with tempfile.TemporaryDirectory() as folder:
        course = copied(Path(folder))
        for slug in course.slugs():
            exercise = load_exercise(course, slug)
            if not names or {slug, exercise.number, course.short_name(slug)} & set(names):
                measure(exercise, saves)


def copied(folder: Path) -> Course:
    """Return a copy of the course, in which files can be saved."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    return load_course(folder)


def measure(exercise: Exercise, saves: int) -> None:
    """Save stub and reference in turn and print what that took."""
    texts = {
        "stub": texts_of(exercise, exercise.stub_folder),
        "reference": texts_of(exercise, exercise.solution_folder),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in texts}
    with watching(exercise) as terminal:
        read_verdict(terminal, "")
        for turn in range(saves + 1):
            for name in ("reference", "stub"):
                wall_ms = save(exercise, texts[name], terminal)
                if turn:  # the first of each fills caches, of known mistakes for example
                    taken[name].append((wall_ms, own_ms(exercise)))
    for name, pairs in taken.items():
        walls, beyond = [wall for wall, _ in pairs], [wall - own for wall, own in pairs]
        row = (statistics.median(walls), max(walls), statistics.median(own for _, own in pairs))
        figures = " ".join(f"{value:8.0f}" for value in (*row, statistics.median(beyond), max(beyond)))
        note = "" if statistics.median(beyond) < BUDGET_MS else f"  over {BUDGET_MS}"
        print(f"  {exercise.slug[:22]:<23} {name:<10} {figures}{note}", flush=True)


def texts_of(exercise: Exercise, folder: Path) -> dict[str, str]:
    """Return the files of an answer."""
    return {name: (folder / name).read_text() for name in exercise.files}


def save(exercise: Exercise, texts: dict[str, str], terminal: int) -> float:
    """Save files as an editor does, beside and renamed; return the milliseconds until the verdict was read."""
    before = submission_of(exercise)
    for name, text in texts.items():
        beside = exercise.stub_folder / f".{name}.tmp"
        beside.write_text(text)
    started = time.perf_counter()
    for name in texts:
        (exercise.stub_folder / f".{name}.tmp").replace(exercise.stub_folder / name)
    while True:
        read_verdict(terminal, "Score")
        arrived = time.perf_counter()
        if submission_of(exercise) != before:  # else a screen of half the files, or of a name that came later
            return (arrived - started) * 1e3


def submission_of(exercise: Exercise) -> str:
    """Return which files the last verdict is about; it is kept before it is drawn."""
    return remembered(exercise.course.root).exercises[exercise.slug].submission


def own_ms(exercise: Exercise) -> float:
    """Return what the checks of the last verdict took."""
    return 1e3 * sum(check.wall_s for check in remembered(exercise.course.root).exercises[exercise.slug].checks)


@contextmanager
def watching(exercise: Exercise) -> Iterator[int]:
    """Watch an exercise on a terminal; gives our end of it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 80, 0, 0))
    command = [sys.executable, "-m", "grader", "check", exercise.slug, "--watch"]
    told = os.environ | {"TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        command, cwd=exercise.course.root, env=told, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield ours
        os.write(ours, b"q")
        while select.select([ours], [], [], 0.1)[0] or process.poll() is None:
            if not drained(ours):
                break
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def drained(terminal: int) -> bytes:
    """Return what has come; nothing when the other end is closed."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def read_verdict(terminal: int, wanted: str) -> None:
    """Wait until a whole screen has come, with this word in it."""
    seen = ""
    while not (LEGEND in seen and re.search(rf"{wanted or 'Score'} \d", seen)):
        chunk = drained(terminal)
        if not chunk:
            raise SystemExit(f"the command ended: {seen}")
        seen = (seen + chunk.decode(errors="replace")).rpartition("\x1b[2J")[2]


if __name__ == "__main__":
    main()
