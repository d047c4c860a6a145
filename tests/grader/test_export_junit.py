"""JUnit XML, read by junitparser and by the rules of xunit2 written out here."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Properties, Skipped, TestCase, TestSuite

from grader.classroom.export.junit import document, export
from grader.classroom.export.writing import Judged
from grader.classroom.view import ClassView, Standing
from grader.results import ExerciseResult, Outcome

from .classroom_data import course_exercises, made_check, made_class, made_result, made_student
from .report_samples import HOSTILE

# xunit2: the attributes and children that each element may have.
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message", "type"},
    "properties": set(),
    "property": {"name", "value"},
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "testcase": {"properties", "failure", "error", "skipped"},
    "properties": {"property"},
}


def one(*ends: Outcome) -> Judged:
    """Return a student whose checks ended like this, each worth 2 points."""
    checks = [made_check(f"test_{place}", end, 2.0) for place, end in enumerate(ends)]
    return judged(made_result(course_exercises(1)[0], checks))


def judged(result: ExerciseResult) -> Judged:
    """Return a student with this result."""
    exercise = course_exercises(1)[0]
    return Judged(exercise, Standing(made_student(1), exercise.slug, result, result.score, result.score), result)


def parsed(data: bytes) -> JUnitXml:
    """Read a file with junitparser, after holding it against the rules of the family."""
    obeys(ElementTree.fromstring(data))
    return JUnitXml.fromstring(data)


def obeys(element: ElementTree.Element) -> None:
    """Fail on an attribute or a child that xunit2 does not have there."""
    assert set(element.keys()) <= ATTRIBUTES[element.tag]
    for child in element:
        assert child.tag in CHILDREN.get(element.tag, set()), (element.tag, child.tag)
        obeys(child)


def facts(element: TestCase | TestSuite) -> dict[str, str]:
    """Return the properties of a case or a suite."""
    return {found.name: found.value for found in element.child(Properties)}


def cases(data: bytes) -> list[TestCase]:
    """Return all cases of a file."""
    return [case for suite in parsed(data) for case in suite]


def test_every_expected_check_is_there_once_and_only_passed_reads_as_passed() -> None:
    """Whatever does not pass has a failure, pending is skipped, and what we failed at is an error."""
    found = cases(document([one(*Outcome)]))
    assert [case.name for case in found] == [f"test_{place}" for place in range(len(Outcome))]
    kinds = {outcome: [type(part) for part in case.result] for outcome, case in zip(Outcome, found, strict=True)}
    assert kinds.pop(Outcome.PASSED) == []
    assert kinds.pop(Outcome.PENDING) == [Skipped]
    assert kinds.pop(Outcome.ERROR) == kinds.pop(Outcome.NOT_RUN) == [Error]
    assert set(map(tuple, kinds.values())) == {(Failure,)}


def test_what_is_not_a_pass_says_why() -> None:
    """A skipped case has its reason, a failure its outcome as type and its message."""
    pending, failed = cases(document([one(Outcome.PENDING, Outcome.FAILED)]))
    assert pending.result[0].message
    assert (failed.result[0].type, failed.result[0].message) == (
        "failed",
        "test_1: expected another value, got this one.",
    )


def test_points_of_the_cases_add_up_to_the_score() -> None:
    """A check on two devices is one case; what waits has no points yet."""
    checks = [made_check("test_a", Outcome.PASSED, 2.0), made_check("test_a", Outcome.PASSED, 2.0, device="sim")]
    checks += [made_check("test_b", Outcome.PASSED, 1.5), made_check("test_c", Outcome.PENDING, 4.0)]
    data = document([judged(made_result(course_exercises(1)[0], checks))])
    found = {case.name: facts(case) for case in cases(data)}
    assert sum(float(said.get("points", 0)) for said in found.values()) == 3.5
    assert found["test_a"]["outcome.sim"] == "passed"
    assert "points" not in found["test_c"]
    (suite,) = parsed(data)
    assert facts(suite)["score"] == "3.5"
    assert facts(suite)["max_score"] == "7.5"


def test_counts_are_those_of_the_cases() -> None:
    """Suite and file say how many there are of each kind."""
    data = document([one(Outcome.PASSED, Outcome.FAILED, Outcome.ERROR), one(Outcome.PENDING, Outcome.TIMEOUT)])
    whole = parsed(data)
    assert (whole.tests, whole.failures, whole.errors, whole.skipped) == (5, 2, 1, 1)
    assert [(suite.tests, suite.failures, suite.errors, suite.skipped) for suite in whole] == [
        (3, 1, 1, 0),
        (2, 1, 0, 1),
    ]


def test_hostile_text_leaves_the_file_well_formed() -> None:
    """Markup, control characters and lone halves in title, message, output and id make no other elements."""
    check = made_check("test_a", Outcome.RAISED, 2.0)
    check.id = check.title = check.message = check.stdout = HOSTILE + "]]>\0\x0b"
    data = document([judged(made_result(course_exercises(1)[0], [check]))])
    (case,) = cases(data)
    assert "<script>alert(1)</script>" in case.result[0].text
    assert "\\x00" in case.name


def test_a_class_goes_into_one_file_or_one_for_each(tmp_path: Path) -> None:
    """Both hold the same cases; who has no score is named."""
    view = made_class(students=9, exercises=2)
    single = export(view, tmp_path / "class.xml")
    many = export(view, tmp_path / "folder")
    judged_ones = [standing for standing in view.standings.values() if standing.result is not None]
    whole = parsed((tmp_path / "class.xml").read_bytes())
    assert len(list(whole)) == len(judged_ones) == len(many.files)
    assert [case.name for file in many.files for case in cases(file.read_bytes())] == [
        case.name for suite in whole for case in suite
    ]
    assert single.notes == many.notes
    assert "student-001" in single.notes[0]


def test_an_open_result_has_no_score(tmp_path: Path) -> None:
    """The suite of a student whose result is open says no points that could be taken for a grade."""
    view: ClassView = made_class(students=9, exercises=1)
    export(view, tmp_path)
    (suite,) = parsed((tmp_path / view.exercises[0].slug / "student-001.xml").read_bytes())
    assert not {"score", "counted"} & facts(suite).keys()


@pytest.mark.parametrize("name", ["score", "max_score", "seed", "fence", "suite_sha256"])
def test_a_suite_says_what_decided_it(name: str) -> None:
    """Everything beside the code that a result depends on."""
    (suite,) = parsed(document([one(Outcome.PASSED)]))
    assert facts(suite)[name]
