"""Which exercise a file belongs to, and which of a student's files is the one that is judged.

Owns the rules, in order: the exercise's own folder, the exact file name, the name with what browsers and people add to
it. What two rules could read differently belongs nowhere and is reported. Knows files and exercises, no layout and no
student.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from grader import messages
from grader.classroom.archive import opened_archive
from grader.classroom.names import folder_key, key, stem_and_type, without_additions
from grader.classroom.notebook import MAX_NOTEBOOK_BYTES, Place
from grader.classroom.reading import PYTHON, read_files
from grader.classroom.roster import Who
from grader.classroom.tree import Entry
from grader.course import Course, Exercise, load_exercise
from grader.errors import CourseError, SubmissionRejected
from grader.kinds import HEAD_BYTES, kind_of, wrong_type
from grader.submission import Submission, extra_files, is_part_of_the_course, missing

_ARCHIVES = (".tar", ".tgz", ".gz", ".bz2", ".xz", ".rar", ".7z")


@dataclass(frozen=True)
class Upload:
    """What one person, or one group, handed in at one time. The paths of `entries` are below the hand-in.

    `folder` is what the platform calls the exercise, where it does. `order` is the platform's order of hand-ins.
    """

    who: tuple[Who, ...]
    entries: tuple[Entry, ...]
    origin: str
    folder: str = ""
    at: datetime | None = None
    late: bool = False
    order: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Draft:
    """What an upload holds for one exercise: a submission, or the sentence that says why there is none."""

    exercise: str
    submission: Submission | None
    origin: str
    problem: str = ""
    notes: tuple[str, ...] = ()
    times: int = 1
    cells: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)
    unclear: bool = False  # a person should look: several files could be meant


@dataclass
class Placed:
    """What became of an upload's files. `loose` are those that belong to no exercise, with the reason."""

    drafts: list[Draft] = field(default_factory=list)
    loose: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


class Catalogue:
    """The exercises that are graded, and by which names of folders and files each is known.

    The other exercises of the course are known too, so that their files are nobody else's.
    """

    def __init__(self, course: Course, exercises: Sequence[Exercise]) -> None:
        self.exercises = {exercise.slug: exercise for exercise in exercises}
        self.folders: dict[str, set[str]] = {}
        self.files: dict[str, set[str]] = {}
        self.words: set[str] = set()  # what may stand beside a student's name in that of a file
        for slug in dict.fromkeys([*self.exercises, *course.slugs()]):
            exercise = self.exercises.get(slug) or _loaded(course, slug)
            number = exercise.number if exercise else None
            titles = (exercise.title, *exercise.titles) if exercise else ()
            for name in (slug, f"exercise{number}" if number else "", number or "", *titles):
                if name:
                    self.folders.setdefault(folder_key(name), set()).add(slug)
                    self.words |= {name, *(f"exercise{gap}{number}" for gap in "_- " if number)} - {number}
            for file in exercise.files if exercise else ():
                self.words.add(stem_and_type(file)[0])
                self.files.setdefault(key(stem_and_type(file)[0]), set()).add(slug)

    @property
    def only(self) -> str:
        """The one exercise that is graded; nothing if there are several."""
        return next(iter(self.exercises)) if len(self.exercises) == 1 else ""

    @property
    def file_names(self) -> str:
        """All file names that are looked for, for a sentence."""
        return ", ".join(dict.fromkeys(file for exercise in self.exercises.values() for file in exercise.files))

    def of_folder(self, name: str) -> set[str]:
        """Return the exercises that a folder of this name means."""
        return self.folders.get(folder_key(name), set())

    def of_file(self, name: str) -> set[str]:
        """Return the exercises that have a file of this name, as it is or without what was added to it.

        A file may also have the name of an exercise that consists of one file: `exercise3.ipynb`.
        """
        stem = stem_and_type(name)[0]
        found = self.files.get(key(stem)) or self.files.get(without_additions(stem)) or self._named_for(stem)
        return found & self.exercises.keys() or found

    def _named_for(self, stem: str) -> set[str]:
        found = self.of_folder(stem) or self.of_folder(without_additions(stem))
        return set() if stem.isdigit() else {one for one in found if self._is_one_file(one)}

    def _is_one_file(self, slug: str) -> bool:
        return slug not in self.exercises or len(self.exercises[slug].files) == 1


def _loaded(course: Course, slug: str) -> Exercise | None:
    try:
        return load_exercise(course, slug)
    except CourseError:
        return None  # another exercise is broken; whoever grades that one is told


