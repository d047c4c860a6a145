"""The numbers of a class, against values computed by hand and by definition."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from grader.classroom.attention import Why, needs_help, needs_person, one_short
from grader.classroom.mistakes import known_mistakes, unknown_clusters
from grader.classroom.statistics import (
    Mark,
    class_alpha,
    cronbach_alpha,
    discrimination,
    exercise_numbers,
    histogram,
    judged,
    marks,
    point_rows,
    spread,
    totals,
)
from grader.classroom.view import ClassView, Standing
from grader.diagnosis.evidence import Evidence, Nearness, Sketch, nearness
from grader.results import CheckResult, Outcome
from tests.grader.classroom_data import made_check, made_class, made_result

SLUG = "exercise1_manual_backprop"


@pytest.fixture(scope="module")
def view() -> ClassView:
    """A class with every kind of trouble."""
    return made_class()


def class_of(*rows: Sequence[CheckResult], **facts: object) -> ClassView:
    """Return a class with one exercise in which student N has the entries of row N."""
    made = made_class(max(len(rows), 7), 1, 2)
    made = replace(made, students=made.students[: len(rows)])
    (exercise,) = made.exercises
    standings = {}
    for student, entries in zip(made.students, rows, strict=True):
        result = made_result(exercise, entries)
        standings[student.id, exercise.slug] = Standing(
            student, exercise.slug, result=result, score=result.score, counted=result.score, handed_in=True, **facts
        )
    return replace(made, standings=standings, max_scores={exercise.slug: 2.0}, unplaced=())


def ends(*outcomes: Outcome) -> list[CheckResult]:
    """Return a check worth a point for each outcome."""
    return [made_check(f"test_{place}", outcome, 1.0) for place, outcome in enumerate(outcomes)]


# --- single numbers --------------------------------------------------------------------------------------------------


def test_quartiles_lie_between_the_numbers_that_are_there() -> None:
    """Of 1 to 5 the middle half is 2 to 4; one number is its own median, no number has none."""
    found = spread([5, 1, 4, 2, 3])
    assert found is not None
    assert (found.low, found.median, found.high) == (2, 3, 4)
    assert spread([7.0]).median == 7.0  # type: ignore[union-attr]
    assert spread([]) is None


@pytest.mark.parametrize(("top", "step"), [(100, 10), (60, 5), (48, 5), (20, 2), (12, 1), (1, 0.1), (364, 50)])
def test_a_histogram_has_round_steps_that_reach_the_top(top: float, step: float) -> None:
    """At most twelve steps of a round size; the full score is in the last, a point more as well."""
    bins = histogram([top, top + 1, 0, -1], top)
    assert bins[0].high == pytest.approx(step)
    assert len(bins) <= 12
    assert bins[-2].high < top <= bins[-1].high + 1e-9
    assert (bins[0].count, bins[-1].count) == (2, 2)


def test_a_score_at_an_edge_belongs_to_the_step_above() -> None:
    """Of a hundred points 20 stands in 20 to under 30, whatever rounding does to it."""
    assert [one.count for one in histogram([20, 0.1 + 0.2 + 19.7], 100)][2] == 2


def test_discrimination_leaves_the_check_itself_out() -> None:
    """A check that nobody's rest goes with has no correlation, though it is part of the total."""
    passed = [True] * 6 + [False] * 6
    rest = [float(place % 3) for place in range(12)]
    points = [float(one) for one in passed]
    own = discrimination(passed, points, [a + b for a, b in zip(points, rest, strict=True)])
    assert own == pytest.approx(0.0, abs=1e-12)


def test_discrimination_is_pearsons_correlation_with_the_rest() -> None:
    """By the definition: covariance over the product of the deviations."""
    draw = random.Random(3)
    passed = [draw.random() < 0.5 for _ in range(30)]
    rest = [draw.gauss(5 + 2 * one, 1) for one in passed]
    totals = [one + 2.0 * own for one, own in zip(rest, passed, strict=True)]
    mx, my = sum(passed) / 30, sum(rest) / 30
    sxy = sum((x - mx) * (y - my) for x, y in zip(passed, rest, strict=True))
    sxx, syy = sum((x - mx) ** 2 for x in passed), sum((y - my) ** 2 for y in rest)
    found = discrimination(passed, [2.0 * own for own in passed], totals)
    assert found == pytest.approx(sxy / math.sqrt(sxx * syy), abs=1e-6)


