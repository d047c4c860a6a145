"""Canvas's bulk download: flat, `<sortable name>[_LATE]_<user>_<attachment>_<original name>`.

The name is in small letters and digits only, so two students may share one: the user's number tells them apart. With
anonymous grading it is `[LATE_]anon_<letters>_…`. A text that was typed in ends in `_text.html`, an address in
`_link.html`. A later upload of a name gets "-1" and a higher attachment number.
Source: canvas-lms, lib/content_zipper.rb.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from grader import messages
from grader.classroom.handin import Unplaced
from grader.classroom.layouts.uploads import Reading, first_names, most, outside
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree

NAME = "canvas"
_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?anon_(?P<user>[A-Za-z0-9]+)_(?:(?P<attachment>\d{1,19})_(?P<file>.+)|(?:text|link)\.html)"
)
_NAMED = re.compile(
    r"(?P<name>.+?)_(?P<late>LATE_)?(?P<user>\d{1,19})_(?:(?P<attachment>\d{1,19})_(?P<file>.+)|(?:text|link)\.html)"
)


@dataclass(frozen=True)
class _Parsed:
    who: Who
    late: bool
    entry: Entry | None  # None for what was typed in


def evidence(tree: Tree, catalogue: Catalogue) -> str:
    """Return what tells this layout: most names of the first level have its form."""
    return most(first_names(tree), _match)


def read(tree: Tree, catalogue: Catalogue) -> Reading:
    """Return one upload for each user, whose files carry the attachments' numbers as their order."""
    found: dict[str, list[_Parsed]] = {}
    unplaced: list[Unplaced] = []
    others: list[Entry] = []
    for entry in tree.entries:
        parsed = _parsed(entry)
        if parsed is None:
            others.append(entry)
            continue
        found.setdefault(parsed.who.id, []).append(parsed)
        if parsed.entry is None:
            unplaced.append(Unplaced(entry.origin, messages.UNPLACED_TEXT))
    uploads = [_upload(parsed) for parsed in found.values()]
    return Reading(tuple(uploads), (*unplaced, *outside(others)))


def _match(name: str) -> re.Match[str] | None:
    return _ANONYMOUS.fullmatch(name) or _NAMED.fullmatch(name)


def _parsed(entry: Entry) -> _Parsed | None:
    """Read an entry's name. A platform's archive is flat; unpacking some programs make a folder of each student's."""
    match = _match(entry.parts[0]) if len(entry.parts) == 1 else None
    if match is None:
        return None
    anonymous = match.re is _ANONYMOUS
    user = f"anon_{match['user']}" if anonymous else match["user"]
    who = Who(user, "" if anonymous else match["name"], sortable=True)
    file = match["file"]
    named = replace(entry, path=file, rank=int(match["attachment"])) if file else None
    return _Parsed(who, bool(match["late"]), named)


def _upload(parsed: list[_Parsed]) -> Upload:
    entries = tuple(one.entry for one in parsed if one.entry is not None)
    origin = entries[0].origin if entries else ""
    return Upload((parsed[0].who,), entries, origin, late=any(one.late for one in parsed))
