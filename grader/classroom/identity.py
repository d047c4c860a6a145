"""When a stored judgement is still the answer: digests of all that a result depends on.

Owns what counts as "the same job". The judging digest of a suite ignores what only changes points, texts of the
statement and comments, so that a course can be polished without judging a class again. Reads files, runs nothing.
"""

from __future__ import annotations

import ast
import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from grader import __version__
from grader.classroom.handin import Handin
from grader.course import Exercise
from grader.diagnosis.atlas import WRONG_FOLDER, own_code
from grader.published import fashion_is_there
from grader.submission import Submission

_FASHION = b"fashion_mnist"  # the name by which a suite reads it


@dataclass(frozen=True)
class Conditions:
    """What a judgement of an exercise depends on besides the files that were handed in.

    `devices` are those on which something is judged here, of which `--device` chose; `language` that of the messages;
    `data` is `data_there`.
    """

    suite: str
    torch: str
    seed: int
    tier: str
    devices: tuple[str, ...]
    language: str
    data: str = ""

    def digest(self) -> str:
        """Return one digest of it, of our own code and of the libraries."""
        numpy = _version("numpy")
        own = (__version__, own_code(), platform.python_version(), numpy)
        told = (self.suite, self.torch, str(self.seed), self.tier, ",".join(self.devices), self.language, self.data)
        return _digest((*own, *told))


def job_key(handin: Handin, conditions: Conditions) -> str:
    """Return the key under which what comes of a hand-in is kept; equal files have equal keys, whoever wrote them."""
    return _digest((handin.exercise, conditions.digest(), files_key(handin.submission, handin.problem)))


def files_key(submission: Submission | None, problem: str = "") -> str:
    """Return a digest of what was handed in: bytes, texts and the names of extra files, or why it cannot be read."""
    if submission is None:
        return _digest(("unreadable", problem))
    texts = (part for source in submission.sources for part in (source.name, source.text))
    return _digest(("files", submission.sha256, *texts, *submission.extra_files))


def judging_digest(exercise: Exercise) -> str:
    """Return a digest of everything in the course that decides how a submission of this exercise is judged."""
    return _digest(part for name, text in _judged_by(exercise) for part in (name, text))


def data_there(exercise: Exercise) -> str:
    """Return which data sets that the course does not bring are here, of those that the suite speaks of.

    What counts is that they are the published ones, and not where they lie.
    """
    files = [exercise.public_suite, *_files_below(exercise.hidden_folder)]
    named = any(_FASHION in path.read_bytes() for path in files if path.suffix == ".py" and path.is_file())
    return _FASHION.decode() if named and fashion_is_there() else ""


def names_digest(exercise: Exercise, key: str) -> str:
    """Return a digest of what decides which mistakes are named, for judgements made under conditions with this key."""
    paths = sorted((exercise.solution_folder / WRONG_FOLDER).glob("*.py"))
    return _digest((key, *(part for path in paths for part in (path.name, _hash(path.read_bytes())))))


def _judged_by(exercise: Exercise) -> Iterator[tuple[str, str]]:
    settings = (exercise.limits, exercise.policy, exercise.feedback)
    told = [exercise.files, exercise.devices, *map(msgspec.to_builtins, settings)]
    yield "exercise.toml", json.dumps(told, sort_keys=True)
    if exercise.public_suite.is_file():
        yield "public", _meaning(exercise.public_suite)
    for folder in (exercise.hidden_folder, exercise.course.data_folder):
        for path in _files_below(folder):
            yield str(path.relative_to(exercise.course.root)), _meaning(path)
    for path in sorted(exercise.solution_folder.glob("*.py")):
        yield f"reference {path.name}", _hash(path.read_bytes())


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _meaning(path: Path) -> str:
    """Return a digest of a file; of a suite's Python of what it means, without comments, line breaks and points."""
    data = path.read_bytes()
    if path.suffix != ".py":
        return _hash(data)
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):  # the worker says what is wrong with it
        return _hash(data)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.decorator_list = [_without_points(decorator) for decorator in node.decorator_list]
    return _hash(ast.dump(tree).encode())


def _without_points(decorator: ast.expr) -> ast.expr:
    """Return a decorator; of `points(3)` only that it gives some: from nothing there is no share to take over."""
    match decorator:
        case ast.Call(func=ast.Name(id="points") as function, args=[ast.Constant(value=int() | float() as value)]) if (
            not decorator.keywords and not isinstance(value, bool) and value > 0
        ):
            return function
    return decorator


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest(parts: Iterable[str] | Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}\0".encode() + data)
    return digest.hexdigest()
