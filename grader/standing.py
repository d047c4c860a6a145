"""How far a student is with an exercise, and with which one to go on: plain facts from files and what is remembered.

Owns these words and the order of what to do. Prints nothing, judges nothing and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.course import Course, Exercise, load_exercise
from grader.errors import SubmissionRejected
from grader.results import NOT_TO_FIX, OUR_FAILURES, CheckResult
from grader.state import Last, Scored, State, remembered
from grader.stubs import is_as_given
from grader.submission import Submission, files_to_hand_in, submission_from

_NOT_WRITTEN = re.compile(r"^[ \t]*raise NotImplementedError\b", re.MULTILINE)


class Status(StrEnum):
    """How far an exercise is; a program reads these words in `grader list --json`."""

    NEW = "new"  # as it was given out
    UNREADABLE = "unreadable"  # nothing can be judged
    UNCHECKED = "unchecked"  # no check looked at the files as they are now
    OPEN = "open"  # the last check left something to look at
    DONE = "done"


@dataclass(frozen=True)
class Standing:
    """How far one exercise is. `left` is how many functions raise NotImplementedError; `to_fix` goes by importance."""

    exercise: Exercise
    status: Status
    left: int | None = None
    to_fix: tuple[CheckResult, ...] = ()
    score: Scored | None = None
    best: Scored | None = None
    problem: str = ""  # why the files cannot be read
    extra: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What to type for the exercise."""
        return self.exercise.course.short_name(self.exercise.slug)


def standings(course: Course) -> list[Standing]:
    """Return how far each exercise of a course is.

    Raises:
        CourseError: the exercise.toml of one is broken.
    """
    state = remembered(course.root)
    return [standing_of(load_exercise(course, slug), state) for slug in course.slugs()]


def standing_of(exercise: Exercise, state: State) -> Standing:
    """Return how far an exercise is, from the files as they are now and what is remembered of its checks."""
    last = state.exercises.get(exercise.slug, Last())
    try:
        files, extra = files_to_hand_in(exercise, exercise.stub_folder)
        submission = submission_from(files, extra)
    except SubmissionRejected as why:
        return Standing(exercise, Status.UNREADABLE, score=last.score, best=last.best, problem=str(why))
    left = sum(len(_NOT_WRITTEN.findall(source.text)) for source in submission.sources)
    to_fix = tuple(check for check in last.checks if check.outcome not in NOT_TO_FIX)
    status = _status(submission, last, is_as_given(exercise, files), bool(left), bool(to_fix))
    to_fix = to_fix if status is Status.OPEN else ()
    return Standing(exercise, status, left, to_fix, last.score, last.best, extra=submission.extra_files)


def _status(submission: Submission, last: Last, as_given: bool | None, has_gaps: bool, has_open: bool) -> Status:
    if as_given is None:  # nobody knows how it was given out: then what nobody checked and has gaps is new
        as_given = not last.checks and has_gaps
    if as_given:
        return Status.NEW
    if last.submission != submission.sha256:
        return Status.UNCHECKED
    if has_open:
        return Status.OPEN
    is_whole = last.score is not None and last.score.submission == submission.sha256
    return Status.DONE if is_whole and not _was_our_fault(last) else Status.UNCHECKED


def _was_our_fault(last: Last) -> bool:
    return any(check.outcome in OUR_FAILURES for check in last.checks)


def go_on_with(found: Sequence[Standing], here: str | None) -> Standing | None:
    """Return the exercise to go on with: the one that one stands in, one that is begun, the first new one; or none.

    Args:
        here: The exercise in whose folder the student is.
    """
    not_done = [one for one in found if one.status is not Status.DONE]
    begun = [one for one in not_done if one.status is not Status.NEW]
    at_hand = [one for one in not_done if one.exercise.slug == here]
    return next(iter([*at_hand, *begun, *not_done]), None)
