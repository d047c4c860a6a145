"""Tables for spreadsheets: complete, readable by others, and nothing in them runs."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom.export.csv import CHECK_COLUMNS, EXERCISE_COLUMNS, export, harmless
from grader.classroom.view import ClassView, Comment, Lateness, Override

from .classroom_data import BEGAN, HOSTILE_NAME, made_class
from .csv_cells import as_python_reads, as_table, cells
from .gradebooks import FIRST, a_class, is_open, is_pending, is_unsettled, standing, student


def tables(view: ClassView, folder: Path) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Return the rows of both files, read by two readers that did not write them."""
    exported = export(view, folder)
    assert [file.name for file in exported.files] == ["exercises.csv", "checks.csv"]
    found = []
    for file in exported.files:
        data = file.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf")
        assert data.count(b"\n") == data.count(b"\r\n")
        text = data.decode("utf-8-sig")
        assert as_table(cells(text, ",")) == as_python_reads(text, ",")
        found.append(list(csv.DictReader(io.StringIO(text, newline=""))))
    return found[0], found[1]


def test_every_student_exercise_and_check_has_a_row(tmp_path: Path) -> None:
    """Also those who handed in nothing; checks in the order of the suite."""
    view = made_class(students=20, exercises=3, checks=5)
    exercises, checks = tables(view, tmp_path)
    assert [(row["student"], row["exercise"]) for row in exercises] == [
        (one.id, exercise.slug) for exercise in view.exercises for one in view.students
    ]
    judged = [one for exercise in view.exercises for one in view.in_exercise(exercise.slug) if one.result]
    entries = [(one.student.id, check) for one in judged if one.result for check in one.result.checks]
    assert [(row["student"], row["check"], row["outcome"]) for row in checks] == [
        (id, check.id, str(check.outcome)) for id, check in entries
    ]
    assert tuple(exercises[0]) == EXERCISE_COLUMNS
    assert tuple(checks[0]) == CHECK_COLUMNS


def test_raw_score_lateness_and_what_persons_gave_stand_side_by_side(tmp_path: Path) -> None:
    """The judged score is there whatever an override or the late policy makes of it."""
    who = student("ada", "Ada")
    overrides = (
        Override("ada", FIRST, "test_a", 12.5, "unclear, agreed", "t", BEGAN),
        Override("ada", FIRST, "", 15.0, "and more", "t", BEGAN),
    )
    one = standing(
        who, FIRST, 15.0, submitted_at=datetime(2026, 10, 6, 8, 30, tzinfo=UTC), times=3, overrides=overrides,
        lateness=Lateness(30660.5, days_used=1.0, factor=0.9), counted=13.5, notes=("two files",), problem="odd",
        comments=(Comment("ada", FIRST, "Well\nargued", "t", BEGAN),),
    )  # fmt: skip
    exercises, checks = tables(a_class({who: (15.0,)}, one), tmp_path)
    assert exercises[0] == {
        "student": "ada", "name": "Ada", "email": "", "section": "A", "exercise": FIRST, "status": "graded",
        "handed_in_at": "2026-10-06T08:30:00+00:00", "times": "3", "raw_score": "20", "score": "15",
        "late_s": "30660.5", "late_days_used": "1", "late_factor": "0.9", "counted": "13.5", "max_score": "20",
        "overrides": f"test_a: 12.5 (t: unclear, agreed) / {FIRST}: 15 (t: and more)", "comments": "Well / argued",
        "notes": "odd / two files",
    }  # fmt: skip
    assert (checks[0]["points"], checks[0]["override"], checks[0]["override_reason"]) == (
        "20",
        "12.5",
        "unclear, agreed",
    )


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (is_open, "not settled: not judged, for a reason of ours: test_broken (error)"),
        (is_unsettled, "not settled: handed in late, and nobody knows how late"),
        (is_pending, "not settled: waits for a device that was not there: test_gpu"),
    ],
)
def test_what_is_not_settled_has_no_counted_points(tmp_path: Path, make: object, why: str) -> None:
    """Never a 0; the status says what has to be done."""
    who = student("ada")
    exercises, _ = tables(a_class({who: (1.0,)}, make(who, FIRST)), tmp_path)  # type: ignore[operator]
    assert exercises[0]["status"].startswith(why)
    assert exercises[0]["counted"] == ""


def test_a_check_without_points_that_waits_for_a_device_keeps_nothing_back(tmp_path: Path) -> None:
    """What is only said about speed on a GPU changes no score, so a class without a GPU gets its points."""
    who = student("ada")
    exercises, _ = tables(a_class({who: (1.0,)}, is_pending(who, FIRST, max_points=0.0)), tmp_path)
    assert (exercises[0]["status"], exercises[0]["counted"]) == ("graded", "10")


def test_nothing_handed_in_is_no_score(tmp_path: Path) -> None:
    """Empty cells, and a word for it."""
    exercises, checks = tables(a_class({student("ada"): (None,)}), tmp_path)
    assert (exercises[0]["status"], exercises[0]["score"], exercises[0]["counted"]) == ("nothing handed in", "", "")
    assert checks == []


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1+1", "＠x", '=HYPERLINK("http://x";"y")'],
)
def test_what_looks_like_a_formula_is_text(tmp_path: Path, text: str) -> None:
    """In whatever cell it stands: id, name, section, comment, reason."""
    who = replace(student(text, text, email=text), section=text)
    given = (Override(text, FIRST, "test_a", 1.0, text, text, BEGAN),)
    one = standing(who, FIRST, 1.0, overrides=given, comments=(Comment(text, FIRST, text, text, BEGAN),), notes=(text,))
    for table in tables(a_class({who: (1.0,)}, one), tmp_path):
        for value in table[0].values():
            assert not value.lstrip(" ").startswith(tuple("=+-@\t\r\n＝＋－＠")), value


def test_names_are_shown_without_characters_nobody_sees(tmp_path: Path) -> None:
    """A mark that turns the direction of writing is spelled out; harmless names stay as they are."""
    exercises, _ = tables(
        a_class({student("a", HOSTILE_NAME): (1.0,), student("b", "O'Brien, 张 Ü"): (1.0,)}), tmp_path
    )
    assert exercises[0]["name"] == HOSTILE_NAME.replace("\u202e", "\\u202e")
    assert exercises[1]["name"] == "O'Brien, 张 Ü"


@given(st.text(max_size=20))
def test_harmless_text_stays_and_is_one_line(text: str) -> None:
    """Whatever stands in it: one line, printable, no formula."""
    made = harmless(text)
    assert made.isprintable()
    assert not made.lstrip().startswith(tuple("=+-@＝＋－＠"))
