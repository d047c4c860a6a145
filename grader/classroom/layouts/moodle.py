"""Moodle's bulk download: a folder for each student, `<Full name>_<number>_assignsubmission_file`, or flat.

Older versions end the folder's name in another `_`; flat it is `<Full name>_<number>_assignsubmission_file_<name>`.
What was typed in is `onlinetext`. With blind marking the name is the word for "participant" in the site's
language, the same for everybody. A group's is `<Group>_<number>_…`, and that of all without a group has no number.
Source: moodle, mod/assign/classes/downloader.php.
"""

from __future__ import annotations

import re
from dataclasses import replace

from grader import messages
from grader.classroom.handin import Unplaced
from grader.classroom.layouts.uploads import Reading, first_names, grouped, most, outside
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree

NAME = "moodle"
_FORM = re.compile(
    r"(?P<name>.*?)(?:_(?P<number>\d{1,19}))?_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?", re.DOTALL
)


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: most names of the first level have its form."""
    return most(first_names(tree), _FORM.fullmatch)


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each participant."""
    unplaced: list[Unplaced] = []
    pairs: list[tuple[Who, Entry]] = []
    others: list[Entry] = []
    for entry in tree.entries:
        match = _FORM.fullmatch(entry.parts[0])
        if match is None:
            others.append(entry)
        elif match["kind"] == "onlinetext":
            unplaced.append(Unplaced(entry.origin, messages.UNPLACED_TEXT))
        elif match["number"] is None:
            unplaced.append(Unplaced(entry.origin, messages.UNPLACED_DEFAULT_GROUP))
        else:
            named = replace(entry, path=match["file"]) if len(entry.parts) == 1 else entry.below(1)
            pairs.append((Who(match["number"], match["name"]), named))
    uploads = [
        Upload((who,), tuple(entries), entries[0].origin.partition("/")[0])
        for who, entries in _without_blind_names(grouped(pairs)).items()
    ]
    return Reading(tuple(uploads), (*unplaced, *outside(others)))


def _without_blind_names(found: dict[Who, list[Entry]]) -> dict[Who, list[Entry]]:
    """Leave out a name that everybody has: it is the word for "participant" in some language."""
    if len(found) < 2 or len({who.name for who in found}) > 1:
        return found
    return {Who(who.id): entries for who, entries in found.items()}
