"""Pack what a student hands in: one zip archive, a folder for each exercise, in it the files that it asks for.

Owns the archive's bytes. Whether it would be taken is asked of the very code that takes in a class. Invariant: it holds
no name, path, time or right of the machine it was made on, so equal files make equal bytes, wherever they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader import messages
from grader.classroom.placing import Catalogue, Upload, place
from grader.classroom.tree import Entry
from grader.course import Course, Exercise
from grader.errors import SubmissionRejected
from grader.submission import files_to_hand_in, submission_from
from grader.zipped import zipped


@dataclass(frozen=True)
class Packed:
    """One exercise in the archive: its files by path and size, the submission's digest, what was left out."""

    exercise: Exercise
    files: Mapping[str, int]
    submission: str
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bundle:
    """The archive, and what is in it."""

    data: bytes
    packed: tuple[Packed, ...]

    @property
    def sha256(self) -> str:
        """The digest of the archive."""
        return hashlib.sha256(self.data).hexdigest()


def pack(course: Course, exercises: Sequence[Exercise], name: str) -> Bundle:
    """Return the archive with the student's own files for these exercises.

    Args:
        name: What it will be called; it is handed in under this name.
    Raises:
        SubmissionRejected: something in it would not be taken; the message has every exercise with its reason.
    """
    contents: dict[str, bytes] = {}
    packed: list[Packed] = []
    problems: dict[str, str] = {}
    for exercise in exercises:
        try:
            files, extra = files_to_hand_in(exercise, exercise.stub_folder)
            submission = submission_from(files, extra)
        except SubmissionRejected as why:
            problems[exercise.slug] = str(why)
            continue
        here = {f"{exercise.slug}/{file}": data for file, data in files}
        contents |= here
        sizes = {path: len(data) for path, data in here.items()}
        packed.append(Packed(exercise, sizes, submission.sha256, submission.extra_files))
    data = zipped(contents, compressed=False)
    problems |= _not_taken(course, packed, data, name)
    if problems:
        raise SubmissionRejected(_refusal(problems, exercises))
    return Bundle(data, tuple(packed))


def _not_taken(course: Course, packed: Sequence[Packed], data: bytes, name: str) -> dict[str, str]:
    """Return what the intake of a class would not take as the submission that it is, by exercise, and why."""
    if not packed:
        return {}
    catalogue = Catalogue(course, [one.exercise for one in packed])
    entry = Entry(name, len(data), lambda limit: data[: limit + 1], name)
    placed = place(Upload((), (entry,), name), catalogue)
    taken = {draft.exercise: draft for draft in placed.drafts}
    found: dict[str, str] = {}
    for one in packed:
        draft = taken.get(one.exercise.slug)
        if draft is None or draft.submission is None or draft.submission.sha256 != one.submission:
            reasons = [draft.problem] if draft and draft.problem else [why for _, why in placed.loose]
            found[one.exercise.slug] = next(iter(reasons), messages.HANDIN_NOTHING.format(name=one.exercise.files[0]))
    return found


def _refusal(problems: Mapping[str, str], exercises: Sequence[Exercise]) -> str:
    lines = "".join(messages.BUNDLE_PROBLEM.format(slug=slug, problem=why) for slug, why in problems.items())
    others = [one.course.short_name(one.slug) for one in exercises if one.slug not in problems]
    advice = messages.BUNDLE_OTHERS.format(command=" ".join(["grader", "bundle", *others])) if others else ""
    return messages.BUNDLE_REFUSED.format(problems=lines) + advice
