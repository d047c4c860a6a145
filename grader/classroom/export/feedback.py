"""Feedback to hand back: each student's report and a plain text, in zips that Canvas and Moodle take as they are.

Owns where a student's files stand in such a zip. Invariants: a platform finds a student by the name it gave to what was
handed in, so that name is kept to the letter; two students never share a file; what is not settled is not handed back.

Source: canvas-lms, Assignment#infer_comment_context_from_filename (the first two parts of a name that are all digits
are user and attachment); Moodle, mod/assign/feedback/file/importziplib.php (name_number_assignsubmission_plugin).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from grader import messages
from grader.classroom.export import telling
from grader.classroom.export.exported import Exported
from grader.classroom.export.writing import distinct_names, is_safe_path, notes, safe_name, write_file
from grader.classroom.view import ClassView, Standing
from grader.course import Exercise
from grader.report.causes import Item
from grader.report.render import student_report
from grader.results import ExerciseResult
from grader.score import number
from grader.zipped import zipped

_CANVAS = re.compile(r"(?P<name>[^_/]+)_(?:LATE_)?(?P<user>\d+)_(?P<attachment>\d+)_(?P<file>[^/]+)")
_MOODLE = re.compile(r"(?P<name>[^/]*)_(?P<number>\d+)_assignsubmission_(?:file|onlinetext)_?")
_MOODLE_FLAT = re.compile(r"(?P<prefix>[^_/]*_\d+_assignsubmission_(?:file|onlinetext)_)[^/]+")
_Files = dict[str, bytes]


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Write one zip of everything where `out` ends with .zip, otherwise `out/EXERCISE.zip` for each exercise.

    One zip is right where a student hands in all exercises together, one for each where they are handed in apart.
    """
    one_file = out.suffix.lower() == ".zip"
    batches = {out: view.exercises} if one_file else {out / f"{one.slug}.zip": (one,) for one in view.exercises}
    names = distinct_names(student.id for student in view.students)
    written, unplaced = [], []
    for path, exercises in batches.items():
        files: _Files = {}
        for standing, exercise in _to_hand_back(view, exercises):
            unplaced += [] if _place(standing) else [standing]
            _add(files, standing, exercise, names[standing.student.id], view.max_scores)
        if files:
            write_file(path, zipped(files))
            written.append(path)
    said = [messages.EXPORT_NO_PLATFORM.format(names=telling.names(unplaced))] if unplaced else []
    return Exported(tuple(written), (*notes(view, messages.EXPORT_OPEN_LEFT_OUT), *said))


def plain_text(standing: Standing, exercise: Exercise, max_score: float, report: str = "") -> str:
    """Return the feedback as plain text; `report` names the page beside it, where there is one."""
    lines = [telling.line(exercise.title), ""]
    if standing.result is not None:
        result = telling.allowed(standing.result, exercise)
        lines += [*_score(standing, result), *telling.honest(result), *telling.of_standing(standing, max_score), ""]
        for item in telling.items(result):
            lines += _check(item)
        lines += ["", messages.FEEDBACK_FILES.format(files=telling.line(", ".join(result.submission.files)))]
    if standing.problem:
        lines += [telling.text(standing.problem)]
    lines += [telling.line(note) for note in standing.notes]
    lines += [messages.FEEDBACK_REPORT.format(file=report)] if report else []
    return "\n".join(lines).rstrip() + "\n"


def _to_hand_back(view: ClassView, exercises: Sequence[Exercise]) -> list[tuple[Standing, Exercise]]:
    """Return who gets something: everybody whose submission was judged, or could not even be read."""
    return [
        (standing, exercise)
        for exercise in exercises
        for standing in view.in_exercise(exercise.slug)
        if not standing.open and (standing.result is not None or (standing.handed_in and standing.problem))
    ]


def _add(files: _Files, standing: Standing, exercise: Exercise, name: str, max_scores: Mapping[str, float]) -> None:
    """Add a student's files; partners of a group have one place, and what differs between them has their names."""
    place, base = _place(standing) or f"{name}/", safe_name(exercise.slug)
    made = _made(standing, exercise, max_scores, f"{base}.html")
    if any(files.get(f"{place}{base}{end}", data) != data for end, data in made.items()):
        base = f"{base}-{name}"
        made = _made(standing, exercise, max_scores, f"{base}.html")
    files |= {f"{place}{base}{end}": data for end, data in made.items()}


def _made(standing: Standing, exercise: Exercise, max_scores: Mapping[str, float], page: str) -> dict[str, bytes]:
    """Return the contents of the files by how their names end."""
    result, max_score = standing.result, max_scores[exercise.slug]
    if result is None:
        return {".txt": plain_text(standing, exercise, max_score).encode()}
    report = student_report(telling.allowed(result, exercise), exercise, standing.sources)
    return {".html": report.encode(), ".txt": plain_text(standing, exercise, max_score, page).encode()}


def _place(standing: Standing) -> str | None:
    """Return how the names of a student's files begin, so that the platform knows whose they are; None: it would not.

    For Moodle that is the folder, for Canvas the whole name of the file that was handed in.
    """
    origin = standing.origin
    if not origin or not is_safe_path(origin):
        return None
    parts = PurePosixPath(origin).parts
    for depth, part in enumerate(parts):
        if _MOODLE.fullmatch(part):
            return f"{part}/"
        if flat := _MOODLE_FLAT.fullmatch(part):
            return flat["prefix"]
        if depth == len(parts) - 1 and _CANVAS.fullmatch(part):
            return f"{part}."
    return None


def _score(standing: Standing, result: ExerciseResult) -> list[str]:
    if standing.score is None:
        return []
    form = messages.REPORT_SCORE if result.complete else messages.REPORT_SCORE_OPEN
    return [form.format(score=number(standing.score), max_score=number(result.max_score))]


def _check(item: Item) -> list[str]:
    """Return a line for a check and, set in below it, what is said of it."""
    facts = {"outcome": telling.word(item.outcome), "title": telling.title_of(item), "earned": telling.earned(item)}
    return [messages.FEEDBACK_CHECK.format(**facts), *(f"    {line}" for line in telling.why(item).splitlines())]
