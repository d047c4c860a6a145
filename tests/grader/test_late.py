"""Late work: days on the clock, grace, the bank, extensions, and that nothing is guessed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.classroom.handin import Student
from grader.classroom.late import Arrival, Deadlines, apply, days_late, deadlines_of, lateness
from grader.classroom.view import ClassView, Lateness, RunInfo, Standing
from grader.course import Course, load_course, load_exercise
from grader.errors import CourseError
from grader.late_policy import LatePolicy

BERLIN = ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 10, 5, 23, 59, tzinfo=BERLIN)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86400))
PERCENT = LatePolicy(policy="percent", percent_per_day=10.0, floor_percent=50.0)
BANK = LatePolicy(policy="bank", bank_days=3)
TWO = (Student("ada"), Student("bo"))


def one(policy: LatePolicy, at: datetime | None, marked: bool = False, due: datetime | None = DUE) -> Lateness:
    """Return how late one arrival of one student is."""
    deadlines = Deadlines(policy, BERLIN, {"exercise1": due} if due else {})
    return lateness(deadlines, [Arrival("ada", "exercise1", at, marked)])["ada", "exercise1"]


def in_turn(policy: LatePolicy, *late_days: float | None, **more: object) -> list[Lateness]:
    """Return one student's lateness in exercises due a week apart; None is marked as late without a time."""
    due = {f"e{place}": DUE + 7 * DAY * place for place in range(len(late_days))}
    arrivals = [
        Arrival("ada", slug, None if days is None else due[slug] + days * DAY, days is None)
        for slug, days in zip(due, late_days, strict=True)
    ]
    found = lateness(Deadlines(policy, UTC, due, **more), reversed(arrivals))  # type: ignore[arg-type]
    return [found["ada", slug] for slug in due]


@pytest.mark.parametrize(
    ("after", "days"),
    [(-DAY, 0), (timedelta(), 0), (SECOND, 1), (DAY, 1), (DAY + SECOND, 2), (2 * DAY, 2), (30 * DAY, 30)],
)
def test_a_day_is_late_from_its_first_second(after: timedelta, days: int) -> None:
    """Exactly at the due date is in time; a second later is one day; exactly a day later is still one."""
    due = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert days_late(due + after, due, UTC) == days


@pytest.mark.parametrize(
    ("after", "days"),
    [(15 * MINUTE, 0), (15 * MINUTE + SECOND, 1), (DAY + 15 * MINUTE, 1), (DAY + 15 * MINUTE + SECOND, 2)],
)
def test_the_grace_lengthens_every_day_alike(after: timedelta, days: int) -> None:
    """Ten minutes after a deadline are forgiven on the first day and on every later one."""
    due = datetime(2026, 1, 10, 12, tzinfo=UTC)
    assert days_late(due + after, due, UTC, 15 * MINUTE) == days


@pytest.mark.parametrize(
    ("due", "length"),
    [
        (datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN), 25 * HOUR),  # the clocks go back on the 25th
        (datetime(2026, 3, 28, 23, 59, tzinfo=BERLIN), 23 * HOUR),  # and forward on the 29th
        (datetime(2026, 6, 1, 23, 59, tzinfo=BERLIN), 24 * HOUR),
    ],
)
def test_a_day_ends_at_the_same_time_of_the_clock(due: datetime, length: timedelta) -> None:
    """Where the clocks change, one day late has 25 or 23 hours, as everybody reads it off the clock."""
    due_utc = due.astimezone(UTC)
    assert days_late(due_utc + length, due, BERLIN) == 1
    assert days_late(due_utc + length + SECOND, due, BERLIN) == 2


def test_seconds_late_are_those_that_passed() -> None:
    """Over a change of the clocks the raw figure counts real seconds."""
    due = datetime(2026, 10, 24, 23, 59, tzinfo=BERLIN)
    late = one(PERCENT, datetime(2026, 10, 25, 23, 59, tzinfo=BERLIN), due=due)
    assert late == Lateness(late_s=25 * 3600.0, factor=0.9)


def test_the_same_moment_is_the_same_in_every_time_zone() -> None:
    """A hand-in in another zone, or in UTC, is compared as the moment it is."""
    at = DUE + 2 * HOUR
    late = {one(PERCENT, at.astimezone(zone)) for zone in (UTC, BERLIN, ZoneInfo("Asia/Shanghai"))}
    assert late == {Lateness(7200.0, factor=0.9)}


