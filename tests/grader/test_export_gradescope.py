"""results.json as Gradescope reads it: checked against the specification written out by hand, not by what wrote it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from grader import messages
from grader.classroom.export.gradescope import export, not_graded, results_of
from grader.classroom.view import ClassView
from grader.errors import UsageError
from grader.policy import Feedback
from grader.results import Figure, Outcome

from .classroom_data import course_exercises, made_check, made_class, made_result
from .report_samples import HOSTILE

FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
TOP: dict[str, Any] = {
    "score": (int, float),
    "execution_time": (int, float),
    "output": str,
    "output_format": FORMATS,
    "test_output_format": FORMATS,
    "test_name_format": FORMATS,
    "visibility": VISIBILITIES,
    "stdout_visibility": VISIBILITIES,
    "extra_data": dict,
    "tests": list,
    "leaderboard": list,
}
TEST: dict[str, Any] = {
    "score": (int, float),
    "max_score": (int, float),
    "status": {"passed", "failed"},
    "name": str,
    "name_format": FORMATS,
    "number": str,
    "output": str,
    "output_format": FORMATS,
    "tags": list,
    "visibility": VISIBILITIES,
    "extra_data": dict,
}
SECRET = 0.8675309


def read(data: bytes) -> dict[str, Any]:
    """Read a results.json with Python's own parser and hold it against the specification."""
    said: dict[str, Any] = json.loads(data.decode("utf-8"))
    fits(said, TOP)
    for test in said["tests"]:
        fits(test, TEST)
        assert ("score" in test) == ("max_score" in test)
    return said


def fits(said: dict[str, Any], fields: dict[str, Any]) -> None:
    """Fail on a field that the specification does not have, or a value that it does not allow."""
    for key, value in said.items():
        assert key in fields, key
        allowed = fields[key]
        assert value in allowed if isinstance(allowed, set) else isinstance(value, allowed), key
        assert not isinstance(value, bool)


@pytest.fixture(scope="module")
def view() -> ClassView:
    """A class in which everything occurs."""
    return made_class()


def results(*ends: Outcome, **facts: Any) -> dict[str, Any]:
    """Return what is said of a submission whose checks ended like this, each worth 2 points."""
    exercise = course_exercises(1)[0]
    checks = [made_check(f"test_{place}", end, 2.0) for place, end in enumerate(ends)]
    return read(results_of(made_result(exercise, checks), exercise, **facts).to_json())


def test_a_settled_result_says_score_status_and_points_of_every_check() -> None:
    """Scores of the tests add up to the score, and a blocked check has failed."""
    said = results(Outcome.PASSED, Outcome.FAILED, Outcome.BLOCKED, wall_s=1.25)
    assert said["score"] == 2.0 == sum(test["score"] for test in said["tests"])
    assert said["execution_time"] == 1.25
    assert [test["status"] for test in said["tests"]] == ["passed", "failed", "failed"]
    assert [test["max_score"] for test in said["tests"]] == [2.0, 2.0, 2.0]


def test_no_test_is_hidden_because_gradescope_would_hide_the_total() -> None:
    """All tests are visible; the instructor's log alone is not."""
    said = results(Outcome.PASSED, Outcome.TIMEOUT)
    assert {test["visibility"] for test in said["tests"]} == {"visible"} == {said["visibility"]}
    assert said["stdout_visibility"] == "hidden"


@pytest.mark.parametrize("ours", [Outcome.ERROR, Outcome.NOT_RUN])
def test_a_failure_of_ours_leaves_no_score_anywhere(ours: Outcome) -> None:
    """Neither the whole nor a test has a score that Gradescope could add up, and a sentence says why."""
    said = results(Outcome.PASSED, ours, Outcome.FAILED)
    assert "score" not in said
    assert not [test for test in said["tests"] if "score" in test]
    assert [test.get("status") for test in said["tests"]] == ["passed", None, "failed"]
    assert said["output"] == messages.TOLD_OPEN.format(checks="1 check")


def test_a_pending_check_is_neither_passed_nor_failed() -> None:
    """It has no status and no points, the score is that of the others, and the output says that more can come."""
    said = results(Outcome.PASSED, Outcome.PENDING)
    assert said["score"] == 2.0
    assert not {"score", "status"} & said["tests"][1].keys()
    assert said["output"] == messages.TOLD_PENDING.format(checks="1 check")
    assert said["extra_data"]["complete"] is False


def test_a_check_on_two_devices_is_one_test_that_earns_the_least() -> None:
    """What failed on one of them counts, and is said with the device."""
    exercise = course_exercises(1)[0]
    checks = [made_check("test_a", Outcome.PASSED, 2.0), made_check("test_a", Outcome.FAILED, 2.0, device="sim")]
    said = read(results_of(made_result(exercise, checks), exercise).to_json())
    assert [(test["score"], test["status"]) for test in said["tests"]] == [(0.0, "failed")]
    assert "On sim: " in said["tests"][0]["output"]
    assert said["tests"][0]["extra_data"]["outcomes"] == {"cpu": "passed", "sim": "failed"}


