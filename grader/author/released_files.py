"""Which files of a course are for students, and what they say there.

Owns the choice, by name: what is not known to be for students is left out and told. exercise.toml and course.toml are
written anew from what they mean, so that no comment and no key of ours goes out. Reads, judges nothing.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader import messages
from grader.author.own_files import read_text, shown
from grader.author.stubs import is_marked, reference_of, stub_of
from grader.course import Course, Exercise
from grader.errors import CourseError
from grader.state import FOLDER

EXERCISES = "exercises"
_DATA_SAYS = "grader.data"
_WIDTH = 100


@dataclass
class ForStudents:
    """Files by their path below the course's folder, and what of the course's own was left out."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def stub_path(slug: str, name: str) -> str:
    """Return where the stub of a file is kept as it was given out, from the course's folder on."""
    return f"{FOLDER}/stubs/{slug}/{name}"


def for_students(course: Course, exercises: Sequence[Exercise]) -> ForStudents:
    """Return what students get of these exercises, without what is made of the wrong answers.

    Raises:
        CourseError: a file is missing, or a stub is not what the marks of the reference say.
    """
    found = ForStudents()
    said = {"name": course.name, "seed": course.seed, "language": course.language}
    found.files["course.toml"] = toml(said).encode()
    for exercise in exercises:
        _add_exercise(exercise, found)
    texts = (data for path, data in found.files.items() if path.endswith((".md", ".py")))
    if course.data_folder.is_dir() and any(_DATA_SAYS.encode() in text for text in texts):
        _add_data(course, found)
    return found


def stub_text(exercise: Exercise, name: str) -> str:
    """Return a stub as students get it.

    Raises:
        CourseError: it is missing, or somebody has worked in it: it is not what the marks of the reference say.
    """
    text = read_text(exercise, exercise.stub_folder / name)
    reference = read_text(exercise, exercise.solution_folder / name)
    file = shown(exercise, exercise.stub_folder / name)
    if is_marked(reference) and text != stub_of(reference, reference_of(exercise, name)):
        raise CourseError(messages.RELEASE_STUB_DIFFERS.format(file=file, reference=reference_of(exercise, name)))
    if text == reference:
        raise CourseError(messages.RELEASE_STUB_IS_SOLUTION.format(file=file, reference=reference_of(exercise, name)))
    return text


def toml(said: Mapping[str, Any]) -> str:
    """Return a table of plain values, lists and tables as TOML."""
    return "".join(f"{line}\n" for line in _lines(said, ()))


def _add_exercise(exercise: Exercise, found: ForStudents) -> None:
    folder, place = exercise.stub_folder, f"{EXERCISES}/{exercise.slug}"
    for name in exercise.files:
        text = stub_text(exercise, name).encode()
        found.files[f"{place}/{name}"] = found.files[stub_path(exercise.slug, name)] = text
    found.files[f"{place}/exercise.toml"] = _exercise_toml(folder / "exercise.toml")
    if not exercise.public_suite.is_file():
        raise CourseError(messages.RELEASE_NO_PUBLIC_SUITE.format(file=shown(exercise, exercise.public_suite)))
    readmes = sorted(folder.glob("README*.md"))
    told = "\n".join(read_text(exercise, path) for path in readmes)
    for path in _files_below(folder):
        inside = path.relative_to(folder).as_posix()
        if path in readmes or path == exercise.public_suite or (inside in told and path.suffix != ".py"):
            found.files.setdefault(f"{place}/{inside}", path.read_bytes())
        elif f"{place}/{inside}" not in found.files:
            found.left_out.append(f"{place}/{inside}")


def _add_data(course: Course, found: ForStudents) -> None:
    """Add the data sets; a script that made them needs what students do not have."""
    for path in _files_below(course.data_folder):
        place = path.relative_to(course.root).as_posix()
        if path.suffix == ".py":
            found.left_out.append(place)
        else:
            found.files[place] = path.read_bytes()


def _files_below(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _exercise_toml(path: Path) -> bytes:
    """Return what exercise.toml says without its comments; `load_exercise` has found that it has no strange keys."""
    return toml(tomllib.loads(path.read_text(encoding="utf-8"))).encode()


def _lines(said: Mapping[str, Any], below: tuple[str, ...]) -> Iterator[str]:
    """Yield plain values first, then the tables, as TOML wants them."""
    for key, value in said.items():
        if not _is_table(value):
            yield f"{key} = {_written(value)}"
    for key, value in said.items():
        tables = [value] if isinstance(value, Mapping) else value if _is_table(value) else []
        for table in tables:
            path = (*below, key)
            name = ".".join(path)
            yield ""
            yield f"[{name}]" if isinstance(value, Mapping) else f"[[{name}]]"
            yield from _lines(table, path)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, list) and bool(value) and isinstance(value[0], Mapping))


def _written(value: Any) -> str:
    if isinstance(value, list):
        items = [_written(item) for item in value]
        line = f"[{', '.join(items)}]"
        return line if len(line) < _WIDTH else "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    # A string of JSON is one of TOML, but for the one character that only JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
