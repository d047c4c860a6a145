"""nbgrader's tree: `submitted/<student>/<assignment>/<files>` with a `timestamp.txt`, or what lies in `submitted`.

The folders beside `submitted` are the instructor's own and are not read.
Source: nbgrader's documentation, "The philosophy and the approach of nbgrader".
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from grader import messages
from grader.classroom.layouts.uploads import Reading, grouped, outside
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree
from grader.errors import SubmissionRejected

NAME = "nbgrader"
SUBMITTED, TIMESTAMP = "submitted", "timestamp.txt"


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: a timestamp at its place."""
    found = next((one.path for one in _root(tree).entries if len(one.parts) == 3 and one.name == TIMESTAMP), "")
    return messages.LAYOUT_WHY_FILE.format(file=found) if found else ""


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each student and assignment."""
    root = _root(tree)
    found = grouped((one.parts[:2], one.below(2)) for one in root.entries if len(one.parts) > 2)
    uploads = [_upload(student, assignment, entries) for (student, assignment), entries in found.items()]
    people = [Who(name, name) for name in root.tops() if name]
    beside = outside(one for one in root.entries if len(one.parts) < 3)
    ignored = () if root is tree else tuple(f"{name}/" for name in tree.tops() if name not in ("", SUBMITTED))
    return Reading(tuple(uploads), beside, ignored, tuple(people))


def _root(tree: Tree) -> Tree:
    return tree.inside(SUBMITTED) if SUBMITTED in tree.folders else tree


def _upload(student: str, assignment: str, entries: list[Entry]) -> Upload:
    stamp = next((one for one in entries if one.path == TIMESTAMP), None)
    at, notes = _time(stamp)
    handed_in = tuple(one for one in entries if one is not stamp)
    origin = f"{student}/{assignment}"
    return Upload((Who(student, student),), handed_in, origin, assignment, at=at, notes=notes)


def _time(stamp: Entry | None) -> tuple[datetime | None, tuple[str, ...]]:
    """Read `2015-02-02 15:58:23.948203 America/Los_Angeles`; the zone may be an offset, or missing, which is UTC."""
    if stamp is None:
        return None, ()
    try:
        text = stamp.read(200).decode().strip()
    except (SubmissionRejected, UnicodeDecodeError):
        return None, (messages.UNPLACED_TIME.format(text="?"),)
    moment, _, zone = text.rpartition(" ")
    for written, place in ((moment, zone), (text, "UTC")):
        try:
            at = datetime.fromisoformat(written)
            return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(place))), ()
        except (ValueError, KeyError, OSError):
            continue  # a zone that is none, such as an offset: then the whole text is the time
    return None, (messages.UNPLACED_TIME.format(text=text[:60]),)
