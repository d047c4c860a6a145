"""The stub of an exercise, made of its reference: marks in comments say what students are to write themselves.

Owns the marks. Nothing is imported or run. What stands between `# <todo: 3 lines.>` and `# </todo>` becomes
that sentence and a NotImplementedError; what stands between `# <ours>` and `# </ours>` is left out, and so is every
line that ends in `# ours`. All else is the same in both, docstrings too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from grader import messages
from grader.author.own_files import read_text, shown
from grader.course import Exercise
from grader.errors import CourseError, UsageError
from grader.whole_file import write_whole

_OPEN = re.compile(r"( *)# <(?:(ours)|todo: (.+))>")
_CLOSE = re.compile(r" *# </(ours|todo)>")
_LINE = "  # ours"
_MARK = re.compile(r"\s*#\s*</?\s*(?:ours|todo)\b.*")


def is_marked(text: str) -> bool:
    """Whether a reference says what students are to write, so that its stub can be made."""
    return any(_MARK.fullmatch(line) for line in text.splitlines())


def without_marks(text: str) -> str:
    """Return a reference without the lines that only mark something and without the mark behind others."""
    kept = [line for line in text.splitlines() if not _MARK.fullmatch(line)]
    return "".join(f"{line.removesuffix(_LINE)}\n" for line in kept)


def stub_of(text: str, file: str) -> str:
    """Return the stub that the marks of a reference describe.

    Args:
        file: What messages call the reference.
    Raises:
        CourseError: a mark is misspelt, lacks its partner or stands outside of a function, or no Python comes of it.
    """
    stub: list[str] = []
    was_left_out = False
    for line in _lines(text, _owners(text, file), file):
        if was_left_out and line == "":  # what was left out stood between blank lines: those after it are enough
            _drop_blank_end(stub)
        stub += [line] if line is not None else []
        was_left_out = line is None
    _drop_blank_end(stub)
    made = "".join(f"{line}\n" for line in stub)
    _parsed(made, file)
    return made


def reference_of(exercise: Exercise, name: str) -> str:
    """Return how messages call a file of the reference."""
    return shown(exercise, exercise.solution_folder / name)


def write_stubs(exercise: Exercise) -> dict[str, bool]:
    """Make the stubs of an exercise anew of its reference; return which files these are, and whether each has changed.

    Raises:
        UsageError: the reference is not here, as in a student's copy, or a stub cannot be written.
        CourseError: the reference has no marks, or broken ones.
    """
    if not exercise.solution_folder.is_dir():
        raise UsageError(messages.RELEASE_NEEDS_SOLUTIONS.format(folder=exercise.solution_folder))
    made = {name: _made(exercise, name) for name in exercise.files}  # all of them, before one is written
    changed = {}
    for name, stub in made.items():
        path = exercise.stub_folder / name
        changed[shown(exercise, path)] = is_new = not path.is_file() or path.read_bytes() != stub
        try:
            if is_new:
                write_whole(path, stub)
        except OSError as error:
            raise UsageError(messages.CLI_CANNOT_WRITE.format(file=path, problem=error.strerror)) from error
    return changed


def _made(exercise: Exercise, name: str) -> bytes:
    file, text = reference_of(exercise, name), read_text(exercise, exercise.solution_folder / name)
    if not is_marked(text):
        raise CourseError(messages.STUB_NO_MARKS.format(file=file))
    return stub_of(text, file).encode()


def _lines(text: str, owners: Sequence[tuple[range, str]], file: str) -> Iterator[str | None]:
    """Yield the lines of the stub, and None for each that was left out."""
    opened, since = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        begin, end = _OPEN.fullmatch(line), _CLOSE.fullmatch(line)
        if begin is not None and not opened:
            opened, since = begin[2] or "todo", number
            if opened == "todo":
                yield f"{begin[1]}# TODO: {begin[3]}"
                yield f'{begin[1]}raise NotImplementedError("{_owner(number, owners, file)}")'
        elif end is not None and end[1] == opened:
            opened = ""
        elif _MARK.fullmatch(line):
            raise CourseError(messages.STUB_MARK.format(file=file, line=number, mark=line.strip()))
        elif opened == "ours" or (not opened and line.endswith(_LINE)):
            yield None
        elif not opened:
            yield line
    if opened:
        raise CourseError(messages.STUB_MARK_OPEN.format(file=file, line=since, mark=opened))


def _drop_blank_end(lines: list[str]) -> None:
    while lines and not lines[-1]:
        lines.pop()


def _owners(text: str, file: str) -> list[tuple[range, str]]:
    """Return the lines of every function and how it is called, outer ones first."""

    def below(node: ast.AST, prefix: str) -> Iterator[tuple[range, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from below(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.FunctionDef):
                lines = range(child.lineno, (child.end_lineno or child.lineno) + 1)
                yield lines, f"{prefix}{child.name}".removesuffix(".__init__")

    return list(below(_parsed(text, file), ""))


def _owner(number: int, owners: Sequence[tuple[range, str]], file: str) -> str:
    """Return what a student is to write around this line: a function, a method, or a class for its `__init__`."""
    for lines, name in owners:
        if number in lines:
            return name
    raise CourseError(messages.STUB_MARK_OUTSIDE.format(file=file, line=number))


def _parsed(text: str, file: str) -> ast.Module:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        raise CourseError(messages.STUB_NO_PYTHON.format(file=file, problem=error)) from error