@pytest.mark.parametrize(("days", "factor"), [(0, 1.0), (1, 0.9), (4, 0.6), (5, 0.5), (60, 0.5)])
def test_each_day_costs_a_share_down_to_the_floor(days: int, factor: float) -> None:
    """Ten percent a day, and never less than half."""
    assert one(PERCENT, DUE + days * DAY).factor == factor


def test_without_a_policy_lateness_is_told_and_costs_nothing() -> None:
    """A course that says nothing of late work shows how late it was."""
    assert one(LatePolicy(), DUE + DAY) == Lateness(late_s=86400.0)
    assert one(LatePolicy(), None, marked=True) == Lateness(marked=True)


def test_within_the_grace_is_not_late() -> None:
    """The report must not list it as late either."""
    assert one(LatePolicy("percent", 10.0, grace_minutes=15), DUE + 10 * MINUTE) == Lateness(late_s=0.0)


def test_a_mark_without_a_time_is_unsettled() -> None:
    """The platform says late, nobody knows how late: no factor is made up."""
    assert one(PERCENT, None, marked=True) == Lateness(marked=True, unsettled=True)
    assert one(BANK, None, marked=True).unsettled


def test_our_own_due_date_is_believed_before_the_platforms_mark() -> None:
    """With a time and a due date there is nothing to guess; the mark is kept."""
    assert one(PERCENT, DUE - HOUR, marked=True) == Lateness(late_s=0.0, marked=True)


def test_a_mark_without_a_due_date_of_ours_is_unsettled() -> None:
    """A time alone does not say how late something is."""
    assert one(PERCENT, DUE, marked=True, due=None).unsettled
    assert not one(PERCENT, DUE, due=None).unsettled


def test_no_time_and_no_mark_is_in_time() -> None:
    """A folder of files says nothing of times, and nobody claims that anything is late."""
    assert one(PERCENT, None) == Lateness()


def test_a_time_without_offset_is_one_on_the_courses_clocks() -> None:
    """And unsettled where the course has none."""
    naive = datetime(2026, 10, 6, 0, 30)
    assert one(PERCENT, naive) == Lateness(late_s=31 * 60.0, factor=0.9)
    deadlines = Deadlines(PERCENT, None, {"exercise1": DUE})
    assert lateness(deadlines, [Arrival("ada", "exercise1", naive)])["ada", "exercise1"].unsettled


def test_of_several_hand_ins_the_last_counts() -> None:
    """It is the one that is judged, in whatever order they are given; one whose time is unknown may be the last."""
    deadlines = Deadlines(PERCENT, BERLIN, {"exercise1": DUE})
    early, late = Arrival("ada", "exercise1", DUE - DAY), Arrival("ada", "exercise1", DUE + HOUR)
    unknown = Arrival("ada", "exercise1", None, True)
    for order in ([early, late], [late, early]):
        assert lateness(deadlines, order) == {("ada", "exercise1"): Lateness(3600.0, factor=0.9)}
    for order in ([early, unknown], [unknown, early]):
        assert lateness(deadlines, order)["ada", "exercise1"].unsettled


def test_the_bank_is_spent_in_the_order_of_due_dates() -> None:
    """Three days: one, then two, then nothing is left and the fourth is not taken."""
    assert [(late.days_used, late.factor) for late in in_turn(BANK, 0.5, -1, 2, 1)] == [(1, 1), (0, 1), (2, 1), (0, 0)]


def test_what_the_bank_does_not_cover_costs_the_daily_share() -> None:
    """Three of five days are covered, two cost ten percent each."""
    policy = LatePolicy("bank", 10.0, bank_days=3)
    assert in_turn(policy, 5)[0] == Lateness(5 * 86400.0, days_used=3.0, factor=0.8)


def test_days_that_change_nothing_stay_in_the_bank() -> None:
    """Work that counts nothing anyway, or the floor anyway, does not empty the bank for the next one."""
    assert [(late.days_used, late.factor) for late in in_turn(BANK, 5, 3)] == [(0, 0), (3, 1)]


def test_what_follows_something_unsettled_in_the_bank_is_unsettled_too() -> None:
    """How many days are left is not known then; what is in time is not touched, nor is an empty bank."""
    assert [late.unsettled for late in in_turn(BANK, None, 1, -1)] == [True, True, False]
    assert [late.unsettled for late in in_turn(BANK, 3, None, 1)] == [False, True, False]
    assert [late.unsettled for late in in_turn(PERCENT, None, 1)] == [True, False]


