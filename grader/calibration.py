"""What `grader calibrate` found out and suites compare with: how well right solutions score, as plain data in a file.

Owns calibration.toml and the digests by which a band is known to be out of date. Never imports torch.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from grader import messages
from grader.course import Exercise, read_toml
from grader.errors import CourseError
from grader.results import Envelope
from grader.whole_file import write_whole

FILE = "calibration.toml"
SCHEMA: Literal["grader.calibration/1"] = "grader.calibration/1"


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a score depends on, as digests: the check's file with its helpers, our solution, the data sets."""

    suite: str
    reference: str
    data: str


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How right solutions fare in one comparison of one check on one device.

    A submission passes if any of `attempts` trainings reaches `threshold`; a right one fails with a probability of at
    most `false_fail` (at 95 % confidence). `quantile` is the score that 3 % of the runs did not exceed. `curve` is what
    these runs did on the way, by name; it decides nothing, and a file that was written without it is as good.
    """

    check: str
    label: str
    device: str
    runs: int
    mean: float
    sd: float
    minimum: float
    quantile: float
    maximum: float
    threshold: float
    attempts: int
    false_fail: float
    torch: str
    origin: Origin
    curve: dict[str, Envelope] = {}


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All bands of an exercise."""

    schema: Literal["grader.calibration/1"] = SCHEMA
    band: tuple[Band, ...] = ()

    def of(self, check: str, device: str) -> dict[str, Band]:
        """Return the bands of a check on a device by the label of the comparison."""
        return {one.label: one for one in self.band if (one.check, one.device) == (check, device)}


def calibration_path(exercise: Exercise) -> Path:
    """Return where the bands of an exercise are kept: beside its hidden suite."""
    return exercise.hidden_folder / FILE


def read_calibration(exercise: Exercise) -> Calibration:
    """Return the bands of an exercise; none where nothing was calibrated yet.

    Raises:
        CourseError: the file says something it cannot say.
    """
    path = calibration_path(exercise)
    return read_toml(path, Calibration, exercise.course.root) if path.is_file() else Calibration()


def write_calibration(exercise: Exercise, calibration: Calibration) -> Path:
    """Keep the bands, in an order that does not depend on who was calibrated first; return where.

    Raises:
        CourseError: the folder cannot be written to.
    """
    path = calibration_path(exercise)
    bands = sorted(calibration.band, key=lambda one: (one.check, one.label, one.device))
    text = messages.CALIBRATION_HEAD + f'\nschema = "{SCHEMA}"\n' + "".join(map(_table, bands))
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise CourseError(messages.CALIBRATION_UNWRITABLE.format(file=path, problem=error.strerror)) from error
    return path


def suite_digest(exercise: Exercise, test_file: Path) -> str:
    """Name what a check is: its file, and whatever lies beside it that is neither another test file nor a calibration.

    So a change of another file of the suite leaves a band as good as it was, and so does one of what students read of a
    check: its docstring, with the title in every language.
    """
    folder = exercise.hidden_folder
    beside = [path for path in sorted(folder.rglob("*")) if path.is_file() and _is_helper(path, folder)]
    return _digest(folder, [test_file, *beside])


def reference_digest(exercise: Exercise) -> str:
    """Name our solution; an empty name where it is not there, as in a copy that only judges."""
    paths = [exercise.solution_folder / name for name in exercise.files]
    return _digest(exercise.solution_folder, paths) if all(path.is_file() for path in paths) else ""


def data_digest(sets: Iterable[str]) -> str:
    """Name the data sets that were read, given their own names."""
    named = sorted(set(sets))
    return hashlib.sha256("\0".join(named).encode()).hexdigest() if named else ""


def _is_helper(path: Path, folder: Path) -> bool:
    is_test = path.parent == folder and path.name.startswith("test_") and path.suffix == ".py"
    return not is_test and path.name != FILE and "__pycache__" not in path.parts


def _digest(folder: Path, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        data = _without_titles(path.read_bytes()) if path.name.startswith("test_") else path.read_bytes()
        digest.update(f"{path.relative_to(folder)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _without_titles(source: bytes) -> bytes:
    """Return a test file without the lines of its checks' docstrings; what is no Python stays as it is."""
    try:
        functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    except (SyntaxError, ValueError):  # whoever collects the suite says what is wrong with it
        return source
    docstrings = [node.body[0] for node in functions if node.name.startswith("test_") and ast.get_docstring(node)]
    left_out = {line for said in docstrings for line in range(said.lineno, (said.end_lineno or said.lineno) + 1)}
    lines = source.splitlines(keepends=True)
    return b"".join(line for number, line in enumerate(lines, 1) if number not in left_out)


def _table(band: Band) -> str:
    plain = msgspec.to_builtins(band)
    origin, curves = plain.pop("origin"), plain.pop("curve")
    lines = ["[[band]]", *_lines(plain), *(f"origin.{line}" for line in _lines(origin))]
    for name, curve in curves.items():
        key = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _written(name)
        lines += ["", f"[band.curve.{key}]", *_lines(curve)]
    return "\n" + "\n".join(lines) + "\n"


def _lines(values: Mapping[str, str | float | Iterable[float]]) -> list[str]:
    return [f"{name} = {_written(value)}" for name, value in values.items()]


def _written(value: str | float | Iterable[float]) -> str:
    """Return a value as TOML has it, on one line; a JSON string is a TOML string too."""
    if isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return repr(value) if isinstance(value, int | float) else f"[{', '.join(map(repr, value))}]"
