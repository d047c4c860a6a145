"""What was given, as a list of files: the same whether it was a folder, an archive, or an archive in either.

Owns `Entry`, one file whose bytes are read when somebody asks and never beyond a limit. Links are entries that cannot
be read. Knows no layout and no exercise.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from grader import messages
from grader.classroom.handin import Unplaced
from grader.classroom.names import printable
from grader.errors import SubmissionRejected, UsageError
from grader.kinds import junk
from grader.submission import read_bytes

MAX_FILES = 1_000_000
MAX_DEPTH = 32


@dataclass(frozen=True)
class Entry:
    """One file. `path` is below what is looked at, `origin` is for people, and both are printable.

    `read` returns the bytes: all, or one more than the limit. `rank` is the platform's order of hand-ins, where it has
    one; 0 says nothing. `shown` is the file's name as the student knows it, where `path` says something else.
    """

    path: str
    size: int
    read: Callable[[int], bytes]
    origin: str = ""
    rank: int = 0
    shown: str = ""

    @property
    def called(self) -> str:
        """What to call it in a sentence for the student."""
        return self.shown or self.name

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders on the way, then the file's name."""
        return tuple(self.path.split("/"))

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.parts[-1]

    def below(self, depth: int) -> Entry:
        """Return the same file, seen from so many folders further down."""
        return replace(self, path="/".join(self.parts[depth:]))

    def bytes(self, limit: int, too_large: str) -> bytes:
        """Return all bytes.

        Raises:
            SubmissionRejected: with the sentence `too_large`, or because it cannot be read.
        """
        data = self.read(limit)
        if len(data) > limit:
            raise SubmissionRejected(too_large)
        return data


@dataclass(frozen=True)
class Tree:
    """All files, without junk, sorted; `folders` are the paths of all folders, also of empty ones."""

    entries: tuple[Entry, ...]
    folders: frozenset[str] = frozenset()
    ignored: tuple[str, ...] = ()
    refused: tuple[Unplaced, ...] = ()

    def tops(self) -> dict[str, list[Entry]]:
        """Return the files below each folder of the first level, by its name; those above are under ""."""
        found: dict[str, list[Entry]] = {name: [] for name in sorted(self.folders) if "/" not in name}
        for entry in self.entries:
            found.setdefault(entry.parts[0] if len(entry.parts) > 1 else "", []).append(entry)
        return found

    def inside(self, folder: str) -> Tree:
        """Return what lies in a folder."""
        start, depth = folder + "/", folder.count("/") + 1
        entries = tuple(entry.below(depth) for entry in self.entries if entry.path.startswith(start))
        folders = frozenset(name[len(start) :] for name in self.folders if name.startswith(start))
        return replace(self, entries=entries, folders=folders)


def folder_tree(root: Path) -> Tree:
    """Return the files below a folder. Nothing is followed or opened.

    Raises:
        UsageError: there are more files than a class can have handed in.
    """
    entries: list[Entry] = []
    folders: set[str] = set()
    ignored: set[str] = set()
    for parts, item in _walk(root, ()):
        path = "/".join(parts)
        if is_junk := junk((*parts, "") if item is None else parts):
            ignored.add(is_junk)
        elif item is None:
            folders.add(path)
        else:
            entries.append(_file_entry(path, item))
        if len(entries) > MAX_FILES:
            raise UsageError(messages.TOO_MANY_FILES.format(path=root, count=MAX_FILES))
    return Tree(tuple(sorted(entries, key=lambda entry: entry.path)), frozenset(folders), tuple(sorted(ignored)))


def _walk(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Path | None]]:
    """Yield all files and, with None, folders below a folder; junk folders are named and not entered."""
    try:
        with os.scandir(folder) as found:
            items = sorted(found, key=lambda item: item.name)
    except OSError as error:
        raise UsageError(messages.FOLDER_UNREADABLE.format(path=folder, problem=error.strerror)) from error
    for item in items:
        here = (*parts, printable(item.name))
        if not item.is_dir(follow_symlinks=False):
            yield here, Path(item.path)
            continue
        yield here, None
        if not junk((*here, "")) and len(here) < MAX_DEPTH:
            yield from _walk(Path(item.path), here)


def _file_entry(path: str, file: Path) -> Entry:
    name = path.rpartition("/")[2]
    return Entry(path, file.lstat().st_size, lambda limit: read_bytes(file, name, limit), path)
