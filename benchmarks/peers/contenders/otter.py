"""otter-grader without containers: `otter.api.grade_submission` for one submission after the other."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers import forms
from benchmarks.peers.contenders.base import Contender, Handin, Lanes, Place, Standing, dealt
from benchmarks.peers.contenders.scripts import without_colours


class Otter(Contender):
    """One process for a lane; otter starts a Jupyter kernel for each submission."""

    name, package, requirements = "otter-grader", "otter-grader", "otter"

    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Make otter's zip with `otter generate`, once; write a folder for each submission."""
        archive = place.kept / "otter" / "autograder.zip"
        if not archive.exists():
            self._generate(place, archive)
        for handin in handins:
            folder = place.work / handin.id
            folder.mkdir(parents=True)
            folder.joinpath("backprop.ipynb").write_text(json.dumps(_notebook(handin.answer)))
        script = forms.SUITE / "otter_grade.py"
        return [
            [place.command("python", script, archive, *(place.work / one.id for one in lane))]
            for lane in dealt(handins, lanes)
        ]

    def standings(self, place: Place, handins: Sequence[Handin]) -> dict[str, Standing]:
        """Read what the script wrote of each."""
        return {one.id: _standing(place.work / one.id) for one in handins}

    def _generate(self, place: Place, archive: Path) -> None:
        folder = archive.parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.joinpath("tests").mkdir(parents=True)
        for name, text in forms.for_otter().items():
            folder.joinpath("tests", name).write_text(text)
        for name in forms.SUPPORT:
            shutil.copyfile(forms.SUITE / name, folder / name)
        # The zip names what a container would install; nothing is installed where otter runs without one.
        line = place.command("otter", "generate", "-t", "tests", "-o", archive.name, *forms.SUPPORT)
        done = subprocess.run(line, shell=True, cwd=folder, env=self.environment(place), capture_output=True, text=True)
        if not archive.exists():
            raise SystemExit(f"otter generate failed:\n{done.stdout}{done.stderr}")


def _notebook(answer: str) -> dict[str, Any]:
    """Return an answer as a notebook of one cell: beside helpers of the suite otter accepts no other Python file."""
    cell = {
        "cell_type": "code",
        "source": answer,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
        "id": "answer",
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _standing(folder: Path) -> Standing:
    try:
        found = json.loads(folder.joinpath("result.json").read_text())
    except (OSError, ValueError):
        return Standing()
    return Standing(float(found["total"]), without_colours("\n".join(found["said"])))
