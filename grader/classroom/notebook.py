"""Jupyter notebooks as Python files: the code cells in their order, and where each line came from.

Owns the reading of .ipynb (format 4) and what becomes of lines that only IPython understands: they are commented out,
never run. Outputs are dropped unread. Cells are counted as Jupyter numbers them after "Restart and run all": code cells
that are not empty, from 1. Runs nothing and parses no Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from grader import messages
from grader.errors import SubmissionRejected
from grader.limits import MAX_SOURCE_BYTES
from grader.submission import utf16_or_32

MAX_NOTEBOOK_BYTES = MAX_SOURCE_BYTES
Place = tuple[int, int]  # cell and line in it, both from 1

# Cell magics behind which the rest of the cell is Python that runs here as it does there.
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%python3")
# Matched against stripped lines, so that no line takes more than one pass: students choose how long they are.
_MAGIC = re.compile(r"[%!?]|[\w.,\s\[\]]+=\s*[!%](?!=)|[\w.]+\?\??$")
_SHELL_OBJECT = re.compile(r"\bget_ipython\s*\(")
_BLOCK = re.compile(r"(\s*)(if|elif|while)\b.*:\s*(?:#.*)?$")
_QUOTES = re.compile(r"'''|\"\"\"|'|\"|#|[([{]|[)\]}]")


class _Cell(msgspec.Struct):
    cell_type: str
    source: str | list[str] = ""


class _Notebook(msgspec.Struct):
    nbformat: int = 0
    cells: list[_Cell] | None = None
    metadata: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)


class _Language(msgspec.Struct):
    language: str | None = None  # of a kernelspec
    name: str | None = None  # of a language_info


@dataclass(frozen=True)
class MadeFile:
    """A notebook as text, with the place of each of its lines and a note about what was commented out."""

    text: str
    places: tuple[Place, ...]
    notes: tuple[str, ...] = ()


def read_notebook(name: str, data: bytes) -> MadeFile:
    """Return the Python file that a notebook's code cells make.

    Raises:
        SubmissionRejected: it is no notebook, is too old, or is for another language; safe to show to the student.
    """
    notebook = _parsed(name, data)
    _refuse_other_languages(name, notebook.metadata)
    lines: list[str] = []
    places: list[Place] = []
    silenced = 0
    cells = [text for cell in notebook.cells or [] if (text := _text(cell)) and cell.cell_type == "code"]
    for number, text in enumerate(cells, start=1):
        made, count = python_lines(text)
        silenced += count
        lines += [*made, ""]
        places += [(number, min(line, len(made))) for line in range(1, len(made) + 2)]
    if not lines:
        raise SubmissionRejected(messages.NOTEBOOK_WITHOUT_CODE.format(file=name))
    notes = (messages.NOTEBOOK_SILENCED.format(file=name, count=silenced),) if silenced else ()
    return MadeFile("\n".join(lines) + "\n", tuple(places), notes)


def cell_of(places: Sequence[Place], line: int) -> str:
    """Return "cell 3, line 2" for a line of the made file, nothing for a line that it does not have."""
    if not 1 <= line <= len(places):
        return ""
    cell, inner = places[line - 1]
    return messages.NOTEBOOK_PLACE.format(cell=cell, line=inner)


def with_cells(text: str, cells: Mapping[str, Sequence[Place]]) -> str:
    """Return a sentence in which every "backprop.py, line 12" is followed by the cell that the line came from.

    Args:
        cells: As in `Handin.cells`.
    """
    for file, places in cells.items():
        form = re.escape(messages.NOTEBOOK_LINE.format(file=file, line="LINE"))
        pattern = re.compile(r"(?<![\w.])" + form.replace("LINE", r"(\d{1,7})"))
        text = pattern.sub(lambda found, places=places: _told(found, places), text)  # type: ignore[misc]
    return text


def _told(found: re.Match[str], places: Sequence[Place]) -> str:
    place = cell_of(places, int(found[1]))
    return messages.NOTEBOOK_IN_CELL.format(place=found[0], cell=place) if place else found[0]


# --- the file -----------------------------------------------------------------------------------------------------


def _parsed(name: str, data: bytes) -> _Notebook:
    if wide := utf16_or_32(data):
        raise SubmissionRejected(messages.FILE_WRONG_ENCODING.format(file=name, encoding=wide))
    try:
        # A byte order mark is no JSON. Decoded strictly, as JSON in another encoding is no notebook.
        notebook = msgspec.json.decode(data.decode("utf-8-sig"), type=_Notebook)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SubmissionRejected(messages.FILE_NOT_UTF8.format(file=name, line=line)) from error
    except msgspec.ValidationError as error:
        where = _cell_in_path(str(error))
        raise SubmissionRejected(messages.NOTEBOOK_BROKEN.format(file=name, where=where)) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise SubmissionRejected(messages.NOTEBOOK_NOT_JSON.format(file=name)) from error
    if notebook.cells is None:
        sentence = messages.NOTEBOOK_OLD if 0 < notebook.nbformat < 4 else messages.NOTEBOOK_BROKEN
        raise SubmissionRejected(sentence.format(file=name, where=""))
    return notebook


def _cell_in_path(text: str) -> str:
    """Return where in the file the mistake is: " (cell 4)" out of msgspec's path `$.cells[3].source`."""
    found = re.search(r"\$\.cells\[(\d+)\]", text)
    return messages.NOTEBOOK_BROKEN_CELL.format(cell=int(found[1]) + 1) if found else ""


