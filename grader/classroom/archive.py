"""Zip archives, read and never extracted: a list of entries, each read to memory with a bound when somebody asks.

Owns what is refused and the sentence for it. `class_archive` is what a platform made of a class: one bad entry costs
its own student. `student_archive` is what one student made: one bad entry costs the archive. Knows no layout and no
exercise, and nothing in it ever writes a file.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from grader import messages
from grader.classroom.handin import Unplaced
from grader.classroom.names import folded, printable, stem_and_type
from grader.classroom.tree import Entry, Tree
from grader.errors import SubmissionRejected
from grader.kinds import HEAD_BYTES, is_zip, junk, kind_of, wrong_type

MAX_ARCHIVE_BYTES = 64 << 20
MAX_DIRECTORY_BYTES = 8 << 20  # of the list of entries: some 80,000 of them
MAX_UNPACKED_BYTES = 256 << 20
MAX_RATIO = 100
_END_RECORD = struct.Struct("<4s4H2LH")
_MAX_COMMENT = 1 << 16
_ENCRYPTED, _UTF8 = 0x1, 0x800  # bits of an entry's flags
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_WINDOWS_NAMES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")
# Everything that the standard library raises for bytes that are no proper archive.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, OverflowError, NotImplementedError,
            RuntimeError, struct.error, IndexError)  # fmt: skip


def class_archive(file: BinaryIO, name: str) -> Tree:
    """Return what is in the archive of a class. It stays open as long as `file` does.

    Raises:
        SubmissionRejected: it is no archive, or cannot be read as a whole.
    """
    archive = _opened(file, name)
    infos = archive.infolist()
    tricks = {_name(info): trick for info in infos if (trick := _path_trick(info))}
    kept, ignored, folders = _sorted_out([info for info in infos if _name(info) not in tricks])
    twice = _doubles([path for path, _ in kept])
    entries = [_entry(archive, path, info, twice.get(path, "") or _fault(info, path)) for path, info in kept]
    refused = [Unplaced(printable(trick), sentence) for trick, sentence in tricks.items()]
    return Tree(tuple(sorted(entries, key=lambda entry: entry.path)), folders, ignored, tuple(refused))


def student_archive(data: bytes, name: str) -> Tree:
    """Return what is in a student's archive.

    Raises:
        SubmissionRejected: something is wrong with it or with one entry that is no junk; safe to show to the student.
    """
    _refuse_hidden_size(data, name)
    archive = _opened(io.BytesIO(data), name)
    infos = archive.infolist()
    _refuse_bombs(infos, len(data), name)
    for info in infos:
        if trick := _path_trick(info):
            raise SubmissionRejected(trick)
    kept, ignored, folders = _sorted_out(infos)
    for sentence in _faults(kept, folders):
        raise SubmissionRejected(sentence)
    _refuse_what_holds_nothing([path for path, _ in kept], name)
    entries = [_entry(archive, path, info, "") for path, info in kept]
    return Tree(tuple(sorted(entries, key=lambda entry: entry.path)), folders, ignored)


def opened_archive(entry: Entry) -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return what a student's archive holds, as if it were a folder of its name; and the junk in it.

    Raises:
        SubmissionRejected: as `student_archive`.
    """
    too_large = messages.ARCHIVE_TOO_LARGE.format(file=entry.called, limit=MAX_ARCHIVE_BYTES >> 20)
    tree = student_archive(entry.bytes(MAX_ARCHIVE_BYTES, too_large), entry.called)
    folder = stem_and_type(entry.path)[0]
    held = [
        replace(one, path=f"{folder}/{one.path}", origin=f"{entry.origin}/{one.path}", rank=entry.rank)
        for one in tree.entries
    ]
    return tuple(held), tuple(f"{entry.origin}/{path}" for path in tree.ignored)


# --- the archive as a whole ---------------------------------------------------------------------------------------


def _opened(file: BinaryIO, name: str) -> zipfile.ZipFile:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise SubmissionRejected(messages.ARCHIVE_EMPTY_FILE.format(file=name))
    if not is_zip(head):
        raise SubmissionRejected(wrong_type(name, kind_of(head, name)))
    try:
        archive = zipfile.ZipFile(file)
    except UnicodeDecodeError as error:
        raise SubmissionRejected(messages.ARCHIVE_NAME_UNREADABLE.format(file=name)) from error
    except _DAMAGED as error:
        raise SubmissionRejected(messages.ARCHIVE_DAMAGED.format(file=name)) from error
    if not archive.infolist():
        raise SubmissionRejected(messages.ARCHIVE_EMPTY.format(file=name))
    return archive


def _refuse_hidden_size(data: bytes, name: str) -> None:
    if not has_short_list(io.BytesIO(data)):
        raise SubmissionRejected(messages.ARCHIVE_TOO_MANY.format(file=name))


def has_short_list(file: BinaryIO) -> bool:
    """Whether the list of entries can be read at all; asked before it is, since who made it chose how long it is."""
    end = file.seek(0, io.SEEK_END)
    file.seek(max(0, end - _END_RECORD.size - _MAX_COMMENT))
    tail = file.read()
    file.seek(0)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) < place + _END_RECORD.size:
        return True  # it is no archive, which is said when it is opened
    size = _END_RECORD.unpack_from(tail, place)[5]
    return bool(size <= MAX_DIRECTORY_BYTES)


