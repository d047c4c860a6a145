"""nbgrader: a course folder, one notebook for each student, one `nbgrader autograde` for all."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import forms
from benchmarks.peers.contenders.base import FILE, ROOT, SLUG, Contender, Handin, Lanes, Place, Standing, dealt
from benchmarks.peers.contenders.scripts import without_colours

_ASSIGNMENT = "ps1"
_NOTEBOOK = "backprop.ipynb"
_CONFIG = f"""c = get_config()
c.CourseDirectory.course_id = "course"
c.ClearSolutions.enforce_metadata = True
c.Execute.timeout = {forms.CHECK_S}
c.Execute.iopub_timeout = {forms.CHECK_S}
"""
_SCORES = """
select submitted_assignment.student_id, sum(coalesce(grade.manual_score, grade.auto_score, 0))
from grade
join submitted_notebook on grade.notebook_id = submitted_notebook.id
join submitted_assignment on submitted_notebook.assignment_id = submitted_assignment.id
where grade.auto_score is not null group by submitted_assignment.student_id
"""


class Nbgrader(Contender):
    """A course folder for each lane, as nbgrader grades one student after the other."""

    name, package, requirements, takes_folder = "nbgrader", "nbgrader", "nbgrader", True
    own_limit = f"{forms.CHECK_S} s for each cell"

    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Copy the course, made once with `nbgrader generate_assignment`, and write what was handed in."""
        course = place.kept / "nbgrader"
        if not course.joinpath("release").exists():
            self._generate(place, course)
        lines = []
        for number, lane in enumerate(dealt(handins, lanes)):
            folder = place.work / f"lane{number}"
            shutil.copytree(course, folder)
            for handin in lane:
                _submit(folder, handin)
            lines.append([f"cd {folder} && {place.command('nbgrader', 'autograde', _ASSIGNMENT, '--create')}"])
        return lines

    def standings(self, place: Place, handins: Sequence[Handin]) -> dict[str, Standing]:
        """Read points from the gradebook, and texts from the notebooks of which feedback is made."""
        found = {}
        for folder in place.work.glob("lane*"):
            scores = _scores(folder / "gradebook.db")
            for student, score in scores.items():
                found[student] = Standing(score, _said(folder / "autograded" / student / _ASSIGNMENT / _NOTEBOOK))
        return {one.id: found.get(one.id, Standing()) for one in handins}

    def _generate(self, place: Place, course: Path) -> None:
        shutil.rmtree(course, ignore_errors=True)
        source = course / "source" / _ASSIGNMENT
        source.mkdir(parents=True)
        course.joinpath("nbgrader_config.py").write_text(_CONFIG)
        stub = (ROOT / "exercises" / SLUG / FILE).read_text()
        source.joinpath(_NOTEBOOK).write_text(json.dumps(_notebook(stub)))
        for name in forms.SUPPORT:
            shutil.copyfile(forms.SUITE / name, source / name)
        line = place.command("nbgrader", "generate_assignment", _ASSIGNMENT)
        done = subprocess.run(line, shell=True, cwd=course, env=self.environment(place), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"nbgrader generate_assignment failed:\n{done.stdout}{done.stderr}")


def _notebook(answer: str) -> dict[str, Any]:
    """Return the assignment: the student's cell and those of the checks."""
    cells = [_cell("answer", answer, solution=True, locked=False)]
    for number, (name, text) in enumerate(forms.for_nbgrader()):
        cells.append(_cell(name or f"imports{number}", text, grade=bool(name)))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _cell(name: str, text: str, *, solution: bool = False, grade: bool = False, locked: bool = True) -> dict[str, Any]:
    mark: dict[str, Any] = {"schema_version": 3, "grade_id": name, "solution": solution, "grade": grade}
    mark |= {"locked": locked, "task": False} | ({"points": 1} if grade else {})
    cell = {"cell_type": "code", "id": name.replace("_", "-")[:60], "source": text, "outputs": []}
    return cell | {"execution_count": None, "metadata": {"nbgrader": mark}}


def _submit(course: Path, handin: Handin) -> None:
    """Write the answer into the student's cell of the released notebook, and other files beside it."""
    notebook = json.loads((course / "release" / _ASSIGNMENT / _NOTEBOOK).read_text())
    notebook["cells"][0]["source"] = handin.answer
    folder = course / "submitted" / handin.id / _ASSIGNMENT
    handin.write(folder)
    folder.joinpath(FILE).unlink()
    folder.joinpath(_NOTEBOOK).write_text(json.dumps(notebook))


def _scores(gradebook: Path) -> dict[str, float]:
    with sqlite3.connect(gradebook) as connection:
        return dict(connection.execute(_SCORES).fetchall())


def _said(path: Path) -> str:
    """Return the errors that the graded notebook shows."""
    try:
        cells = json.loads(path.read_text())["cells"]
    except (OSError, ValueError):
        return ""
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    errors = [line for output in outputs if output["output_type"] == "error" for line in output["traceback"]]
    return without_colours("\n".join(errors))
