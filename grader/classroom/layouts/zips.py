"""One archive for each student, of their name: `ada.zip`, or `ada_exercise1.zip`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from grader import messages
from grader.classroom.layouts.uploads import Reading, first_names, outside, student_and_exercise
from grader.classroom.names import stem_and_type
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree

NAME = "zips"
NOBODY = "_"


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: nothing but archives at the first level."""
    names = first_names(tree)
    if not names or any(stem_and_type(name)[1] != ".zip" for name in names) or tree.folders:
        return ""
    return messages.LAYOUT_WHY_FILES.format(example=names[0])


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each archive."""
    tops = tree.tops()
    archives = [one for one in tops.get("", []) if stem_and_type(one.name)[1] == ".zip"]
    taken = set(archives)
    others = [one for one in tree.entries if one not in taken]
    return Reading(tuple(uploads(archives, catalogue)), outside(others))


def uploads(entries: Iterable[Entry], catalogue: Catalogue, folder: str = "") -> list[Upload]:
    """Return the hand-ins of files and archives that are named by their student.

    What is left of the name when the student is taken off says which file or exercise it is, if anything is.
    """
    found = []
    for entry in entries:
        stem, ending = stem_and_type(entry.name)
        student, word = student_and_exercise(stem, catalogue)
        # The student's part of the name must not be taken for that of an exercise: `3.zip` is student 3.
        named = replace(entry, path=f"{word or NOBODY}{ending}", shown=entry.name)
        found.append(Upload((Who(student, student),), (named,), entry.origin, folder or _exercise(word, catalogue)))
    return found


def _exercise(word: str, catalogue: Catalogue) -> str:
    return word if word and catalogue.of_folder(word) else ""
