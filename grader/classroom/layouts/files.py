"""Single files named by their student: `ada.py`, `ada_backprop.py`, `exercise1_ada.ipynb`. Archives may lie among them.

A student may have several: their own part of the name is what they have in common.
"""

from __future__ import annotations

from dataclasses import replace

from grader import messages
from grader.classroom.layouts import zips
from grader.classroom.layouts.uploads import Reading, outside
from grader.classroom.names import key, stem_and_type
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.tree import Tree

NAME = "files"
_READ = (".py", ".ipynb", ".zip")


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: files at the first level that can be read."""
    found = next((one.name for one in tree.tops().get("", []) if stem_and_type(one.name)[1] in _READ), "")
    return messages.LAYOUT_WHY_FILES.format(example=found) if found else ""


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each student, with all files of their name."""
    tops = tree.tops()
    flat = [one for one in tops.pop("", []) if stem_and_type(one.name)[1] in _READ]
    found: dict[tuple[str, str], Upload] = {}
    for upload in zips.uploads(flat, catalogue):
        student = (key(upload.who[0].id), upload.folder)
        if student in found:
            upload = replace(found[student], entries=(*found[student].entries, *upload.entries))
        found[student] = upload
    taken = set(flat)
    others = [one for one in tree.entries if one not in taken]
    return Reading(tuple(found.values()), outside(others))
