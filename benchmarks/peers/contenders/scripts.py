"""Contenders that take a folder and a process for each submission, and the checks without any grader."""

from __future__ import annotations

import json
import re
import shutil
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from benchmarks.peers import forms
from benchmarks.peers.contenders.base import FILE, Contender, Handin, Lanes, Place, Standing, dealt


class Folders(Contender):
    """One folder, with everything in it, for each submission."""

    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Write a folder for each and one command for each."""
        for handin in handins:
            self._fill(place.work / handin.id, handin)
        return [[self._line(place, place.work / one.id) for one in lane] for lane in dealt(handins, lanes)]

    def standings(self, place: Place, handins: Sequence[Handin]) -> dict[str, Standing]:
        """Read the result in each folder; what cannot be read is none."""
        return {one.id: _read_by(self._standing, place.work / one.id) for one in handins}

    def _fill(self, folder: Path, handin: Handin) -> None:
        folder.mkdir(parents=True)
        if self.takes_folder:
            handin.write(folder)  # the suite is written afterwards, over what may have its names
        else:
            folder.joinpath(FILE).write_text(handin.answer)
        for name, text in self._suite().items():
            folder.joinpath(name).write_text(text)
        for name in forms.SUPPORT:
            shutil.copyfile(forms.SUITE / name, folder / name)

    def _line(self, place: Place, folder: Path) -> str:
        return f"cd {folder} && {place.command(*self._command(place))}"

    def _suite(self) -> dict[str, str]:
        return {}

    @abstractmethod
    def _command(self, place: Place) -> tuple[object, ...]: ...

    @abstractmethod
    def _standing(self, folder: Path) -> Standing: ...


def _read_by(read: object, folder: Path) -> Standing:
    try:
        return read(folder)  # type: ignore[no-any-return, operator]
    except (OSError, ValueError, KeyError, TypeError, ElementTree.ParseError):
        return Standing()


class Bare(Folders):
    """The checks in a fresh process, without any grader."""

    name, package, requirements = "no grader, a fresh process", "torch", "bare"

    def _command(self, place: Place) -> tuple[object, ...]:
        return "python", forms.SUITE / "bare.py", "."

    def _standing(self, folder: Path) -> Standing:
        return _bare_standing(folder)


class Warm(Folders):
    """The checks in one process for all: what judging costs when nothing is started, isolated or kept."""

    name, package, requirements = "no grader, one warm process", "torch", "bare"

    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Write a folder for each, and one command for each lane."""
        super().lay_out(place, handins, lanes)
        script = forms.SUITE / "bare.py"
        return [
            [place.command("python", script, *(place.work / one.id for one in lane))] for lane in dealt(handins, lanes)
        ]

    def _command(self, place: Place) -> tuple[object, ...]:
        return ("python",)

    def _standing(self, folder: Path) -> Standing:
        return _bare_standing(folder)


def _bare_standing(folder: Path) -> Standing:
    found = json.loads(folder.joinpath("result.json").read_text())
    return Standing(len(found["passed"]), "\n".join(found["said"]))


class PlainPytest(Folders):
    """`python -m pytest` in a folder with the suite and what was handed in, as continuous integration runs it."""

    name, package, requirements, takes_folder = "pytest", "pytest", "pytest", True

    def _suite(self) -> dict[str, str]:
        # An empty configuration ends pytest's search for one, which would go up to ours.
        return {"test_backprop.py": forms.for_pytest(), "pytest.ini": "[pytest]\n"}

    def _command(self, place: Place) -> tuple[object, ...]:
        quiet = ("-q", "-p", "no:cacheprovider", "--junitxml=result.xml", "test_backprop.py")
        return "python", "-m", "pytest", *quiet

    def _standing(self, folder: Path) -> Standing:
        cases = list(ElementTree.parse(folder / "result.xml").iter("testcase"))
        bad = [one for one in cases if any(one.find(tag) is not None for tag in ("failure", "error", "skipped"))]
        said = [child.text or child.get("message", "") for one in bad for child in one]
        return Standing(len(cases) - len(bad), "\n".join(said))


class Gradescope(Folders):
    """gradescope-utils' JSONTestRunner, as in Gradescope's own examples."""

    name, package, requirements = "gradescope-utils", "gradescope-utils", "gradescope"

    def _suite(self) -> dict[str, str]:
        return {
            "tests/test_backprop.py": forms.for_gradescope(),
            "run_tests.py": forms.SUITE.joinpath("gradescope_run_tests.py").read_text(),
        }

    def _fill(self, folder: Path, handin: Handin) -> None:
        folder.joinpath("tests").mkdir(parents=True)
        folder.joinpath("tests/__init__.py").touch()
        folder.mkdir(exist_ok=True)
        folder.joinpath(FILE).write_text(handin.answer)
        for name, text in self._suite().items():
            folder.joinpath(name).write_text(text)
        for name in forms.SUPPORT:
            shutil.copyfile(forms.SUITE / name, folder / name)

    def _command(self, place: Place) -> tuple[object, ...]:
        return "python", "run_tests.py"

    def _standing(self, folder: Path) -> Standing:
        found = json.loads(folder.joinpath("results.json").read_text())
        tests = found.get("tests", [])
        said = [f"{test['name']}\n{test['output']}" for test in tests if test.get("output")]
        return Standing(float(found["score"]), "\n".join(said))


class Check50(Folders):
    """`check50 --dev`, its local mode without downloads, with the checks in a folder of their own."""

    name, package, requirements, takes_folder = "check50", "check50", "check50", True
    own_limit = f"{forms.CHECK_S} s for each check"

    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Write the package of checks as well."""
        package = place.work / "checks"
        package.mkdir(parents=True)
        package.joinpath("__init__.py").write_text(forms.for_check50())
        package.joinpath(".cs50.yaml").write_text("check50: true\n")
        for name in forms.SUPPORT:
            shutil.copyfile(forms.SUITE / name, package / name)
        return super().lay_out(place, handins, lanes)

    def environment(self, place: Place) -> dict[str, str]:
        """One worker for each core: here the lanes go side by side."""
        return super().environment(place) | {"CHECK50_WORKERS": "1"}

    def _fill(self, folder: Path, handin: Handin) -> None:
        handin.write(folder)

    def _command(self, place: Place) -> tuple[object, ...]:
        return "check50", "--dev", place.work / "checks", "--output", "json", "--output-file", "result.json"

    def _standing(self, folder: Path) -> Standing:
        results = json.loads(folder.joinpath("result.json").read_text())["results"]
        bad = [one for one in results if not one["passed"]]
        said = [f"{one['description']}\n{_cause(one['cause'] or {})}" for one in bad]
        return Standing(len(results) - len(bad), "\n".join(said))


def _cause(cause: dict[str, object]) -> str:
    """Return what a student reads of a failed check: the rationale, and of an error its type and text."""
    error = cause.get("error")
    text = str(cause.get("rationale", ""))
    return f"{text} {error['type']}: {error['value']}" if isinstance(error, dict) else text


def without_colours(text: str) -> str:
    """Return a text without a terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
