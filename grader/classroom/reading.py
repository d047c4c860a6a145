"""The chosen files of a hand-in, read: Python sources and notebooks to one submission.

Owns what is said where a file is of another kind than its name. Chooses nothing and knows no student.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grader import messages
from grader.classroom.names import stem_and_type
from grader.classroom.notebook import MAX_NOTEBOOK_BYTES, MadeFile, Place, read_notebook
from grader.classroom.tree import Entry
from grader.errors import SubmissionRejected
from grader.kinds import kind_of, wrong_type
from grader.limits import size_text
from grader.submission import Submission, source_bytes, submission_from

PYTHON = (".py", ".ipynb")


@dataclass(frozen=True)
class Read:
    """A submission, with what a person should know of how it was read."""

    submission: Submission
    notes: tuple[str, ...]
    cells: Mapping[str, tuple[Place, ...]]


def read_files(chosen: Mapping[str, Entry], extra: Iterable[str], limit: int) -> Read:
    """Read the files, given by the name under which they are judged; none may have more bytes than `limit`.

    Of a notebook the code counts and not its outputs: the digest is over the file that is made of it.

    Raises:
        SubmissionRejected: one cannot be read; the sentence calls it as the student did.
    """
    files: list[tuple[str, bytes]] = []
    notes: list[str] = []
    cells: dict[str, tuple[Place, ...]] = {}
    for name, entry in chosen.items():
        made = _notebook(entry) if stem_and_type(entry.name)[1] == ".ipynb" else None
        if made is None:
            files.append((name, source_bytes(entry.called, entry.read(limit), entry.name, limit)))
            notes += [messages.HANDIN_TAKEN_AS.format(file=entry.called, name=name)] * (entry.called != name)
        else:
            data = made.text.encode("utf-8", "backslashreplace")
            if len(data) > limit:
                raise SubmissionRejected(
                    messages.NOTEBOOK_CODE_TOO_LARGE.format(file=entry.called, limit=size_text(limit))
                )
            files.append((name, data))
            notes += [messages.NOTEBOOK_READ.format(file=entry.called, name=name), *made.notes]
            cells[name] = made.places
    return Read(submission_from(files, extra), tuple(notes), cells)


def _notebook(entry: Entry) -> MadeFile:
    too_large = messages.NOTEBOOK_TOO_LARGE.format(file=entry.called, limit=MAX_NOTEBOOK_BYTES >> 20)
    data = entry.bytes(MAX_NOTEBOOK_BYTES, too_large)
    if not data.strip():
        raise SubmissionRejected(messages.FILE_EMPTY.format(file=entry.called))
    if kind := kind_of(data, entry.name):
        raise SubmissionRejected(wrong_type(entry.called, kind))
    return read_notebook(entry.called, data)
