"""We: `grader grade` at the tier `namespaces`, of a course with the same checks."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import forms
from benchmarks.peers.contenders.base import FILE, ROOT, SLUG, Contender, Handin, Lanes, Place, Standing
from grader.classroom.store import Store
from grader.course import load_course
from grader.errors import GraderError
from grader.results import ExerciseResult

TIER = "namespaces"


class Ours(Contender):
    """One command for the class, however many cores; known mistakes are read once and kept in the user's cache."""

    name, package, requirements, takes_folder = "nn-grader", "nn-grader", "", True
    own_limit = f"{forms.CHECK_S} s for each check"

    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Write the hand-ins into folders of the students' names."""
        if not (place.kept / "cache").exists():
            self._read_mistakes(place)
        for handin in handins:
            handin.write(place.work / "submissions" / handin.id)
        return [[_line(place, "submissions", "graded", lanes)]]

    def _read_mistakes(self, place: Place) -> None:
        """Let the known mistakes be read once, by grading one of them: as `otter generate` it is charged to nobody."""
        wrong = ROOT / "solutions" / SLUG / "wrong" / "batch_mean_missing.py"
        Handin("anybody", {FILE: wrong.read_text()}).write(place.work / "first" / "anybody")
        line = _line(place, "first", "first-graded", 1)
        done = subprocess.run(line, shell=True, env=self.environment(place), capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise SystemExit(f"grader grade failed:\n{done.stdout}{done.stderr}")

    def environment(self, place: Place) -> dict[str, str]:
        """Keep the cache of known mistakes between runs, as on an instructor's machine."""
        return super().environment(place) | {"XDG_CACHE_HOME": str(place.kept / "cache")}

    def standings(self, place: Place, handins: Sequence[Handin]) -> dict[str, Standing]:
        """Read the store."""
        try:
            with Store.open(place.work / "graded") as store:
                found = store.view(load_course(course_in(place))).standings
        except GraderError:
            return {one.id: Standing() for one in handins}
        results = {student: one.result for (student, _), one in found.items()}
        return {one.id: _standing(results.get(one.id)) for one in handins}


def _line(place: Place, submissions: str, out: str, workers: int) -> str:
    options = ("--out", place.work / out, "--workers", workers, "--fence", TIER, "--layout", "folders")
    return f"cd {course_in(place)} && " + place.command(
        "python", "-m", "grader", "grade", place.work / submissions, *options
    )


def course_in(place: Place) -> Path:
    """Return the course with the twelve checks, made of exercise 1 if it is not there."""
    course = place.kept / "course"
    if not course.exists():
        _make_course(course.with_name("course-unfinished"))
        course.with_name("course-unfinished").rename(course)
    return course


def _make_course(course: Path) -> None:
    shutil.rmtree(course, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__", "test_public.py")
    for part in (f"exercises/{SLUG}", f"solutions/{SLUG}", f"tests/hidden/{SLUG}"):
        shutil.copytree(ROOT / part, course / part, ignore=ignored)
    hidden = course / "tests" / "hidden" / SLUG
    for old in hidden.glob("*.py"):
        old.unlink()
    hidden.joinpath("__init__.py").write_text('"""The checks."""\n')
    hidden.joinpath("test_backprop.py").write_text(forms.for_ours())
    shutil.copyfile(forms.SUITE / "support.py", hidden / "support.py")
    shutil.copyfile(ROOT / "course.toml", course / "course.toml")
    for path in (course / "solutions" / SLUG / "wrong").glob("*.py"):
        path.write_text(_of_these_checks(path.read_text()))
    settings = course / "exercises" / SLUG / "exercise.toml"
    text = settings.read_text().replace("points = 50", f"points = {forms.full()}")
    settings.write_text(text.replace("check_wall_s = 5.0", f"check_wall_s = {forms.CHECK_S}.0"))


def _of_these_checks(text: str) -> str:
    """Let the header of a known mistake name these checks: those are what its values are read from."""
    names = ", ".join(check.name for check in forms.checks())
    return re.sub(r'(?ms)^Fails: .*?(?=^\w+: |^""")', f"Fails: {names}\n", text, count=1)


def _standing(result: ExerciseResult | None) -> Standing:
    if result is None:
        return Standing()
    bad = [check for check in result.checks if check.outcome != "passed"]
    said = [
        f"{check.title}\n{check.outcome}: {check.message}"
        + (f"\n{check.diagnosis.statement}\n{check.diagnosis.hint}" if check.diagnosis else "")
        for check in bad
    ]
    return Standing(result.score, "\n".join(said))