@pytest.mark.parametrize(
    ("passed", "rest"),
    [([True, False] * 4, range(8)), ([True] * 12, range(12)), ([True, False] * 6, [3] * 12)],
    ids=["nine students at most", "all pass", "the rest is equal"],
)
def test_discrimination_needs_students_who_differ(passed: list[bool], rest: Sequence[float]) -> None:
    """Below ten students, or where one side does not vary, there is no number."""
    totals = [float(one) + own for one, own in zip(rest, passed, strict=True)]
    assert discrimination(passed, [float(one) for one in passed], totals) is None


def test_alpha_is_one_for_equal_checks_and_what_the_formula_says() -> None:
    """Two equal checks measure the same; for three others the formula was worked out by hand."""
    assert cronbach_alpha([[one, one] for one in map(float, range(10))]) == pytest.approx(1.0)
    # 10 students, columns with variances 0.25/0.9, 0.25/0.9 ... : var = 5*5/(10*9) = 0.2777…, totals 2,1,1,0 as below
    rows = [[1.0, 1.0]] * 3 + [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2 + [[0.0, 0.0]] * 3
    single, whole = 25 / 90, (3 * 1 + 3 * 1) / 9
    assert cronbach_alpha(rows) == pytest.approx(2 * (1 - 2 * single / whole))


@pytest.mark.parametrize(
    "rows", [[[1.0, 0.0]] * 9, [[float(one)] for one in range(12)], [[1.0, 1.0]] * 12, []],
    ids=["nine students", "one check", "all alike", "nobody"],
)  # fmt: skip
def test_alpha_needs_two_checks_ten_students_and_differences(rows: list[list[float]]) -> None:
    """Otherwise there is no number."""
    assert cronbach_alpha(rows) is None


def test_what_waits_for_a_device_is_no_column() -> None:
    """A check that nobody was judged in is left out; who lacks one of the others has no row."""
    passed, waits = Mark(Outcome.PASSED, 1.0, 1.0, 0.0), Mark(Outcome.PENDING, 0.0, 1.0, 0.0)
    bonus = Mark(Outcome.PASSED, 0.0, 0.0, 0.0)
    assert point_rows([{"a": passed, "b": waits, "c": bonus}, {"a": waits, "b": waits}]) == [[1.0]]


# --- a class ---------------------------------------------------------------------------------------------------------


def test_marks_agree_with_what_a_standing_says(view: ClassView) -> None:
    """The outcome of a check over all devices is the same, however it is asked for."""
    for standing in view.standings.values():
        assert {id: mark.outcome for id, mark in marks(standing).items()} == {
            id: standing.outcome(id) for id in marks(standing)
        }


def test_points_of_several_devices_are_the_least() -> None:
    """A check counts once; what waits for a device takes nothing away."""
    entries = [
        made_check("test_0", Outcome.PASSED, 1.0),
        made_check("test_0", Outcome.FAILED, 1.0, device="sim"),
        made_check("test_1", Outcome.PASSED, 1.0),
        made_check("test_1", Outcome.PENDING, 1.0, device="cuda"),
    ]
    (standing,) = class_of(entries).standings.values()
    found = marks(standing)
    assert (found["test_0"].points, found["test_0"].outcome) == (0.0, Outcome.FAILED)
    assert (found["test_1"].points, found["test_1"].outcome) == (1.0, Outcome.PASSED)


def test_open_results_are_left_out_of_every_number(view: ClassView) -> None:
    """The first student's result of exercise 1 is open: in no item, no score, no mistake, and the total says so."""
    first = view.students[0].id
    assert view.of(first, SLUG).open
    numbers = exercise_numbers(view, SLUG)
    there = [one for one in view.in_exercise(SLUG) if one.handed_in]
    assert numbers.submitted == len(there)
    assert len(numbers.scores) == len(there) - 1 == len(judged(view, SLUG))
    assert {item.judged for item in numbers.items} == {len(there) - 1}
    assert all(first not in one.students for one in known_mistakes(view) if one.exercise == SLUG)
    assert [one.student for one in totals(view) if one.open] == [first]


def test_difficulty_counts_those_who_were_judged() -> None:
    """Two of three pass the first check; of the second one result waits."""
    rows = [
        ends(Outcome.PASSED, Outcome.PASSED),
        ends(Outcome.FAILED, Outcome.PENDING),
        ends(Outcome.PASSED, Outcome.TODO),
    ]
    first, second = exercise_numbers(class_of(*rows), SLUG).items
    assert (first.difficulty, first.judged) == (pytest.approx(2 / 3), 3)
    assert (second.difficulty, second.judged) == (0.5, 2)
    assert first.discrimination is None


def test_the_class_has_an_alpha_of_its_own(view: ClassView) -> None:
    """It is computed over the students of whom every exercise was judged, and lies above that of any exercise alone."""
    alphas = [exercise_numbers(view, one.slug).alpha for one in view.exercises]
    whole = class_alpha(view)
    assert whole is not None
    assert all(one is not None and 0 < one < whole < 1 for one in alphas)


def test_mistakes_are_ranked_by_students_then_points(view: ClassView) -> None:
    """Each student counts once for a mistake, in however many checks it shows; points are those of these checks."""
    found = known_mistakes(view)
    assert [(-len(one.students), -one.points_lost) for one in found] == sorted(
        (-len(one.students), -one.points_lost) for one in found
    )
    for one in found:
        having = [
            standing
            for standing in judged(view, one.exercise)
            if any(c.diagnosis and c.diagnosis.misconception == one.misconception for c in standing.result.checks)  # type: ignore[union-attr]
        ]
        assert [standing.student.id for standing in having] == list(one.students)
        checks = [c for standing in having for c in standing.result.checks]  # type: ignore[union-attr]
        lost = sum(c.max_points for c in checks if c.diagnosis and c.diagnosis.misconception == one.misconception)
        assert one.points_lost == pytest.approx(lost)
        assert one.of == len(judged(view, one.exercise))


# --- unknown results that agree ---------------------------------------------------------------------------------------


def evidence(value: float, label: str = "value") -> Evidence:
    """Return a wrong value of float64 whose entries are all this."""
    return Evidence(label, Sketch("Tensor", "float64", (2, 2), value, (value,) * 8), scale=1.0)


def with_evidence(*found: Evidence | None) -> ClassView:
    """Return a class in which student N failed the only check and left this."""
    view = class_of(*(ends(Outcome.FAILED, Outcome.PASSED) for _ in found))
    standings = {
        key: replace(standing, evidence={"test_0": one} if one else {})
        for (key, standing), one in zip(view.standings.items(), found, strict=True)
    }
    return replace(view, standings=standings)


def test_results_that_agree_within_tolerance_are_one_cluster() -> None:
    """Values that differ by rounding agree; what is a little off, and what nobody shares, does not."""
    view = with_evidence(evidence(3.0), evidence(3.0 + 1e-9), evidence(3.0 + 1e-4), evidence(5.0), None)
    (found,) = unknown_clusters(view)
    assert found.students == ("student-001", "student-002")
    assert found.points_lost == 2.0


def test_looking_at_neighbours_alone_finds_what_looking_at_all_finds() -> None:
    """Of 300 values, many of them near others, the same pairs are put together as by comparing every two."""
    draw = random.Random(5)
    values = [evidence(round(draw.random(), 2) + draw.choice((0, 3e-7, 2e-6)), draw.choice("ab")) for _ in range(300)]
    view = with_evidence(*values)
    together = {frozenset(one.students) for one in unknown_clusters(view)}
    for group in together:
        members = [values[int(id.rpartition("-")[2]) - 1] for id in group]
        assert any(all(nearness(one, other) is Nearness.SAME for other in members) for one in members)
    placed = [id for group in together for id in group]
    assert len(placed) == len(set(placed))
    equal = {one for one in values if values.count(one) > 1}
    assert all(
        any(f"student-{place:03d}" in group for group in together)
        for place, one in enumerate(values, 1)
        if one in equal
    )


def test_the_same_exception_is_one_cluster() -> None:
    """Exceptions agree by type and text."""
    raised = [Evidence("x", raised=("ValueError", text)) for text in ("a", "a", "b")]
    (found,) = unknown_clusters(with_evidence(*raised))
    assert found.students == ("student-001", "student-002")


def test_students_who_agree_in_several_checks_are_one_cluster() -> None:
    """One mistake that shows in two checks is one candidate, with both checks."""
    view = class_of(*(ends(Outcome.FAILED, Outcome.FAILED) for _ in range(2)))
    same = {"test_0": evidence(3.0), "test_1": evidence(4.0)}
    view = replace(view, standings={key: replace(one, evidence=same) for key, one in view.standings.items()})
    (found,) = unknown_clusters(view)
    assert found.checks == ("test_0", "test_1")
    assert found.points_lost == 4.0


def test_what_has_a_name_is_in_no_cluster() -> None:
    """Evidence of a check whose mistake is known does not make a candidate."""
    view = with_evidence(evidence(3.0), evidence(3.0))
    named = made_check("test_0", Outcome.FAILED, 1.0, "relu-mask-missing")
    for standing in view.standings.values():
        assert standing.result is not None
        standing.result.checks[0] = named
    assert unknown_clusters(view) == []


# --- who needs what ---------------------------------------------------------------------------------------------------


def test_everything_that_waits_for_a_person_is_listed(view: ClassView) -> None:
    """Failures of ours come first, then what cannot be read or placed, what is late nobody knows how much, flags."""
    found = needs_person(view)
    assert [one.why for one in found] == [Why.OURS, Why.UNREADABLE, *[Why.UNPLACED] * 2, Why.UNSETTLED, Why.FLAG]
    ours, unreadable, *_, unsettled, flag = found
    names = [one.standing.student.id for one in (ours, unreadable, unsettled, flag) if one.standing]
    assert names == ["student-001", "student-006", "student-007", "student-002"]


def test_what_waits_for_a_device_is_one_matter_for_all() -> None:
    """A class of 20 graded without a GPU makes one line, not 20."""
    rows = [[*ends(Outcome.PASSED), made_check("test_9", Outcome.PENDING, 1.0, device="cuda")] for _ in range(20)]
    (found,) = needs_person(class_of(*rows))
    assert (found.why, found.count, found.devices) == (Why.PENDING, 20, ("cuda",))


def test_handed_in_and_not_judged_waits_for_a_person() -> None:
    """What a run was broken off before is neither a 0 nor missing."""
    view = class_of(ends(Outcome.PASSED))
    (key,) = view.standings
    waiting = Standing(view.students[0], key[1], handed_in=True)
    assert [one.why for one in needs_person(replace(view, standings={key: waiting}))] == [Why.NOT_JUDGED]
    assert [one.open for one in totals(replace(view, standings={key: waiting}))] == [True]


def test_who_needs_help_is_listed_once_with_every_reason(view: ClassView) -> None:
    """Nothing handed in, two exercises missing, a stub handed in, few points."""
    nothing = {
        key: Standing(one.student, one.exercise) for key, one in view.standings.items() if key[0] == "student-020"
    }
    gone = {
        key: Standing(one.student, one.exercise)
        for key, one in view.standings.items()
        if key[0] == "student-021" and key[1] != SLUG
    }
    found = {one.student: one for one in needs_help(replace(view, standings={**view.standings, **nothing, **gone}))}
    assert next(iter(found)) == "student-020"
    assert found["student-020"].nothing
    assert len(found["student-021"].missing) == 3
    assert found["student-003"].todo == (SLUG,)
    assert found["student-006"].unreadable == (SLUG,)
    assert all(one.total is None or one.total.score < 0.3 * 48 for one in found.values())


def test_one_check_short_is_exactly_one(view: ClassView) -> None:
    """Everybody else passed all, or lacks more, or is open."""
    found = {(one.student, one.exercise): one.check for one in one_short(view)}
    for key, standing in view.standings.items():
        short = [id for id, mark in marks(standing).items() if not mark.passed]
        assert (key in found) == (len(short) == 1 and not standing.open), key
    assert found["student-004", SLUG] == "test_exercise1_theorem_0"


def test_a_check_renamed_between_suites_does_not_break_the_numbers() -> None:
    """Where half the class was judged by another suite, each check counts who had it, and alpha says nothing."""
    old = [msgspec.structs.replace(one, id=f"{one.id}_old") for one in ends(Outcome.PASSED, Outcome.FAILED)]
    numbers = exercise_numbers(class_of(*[old] * 6, *[ends(Outcome.PASSED, Outcome.FAILED)] * 6), SLUG)
    assert [item.judged for item in numbers.items] == [6, 6, 6, 6]
    assert numbers.alpha is None
