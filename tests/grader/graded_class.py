"""A small class on disk, a reader of one folder per student, and what is to be the same after every kind of run.

Run as a program (`COURSE HANDED_IN OUT`) it grades that class and says each thing that it does, for tests that kill it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from grader.classroom.benches import Task  # noqa: E402
from grader.classroom.handin import Handin, Intake, Student, Unplaced  # noqa: E402
from grader.classroom.run import Wanted, grade_class  # noqa: E402
from grader.classroom.schedule import Delivery  # noqa: E402
from grader.classroom.store import Store  # noqa: E402
from grader.course import Course, Exercise, load_course, load_exercise  # noqa: E402
from grader.errors import SubmissionRejected  # noqa: E402
from grader.sandbox.fence import strongest_tier  # noqa: E402
from grader.submission import read_submission  # noqa: E402

SECOND = "exercise2_more"
HIDDEN = """
    import torch
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a tensor.'''
        expect_close(submission.double(torch.ones(2)), 2 * torch.ones(2), label="twice")

    @points(3)
    def test_draw(submission, rng):
        '''Doubles what was drawn.'''
        x = torch.randn(3, 2, generator=rng, dtype=torch.float64)
        expect_close(submission.double(x), 2 * x, label="twice")
"""
SECOND_HIDDEN = """
    from grader.suite import *

    @points(2)
    def test_half(submission):
        '''Halves a number.'''
        expect_equal(submission.half(4), 2)
"""
WRONG = '''"""adds-one: adds 1 instead of doubling.

H0: What came back is 1 more than what went in.
H1: What is twice 3?
H2: Doubling is a product.
zh_CN: 加了 1。
H0_zh_CN: 结果比输入大 1。
H1_zh_CN: 3 的两倍是多少?
H2_zh_CN: 加倍是乘法。
Fails: test_draw
"""


def double(x):
    return x + 1
