"""What a student puts into output, exceptions and names is harmless in everything that is made of a real result.

The result is that of the corpus's own submission, judged by production's path; tests of each report say more of it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import PurePosixPath
from xml.etree import ElementTree

import pytest

from grader.classroom.export.feedback import plain_text
from grader.classroom.export.github import commands
from grader.classroom.export.gradescope import results_of
from grader.classroom.export.junit import Judged as ForJUnit
from grader.classroom.export.junit import document
from grader.classroom.handin import Student
from grader.classroom.view import Standing
from grader.course import Exercise
from grader.results import ExerciseResult
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.terminal import check_line, console_for, detail_lines, next_lines, summary_lines
from tests.grader.conftest import usable
from tests.grader.html_document import Document
from tests.grader.test_export_github import Runner

from .bench import Bench, Judged
from .entries import HERE, load_entry


@pytest.fixture(scope="module")
def bench(zygote: Zygote) -> Iterator[Bench]:
    """A grader for the target."""
    bench = Bench(usable(Tier.NAMESPACES), zygote)
    bench.start()
    try:
        yield bench
    finally:
        bench.close()


@pytest.fixture(scope="module")
def judged(bench: Bench) -> Judged:
    """What came of the submission that writes hostile text into everything."""
    return bench.judge(bench.hand_in(load_entry(HERE / "protocol" / "hostile_texts")))


@pytest.fixture(scope="module")
def result(judged: Judged) -> ExerciseResult:
    """Its result."""
    assert "\x1b" in judged.shown
    assert "<script>" in judged.shown
    assert "\u202e" in judged.shown
    return judged.result


@pytest.fixture(scope="module")
def exercise(bench: Bench) -> Exercise:
    """The target."""
    return bench.exercise


@pytest.fixture(scope="module")
def standing(result: ExerciseResult, exercise: Exercise) -> Standing:
    """The same in a class."""
    return Standing(Student("mallory", "Mallory"), exercise.slug, result, result.score, result.score)


def invisible(text: str) -> set[str]:
    """Return the characters that nobody sees, or that move others."""
    return {character for character in text if not character.isprintable()} - {"\n", "\t"}


def test_the_result_is_text_that_can_be_written_and_read(result: ExerciseResult) -> None:
    """It keeps what was said, as valid UTF-8 and JSON."""
    read = json.loads(result.to_json().decode("utf-8"))
    assert [check["message"] for check in read["checks"]] == [check.message for check in result.checks]


def test_the_page_shows_it_as_it_was_written(judged: Judged) -> None:
    """No element is made of it, no character is invisible, and what was written can be read."""
    page = Document(judged.page)
    assert page.all("img") == page.all("script") == []
    assert invisible(judged.page) == set()
    assert "<script>document.title='owned'</script><img src=x onerror=alert(1)>" in page.said()


def test_the_terminal_is_not_steered(result: ExerciseResult) -> None:
    """Every line is printable."""
    plain = console_for(io.StringIO())
    lines = [check_line(check, plain) for check in result.checks]
    lines += [*detail_lines(result, plain), *summary_lines(result, plain)]
    said = [line.plain for line in lines] + [str(line) for line in next_lines(result, "grader check", False, plain)]
    assert {character for line in said for character in line if not character.isprintable()} == set()


def test_the_runner_of_a_ci_does_nothing_more(result: ExerciseResult, exercise: Exercise) -> None:
    """It annotates, for each check and flag, and hears no other command."""
    told = Runner().read("\n".join(commands(result, exercise, PurePosixPath()))).done
    assert {name for name, _, _ in told} <= {"error", "warning", "notice"}
    assert all("owned" not in properties.get("file", "") for _, properties, _ in told)


def test_files_for_platforms_are_well_formed(result: ExerciseResult, exercise: Exercise, standing: Standing) -> None:
    """JUnit's XML has the same elements as always, Gradescope's JSON and the feedback are text that can be seen."""
    xml = ElementTree.fromstring(document([ForJUnit(exercise, standing, result)]))
    assert {element.tag for element in xml.iter()} <= {
        "testsuites", "testsuite", "testcase", "failure", "error", "skipped", "system-out", "properties", "property",
    }  # fmt: skip
    assert invisible("".join(xml.itertext())) == set()
    said = json.loads(results_of(result, exercise).to_json())
    assert invisible(said["output"] + "".join(test["name"] + test["output"] for test in said["tests"])) == set()
    assert invisible(plain_text(standing, exercise, result.max_score)) == set()
