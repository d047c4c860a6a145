"""Take in what a class handed in: from a folder or archive to students, hand-ins and what nobody understood.

Owns the steps and how they meet: layout, people, exercises. One hand-in that cannot be read costs its own student and
nobody else. Nothing is extracted, run or guessed; `said` is what is shown before anything is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from grader import messages
from grader.classroom.bundle import downloads_in, together
from grader.classroom.given import tree_of
from grader.classroom.handin import Handin, Intake, Student, Unplaced
from grader.classroom.layouts import LAYOUTS, Layout, detect, fitted
from grader.classroom.layouts.uploads import Reading
from grader.classroom.people import People, identified
from grader.classroom.placing import Catalogue, Draft, Placed, Upload, place
from grader.classroom.roster import read_roster
from grader.classroom.tree import Tree
from grader.course import Course, Exercise, did_you_mean
from grader.errors import UsageError

SHOWN = 10


def take_in(
    path: Path,
    course: Course,
    exercises: Sequence[Exercise],
    *,
    layout: str | None = None,
    roster: Path | None = None,
) -> Intake:
    """Read what a class handed in.

    Args:
        path: A folder or a zip archive, as the platform gave it.
        exercises: Those that are graded. With one, everything that names no exercise belongs to it.
        layout: The name of the layout; None looks for it.
        roster: A CSV file of the class; without it everybody is who the platform says.

    Raises:
        UsageError: there is nothing to take in, or the roster or the platform's own list cannot be read.
    """
    catalogue = Catalogue(course, exercises)
    known = read_roster(roster) if roster is not None else None
    with tree_of(path) as tree, downloads_in(path, tree, catalogue, layout) as downloads:
        if downloads:
            chosen, reading = downloads[0].layout, together(downloads, catalogue, path, known is not None)
            why = messages.LAYOUT_WHY_BUNDLE.format(count=len(downloads), example=downloads[0].name)
        else:
            chosen, inner, why = _layout_of(path, tree, catalogue, layout)
            reading = chosen.read(inner, catalogue)
        people = identified(reading, known)
        placed = [(upload, place(upload, catalogue)) for upload in reading.uploads if people.of(upload)]
    return _intake(chosen, why, tree, reading, people, placed, list(catalogue.exercises))


def _layout_of(path: Path, tree: Tree, catalogue: Catalogue, name: str | None) -> tuple[Layout, Tree, str]:
    known = ", ".join(LAYOUTS)
    if name is None:
        if (found := detect(tree, catalogue)) is None:
            raise UsageError(messages.NO_LAYOUT.format(path=path, layouts=known))
        return found
    if name not in LAYOUTS:
        hint = did_you_mean(name, list(LAYOUTS))
        raise UsageError(messages.UNKNOWN_LAYOUT.format(layout=name, hint=hint, layouts=known))
    inner = fitted(LAYOUTS[name], tree, catalogue)
    if not LAYOUTS[name].read(inner, catalogue).uploads:
        raise UsageError(messages.LAYOUT_DOES_NOT_FIT.format(path=path, layout=name))
    return LAYOUTS[name], inner, messages.LAYOUT_WHY_FORCED


def _intake(
    layout: Layout,
    why: str,
    tree: Tree,
    reading: Reading,
    people: People,
    placed: Sequence[tuple[Upload, Placed]],
    slugs: list[str],
) -> Intake:
    handins, unclear = _handins(people, placed, slugs)
    loose = [Unplaced(origin, reason, people.of(upload)) for upload, held in placed for origin, reason in held.loose]
    ignored = [*tree.ignored, *reading.ignored, *(origin for _, held in placed for origin in held.ignored)]
    return Intake(
        layout=layout.NAME,
        students=people.students,
        handins=tuple(handins),
        unplaced=(*tree.refused, *reading.unplaced, *people.unplaced, *loose, *unclear),
        ignored=tuple(ignored),
        why=why,
        exercises=tuple(slugs),
    )


# --- one hand-in for each student and exercise --------------------------------------------------------------------


def _handins(
    people: People, placed: Sequence[tuple[Upload, Placed]], slugs: list[str]
) -> tuple[list[Handin], list[Unplaced]]:
    found: dict[tuple[str, str], list[tuple[Upload, Draft]]] = {}
    for upload, held in placed:
        for draft in held.drafts:
            for id in people.of(upload):
                found.setdefault((id, draft.exercise), []).append((upload, draft))
    handins: list[Handin] = []
    unclear: dict[tuple[str, str], set[str]] = {}
    for student in people.students:
        for slug in slugs:
            if drafts := found.get((student.id, slug)):
                upload, draft = _last(drafts)
                handins.append(_handin(student, people, upload, draft))
                if draft.unclear:
                    unclear.setdefault((draft.origin, draft.problem), set()).add(student.id)
    return handins, [Unplaced(origin, why, tuple(sorted(ids))) for (origin, why), ids in unclear.items()]


def _handin(student: Student, people: People, upload: Upload, draft: Draft) -> Handin:
    return Handin(
        student=student.id,
        exercise=draft.exercise,
        submission=draft.submission,
        origin=draft.origin,
        problem=draft.problem,
        submitted_at=upload.at,
        marked_late=upload.late,
        times=draft.times,
        notes=(*upload.notes, *draft.notes),
        partners=tuple(one for one in people.of(upload) if one != student.id),
        cells=draft.cells,
    )


def _last(drafts: Sequence[tuple[Upload, Draft]]) -> tuple[Upload, Draft]:
    """Return the one of several hand-ins that counts; without an order that is none, unless all are the same."""
    if len(drafts) == 1:
        return drafts[0]
    times = sum(draft.times for _, draft in drafts)
    if _are_ordered([upload for upload, _ in drafts]):
        upload, draft = max(drafts, key=lambda one: (one[0].order, one[0].at.timestamp() if one[0].at else 0.0))
        note = messages.HANDIN_LAST_COUNTS.format(times=times, file=draft.origin)
        return upload, replace(draft, times=times, notes=(*draft.notes, note))
    upload, draft = drafts[0]
    if draft.submission and len({one.submission.sha256 if one.submission else "" for _, one in drafts}) == 1:
        return upload, replace(draft, times=times)
    origins = ", ".join(one.origin for _, one in drafts[:5])
    problem = messages.HANDIN_TWO_TIMES.format(origins=origins)
    return upload, Draft(draft.exercise, None, origins, problem, times=times, unclear=True)


def _are_ordered(uploads: Sequence[Upload]) -> bool:
    """Whether something says which came last: the platform's order, or times that differ."""
    orders, times = {upload.order for upload in uploads}, {upload.at for upload in uploads}
    return (0 not in orders and len(orders) == len(uploads)) or (None not in times and len(times) == len(uploads))