def _refuse_other_languages(name: str, metadata: Mapping[str, msgspec.Raw]) -> None:
    """Refuse what says that it is another language; a notebook without metadata says nothing."""
    for key, attribute in (("language_info", "name"), ("kernelspec", "language")):
        if key in metadata:
            try:
                said = getattr(msgspec.json.decode(metadata[key], type=_Language), attribute)
            except msgspec.DecodeError:
                continue  # metadata of another form says nothing either
            if said and not said.lower().startswith(("python", "ipython")):
                raise SubmissionRejected(messages.NOTEBOOK_LANGUAGE.format(file=name, language=said[:40]))


def _text(cell: _Cell) -> str:
    text = cell.source if isinstance(cell.source, str) else "".join(cell.source)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\n") if text.strip() else ""


# --- what only IPython understands --------------------------------------------------------------------------------


def python_lines(text: str) -> tuple[list[str], int]:
    """Return a cell's lines as Python, and how many were commented out. The number of lines stays."""
    lines = text.split("\n")
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("%%") and first.split()[0] not in _PYTHON_CELLS:
        return [f"# {line}" for line in lines], len(lines)
    starts = logical_starts(lines)
    made: list[str] = []
    count = 0
    while len(made) < len(lines):
        here = len(made)
        end = _end_of(lines, starts, here)
        silent = _silenced(lines[here:end])
        count += len(silent or [])
        made += lines[here:end] if silent is None else silent
    return made, count


def _end_of(lines: list[str], starts: list[bool], here: int) -> int:
    """Return where what begins here ends: a line for the shell with its backslashes, otherwise the statement."""
    end = here + 1
    if _is_magic(lines[here]):
        while end < len(lines) and lines[end - 1].endswith("\\"):
            end += 1
        return end
    while end < len(lines) and not starts[end]:
        end += 1
    return end


def _is_magic(line: str) -> bool:
    return bool(_MAGIC.match(line.strip()))


def _silenced(lines: list[str]) -> list[str] | None:
    """Return a statement commented out, None if Python understands it. `pass` keeps a block from being empty."""
    if not _is_magic(lines[0]):
        if not any(_SHELL_OBJECT.search(line.partition("#")[0]) for line in lines):
            return None
        if len(lines) == 1 and (block := _BLOCK.match(lines[0])):
            return [f"{block[1]}{block[2]} False:  # {lines[0].strip()}"]
        if lines[-1].rstrip().endswith(":"):
            return None  # a block that we cannot keep: its NameError will say what is missing
    rest = [f"# {line}" for line in lines[1:]]
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return [f"{indent}pass  # {lines[0].strip()}", *rest]


def logical_starts(lines: Sequence[str]) -> list[bool]:
    """Say of each line whether a statement begins there: not within a bracket, a long string or after a backslash."""
    starts, depth, quote, goes_on = [], 0, "", False
    for line in lines:
        start = not (depth or quote or goes_on)
        starts.append(start)
        if start and _is_magic(line):
            goes_on = line.endswith("\\")
            continue
        depth, quote = _after(line, depth, quote)
        goes_on = line.endswith("\\") and not quote
    return starts


def _after(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return how many brackets are open after a line, and the quotes of the long string that is."""
    at = 0
    while at < len(line):
        if quote:
            end = _closing(line, at, quote)
            if end < 0:
                return depth, quote if len(quote) == 3 else ""
            at, quote = end, ""
            continue
        found = _QUOTES.search(line, at)
        if found is None or found[0] == "#":
            break
        at = found.end()
        if found[0] in "([{":
            depth += 1
        elif found[0] in ")]}":
            depth = max(0, depth - 1)
        else:
            quote = found[0]
    return depth, quote if len(quote) == 3 else ""


def _closing(line: str, at: int, quote: str) -> int:
    """Return where the string ends that is open at `at`, -1 if it does not on this line."""
    while at < len(line):
        if line[at] == "\\":
            at += 2
        elif line.startswith(quote, at):
            return at + len(quote)
        else:
            at += 1
    return -1