def _refuse_bombs(infos: list[zipfile.ZipInfo], size: int, name: str) -> None:
    total = sum(info.file_size for info in infos)
    if total > MAX_UNPACKED_BYTES and total > MAX_RATIO * size:
        raise SubmissionRejected(
            messages.ARCHIVE_BOMB.format(file=name, packed=max(1, size >> 10), unpacked=total >> 20)
        )


def _refuse_what_holds_nothing(paths: list[str], name: str) -> None:
    if "[Content_Types].xml" in paths:
        raise SubmissionRejected(wrong_type(name, messages.KIND_OFFICE))
    if not paths:
        raise SubmissionRejected(messages.ARCHIVE_EMPTY.format(file=name))
    types = [stem_and_type(path)[1] for path in paths]
    if ".zip" in types and not {".py", ".ipynb"}.intersection(types):
        inner = paths[types.index(".zip")]
        raise SubmissionRejected(messages.ARCHIVE_NESTED.format(file=name, entry=inner))


# --- its entries --------------------------------------------------------------------------------------------------


def _name(info: zipfile.ZipInfo) -> str:
    """Return an entry's name as it stands in the archive; UTF-8 that was not declared is recognised by its form."""
    raw = info.orig_filename
    if info.flag_bits & _UTF8 or raw.isascii():
        return raw
    try:
        return raw.encode("cp437").decode("utf-8")
    except UnicodeError:
        return raw


def _sorted_out(
    infos: list[zipfile.ZipInfo],
) -> tuple[list[tuple[str, zipfile.ZipInfo]], tuple[str, ...], frozenset[str]]:
    """Return the files by printable path, what is junk, and all folders."""
    kept, ignored, folders = [], set(), set()
    for info in infos:
        name = _name(info)
        is_folder = name.endswith("/")
        parts = tuple(printable(part) for part in name.rstrip("/").split("/"))
        if is_junk := junk((*parts, "") if is_folder else parts):
            ignored.add(is_junk)
            continue
        folders |= {"/".join(parts[:depth]) for depth in range(1, len(parts) + is_folder)}
        if not is_folder:
            kept.append(("/".join(parts), info))
    return kept, tuple(sorted(ignored)), frozenset(folders)


def _path_trick(info: zipfile.ZipInfo) -> str:
    """Return the sentence for a name that is meant to lead elsewhere; the row is B1 of the catalogue, and NUL of B4."""
    raw = _name(info)
    parts = raw.rstrip("/").split("/")
    tricky = raw.startswith("/") or "\\" in raw or _DRIVE.match(raw) or {"", ".", ".."}.intersection(parts)
    if tricky or "\0" in raw:
        return messages.ENTRY_PATH.format(entry=printable(raw))
    return ""


def _faults(kept: list[tuple[str, zipfile.ZipInfo]], folders: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with the entries of a student's archive."""
    paths = [path for path, _ in kept]
    for path, info in kept:
        if fault := _fault(info, path) or _windows_fault(path):
            yield fault
    yield from _doubles(paths).values()
    yield from (messages.ENTRY_FILE_AND_FOLDER.format(entry=path) for path in sorted(folders.intersection(paths)))
    yield from _twins({*paths, *folders})


def _fault(info: zipfile.ZipInfo, path: str) -> str:
    """Return the sentence for an entry that is no plain file, or that cannot be read."""
    mode = info.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return messages.ENTRY_NOT_A_FILE.format(entry=path)
    if mode & (stat.S_ISUID | stat.S_ISGID):
        return messages.ENTRY_SETUID.format(entry=path)
    if info.flag_bits & _ENCRYPTED:
        return messages.ENTRY_ENCRYPTED.format(entry=path)
    if info.compress_type not in _METHODS:
        return messages.ENTRY_METHOD.format(entry=path)
    if any(len(part.encode()) > 255 for part in path.split("/")) or len(path) > 1000:
        return messages.ENTRY_NAME_LONG.format(entry=path[:60] + "…")
    return ""


def _windows_fault(path: str) -> str:
    parts = path.split("/")
    if any(_WINDOWS_NAMES.fullmatch(part) or part.endswith((".", " ")) for part in parts):
        return messages.ENTRY_WINDOWS.format(entry=path)
    return ""


def _doubles(paths: list[str]) -> dict[str, str]:
    return {path: messages.ENTRY_TWICE.format(entry=path) for path, times in Counter(paths).items() if times > 1}


def _twins(paths: set[str]) -> Iterator[str]:
    """Yield a sentence for names that are one file on some systems and two on others."""
    first: dict[str, str] = {}
    for path in sorted(paths):
        other = first.setdefault(folded(path), path)
        if other != path:
            yield messages.ENTRY_TWINS.format(entry=path, other=other)


def _entry(archive: zipfile.ZipFile, path: str, info: zipfile.ZipInfo, fault: str) -> Entry:
    return Entry(path, info.file_size, _refusing(fault) if fault else _reading(archive, path, info), path)


def _refusing(sentence: str) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        raise SubmissionRejected(sentence)

    return read


def _reading(archive: zipfile.ZipFile, path: str, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        try:
            with archive.open(info) as file:
                return file.read(limit + 1)
        except _DAMAGED as error:
            raise SubmissionRejected(messages.ENTRY_DAMAGED.format(entry=path)) from error

    return read
