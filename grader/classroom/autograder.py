"""What runs in Gradescope's container for each submission: judge it, leave results.json, never a 0 of our making.

Owns the layout of /autograder and what becomes of our own failures there: a sentence to the instructor and no grade.
Never imports torch. Invariants: student code runs behind a fence or not at all; a failure of ours is tried again twice;
whatever happens, results.json is written as a whole.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from grader import language, messages
from grader.classroom.cells import in_cells
from grader.classroom.export.gradescope import RESULTS, Results, not_graded, results_of
from grader.classroom.placing import Catalogue, Draft, Upload, place
from grader.classroom.tree import folder_tree
from grader.course import Exercise, load_course, load_exercise
from grader.diagnosis.atlas import wrong_answers
from grader.diagnosis.bench import atlas_of, named
from grader.errors import CourseError, FenceError, GraderError, InfrastructureError, SubmissionRejected
from grader.grade import Grader
from grader.results import ExerciseResult
from grader.sandbox.fence import Tier, require_tier, strongest_tier
from grader.score import number
from grader.whole_file import write_whole

_TRIES = 3


def main(arguments: Sequence[str]) -> int:
    """Run `[--prepare] ROOT`, where ROOT stands for /autograder; return an exit code of `errors`, 0 if all is well."""
    root = Path(arguments[-1])
    os.environ["XDG_CACHE_HOME"] = str(root / "cache")
    prepare_only = arguments[0] == "--prepare"
    try:
        if prepare_only:
            _say(_prepared(_exercise(root)))
        else:
            _write(root, _judged(_exercise(root), root / "submission"))
    except GraderError as error:
        return _failed(root, str(error), error.exit_code, prepare_only)
    except Exception as error:  # the outermost place there is: our own mistakes get a sentence too
        text = messages.AUTOGRADER_BUG.format(type_name=type(error).__name__, text=error)
        return _failed(root, text, InfrastructureError.exit_code, prepare_only)
    return 0


def _failed(root: Path, problem: str, exit_code: int, prepare_only: bool) -> int:
    """Say what happened where the instructor reads it, and leave a file without a grade."""
    _say(problem)
    if not prepare_only:
        _write(root, not_graded(problem))
    return exit_code


def _exercise(root: Path) -> Exercise:
    """Return the one exercise that the zip was made for."""
    course = load_course(root / "source" / "course")
    language.use(course.language)
    slugs = course.slugs()
    if len(slugs) != 1:
        raise CourseError(messages.AUTOGRADER_ONE_EXERCISE.format(folder=course.root, count=len(slugs)))
    return load_exercise(course, slugs[0])


def _prepared(exercise: Exercise) -> str:
    """Record the known mistakes, so that submissions find them in the cache."""
    answers = wrong_answers(exercise)
    with Grader(exercise, _tier()) as grader:
        atlas_of(grader, answers, exercise.course.seed)
        return messages.AUTOGRADER_PREPARED.format(slug=exercise.slug, tier=grader.tier, count=len(answers))


def _judged(exercise: Exercise, folder: Path) -> Results:
    """Return what Gradescope is told of the submission in `folder`.

    Raises:
        CourseError: the suite is broken. InfrastructureError: nothing can be judged here, or not by three tries.
    """
    began, tier = time.monotonic(), _tier()
    draft = handed_in(exercise, folder)
    for left in reversed(range(_TRIES)):
        try:
            result, log = _result(exercise, draft, tier)
        except FenceError:
            raise  # it would not be any different the next time
        except InfrastructureError:
            if not left:
                raise
            continue
        if not left or not result.our_failures:
            break
    if failures := [check.id for check in result.our_failures]:
        facts = {"slug": exercise.slug, "count": len(failures), "tries": _TRIES, "check": failures[0], "log": log}
        _say(messages.AUTOGRADER_OPEN.format(**facts))
    else:
        facts = {"score": number(result.score), "max_score": number(result.max_score)}
        _say(messages.AUTOGRADER_DONE.format(slug=exercise.slug, **facts))
    return results_of(result, exercise, wall_s=time.monotonic() - began, read_as=draft.notes)


def _result(exercise: Exercise, draft: Draft, tier: Tier) -> tuple[ExerciseResult, str]:
    """Return a result, and what the judging side wrote for an instructor meanwhile."""
    with Grader(exercise, tier) as grader:
        if draft.submission is None:
            return grader.reject(SubmissionRejected(draft.problem)), ""
        result = named(grader, grader.judge(draft.submission))
        return in_cells(result, draft.cells), grader.log()


def _tier() -> Tier:
    """Return the strongest tier of this container.

    Raises:
        FenceError: there is none at which other people's code is run; it names what is missing and the fix.
    """
    tier = strongest_tier()
    if tier is Tier.NONE:
        require_tier(Tier.LANDLOCK)
    return tier


def handed_in(exercise: Exercise, folder: Path) -> Draft:
    """Return what was handed in: found, read and, where it is a notebook, made a file by the rules of a class."""
    placed = place(Upload((), folder_tree(folder).entries, folder.name), Catalogue(exercise.course, [exercise]))
    if placed.drafts:
        return placed.drafts[0]
    nothing = messages.HANDIN_NOTHING.format(name=exercise.files[0])
    return Draft(exercise.slug, None, "", next((why for _, why in placed.loose), nothing))


def _write(root: Path, results: Results) -> None:
    path = root / "results" / RESULTS
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, results.to_json())


def _say(text: str) -> None:
    """Print for the instructor; Gradescope shows it to nobody else."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