'''
LIMITS = "[limits]\ncheck_wall_s = 2\n"
GOOD = "def double(x):\n    return 2 * x\n"
ANSWERS = {
    "ann": (GOOD, "def half(x):\n    return x // 2\n"),
    "ben": ("def double(x):\n    return x + 1\n", "def half(x):\n    return x\n"),
    "cem": (GOOD, None),
    "dia": ("def double(x):\n    raise NotImplementedError\n", "import os\n\ndef half(x):\n    os._exit(0)\n"),
    "eve": ("def double(x:\n", "def half(x):\n    while True:\n        pass\n"),
    "fay": ("def double(x):\n    return [][x]\n", "def half(x):\n    return x / 2\n"),
    "gil": (None, None),
}
"""By student: what was handed in for the two exercises. The second of eve's never ends; dia's ends Python."""
_STUB = "def half(x):\n    raise NotImplementedError\n"


def make_class(root: Path, answers: Mapping[str, tuple[str | None, str | None]] = ANSWERS) -> tuple[Course, Path]:
    """Write a course of two exercises and what a class handed in; return the course and the folder of the latter."""
    from .tiny_course import SLUG, make_course

    files = {
        f"exercises/{SECOND}/exercise.toml": f'title = "More"\nfiles = ["more.py"]\npoints = 2\n{LIMITS}',
        f"exercises/{SECOND}/more.py": _STUB,
        f"solutions/{SECOND}/more.py": "def half(x):\n    return x / 2\n",
        f"tests/hidden/{SECOND}/test_more.py": SECOND_HIDDEN,
        f"solutions/{SLUG}/wrong/adds_one.py": WRONG,
    }
    course = make_course(root / "course", HIDDEN, points=4, files=files, more=LIMITS).course
    hand_in(root / "handed-in", answers)
    return course, root / "handed-in"


def hand_in(folder: Path, answers: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Write what these students handed in; None is nothing."""
    for student, texts in answers.items():
        (folder / student).mkdir(parents=True, exist_ok=True)
        for place, text in zip(("exercise1_tiny/work.py", "exercise2_more/more.py"), texts, strict=True):
            if text is not None:
                (folder / student / place).parent.mkdir(exist_ok=True)
                (folder / student / place).write_text(text)


def take_in(
    path: Path, course: Course, exercises: Sequence[Exercise], *, layout: str | None = None, roster: Path | None = None
) -> Intake:
    """Read a folder per student, a folder per exercise in it."""
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir())
    handins = [
        _handin(exercise, folder) for folder in folders for exercise in exercises if (folder / exercise.slug).exists()
    ]
    students = tuple(Student(folder.name, folder.name.title()) for folder in folders)
    unplaced = tuple(Unplaced(file.name, "it is no folder") for file in path.iterdir() if file.is_file())
    slugs = tuple(exercise.slug for exercise in exercises)
    return Intake(layout or "folders", students, tuple(handins), unplaced, exercises=slugs)


def _handin(exercise: Exercise, folder: Path) -> Handin:
    try:
        return Handin(folder.name, exercise.slug, read_submission(exercise, folder / exercise.slug), folder.name)
    except SubmissionRejected as rejected:
        return Handin(folder.name, exercise.slug, None, folder.name, problem=str(rejected))


class Notes:
    """A watch that keeps what it is told, as words."""

    def __init__(self, say: bool = False) -> None:
        self.said: list[tuple[str, ...]] = []
        self.deliveries: list[Delivery] = []
        self._say = say

    def judged(self) -> list[str]:
        """Return what was judged, by whom and for what, in the order in which it came."""
        return [" ".join(words[1:3]) for words in self.said if words[0] == "delivered"]

    def notice(self, text: str) -> None:
        self._note("notice", text)

    def taken(self, intake: Intake) -> None:
        self._note("taken", str(len(intake.handins)))

    def begins(self, totals: Mapping[str, int], known: Mapping[str, int], recipients: Mapping[str, list[str]]) -> None:
        self._recipients = recipients
        self._note("begins", str(sum(totals.values())), str(sum(known.values())))

    def running(self, tasks: Sequence[tuple[Task, float]]) -> None:
        pass

    def delivered(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        who = "+".join(self._recipients[delivery.task.key])
        self._note("delivered", who, delivery.task.slug, delivery.why or "first", str(delivery.last))

    def alone(self, count: int) -> None:
        self._note("alone", str(count))

    def renames(self, slug: str, count: int) -> None:
        self._note("renames", slug, str(count))

    def _note(self, *words: str) -> None:
        self.said.append(words)
        if self._say:
            print(*words, flush=True)


def wanted(course: Course, handed_in: Path, out: Path, **more: Any) -> Wanted:
    """Return what grades everything with two workers."""
    exercises = tuple(load_exercise(course, slug) for slug in course.slugs())
    asked = {"exercises": exercises, "seed": course.seed, "workers": 2, "command": "grader grade", **more}
    return Wanted(submissions=handed_in, out=out, tier=strongest_tier(), **asked)


def grade(course: Course, handed_in: Path, out: Path, *, executor: Any = None, judge: Any = None, **more: Any) -> Notes:
    """Grade a class in this process and return what was told."""
    notes = Notes()
    given = {name: value for name, value in (("new_executor", executor), ("judge", judge)) if value is not None}
    grade_class(course, wanted(course, handed_in, out, **more), notes, take_in, **given)
    return notes


def outcome_of(course: Course, out: Path) -> dict[tuple[str, str], object]:
    """Return what must be the same however a class was graded: scores, outcomes, messages, names, of everybody."""
    with Store.open(out) as store:
        view = store.view(course)
    return {
        key: (
            one.score,
            one.open,
            one.result
            and [
                (check.id, check.outcome, check.points, check.message, check.diagnosis) for check in one.result.checks
            ],
            sorted(one.evidence),
            dict(one.sources),
        )
        for key, one in view.standings.items()
    }


if __name__ == "__main__":
    root, given, folder = map(Path, sys.argv[1:])
    grade_class(load_course(root), wanted(load_course(root), given, folder), Notes(say=True), take_in)
    os._exit(0)