# --- what is shown before anything is judged ----------------------------------------------------------------------


def said(intake: Intake) -> list[str]:
    """Return what to show before grading: who and what was found, as what it was taken, and what nobody understood."""
    unreadable = [handin for handin in intake.handins if handin.submission is None]
    counted = messages.INTAKE_COUNTED.format(
        students=len(intake.students), exercises=len(intake.exercises), handins=len(intake.handins)
    )
    problems = [
        messages.INTAKE_UNREADABLE_ONE.format(
            student=one.student, exercise=one.exercise, origin=one.origin, problem=one.problem
        )
        for one in unreadable
    ]
    return [
        counted,
        messages.INTAKE_LAYOUT.format(layout=intake.layout, why=intake.why),
        *(f"  {_exercise_line(intake, slug)}" for slug in intake.exercises),
        *_listed(messages.INTAKE_UNREADABLE, problems),
        *_listed(messages.INTAKE_UNPLACED, [_unplaced_line(one) for one in intake.unplaced]),
        *([messages.INTAKE_IGNORED.format(count=len(intake.ignored))] if intake.ignored else []),
    ]


def _exercise_line(intake: Intake, slug: str) -> str:
    handins = [one for one in intake.handins if one.exercise == slug]
    read = sum(one.submission is not None for one in handins)
    missing = len(intake.students) - len(handins)
    return messages.INTAKE_EXERCISE.format(slug=slug, read=read, unreadable=len(handins) - read, missing=missing)


def _unplaced_line(one: Unplaced) -> str:
    names = messages.INTAKE_CANDIDATES.format(names=", ".join(one.candidates)) if one.candidates else ""
    return messages.INTAKE_UNPLACED_ONE.format(origin=one.origin, why=one.why) + names


def _listed(heading: str, lines: Iterable[str]) -> list[str]:
    every = list(lines)
    if not every:
        return []
    more = [f"  {messages.INTAKE_MORE.format(count=len(every) - SHOWN)}"] if len(every) > SHOWN else []
    return [heading.format(count=len(every)), *(f"  {line}" for line in every[:SHOWN]), *more]