def place(upload: Upload, catalogue: Catalogue) -> Placed:
    """Say which of an upload's files belong to which exercise, and read them."""
    placed = Placed()
    files, broken = _opened(upload, placed)
    members: dict[str, list[Entry]] = {}
    loose: list[Entry] = []
    for entry in files:
        slug = _exercise_of(entry, upload.folder, catalogue, placed)
        if slug is None:
            loose.append(entry)
        elif slug in catalogue.exercises:
            members.setdefault(slug, []).append(entry)
        elif slug:
            placed.ignored.append(entry.origin)
    failed = _of_broken(broken, upload.folder, catalogue, placed)
    if catalogue.only and not upload.folder and loose:
        members.setdefault(catalogue.only, []).extend(loose)
        loose = []
    for slug in [one for one in catalogue.exercises if one in members or one in failed]:
        exercise = catalogue.exercises[slug]
        placed.drafts.append(_draft(exercise, members.get(slug, []), failed.get(slug, {}), catalogue, upload))
    _leave(loose, placed, catalogue)
    return placed


def _opened(upload: Upload, placed: Placed) -> tuple[list[Entry], dict[Entry, str]]:
    """Return all files, those in archives too, and the archives that cannot be opened with the reason."""
    files: list[Entry] = []
    broken: dict[Entry, str] = {}
    for entry in upload.entries:
        if stem_and_type(entry.name)[1] != ".zip":
            files.append(entry)
            continue
        try:
            held, ignored = opened_archive(entry)
        except SubmissionRejected as error:
            broken[entry] = str(error)
            continue
        files += held
        placed.ignored += ignored
    return files, broken


def _exercise_of(entry: Entry, folder: str, catalogue: Catalogue, placed: Placed) -> str | None:
    """Return the exercise of a file, None if nothing says it, "" if it was reported as unclear."""
    folders = {slug for part in (folder, *entry.parts[:-1]) if part for slug in catalogue.of_folder(part)}
    if len(folders) > 1:
        placed.loose.append((entry.origin, messages.UNPLACED_EXERCISES.format(names=", ".join(sorted(folders)))))
        return ""
    by_name = catalogue.of_file(entry.name) if stem_and_type(entry.name)[1] in PYTHON else set()
    if folders:
        slug = folders.pop()
        if by_name and slug not in by_name:
            why = messages.UNPLACED_OTHER_NAME.format(folder=slug, name=", ".join(sorted(by_name)))
            placed.loose.append((entry.origin, why))
            return ""
        return slug
    if len(by_name) > 1:
        placed.loose.append((entry.origin, messages.UNPLACED_EXERCISES.format(names=", ".join(sorted(by_name)))))
        return ""
    return next(iter(by_name), None)


def _of_broken(
    broken: Mapping[Entry, str], folder: str, catalogue: Catalogue, placed: Placed
) -> dict[str, dict[str, str]]:
    """Return what cannot be opened by exercise: names and sentences. What names no exercise is loose."""
    found: dict[str, dict[str, str]] = {}
    for entry, sentence in broken.items():
        slug = _exercise_of(entry, folder, catalogue, placed)
        if slug is None:
            by_name = catalogue.of_file(entry.name)
            slug = next(iter(by_name)) if len(by_name) == 1 else "" if folder else catalogue.only
        if slug in catalogue.exercises:
            found.setdefault(slug, {})[entry.called] = sentence
        elif slug:
            placed.ignored.append(entry.origin)
        else:
            placed.loose.append((entry.origin, sentence))
    return found


# --- one exercise -------------------------------------------------------------------------------------------------


def _draft(
    exercise: Exercise, entries: list[Entry], failed: Mapping[str, str], catalogue: Catalogue, upload: Upload
) -> Draft:
    origin = entries[0].origin if len(entries) == 1 else upload.origin
    try:
        chosen = {file: _choose(file, exercise, entries, catalogue) for file in exercise.files}
        if lacking := [file for file, candidates in chosen.items() if not candidates]:
            raise SubmissionRejected(_why_missing(lacking[0], entries, failed))
        return _read(exercise, chosen, entries, failed, origin)
    except _Unclear as unclear:
        return Draft(exercise.slug, None, origin, str(unclear), upload.notes, unclear=True)
    except SubmissionRejected as error:
        return Draft(exercise.slug, None, origin, str(error), upload.notes)


class _Unclear(SubmissionRejected):
    """Several files could be meant, and nothing says which."""


