"""What every contender is to the benchmark: hand-ins laid out as it wants them, commands, and what it says afterwards.

Laying out is not measured; the commands are.
"""

from __future__ import annotations

import os
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SLUG, FILE = "exercise1_manual_backprop", "backprop.py"
Lanes = list[list[str]]  # for each core the commands that it runs one after the other


@dataclass(frozen=True)
class Handin:
    """What one student handed in: files by name, of which backprop.py is the answer."""

    id: str
    files: Mapping[str, str]

    @property
    def answer(self) -> str:
        """The text of the answer."""
        return self.files[FILE]

    def write(self, folder: Path) -> None:
        """Write all of it into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            folder.joinpath(name).write_text(text)


@dataclass(frozen=True)
class Standing:
    """What became of a hand-in: the score out of 12, None if there is no result, and what the student reads."""

    score: float | None = None
    said: str = ""


@dataclass(frozen=True)
class Place:
    """Where things are: `python` of the contender's environment, `kept` for what is made once, `work` for one run."""

    python: Path
    kept: Path
    work: Path

    def command(self, name: str, *arguments: object) -> str:
        """Return the line that runs a script of the environment."""
        return shlex.join(map(str, (self.python.parent / name, *arguments)))


class Contender(ABC):
    """A way to grade. `requirements` names the file of its pins in requirements/, "" for our own environment."""

    name = ""
    package = ""
    requirements = ""
    takes_folder = False  # whether files beside the answer come along, as the tool's documentation has it
    own_limit = ""  # the limit of time that it has itself

    @abstractmethod
    def lay_out(self, place: Place, handins: Sequence[Handin], lanes: int) -> Lanes:
        """Write what is handed in where the contender wants it; return the commands of each lane."""

    @abstractmethod
    def standings(self, place: Place, handins: Sequence[Handin]) -> dict[str, Standing]:
        """Read what the contender wrote."""

    def environment(self, place: Place) -> dict[str, str]:
        """Return what its commands see of the environment: little, one thread, a home of their own."""
        home = place.work / "home"
        home.mkdir(parents=True, exist_ok=True)
        return {"PATH": f"{place.python.parent}:{os.environ['PATH']}", "HOME": str(home), "OMP_NUM_THREADS": "1"}


def dealt(handins: Sequence[Handin], lanes: int) -> list[list[Handin]]:
    """Deal hand-ins out to the lanes, in turn."""
    return [list(handins[lane::lanes]) for lane in range(lanes)]
