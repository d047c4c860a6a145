"""What was measured, as data: one file for the tables, one line for each cell as it comes.

A cell that was measured once is not measured again until the run is complete, so a run that is broken off goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec


class Speed(msgspec.Struct, frozen=True, tag="speed"):
    """A class of `size` graded once."""

    contender: str
    cores: int
    size: int
    round: int
    wall_s: float
    cpu_s: float
    peak_bytes: int
    load: float
    judged: int  # how many of the class have a result

    @property
    def key(self) -> str:
        """What makes it this cell."""
        return f"speed/{self.contender}/{self.cores}/{self.size}/{self.round}"


class Cheating(msgspec.Struct, frozen=True, tag="cheating"):
    """What became of an attack; a score of None means that there is no result."""

    contender: str
    attack: str
    title: str
    is_forging: bool
    score: float | None
    wall_s: float
    stopped: bool  # by our own limit, as nothing of the contender's did
    left_behind: int
    load: float

    @property
    def key(self) -> str:
        """What makes it this cell."""
        return f"cheating/{self.contender}/{self.attack}"


class Feedback(msgspec.Struct, frozen=True, tag="feedback"):
    """What a contender said of the known mistakes: `scores` by name, `named` those it called by their own statement."""

    contender: str
    scores: dict[str, float | None]
    named: list[str]
    equivalents: dict[str, float | None]
    said: dict[str, str]  # of the mistakes that are quoted
    load: float

    @property
    def key(self) -> str:
        """What makes it this cell."""
        return f"feedback/{self.contender}"


Cell = Speed | Cheating | Feedback


class Results(msgspec.Struct, frozen=True):
    """A whole run, or as much of it as there was time for."""

    machine: dict[str, Any]
    versions: dict[str, str]
    checks: int
    wall_s: float
    speed: list[Speed] = []
    cheating: list[Cheating] = []
    feedback: list[Feedback] = []

    @classmethod
    def read(cls, path: Path) -> Results | None:
        """Read results; None if nothing was measured yet."""
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else None

    def write(self, path: Path) -> None:
        """Write them, as people read them too."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")


class Journal:
    """The cells of a run that is under way, and its settings: with other settings it begins anew."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self._path = path
        self.settings, self.cells = settings, dict[str, Cell]()
        lines = path.read_bytes().splitlines() if path.exists() else []
        if lines and _without_time(msgspec.json.decode(lines[0])) == _without_time(settings):
            self.settings = msgspec.json.decode(lines[0])
            self.cells = {cell.key: cell for cell in _cells(lines[1:])}
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.encode(settings) + b"\n")

    def keep(self, cell: Cell) -> None:
        """Add a cell."""
        self.cells[cell.key] = cell
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(cell) + b"\n")

    def end(self) -> None:
        """Say that the run is complete: the next one begins anew."""
        self._path.unlink()


def _without_time(settings: dict[str, Any]) -> dict[str, Any]:
    """Leave out what differs between the beginning of a run and its going on."""
    machine = {key: value for key, value in settings["machine"].items() if key not in ("load_before", "date")}
    return settings | {"machine": machine}


def _cells(lines: list[bytes]) -> Iterator[Cell]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Cell)  # type: ignore[arg-type]
        except msgspec.DecodeError:  # the last line of a run that was killed while it wrote
            continue