def test_of_a_hidden_check_nothing_is_said_that_the_level_withholds() -> None:
    """A result from before the level was set to outcome shows neither message nor diagnosis nor what was printed."""
    silent = dataclasses.replace(course_exercises(1)[0], feedback=Feedback(hidden="outcome"))
    check = made_check("test_a", Outcome.FAILED, 2.0, "relu-mask-missing")
    check.message, check.stdout = f"expected {SECRET}", "printed 12345"
    text = results_of(made_result(silent, [check]), silent).to_json().decode()
    assert str(SECRET) not in text
    assert "12345" not in text
    assert "relu-mask-missing" not in text
    loud = course_exercises(1)[0]
    assert str(SECRET) in results_of(made_result(loud, [check]), loud).to_json().decode()


def test_figures_which_hold_expected_values_are_not_told() -> None:
    """Not even those of a public check, whose numbers are for its page."""
    exercise = course_exercises(1)[0]
    check = made_check("test_a", Outcome.FAILED, 2.0)
    check.visibility = "public"
    cell = ((SECRET,),)
    check.figures = [Figure("value", "float64", (), ((1.0,),), cell, cell, ((True,),))]
    assert str(SECRET) not in results_of(made_result(exercise, [check]), exercise).to_json().decode()


def test_a_students_text_stays_text() -> None:
    """Formats are text, and what cannot be seen is spelled out, in every place a student can write to."""
    exercise = course_exercises(1)[0]
    check = made_check("test_a", Outcome.RAISED, 2.0)
    check.title = check.message = check.stdout = HOSTILE
    result = made_result(exercise, [check])
    result.stdout = HOSTILE
    said = read(results_of(result, exercise).to_json())
    assert {said[key] for key in ("output_format", "test_output_format", "test_name_format")} == {"text"}
    test = said["tests"][0]
    assert (test["name_format"], test["output_format"]) == ("text", "text")
    for text in (said["output"], test["name"], test["output"]):
        assert all(character.isprintable() or character == "\n" for character in text)


def test_what_a_student_prints_is_bounded() -> None:
    """A megabyte of output makes no megabyte of JSON."""
    exercise = course_exercises(1)[0]
    check = made_check("test_a", Outcome.FAILED, 2.0)
    check.message = check.stdout = "x" * 1_000_000
    data = results_of(made_result(exercise, [check]), exercise).to_json()
    assert len(data) < 20_000
    assert messages.TOLD_CUT in read(data)["tests"][0]["output"]


def test_without_any_judgement_there_is_a_sentence_and_no_grade() -> None:
    """The sentence says that it is not the student's fault, and the problem."""
    said = read(not_graded("Landlock: not there").to_json())
    assert "score" not in said
    assert said["tests"] == []
    assert "Landlock: not there" in said["output"]


def test_lateness_that_nobody_knows_leaves_no_score_either(view: ClassView) -> None:
    """Until a person has settled it, Gradescope must find nothing that it could add up."""
    exercise = view.exercises[0]
    late = dataclasses.replace(view.of("student-007", exercise.slug), counted=None)
    assert late.lateness.unsettled
    assert late.result is not None
    said = read(results_of(late.result, exercise, standing=late).to_json())
    assert "score" not in said
    assert not [test for test in said["tests"] if "score" in test]
    assert said["output"] == messages.TOLD_UNSETTLED


def test_a_class_gets_a_file_for_everybody_who_was_judged(view: ClassView, tmp_path: Path) -> None:
    """The score is the one that counts after overrides and late policy; open ones have none and are named."""
    exported = export(view, tmp_path)
    slug = view.exercises[0].slug
    judged = [one for one in view.standings.values() if one.result is not None]
    assert len(exported.files) == len(judged)
    said = {
        name: read((tmp_path / slug / name / "results.json").read_bytes()) for name in ("student-002", "student-005")
    }
    assert said["student-005"]["score"] == 11.0
    assert "11 points" in said["student-005"]["output"]
    assert "Well argued" in said["student-005"]["output"]
    assert "sys.modules" in said["student-002"]["output"]
    assert "score" not in read((tmp_path / slug / "student-001" / "results.json").read_bytes())
    assert exported.notes[0] == messages.EXPORT_OPEN.format(names=f"student-001 ({slug})")


def test_every_file_of_the_class_fits_the_specification(view: ClassView, tmp_path: Path) -> None:
    """All outcomes that the class has, none left out."""
    files = export(view, tmp_path).files
    outcomes = set()
    for file in files:
        said = read(file.read_bytes())
        outcomes |= {outcome for test in said["tests"] for outcome in test["extra_data"]["outcomes"].values()}
    assert {"passed", "failed", "raised", "timeout", "crashed", "todo", "error", "rejected"} <= outcomes


def test_where_nothing_can_be_written_a_sentence_says_so(view: ClassView, tmp_path: Path) -> None:
    """A file in the way of the folder is the command line's mistake."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"results.json cannot be written: "):
        export(view, tmp_path / "file")