def test_each_student_has_a_bank_of_their_own() -> None:
    """Somebody else's late days cost nobody anything."""
    deadlines = Deadlines(BANK, UTC, {"e0": DUE})
    found = lateness(deadlines, [Arrival(name, "e0", DUE + 3 * DAY) for name in ("ada", "bo")])
    assert {late.days_used for late in found.values()} == {3.0}


def test_an_extension_moves_one_students_due_date_and_their_order() -> None:
    """With the first exercise extended beyond the second, the second draws on the bank first."""
    extended = {("ada", "e0"): DUE + 14 * DAY}
    late = in_turn(BANK, 15, 3, extended=extended)
    assert [(one.days_used, one.factor) for one in late] == [(0, 0), (3, 1)]


@given(st.lists(st.integers(-3, 6), min_size=1, max_size=6), st.integers(1, 5), st.sampled_from([None, 10.0, 40.0]))
def test_nobody_uses_more_days_than_there_are(late_days: list[int], bank: int, percent: float | None) -> None:
    """Whatever comes when: the bank is never overdrawn, factors stay between 0 and 1, no day is used in time."""
    found = in_turn(LatePolicy("bank", percent, bank_days=bank), *late_days)
    assert sum(late.days_used for late in found) <= bank
    for late, days in zip(found, late_days, strict=True):
        assert 0.0 <= late.factor <= 1.0
        assert late.days_used <= max(days, 0)
        assert late.factor == 1.0 or days > late.days_used


# --- course.toml and extensions.toml ---------------------------------------------------------------------------


def make_course(root: Path, late: str, extensions: str | None = None) -> Course:
    """Write a course of two exercises with this [late] table."""
    for slug in ("exercise1_one", "exercise2_two"):
        (root / "exercises" / slug).mkdir(parents=True)
        (root / "exercises" / slug / "exercise.toml").write_text('title = "T"\nfiles = ["work.py"]\npoints = 3\n')
    (root / "course.toml").write_text(f'name = "C"\n{late}')
    if extensions is not None:
        (root / "extensions.toml").write_text(extensions)
    return load_course(root)


WHOLE = """
[late]
policy = "percent"
percent_per_day = 10
grace_minutes = 15
timezone = "Europe/Berlin"
[late.due]
exercise1 = 2026-10-05T23:59:00
2 = 2026-10-12T23:59:00Z
"""


def test_due_dates_are_read_with_their_time_zones(tmp_path: Path) -> None:
    """A time without an offset is on the course's clocks, one with an offset is what it says; names are looked up."""
    extensions = "[due.ada]\n1 = 2026-10-09T12:00:00\n[handed_in.bo]\n2 = 2026-10-13T08:00:00\n"
    course = make_course(tmp_path, WHOLE, extensions)
    deadlines = deadlines_of(course, TWO)
    assert deadlines.due_for("bo", "exercise1_one") == DUE
    assert deadlines.due_for("ada", "exercise1_one") == datetime(2026, 10, 9, 12, tzinfo=BERLIN)
    assert deadlines.due_for("ada", "exercise2_two") == datetime(2026, 10, 12, 23, 59, tzinfo=UTC)
    assert deadlines.arrived == {("bo", "exercise2_two"): datetime(2026, 10, 13, 8, tzinfo=BERLIN)}


def test_a_person_settles_a_mark_by_saying_when_it_came(tmp_path: Path) -> None:
    """handed_in of extensions.toml stands for a time that no platform gave."""
    deadlines = deadlines_of(make_course(tmp_path, WHOLE, "[handed_in.ada]\n1 = 2026-10-06T10:00:00\n"), TWO)
    late = lateness(deadlines, [Arrival("ada", "exercise1_one", None, True)])
    assert late["ada", "exercise1_one"] == Lateness(10 * 3600.0 + 60, marked=True, factor=0.9)


