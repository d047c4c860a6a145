"""A class without its people, for showing in a lecture: the same numbers under names that lead to nobody.

Owns what is left out. Whatever a student wrote, and whatever a person said of them, is gone from the view that leaves
here, so that no page made of it can show it. Invariant: names and their order follow from a key that no page contains;
without the key nobody can compute them from the roster.
"""

from __future__ import annotations

import builtins
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from grader.classroom.handin import Student
from grader.classroom.statistics import is_late
from grader.classroom.view import ClassView, Lateness, Standing
from grader.course import Exercise
from grader.diagnosis.evidence import Evidence
from grader.results import CheckResult, ExerciseResult, SubmissionInfo

_DIGITS = 6


def anonymous_view(view: ClassView, key: bytes | None = None) -> ClassView:
    """Return the class with pseudonyms in the order of these, and without anything that could tell who is who.

    Args:
        key: What pseudonyms are made with; the same one gives the same. Without it one is derived from what was handed
            in, which no student knows of all the others.
    """
    secret = key or derived_key(view)
    names = pseudonyms([student.id for student in view.students], secret)
    exercises = {exercise.slug: exercise for exercise in view.exercises}
    standings = {
        (names[id], slug): _anonymous(standing, names[id], exercises[slug], secret)
        for (id, slug), standing in view.standings.items()
    }
    return replace(
        view,
        students=tuple(Student(name) for name in sorted(names.values())),
        standings=standings,
        run=replace(view.run, command=""),
        unplaced=(),
    )


def pseudonyms(ids: Iterable[str], key: bytes) -> dict[str, str]:
    """Return a name of its own for every student; it depends on their id and the key only, unless two would agree."""
    digests = sorted((hmac.digest(key, id.encode("utf-8", "surrogatepass"), "sha256").hex(), id) for id in ids)
    names: dict[str, str] = {}
    taken: set[str] = set()
    for digest, id in digests:
        digits = next(count for count in range(_DIGITS, len(digest) + 1) if digest[:count] not in taken)
        taken.add(digest[:digits])
        names[id] = f"anon-{digest[:digits]}"
    return names


def derived_key(view: ClassView) -> bytes:
    """Return a key that follows from the files of the whole class."""
    whole = hashlib.sha256()
    for (id, slug), standing in sorted(view.standings.items()):
        digest = standing.result.submission.sha256 if standing.result else ""
        source = hashlib.sha256("".join(standing.sources.values()).encode("utf-8", "surrogatepass")).hexdigest()
        whole.update(f"{id}\0{slug}\0{digest}\0{source}\0".encode("utf-8", "surrogatepass"))
    return whole.digest()


def _anonymous(standing: Standing, name: str, exercise: Exercise, key: bytes) -> Standing:
    return Standing(
        Student(name),
        standing.exercise,
        result=_result(standing.result, exercise) if standing.result else None,
        score=standing.score,
        counted=standing.counted,
        open=standing.open,
        handed_in=standing.handed_in,
        lateness=_lateness(standing),
        evidence={check: _evidence(one, key) for check, one in standing.evidence.items()},
        attempts=standing.attempts,
    )


def _lateness(standing: Standing) -> Lateness:
    """Keep that it was late and what that cost, not the hour at which somebody remembers having handed in."""
    late = standing.lateness
    return Lateness(marked=is_late(standing), factor=late.factor, unsettled=late.unsettled)


def _result(result: ExerciseResult, exercise: Exercise) -> ExerciseResult:
    files = [name for name in result.submission.files if name in exercise.files]
    return msgspec.structs.replace(
        result,
        submission=SubmissionInfo("", files),
        checks=[_check(check) for check in result.checks],
        flags=[],
        stdout="",
    )


def _check(check: CheckResult) -> CheckResult:
    """Keep what the suite says of a check, and nothing that the student's code said."""
    return msgspec.structs.replace(check, message="", frames=[], figures=[], stdout="", blocked_by=None)


def _evidence(evidence: Evidence, key: bytes) -> Evidence:
    """Keep what lets equal results be counted; of an exception the type, where it is Python's own."""
    if evidence.raised is None:
        return evidence
    name, text = evidence.raised
    known = isinstance(getattr(builtins, name, None), type) and issubclass(getattr(builtins, name), BaseException)
    digest = hmac.digest(key, f"{name}\0{text}".encode("utf-8", "surrogatepass"), "sha256").hex()
    return msgspec.structs.replace(evidence, raised=(name if known else "", digest))
