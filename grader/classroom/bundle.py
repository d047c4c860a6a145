"""Several downloads of a platform in one folder, an archive for each assignment: read together, or refused.

Owns how they are told from archives of students, and whose exercise each is. Opens archives and extracts nothing; what
a student may have made is opened only if its list of entries is short. Nothing is guessed: a folder that holds both is
refused with what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from grader import messages
from grader.classroom.archive import class_archive, has_short_list
from grader.classroom.layouts import CERTAIN, Layout, canvas, gradescope, moodle, unwrapped
from grader.classroom.layouts.uploads import Reading
from grader.classroom.names import bare, key, stem_and_type
from grader.classroom.placing import Catalogue, Upload
from grader.classroom.roster import Who
from grader.classroom.tree import Entry, Tree
from grader.enumeration import enumerated
from grader.errors import SubmissionRejected, UsageError

_UNMISTAKABLE = (moodle, gradescope)  # no file that a student names has their form by chance
_NAMED = 3  # in a sentence


@dataclass(frozen=True)
class Download:
    """An archive of a platform: its name, what it holds, and the name of the exercise that its own name has, if any."""

    name: str
    layout: Layout
    tree: Tree
    folder: str

    def reading(self, catalogue: Catalogue) -> Reading:
        """Return its hand-ins, as if it had been given alone; what is nobody's is told with the archive's name."""
        read = self.layout.read(self.tree, catalogue)
        uploads = (replace(one, folder=one.folder or self.folder) for one in read.uploads)
        lost = (replace(one, origin=f"{self.name}/{one.origin}") for one in (*read.unplaced, *self.tree.refused))
        ignored = (f"{self.name}/{path}" for path in (*read.ignored, *self.tree.ignored))
        return Reading(tuple(uploads), tuple(lost), tuple(ignored), read.people)


@contextmanager
def downloads_in(path: Path, tree: Tree, catalogue: Catalogue, layout: str | None) -> Iterator[tuple[Download, ...]]:
    """Yield the downloads of a platform that a folder consists of; none if it is a class like any other.

    Args:
        layout: What a person says it is; with one of archives or folders of students nothing is looked for.

    Raises:
        UsageError: some of the archives are such downloads and others, or other files beside them, are not.
    """
    certain = {one.NAME for one in CERTAIN}
    inner = unwrapped(tree)[-1]
    if not path.is_dir() or (layout is not None and layout not in certain):
        yield ()
        return
    archives = [entry for entry in inner.entries if _may_be_one(entry, catalogue)]
    with ExitStack() as held:
        found = {entry: download for entry in archives if (download := _download(path, entry, catalogue, held))}
        yield _settled(path, found, inner, catalogue)


def together(downloads: Sequence[Download], catalogue: Catalogue, path: Path, has_roster: bool) -> Reading:
    """Return all hand-ins of several downloads.

    Raises:
        UsageError: only a roster could tell who in one of them is who in another.
    """
    readings = [download.reading(catalogue) for download in downloads]
    layout = downloads[0].layout
    if len(readings) > 1:
        if not has_roster:
            _refuse_new_numbers(readings, layout, path)
        readings = [_one_of_several(one, download) for one, download in zip(readings, downloads, strict=True)]
    if layout is moodle:
        readings = _as_one_person(readings)
    return Reading(
        tuple(one for reading in readings for one in reading.uploads),
        tuple(one for reading in readings for one in reading.unplaced),
        tuple(one for reading in readings for one in reading.ignored),
        tuple(one for reading in readings for one in reading.people),
    )


def _one_of_several(reading: Reading, download: Download) -> Reading:
    """Return hand-ins without what holds for a single download only.

    An order is that of one download; times can be compared. And what names no exercise need not be the only one's that
    is graded: the archive's name with its ending is a folder that is no exercise's.
    """
    uploads = (replace(one, order=0, folder=one.folder or download.name) for one in reading.uploads)
    return replace(reading, uploads=tuple(uploads))


# --- what an archive is -------------------------------------------------------------------------------------------


def _may_be_one(entry: Entry, catalogue: Catalogue) -> bool:
    """Whether a file may be the download of an assignment: an archive, alone or in the folder of an exercise."""
    above = entry.parts[:-1]
    is_placed = not above or (len(above) == 1 and bool(catalogue.of_folder(above[0])))
    return is_placed and stem_and_type(entry.name)[1] == ".zip"


def _download(path: Path, entry: Entry, catalogue: Catalogue, held: ExitStack) -> Download | None:
    """Return what a platform made, None if it is not; only then does the archive stay open."""
    with ExitStack() as opened:
        try:
            tree = _tree(path / entry.origin, entry.name, opened)
        except (SubmissionRejected, OSError):
            return None  # damaged, or no archive: whoever reads it as a student's says so
        for inner in unwrapped(tree) if tree else ():
            for layout in CERTAIN:
                if layout.evidence(inner, catalogue):
                    held.push(opened.pop_all())
                    return Download(entry.origin, layout, inner, _exercise_in(entry, catalogue))
    return None


def _tree(file: Path, name: str, opened: ExitStack) -> Tree | None:
    if file.is_symlink() or not file.is_file():
        return None
    archive: BinaryIO = opened.enter_context(file.open("rb"))
    return class_archive(archive, name) if has_short_list(archive) else None


def _exercise_in(entry: Entry, catalogue: Catalogue) -> str:
    """Return the part of an archive's name, or the folder around it, that names an exercise.

    Moodle calls the archive `COURSE-ASSIGNMENT-NUMBER.zip`; a number among these is no exercise's.
    """
    stem = stem_and_type(entry.name)[0]
    parts = stem.split("-")
    runs = ["-".join(parts[start:end]) for start in range(len(parts)) for end in range(start + 1, len(parts) + 1)]
    words = [*entry.origin.split("/")[:-1], stem, bare(stem), *(run for run in runs if not run.isdigit())]
    found = {word: slugs for word in words if (slugs := catalogue.of_folder(word))}
    return next(iter(found)) if len(set().union(*found.values())) == 1 else ""


def _settled(path: Path, found: dict[Entry, Download], inner: Tree, catalogue: Catalogue) -> tuple[Download, ...]:
    """Return the downloads if there is nothing else; none if they may as well be students' archives."""
    certain = [one for one in found.values() if _is_of_many(one, catalogue)]
    if not certain:
        return ()
    others = [entry for entry in inner.entries if entry not in found and stem_and_type(entry.name)[1] in _HANDED_IN]
    facts = {"path": path, "downloads": enumerated((one.name for one in certain), _NAMED)}
    if others:
        raise UsageError(messages.BUNDLE_MIXED.format(others=enumerated((one.name for one in others), _NAMED), **facts))
    if names := {one.layout.NAME for one in found.values()} - {certain[0].layout.NAME}:
        facts["layouts"] = ", ".join(sorted({*names, certain[0].layout.NAME}))
        raise UsageError(messages.BUNDLE_PLATFORMS.format(**facts))
    return tuple(found.values())