def _choose(file: str, exercise: Exercise, entries: Sequence[Entry], catalogue: Catalogue) -> list[Entry]:
    """Return the files that could be `file`, best first; all but the first are earlier ones of the same.

    Raises:
        _Unclear: several could be, and nothing says which was the last.
    """
    python = [one for one in entries if stem_and_type(one.name)[1] in PYTHON and not is_part_of_the_course(one.name)]
    stem = stem_and_type(file)[0]
    # Python before notebooks: who hands in both has exported one of them.
    tiers = [
        [one for one in python if stem_and_type(one.name)[1] == ending and alike(one.name)]
        for ending in PYTHON
        for alike in _likenesses(file, stem)
    ]
    if len(exercise.files) == 1:
        tiers.append([one for one in python if exercise.slug in catalogue.of_file(one.name)])
        tiers.append([one for one in python if not catalogue.of_file(one.name)])
    of_one_name = next((found for start in (0, 3) if (found := _distinct(tiers[start : start + 3]))), [])
    candidates = of_one_name if _ranks(of_one_name) else next((tier for tier in tiers if tier), [])
    if len({without_additions(stem_and_type(one.name)[0]) for one in candidates}) == 1 and _ranks(candidates):
        return sorted(candidates, key=lambda entry: -entry.rank)
    if len(candidates) > 1 and not _all_equal(candidates):
        names = ", ".join(entry.origin for entry in candidates[:5])
        raise _Unclear(messages.HANDIN_TWO_FILES.format(name=file, files=names))
    return candidates[:1]


def _likenesses(file: str, stem: str) -> list[Callable[[str], bool]]:
    return [
        lambda name: name == file,
        lambda name: key(stem_and_type(name)[0]) == key(stem),
        lambda name: without_additions(stem_and_type(name)[0]) == key(stem),
    ]


def _distinct(tiers: Sequence[Sequence[Entry]]) -> list[Entry]:
    return list(dict.fromkeys(entry for tier in tiers for entry in tier))


def _ranks(entries: Sequence[Entry]) -> bool:
    """Whether the platform numbers the files, so that one was the last."""
    ranks = {entry.rank for entry in entries}
    return 0 not in ranks and len(ranks) == len(entries) > 0


def _all_equal(candidates: Sequence[Entry]) -> bool:
    first, *others = candidates
    if any(entry.size != first.size for entry in others):
        return False
    data = first.read(MAX_NOTEBOOK_BYTES)  # no file that is read has more
    return all(entry.read(MAX_NOTEBOOK_BYTES) == data for entry in others)


def _why_missing(file: str, entries: Sequence[Entry], failed: Mapping[str, str]) -> str:
    """Return the most helpful of the reasons why there is no such file."""
    if failed:
        return next(iter(failed.values()))
    if not any(stem_and_type(entry.name)[1] in PYTHON for entry in entries):
        for entry in entries:
            if why := other_kind(entry):
                return why
        return messages.HANDIN_NOTHING.format(name=file)
    return str(missing(file, sorted({entry.called for entry in entries})))


def other_kind(entry: Entry) -> str:
    """Return the sentence for a file that no exercise wants, if its bytes tell what it is."""
    if entry.name.lower().endswith((".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")):
        return messages.TAR_REFUSED.format(file=entry.called)
    try:
        kind = kind_of(entry.read(HEAD_BYTES), entry.name)
    except SubmissionRejected as error:
        return str(error)
    return wrong_type(entry.called, kind) if kind else ""


def _read(
    exercise: Exercise,
    chosen: Mapping[str, Sequence[Entry]],
    entries: Iterable[Entry],
    failed: Mapping[str, str],
    origin: str,
) -> Draft:
    first = {file: candidates[0] for file, candidates in chosen.items()}
    times = max(len(candidates) for candidates in chosen.values())
    taken = set(first.values())
    extra = extra_files((one.name, one.called) for one in entries if one not in taken)
    read = read_files(first, extra, exercise.limits.source_bytes)
    notes = [*read.notes, *(messages.HANDIN_ARCHIVE_LEFT.format(problem=why) for why in failed.values())]
    if times > 1:
        last = next(candidates[0] for candidates in chosen.values() if len(candidates) == times)
        notes.append(messages.HANDIN_LAST_COUNTS.format(times=times, file=last.called))
    shown = next(iter(first.values())).origin if len(first) == 1 else origin
    return Draft(exercise.slug, read.submission, shown, "", tuple(notes), times, read.cells)


def _leave(loose: Iterable[Entry], placed: Placed, catalogue: Catalogue) -> None:
    """Report what belongs to no exercise; beside files that do, what could not be judged anyway is only ignored."""
    for entry in loose:
        kind = stem_and_type(entry.name)[1]
        if is_part_of_the_course(entry.name) or (placed.drafts and kind not in PYTHON and kind not in _ARCHIVES):
            placed.ignored.append(entry.origin)
        else:
            why = other_kind(entry) or messages.UNPLACED_EXERCISE.format(files=catalogue.file_names)
            placed.loose.append((entry.origin, why))
