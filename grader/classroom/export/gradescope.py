"""Gradescope's results.json: what its autograder leaves of one submission, and the same for a graded class.

Owns that format. Invariants: text is declared to be text, so nothing in it is markup; as soon as one test were hidden
Gradescope would hide a student's total, so all are visible and the feedback level decides what they say; where
something of ours failed there is no score at all, neither of the whole nor of a test, because Gradescope adds up those
that it finds.

Source: Gradescope, Autograder Specifications, "Output format".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from grader import messages
from grader.classroom.export import telling
from grader.classroom.export.exported import Exported
from grader.classroom.export.writing import Judged, distinct_names, judged, notes, write_files
from grader.classroom.view import ClassView, Standing
from grader.course import Exercise
from grader.place import place_of
from grader.report.causes import Item
from grader.results import OUR_FAILURES, ExerciseResult, Outcome

RESULTS = "results.json"
_Text = Literal["text"]
_Number = float | msgspec.UnsetType


class Test(msgspec.Struct, frozen=True):
    """One check. Without `status` and `score` Gradescope shows it as neither passed nor failed."""

    name: str
    number: str
    output: str
    name_format: _Text = "text"
    output_format: _Text = "text"
    visibility: Literal["visible"] = "visible"
    status: Literal["passed", "failed"] | msgspec.UnsetType = msgspec.UNSET
    score: _Number = msgspec.UNSET
    max_score: _Number = msgspec.UNSET
    extra_data: Mapping[str, Any] = {}


class Results(msgspec.Struct, frozen=True):
    """The whole file. Without `score`, and with none in a test, Gradescope records no grade."""

    output: str
    tests: tuple[Test, ...] = ()
    score: _Number = msgspec.UNSET
    execution_time: _Number = msgspec.UNSET
    output_format: _Text = "text"
    test_output_format: _Text = "text"
    test_name_format: _Text = "text"
    visibility: Literal["visible"] = "visible"
    stdout_visibility: Literal["hidden"] = "hidden"
    extra_data: Mapping[str, Any] = {}

    def to_json(self) -> bytes:
        """Return the file's bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"


def results_of(
    result: ExerciseResult,
    exercise: Exercise,
    *,
    standing: Standing | None = None,
    wall_s: float | None = None,
    read_as: Sequence[str] = (),
) -> Results:
    """Return what Gradescope is told about one result.

    Args:
        standing: Where a class was graded: its score, with overrides and after the late policy, is the one that counts.
        wall_s: How long it took, seconds; None means the sum over the checks.
        read_as: What the student should know of how the files were read.
    """
    shown = telling.allowed(result, exercise)
    score = _score(shown, standing)
    settled = score is not msgspec.UNSET
    said = [*map(telling.line, read_as), *telling.honest(shown)]
    said += telling.of_standing(standing, shown.max_score) if standing else []
    return Results(
        output=telling.clip("\n".join([*said, *_flagged(shown), *_imported(shown)]), telling.MAX_CHARS),
        tests=tuple(_test(item, settled) for item in telling.items(shown)),
        score=score,
        execution_time=round(sum(check.wall_s for check in shown.checks) if wall_s is None else wall_s, 3),
        extra_data=_extra(shown),
    )


def not_graded(problem: str) -> Results:
    """Return what Gradescope is told where nothing was judged, for a reason of ours: a sentence and no grade."""
    return Results(output=messages.AUTOGRADER_NOT_GRADED.format(problem=telling.text(problem)))


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Write `out/EXERCISE/STUDENT/results.json` for everybody who was judged."""
    names = distinct_names(student.id for student in view.students)
    files = [(_path(one, names), results_of(one.result, one.exercise, standing=one.standing)) for one in judged(view)]
    written = write_files(out, [(path, made.to_json()) for path, made in files])
    return Exported(written, notes(view, messages.EXPORT_OPEN))


def _path(one: Judged, names: Mapping[str, str]) -> PurePosixPath:
    return PurePosixPath(one.exercise.slug, names[one.standing.student.id], RESULTS)


def _score(result: ExerciseResult, standing: Standing | None) -> _Number:
    """Return the points that count; there are none while something of ours failed or a lateness is not settled."""
    counted = result.score if standing is None else standing.counted
    if result.our_failures or (standing is not None and standing.open) or counted is None:
        return msgspec.UNSET
    return counted


def _test(item: Item, settled: bool) -> Test:
    """Return one check; `settled` False means that no check may bring points yet."""
    is_judged = item.outcome not in (*OUR_FAILURES, Outcome.PENDING)
    counts = settled and is_judged
    return Test(
        name=telling.title_of(item),
        number=str(item.index + 1),
        output=_output(item),
        status=("passed" if item.outcome is Outcome.PASSED else "failed") if is_judged else msgspec.UNSET,
        score=round(item.points, 6) if counts else msgspec.UNSET,
        max_score=item.max_points if counts else msgspec.UNSET,
        extra_data={
            "check": item.check.id,
            "visibility": item.check.visibility,
            "max_points": item.max_points,
            "outcomes": {entry.device: entry.outcome.value for entry in item.entries},
        },
    )


def _output(item: Item) -> str:
    if item.outcome is Outcome.PASSED:
        return telling.why(item)
    return messages.TOLD_OUTCOME.format(outcome=telling.word(item.outcome), text=telling.why(item))


def _flagged(result: ExerciseResult) -> list[str]:
    """Return what a person should look at; students read it on their page too."""
    return [
        telling.line(messages.TOLD_FLAG.format(place=place_of(flag), message=flag.message)) for flag in result.flags
    ]


def _imported(result: ExerciseResult) -> list[str]:
    """Return what the files printed while they were imported; it belongs to no check."""
    return [f"{messages.CHECK_PRINTED}\n{telling.text(result.stdout.strip())}"] if result.stdout.strip() else []


def _extra(result: ExerciseResult) -> dict[str, Any]:
    """Return what decided the result beside the code: enough to judge the same again."""
    return {
        "schema": "grader.gradescope/1",
        "exercise": result.exercise,
        "submission_sha256": result.submission.sha256,
        "suite_sha256": result.suite_sha256,
        "seed": result.seed,
        "complete": result.complete,
        "score": result.score,
        "max_score": result.max_score,
        "environment": msgspec.to_builtins(result.environment),
        "flags": msgspec.to_builtins(result.flags),
    }