@pytest.mark.parametrize(
    ("late", "extensions", "said"),
    [
        ('[late]\npolicy = "percent"', None, r'course.toml: late: the policy "percent" needs percent_per_day'),
        ('[late]\npolicy = "bank"', None, r'course.toml: late: the policy "bank" needs bank_days'),
        ('[late]\npolicy = "percent"\npercent_per_day = 1\nbank_days = 2', None, "late: bank_days does nothing here"),
        ('[late]\npolicy = "half"', None, r"course.toml: late.policy: Invalid enum value 'half'"),
        ("[late]\ngrace = 3", None, r"course.toml: late.grace"),
        ("[late]\ngrace_minutes = -1", None, r"course.toml: late.grace_minutes"),
        ("[late.due]\n1 = 2026-10-05", None, r"course.toml: late.due.*Expected `datetime`"),
        ('[late]\ntimezone = "Mars/Olympus"', None, "late.timezone: there is no time zone 'Mars/Olympus'"),
        ('[late]\ntimezone = "../etc"', None, r"course.toml: late.timezone: there is no time zone"),
        ("[late.due]\n1 = 2026-10-05T23:59:00", None, r"course.toml: late.due.1: this time says neither an offset"),
        ("[late.due]\n7 = 2026-10-05T23:59:00Z", None, r"course.toml: late.due.7: There is no exercise '7'"),
        ("[late.due]\n1 = 2026-10-05T23:59:00Z\nexercise1 = 2026-10-06T23:59:00Z", None, "one stands .* twice"),
        ("", "[due.adda]\n1 = 2026-10-09T12:00:00Z\n", r"due.adda: there is no such student.* mean ada\?"),
        ("", "[due.ada]\n1 = 2026-10-09T12:00:00\n", r"extensions.toml: due.ada.1: this time says neither"),
        ("", "[duty.ada]\n", r"extensions.toml: duty"),
    ],
)  # fmt: skip
def test_a_slip_in_the_late_policy_is_named(tmp_path: Path, late: str, extensions: str | None, said: str) -> None:
    """File, key and what is wrong: a typing error must not cost anybody points, or save them."""
    with pytest.raises(CourseError, match=said):
        deadlines_of(make_course(tmp_path, late, extensions), TWO)


def a_view(course: Course, standing: Standing) -> ClassView:
    """Return a class of which one standing is known."""
    exercise = load_exercise(course, "1")
    run = RunInfo(1, DUE, DUE, 7, "namespaces", "grader grade", "0.1")
    return ClassView(course, (exercise,), TWO, {("ada", exercise.slug): standing}, {exercise.slug: 3.0}, run)


def test_applying_keeps_the_raw_score_and_can_be_done_again(tmp_path: Path) -> None:
    """The counted points follow from the score and the factor, however often."""
    at = DUE + HOUR
    standing = Standing(TWO[0], "exercise1_one", score=2.5, counted=2.5, handed_in=True, submitted_at=at)
    view = apply(a_view(make_course(tmp_path, WHOLE), standing))
    assert view.of("ada", "exercise1_one") == replace(standing, counted=2.25, lateness=Lateness(3600.0, factor=0.9))
    assert apply(view) == view


def test_unsettled_points_are_not_counted(tmp_path: Path) -> None:
    """They are not 0, not full: there are none yet. What was not handed in stays without lateness."""
    late = Lateness(marked=True)
    marked = Standing(TWO[0], "exercise1_one", score=2.5, counted=2.5, handed_in=True, lateness=late)
    course = make_course(tmp_path, WHOLE)
    applied = apply(a_view(course, marked)).of("ada", "exercise1_one")
    assert (applied.score, applied.counted, applied.lateness.unsettled) == (2.5, None, True)
    absent = Standing(TWO[0], "exercise1_one")
    assert apply(a_view(course, absent)).of("ada", "exercise1_one") == absent


def test_the_tables_of_the_documentation_are_read(tmp_path: Path) -> None:
    """Every piece of TOML in docs/class.md is one that the course loader takes, and does what it says there."""
    text = (Path(__file__).parents[2] / "docs" / "class.md").read_text()
    percent, bank, single, canvas = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    course = make_course(tmp_path, percent + "\n" + canvas, single)
    students = [Student("student-017"), Student("student-031")]
    deadlines = deadlines_of(course, students)
    assert deadlines.due["exercise1_one"] == DUE
    assert deadlines.due_for("student-017", "exercise1_one") == datetime(2026, 10, 9, 12, tzinfo=BERLIN)
    settled = lateness(deadlines, [Arrival("student-031", "exercise1_one", None, True)])
    assert settled["student-031", "exercise1_one"] == Lateness(0.0, marked=True)
    assert course.canvas == {"exercise1": "Homework 1 (4711)", "exercise2": 4712}
    (tmp_path / "course.toml").write_text(f'name = "C"\n{bank}')
    assert load_course(tmp_path).late == LatePolicy("bank", 25.0, bank_days=5)
