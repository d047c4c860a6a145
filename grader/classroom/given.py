"""What was given to be graded, opened: a folder, or one zip archive that stays open meanwhile.

Owns the sentences for anything else, which whoever grades reads: what it is, and what to give instead. Never waits for
a pipe. Knows no layout and no exercise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from grader import messages
from grader.classroom.archive import class_archive
from grader.classroom.tree import Tree, folder_tree
from grader.errors import SubmissionRejected, UsageError
from grader.kinds import EMPTY_ZIP, HEAD_BYTES, is_zip, kind_of


@contextmanager
def tree_of(path: Path) -> Iterator[Tree]:
    """Yield the files of a folder or an archive.

    Raises:
        UsageError: it is not there, is something else, or cannot be opened.
    """
    if path.is_dir():
        yield folder_tree(path)
        return
    if not path.exists():
        raise UsageError(messages.NO_SUCH_HANDINS.format(path=path))
    if not path.is_file():  # opening a pipe would wait for whoever writes to it
        raise UsageError(messages.HANDINS_NO_ARCHIVE.format(path=path, kind=messages.HANDINS_SPECIAL))
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(messages.FOLDER_UNREADABLE.format(path=path, problem=error.strerror)) from error
    with file:
        yield _archive(file, path)


def _archive(file: BinaryIO, path: Path) -> Tree:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head or head.startswith(EMPTY_ZIP):
        raise UsageError(messages.HANDINS_EMPTY.format(path=path))
    if not is_zip(head):
        kind = kind_of(head, path.name) or messages.KIND_UNKNOWN
        raise UsageError(messages.HANDINS_NO_ARCHIVE.format(path=path, kind=kind))
    try:
        return class_archive(file, path.name)
    except SubmissionRejected as error:
        raise UsageError(messages.HANDINS_NOT_OPENED.format(path=path)) from error
