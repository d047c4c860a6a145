"""The atlas: what every known wrong answer of an exercise brings to the suite, run once and kept.

Owns what an entry depends on. It is found by the content of all of that, so nothing in it can be out of date: adding
a file to `wrong/` teaches one more mistake, changing one renews its entry alone.
"""

from __future__ import annotations

import functools
import hashlib
import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

import grader
from grader.course import Exercise
from grader.diagnosis.cache import cache_folder, keep, read_kept
from grader.diagnosis.evidence import Circumstances, Evidence
from grader.diagnosis.lookup import Known, Record
from grader.diagnosis.misconception import Misconception, read_misconception
from grader.results import Outcome

_JUDGING = ("sandbox", "suite", "diagnosis")
WRONG_FOLDER = "wrong"
EQUIVALENT_FOLDER = "equivalent"


@dataclass(frozen=True)
class WrongAnswer:
    """One file of `wrong/` and what its header says."""

    path: Path
    misconception: Misconception = field(compare=False)


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a wrong answer fared; what is kept in the cache."""

    outcomes: dict[str, Outcome]
    evidence: dict[str, Evidence]


def entry_key(answer: WrongAnswer, circumstances: Circumstances, seed: int) -> str:
    """Return the name of an entry: a digest of everything that it depends on."""
    digest = hashlib.sha256(answer.path.read_bytes())
    for part in (*circumstances, str(seed), platform.python_version(), own_code()):
        digest.update(f"\0{part}".encode())
    return digest.hexdigest()


@functools.cache
def own_code() -> str:
    """Return a digest of the code that judges: what a comparison records changes with it, also between two versions."""
    package = Path(grader.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] in _JUDGING:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def wrong_answers(exercise: Exercise) -> list[WrongAnswer]:
    """Return the known wrong answers of an exercise; none where there are no solutions, as in a student's copy.

    Raises:
        CourseError: a header is missing or incomplete.
    """
    paths = sorted((exercise.solution_folder / WRONG_FOLDER).glob("*.py"))
    return [WrongAnswer(path, read_misconception(path)) for path in paths]


def load_atlas(
    answers: Iterable[WrongAnswer],
    circumstances: Circumstances,
    seed: int,
    run: Callable[[list[WrongAnswer]], Iterable[Entry]],
    folder: Path | None = None,
) -> list[Known]:
    """Return the atlas, running what the cache lacks.

    Args:
        run: Judges wrong answers and yields an entry for each, in order; each is kept as soon as it is there.
        folder: Where entries are kept; None means the user's own cache folder.
    """
    folder = folder or cache_folder()
    paths = {answer: folder / entry_key(answer, circumstances, seed) for answer in answers}
    present = {answer: read_kept(path, Entry) for answer, path in paths.items()}
    missing = [answer for answer, entry in present.items() if entry is None]
    for answer, entry in zip(missing, run(missing) if missing else (), strict=True):
        present[answer] = entry
        keep(paths[answer], entry)
    return [known(answer, entry) for answer, entry in present.items() if entry is not None]


def known(answer: WrongAnswer, entry: Entry) -> Known:
    """Return a wrong answer as the lookup wants it."""
    return Known(answer.misconception.id, Record(entry.outcomes, entry.evidence))
