"""A warm grader for the target, a class folder around each submission, and canaries wherever something is secret.

Owns how a submission of the corpus is handed in and judged: as production does it, from the files on disk to the page
that the student gets. Must not know what is expected of it.
"""

from __future__ import annotations

import contextlib
import os
import runpy
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from msgspec.structs import replace

from grader.course import load_course, load_exercise
from grader.errors import SubmissionRejected
from grader.grade import Grader
from grader.report.render import student_report
from grader.results import ExerciseResult
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.submission import read_submission

from .canaries import plant, planted
from .census import Census
from .entries import ANSWERS, COURSE, Entry

_ENVIRONMENT = "HOSTILE_CANARY_TOKEN"


@dataclass(frozen=True)
class Judged:
    """What came of one submission: its result, the page made of it, and how long judging took."""

    result: ExerciseResult
    page: str
    wall_s: float

    @property
    def left_the_guest(self) -> bytes:
        """Everything that somebody may read of it."""
        return self.result.to_json() + self.page.encode()

    @property
    def printed(self) -> str:
        """What is shown of what it printed: at import, and in public checks."""
        return "\n".join([self.result.stdout, *(check.stdout for check in self.result.checks)])

    @property
    def shown(self) -> str:
        """What is shown of what it printed, and what is said to it."""
        return "\n".join([self.printed, *(check.message for check in self.result.checks)])

    @property
    def without_times(self) -> ExerciseResult:
        """The result as it would be on a machine of another speed."""
        return replace(self.result, checks=[replace(check, wall_s=0.0) for check in self.result.checks])


class Bench:
    """Judges submissions of the corpus one after the other, on one warm grader.

    With a `zygote` guests are forked from that one, which somebody else closes; `rules` are put into exercise.toml.
    """

    def __init__(self, tier: Tier, zygote: Zygote | None = None, rules: str = "") -> None:
        self.tier, self._zygote, self._rules = tier, zygote, rules
        self.canaries = plant()
        self._resources = contextlib.ExitStack()

    def start(self) -> None:
        """Start the grader and judge an honest submission."""
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything and remove the class."""
        self._resources.close()

    def _start(self) -> None:
        self._root = Path(self._resources.enter_context(tempfile.TemporaryDirectory(prefix="hostile-")))
        copy_course(self._root / "course", self.canaries)
        with (self._root / "course" / "exercises" / "exercise1_target" / "exercise.toml").open("a") as settings:
            settings.write(self._rules)
        neighbour = self._root / "class" / "neighbour"
        neighbour.mkdir(parents=True)
        (neighbour / "work.py").write_text(f"# {self.canaries['neighbour']}\n")
        os.environ[_ENVIRONMENT] = self.canaries["environment"]
        self._resources.callback(os.environ.pop, _ENVIRONMENT, None)
        self.exercise = load_exercise(load_course(self._root / "course"), "1")
        self.grader = self._resources.enter_context(Grader(self.exercise, self.tier, self._zygote))
        zygote = psutil.Process(self.grader.zygote.pid)
        # Nothing has been judged yet, so no judge has the worker's name; the youngest is ours.
        *_, worker = [child.pid for child in zygote.children(recursive=True) if child.name() == "grader worker"]
        self.honest = self.judge(self.exercise.solution_folder)
        self.census = Census({"zygote": zygote.pid, "worker": worker})

    def hand_in(self, entry: Entry, before: str = "") -> Path:
        """Put a submission beside its neighbour's; return its folder.

        What an attacker could know is written where its files say @course@ (the folder of the course), @class@ (that of
        the hand-ins) or @host@ (the number of this process). `before` is put before what work.py says.
        """
        folder = self._root / "class" / "mallory"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(entry.files, folder, symlinks=True)
        if entry.expect.answers:
            before += (ANSWERS / f"{entry.expect.answers}.py").read_text("utf-8") + "\n\n"
        if before:
            (folder / "work.py").write_text(before + (folder / "work.py").read_text("utf-8"), "utf-8")
        known = {"@course@": self.exercise.course.root, "@class@": folder.parent, "@host@": os.getpid()}
        for path in folder.rglob("*.py"):
            with contextlib.suppress(UnicodeDecodeError):  # it is not text, so nothing stands there
                text = path.read_text("utf-8")
                for mark, value in known.items():
                    text = text.replace(mark, str(value))
                path.write_bytes(text.encode())
        _build(entry, folder)
        return folder

    def judge(self, path: Path) -> Judged:
        """Read, judge and report on what was handed in, as the command line does."""
        began = time.monotonic()
        sources: dict[str, str] = {}
        try:
            submission = read_submission(self.exercise, path)
        except SubmissionRejected as rejected:
            result = self.grader.reject(rejected)
        else:
            sources = {source.name: source.text for source in submission.sources}
            result = self.grader.grade(submission)
        wall_s = time.monotonic() - began
        return Judged(result, student_report(result, self.exercise, sources), wall_s)


def copy_course(target: Path, canaries: dict[str, str]) -> None:
    """Copy the target's course and put the canaries in."""
    for path in COURSE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copied = target / path.relative_to(COURSE)
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_text(planted(path.read_text("utf-8"), canaries), "utf-8")


def _build(entry: Entry, folder: Path) -> None:
    """Let an entry's own, trusted program add what a repository cannot hold."""
    program = entry.folder / "build.py"
    if program.is_file():
        runpy.run_path(str(program))["build"](folder)
