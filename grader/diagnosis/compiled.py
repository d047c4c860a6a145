"""The atlas that students get: what known wrong answers bring to the public checks of an exercise, as one file.

Owns its form and when it may be used. It holds sketches of values, never code, and no word about a check that students
do not have; a mistake that public checks alone cannot tell from another stands in it without a name. It lies in a
folder that the student owns, so it decides nothing but what they are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from grader.course import Exercise
from grader.diagnosis.atlas import own_code
from grader.diagnosis.cache import read_kept
from grader.diagnosis.evidence import Circumstances, Evidence
from grader.diagnosis.lookup import Known, Record, diagnose
from grader.diagnosis.misconception import Misconception
from grader.results import Outcome
from grader.state import FOLDER


class Mistake(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A wrong answer: how it fares, and what is said of it where it can be recognised."""

    outcomes: dict[str, Outcome]
    evidence: dict[str, Evidence]
    id: str = ""
    statement: str = ""
    hints: tuple[str, ...] = ()
    translations: dict[str, tuple[str, ...]] = {}


class CompiledAtlas(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All wrong answers that some public check notices, and what the recorded values depend on."""

    exercise: str
    seed: int
    suite_sha256: str
    judged_by: str
    mistakes: tuple[Mistake, ...]
    schema: Literal["grader.atlas/1"] = "grader.atlas/1"


def compiled_path(slug: str) -> str:
    """Return where the atlas of an exercise lies, from the course's folder on."""
    return f"{FOLDER}/atlas/{slug}.json"


def compiled(
    exercise: Exercise,
    circumstances: Circumstances,
    atlas: Sequence[Known],
    misconceptions: Mapping[str, Misconception],
) -> CompiledAtlas:
    """Return what may be given away of an atlas that was recorded with the public suite alone."""
    noticed = [known for known in atlas if known.record.evidence]
    mistakes = [_mistake(known, misconceptions[known.id], _is_recognised(known, noticed)) for known in noticed]
    # The order of the files is that of their names, which those without a name would tell.
    mistakes.sort(key=lambda mistake: (not mistake.id, mistake.id, msgspec.json.encode(mistake)))
    return CompiledAtlas(
        exercise.slug, exercise.course.seed, circumstances.suite_sha256, own_code(), tuple(mistakes)
    )  # fmt: skip


def read_compiled(exercise: Exercise, circumstances: Circumstances, seed: int) -> CompiledAtlas | None:
    """Return the atlas that came with a student's copy; None where there is none that fits suite, seed and grader."""
    found = read_kept(exercise.course.root / compiled_path(exercise.slug), CompiledAtlas)
    wanted = (exercise.slug, seed, circumstances.suite_sha256, own_code())
    if found is None or (found.exercise, found.seed, found.suite_sha256, found.judged_by) != wanted:
        return None
    return found


def atlas_in(compiled: CompiledAtlas) -> tuple[list[Known], dict[str, Misconception]]:
    """Return the atlas as the lookup wants it, and what is said of those mistakes that have a name."""
    known = [
        Known(mistake.id or f"#{place}", Record(mistake.outcomes, mistake.evidence))
        for place, mistake in enumerate(compiled.mistakes)
    ]
    named = {
        mistake.id: Misconception(
            mistake.id, mistake.statement, mistake.hints, (), translations=dict(mistake.translations)
        )
        for mistake in compiled.mistakes
        if mistake.id
    }
    return known, named


def _is_recognised(known: Known, atlas: Sequence[Known]) -> bool:
    """Whether the wrong answer itself is named by its own name; a tie with another one leaves both without."""
    return any(match.id == known.id for match in diagnose(known.record, atlas).values())


def _mistake(known: Known, misconception: Misconception, is_recognised: bool) -> Mistake:
    evidence = {
        check: msgspec.structs.replace(evidence, structure="") for check, evidence in known.record.evidence.items()
    }
    outcomes = dict(known.record.outcomes)
    if not is_recognised:
        return Mistake(outcomes, evidence)
    said = (misconception.id, misconception.statement, misconception.hints, misconception.translations)
    return Mistake(outcomes, evidence, *said)
