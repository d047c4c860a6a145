"""Read what a student handed in: from a file or a folder to text, without trusting either.

Owns the one rule of what is handed in, which checking, bundling and the intake of a class share: exercise.toml's
`files`; what lies beside them is listed and harmless. Owns the sentences for a submission that cannot be read.
Invariant: nothing here runs, imports or follows what it reads; links, pipes and devices are refused, and no file is
read beyond a limit.
"""

from __future__ import annotations

import codecs
import errno
import hashlib
import itertools
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grader import messages
from grader.course import PUBLIC_SUITE, Exercise, did_you_mean
from grader.errors import SubmissionRejected, UsageError
from grader.kinds import junk, kind_of, wrong_type
from grader.limits import size_text

# O_NONBLOCK: opening a pipe that nobody writes to would wait for ever. O_NOFOLLOW: a link may point at anything.
# Windows knows only O_BINARY, and no such pipes among files.
_CAREFULLY = sum(getattr(os, name, 0) for name in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_MAX_LISTED = 200
_PART_OF_THE_COURSE = {"exercise.toml", "README.md", "README.zh_CN.md", PUBLIC_SUITE, "__pycache__"}


@dataclass(frozen=True)
class SourceFile:
    """One file of a submission as text with `\\n` line ends and no byte order mark."""

    name: str
    text: str


@dataclass(frozen=True)
class Submission:
    """The files of one student for one exercise; `sha256` is over the bytes as they were handed in."""

    sha256: str
    sources: tuple[SourceFile, ...]
    extra_files: tuple[str, ...] = ()

    @property
    def files(self) -> list[str]:
        """The names of all files: those that are judged, then the others."""
        return [source.name for source in self.sources] + list(self.extra_files)


def read_submission(exercise: Exercise, path: Path | None = None) -> Submission:
    """Read a submission from a folder, from a single file of any name, or (None) from the course's own stub folder.

    Raises:
        UsageError: `path` does not exist.
        SubmissionRejected: a file is missing or is not a readable Python source; safe to show to the student.
    """
    path = exercise.stub_folder if path is None else path
    if not os.path.lexists(path):
        siblings = _names_in(path.parent) if path.parent.is_dir() else []
        raise UsageError(messages.NO_SUCH_SUBMISSION.format(path=path, hint=did_you_mean(path.name, siblings)))
    if path.is_dir():
        return _from_folder(exercise, path)
    if len(exercise.files) > 1:
        raise SubmissionRejected(messages.NEEDS_A_FOLDER.format(files=", ".join(exercise.files)))
    return submission_from([(exercise.files[0], _source_bytes(path, path.name, exercise.limits.source_bytes))], ())


def files_to_hand_in(exercise: Exercise, folder: Path) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Return the files of an exercise that lie in a folder, by name and bytes, and the names of all others.

    Raises:
        SubmissionRejected: one of the files is missing, or is no plain file of source text.
    """
    present = _names_in(folder)
    read = []
    for name in exercise.files:
        if name not in present:
            raise missing(name, present)
        read.append((name, _source_bytes(folder / name, name, exercise.limits.source_bytes)))
    return read, extra_files((name, name) for name in present if name not in exercise.files)


def extra_files(others: Iterable[tuple[str, str]]) -> list[str]:
    """Return what to list of the files beside those of the exercise, each given by its name and what to call it."""
    return [called for name, called in others if not (is_part_of_the_course(name) or junk((name,)) or junk((name, "")))]


def _from_folder(exercise: Exercise, folder: Path) -> Submission:
    return submission_from(*files_to_hand_in(exercise, folder))


def missing(name: str, present: list[str]) -> SubmissionRejected:
    """Return what to raise when a file is not among those present; near names are suggested."""
    return SubmissionRejected(messages.FILE_MISSING.format(file=name, hint=_near_file(name, present)))


def is_part_of_the_course(name: str) -> bool:
    """Whether a file beside the student's comes with the exercise: its statement, that one's figures, its suite."""
    return name in _PART_OF_THE_COURSE or name.endswith(".svg")


def _near_file(name: str, present: list[str]) -> str:
    """Suggest which of the files may have been meant: by spelling, by case, or with a suffix that a browser adds."""
    stem = name.removesuffix(".py").lower()
    alike = [other for other in present if other.lower().startswith(stem) and other.lower().endswith(".py")]
    return messages.NEAR_NAMES.format(names=messages.NAMES_OR.join(alike[:3])) if alike else did_you_mean(name, present)


def submission_from(read: list[tuple[str, bytes]], extra: Iterable[str]) -> Submission:
    """Return the submission that consists of these files, given by name and bytes.

    Raises:
        SubmissionRejected: one is not text that Python could read.
    """
    listed = tuple(itertools.islice(extra, _MAX_LISTED))
    return Submission(_digest(read), tuple(SourceFile(name, _decode(name, data)) for name, data in read), listed)


def made_submission(texts: Mapping[str, str]) -> Submission:
    """Return a submission that we have written ourselves, given as the text of each file by its name."""
    digest = _digest((name, text.encode()) for name, text in texts.items())
    return Submission(digest, tuple(SourceFile(name, text) for name, text in texts.items()))


def _digest(read: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, data in read:
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, made printable (a name may hold any bytes) and bounded."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in itertools.islice(entries, 10 * _MAX_LISTED)]
    return sorted(os.fsencode(name).decode("utf-8", "backslashreplace") for name in names)


def _source_bytes(path: Path, name: str, limit: int) -> bytes:
    return source_bytes(name, read_bytes(path, name, limit), name, limit)


def source_bytes(called: str, data: bytes, name: str, limit: int) -> bytes:
    """Return the bytes of a file if they can be Python source.

    Raises:
        SubmissionRejected: they are more than `limit`, or those of a PDF, say; the sentence calls the file `called`.
    """
    if len(data) > limit:
        raise SubmissionRejected(too_large(called, limit))
    if kind := kind_of(data, name):
        raise SubmissionRejected(wrong_type(called, kind))
    return data


def too_large(name: str, limit: int) -> str:
    """Return the sentence for a file that has more bytes than it may."""
    return messages.FILE_TOO_LARGE.format(file=name, limit=size_text(limit))


def read_bytes(path: Path, name: str, limit: int) -> bytes:
    """Return the bytes of a regular file that is no link: all, or one more than `limit`, which tells that it is longer.

    Raises:
        SubmissionRejected: it is something else, or cannot be opened; the sentence calls it `name`.
    """
    try:
        fd = os.open(path, os.O_RDONLY | _CAREFULLY)
    except OSError as error:
        linked = error.errno == errno.ELOOP
        sentence = messages.FILE_IS_A_LINK if linked else messages.FILE_UNREADABLE
        raise SubmissionRejected(sentence.format(file=name, problem=error.strerror)) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SubmissionRejected(messages.NOT_A_FILE.format(file=name))
        with open(fd, "rb", closefd=False) as file:
            return file.read(limit + 1)
    finally:
        os.close(fd)


def _decode(name: str, data: bytes) -> str:
    if wide := utf16_or_32(data):
        raise SubmissionRejected(messages.FILE_WRONG_ENCODING.format(file=name, encoding=wide))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SubmissionRejected(messages.FILE_NOT_UTF8.format(file=name, line=line)) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SubmissionRejected(messages.FILE_HAS_NUL.format(file=name, line=line))
    if not text.strip():
        raise SubmissionRejected(messages.FILE_EMPTY.format(file=name))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def utf16_or_32(data: bytes) -> str:
    """Name the encoding that editors on Windows sometimes save in, by its mark or by its every second byte being 0."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    zeros = [data[start:4000:2].count(0) for start in (0, 1)]
    return "UTF-16" if max(zeros) > 4 and max(zeros) > 0.8 * len(data[:4000]) / 2 else ""