_HANDED_IN = (".zip", ".py", ".ipynb")


def _is_of_many(download: Download, catalogue: Catalogue) -> bool:
    """Whether an archive is surely no student's: by its form, or because several people handed in what it holds."""
    if download.layout in _UNMISTAKABLE:
        return True
    return len({who.id for one in download.layout.read(download.tree, catalogue).uploads for who in one.who}) > 1


# --- who is who ---------------------------------------------------------------------------------------------------


def _refuse_new_numbers(readings: Sequence[Reading], layout: Layout, path: Path) -> None:
    """Refuse people whose numbers are an assignment's own: participants of Moodle, anonymous users of Canvas."""
    people = [who for reading in readings for one in reading.uploads for who in one.who]
    if layout in (moodle, canvas) and any(not who.name for who in people):
        raise UsageError(messages.BUNDLE_ANONYMOUS.format(path=path, layout=layout.NAME))
    if layout is moodle:
        raise UsageError(messages.BUNDLE_NEEDS_ROSTER.format(path=path, layout=layout.NAME))


def _as_one_person(readings: Sequence[Reading]) -> list[Reading]:
    """Let a name be one person's in all downloads of Moodle; not where one of them has two people of that name.

    Their numbers stay as keys, since an alias of the roster may be one of them.
    """
    numbers: dict[str, list[list[str]]] = {}
    for reading in readings:
        here: dict[str, list[str]] = {}
        for who in dict.fromkeys(who for one in reading.uploads for who in one.who if who.name):
            here.setdefault(key(who.name), []).append(who.id)
        for name, ids in here.items():
            numbers.setdefault(name, []).append(ids)
    plain = {name: [ids[0] for ids in lists] for name, lists in numbers.items() if all(len(ids) == 1 for ids in lists)}
    return [replace(one, uploads=tuple(_renamed(upload, plain) for upload in one.uploads)) for one in readings]


def _renamed(upload: Upload, plain: dict[str, list[str]]) -> Upload:
    return replace(upload, who=tuple(_one_person(who, plain.get(key(who.name), [])) for who in upload.who))


def _one_person(who: Who, ids: Sequence[str]) -> Who:
    return replace(who, id=ids[0], keys=tuple(ids[1:])) if who.name and ids else who
