"""A folder for each student, in it the files or a folder for each exercise; or the other way round.

An archive beside the folders is one more student's, of its name.
"""

from __future__ import annotations

from grader import messages
from grader.classroom.layouts import zips
from grader.classroom.layouts.uploads import Reading, grouped, outside
from grader.classroom.names import stem_and_type
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree

NAME = "folders"


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: there are folders."""
    folder = next((name for name in tree.tops() if name), "")
    return messages.LAYOUT_WHY_FOLDERS.format(example=folder) if folder else ""


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each student and folder."""
    tops = tree.tops()
    beside = tops.pop("", [])
    uploads: list[Upload] = []
    people: list[Who] = []
    for folder, entries in tops.items():
        if _is_exercise(folder, entries, catalogue):
            inner = _in_exercise(tree, folder, entries, catalogue)
            uploads += inner.uploads
            people += inner.people
        elif entries:
            uploads.append(_upload(folder, [one.below(1) for one in entries], folder))
        else:
            people.append(Who(folder, folder))
    archives = [one for one in beside if stem_and_type(one.name)[1] == ".zip"]
    uploads += zips.uploads(archives, catalogue)
    return Reading(tuple(uploads), outside(one for one in beside if one not in archives), people=tuple(people))


def _is_exercise(folder: str, entries: list[Entry], catalogue: Catalogue) -> bool:
    """Whether a folder is an exercise's and not a student's; a bare number is a student's if it holds an exercise."""
    if not catalogue.of_folder(folder):
        return False
    within = {part for one in entries for part in one.parts[1:]}
    return not (folder.isdigit() and any(catalogue.of_folder(part) for part in within)) and not (
        folder.isdigit() and any(catalogue.of_file(one.name) for one in entries if len(one.parts) == 2)
    )


def _in_exercise(tree: Tree, folder: str, entries: list[Entry], catalogue: Catalogue) -> Reading:
    """Read the folder of an exercise, which holds a folder, an archive or a file for each student."""
    deep = grouped((one.parts[1], one.below(2)) for one in entries if len(one.parts) > 2)
    flat = [one.below(1) for one in entries if len(one.parts) == 2]
    found = [_upload(name, held, f"{folder}/{name}", folder) for name, held in deep.items()]
    found += zips.uploads(flat, catalogue, folder)
    people = [Who(name, name) for name in tree.inside(folder).tops() if name and name not in deep]
    return Reading(tuple(found), people=tuple(people))


def _upload(name: str, entries: list[Entry], origin: str, folder: str = "") -> Upload:
    return Upload((Who(name, name),), tuple(entries), origin, folder)
