"""Writing a class report into a folder: index.html, students/ and exercises/, or one file that holds them all.

Owns the files. Invariants: every file is written whole or not at all; of an earlier report no page stays behind that
names students whom this one does not; nothing is removed that is not a page of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from grader import language, messages
from grader.classroom.pseudonyms import anonymous_view
from grader.classroom.view import ClassView
from grader.errors import UsageError
from grader.report.classroom.exercise import exercise_page
from grader.report.classroom.findings import Compared, Findings, findings_of
from grader.report.classroom.links import Links, links_of
from grader.report.classroom.page import class_page, leaf_names
from grader.report.classroom.student import student_page
from grader.report.render import environment
from grader.whole_file import write_whole

GENERATOR = "grader class report"
_MARK = f'<meta name="generator" content="{GENERATOR}">'.encode()
_HEAD_BYTES = 2048


def class_report(
    view: ClassView,
    folder: Path,
    *,
    single_file: bool = False,
    anonymous: bool = False,
    diff: Compared | None = None,
    key: bytes | None = None,
) -> Path:
    """Write the report of a class and return its first page, `folder/index.html`.

    Args:
        single_file: Put everything into that one file.
        anonymous: Show pseudonyms, and nothing that a student wrote or that was written of one.
        diff: What moved since the run before (`grader.classroom.diff.Difference`). Not shown where the report is
            anonymous: whoever remembers their two scores would find themselves, and the others beside.
        key: What pseudonyms are made with; without it, one that follows from what was handed in.

    Raises:
        UsageError: the folder cannot be written to.
    """
    shown = anonymous_view(view, key) if anonymous else view
    links = links_of(shown, single_file=single_file)
    found = findings_of(shown, links, anonymous=anonymous, diff=None if anonymous else diff)
    try:
        return _write(found, folder)
    except OSError as error:
        problem = error.strerror or str(error)
        raise UsageError(messages.CLASS_CANNOT_WRITE.format(folder=folder, problem=problem)) from error


def _write(found: Findings, folder: Path) -> Path:
    kept = {folder / "index.html"}
    folder.mkdir(parents=True, exist_ok=True)
    if not found.links.single_file:
        for path, html in _leaves(found, folder):
            path.parent.mkdir(exist_ok=True)
            write_whole(path, html.encode())
            kept.add(path)
    index = folder / "index.html"
    page = class_page(found, with_leaves=found.links.single_file)
    html = environment().get_template("class.html.j2").render(page=page, **_names(found, found.links))
    write_whole(index, html.encode())
    _remove_others(folder, kept)
    return index


def _leaves(found: Findings, folder: Path) -> Iterator[tuple[Path, str]]:
    below = replace(found, links=replace(found.links, up="../"))
    names = _names(below, below.links)
    template = environment().get_template("class_exercise.html.j2")
    for exercise in found.view.exercises:
        path = folder / "exercises" / f"{found.links.exercises[exercise.slug]}.html"
        yield path, template.render(page=exercise_page(below, exercise.slug), **names)
    template = environment().get_template("class_student.html.j2")
    for student in found.view.students:
        path = folder / "students" / f"{found.links.students[student.id]}.html"
        yield path, template.render(page=student_page(below, student), **names)


def _names(found: Findings, links: Links) -> dict[str, object]:
    spoken = language.current().replace("_", "-")
    return {"links": links, "language": spoken, "generator": GENERATOR, **leaf_names(found)}


def _remove_others(folder: Path, kept: set[Path]) -> None:
    """Remove pages of an earlier report that this one did not write again."""
    for name in ("students", "exercises"):
        for path in (folder / name).glob("*.html"):
            if path not in kept and not path.is_symlink() and _is_ours(path):
                path.unlink()


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK in file.read(_HEAD_BYTES)
