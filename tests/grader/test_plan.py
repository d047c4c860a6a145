from __future__ import annotations

from pathlib import Path

import pytest

from grader.course import Exercise
from grader.errors import CourseError
from grader.suite.plan import SuiteCheck, make_plan

from .tiny_course import make_course


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """An exercise worth 6 points without a hidden suite, so that points need not add up."""
    return make_course(tmp_path, points=6, more='[devices]\nrun = ["cpu", "cuda"]\n')


def check(name: str, line: int = 1, parameter: str = "", **facts: object) -> SuiteCheck:
    """Describe a check as collection would."""
    identifier = f"{name}[{parameter}]" if parameter else name
    fixed = {"devices": ("cpu",), **facts}
    return SuiteCheck(identifier, name, "T", "hidden", f"test_a.py:{line}", **fixed)  # type: ignore[arg-type]


def test_checks_come_after_those_they_need(exercise: Exercise) -> None:
    """Otherwise the order written is kept."""
    checks = [check("a", 1, needs=("c",)), check("b", 2), check("c", 3, needs=("d",)), check("d", 4)]
    assert [step.planned.id for step in make_plan(checks, exercise)] == ["d", "c", "a", "b"]


def test_a_parametrised_check_shares_its_points(exercise: Exercise) -> None:
    """points(3) on three parameters is one point each, not nine in all."""
    steps = make_plan([check("a", parameter=p, points=3.0) for p in "xyz"], exercise)
    assert [(step.planned.id, step.planned.max_points) for step in steps] == [
        ("a[x]", 1.0),
        ("a[y]", 1.0),
        ("a[z]", 1.0),
    ]


def test_a_check_has_one_line_per_device(exercise: Exercise) -> None:
    """What cannot be judged on this machine stays in the plan as pending."""
    steps = make_plan([check("a", devices=None), check("b", 2, devices=("cuda",))], exercise)
    lines = [(step.planned.id, step.planned.device, step.planned.pending) for step in steps]
    assert lines == [("a", "cpu", False), ("a", "cuda", True), ("b", "cuda", True)]


@pytest.mark.parametrize(
    ("checks", "complaint"),
    [
        ([check("a", 1), check("a", 9)], r"test_a\.py:9: a is the name of another check \(test_a\.py:1\)"),
        (
            [check("a", 3, needs=("test_forwad",)), check("test_forward", 5)],
            r"test_a\.py:3: a needs test_forwad, .*Did you",
        ),
        ([check("a", needs=("b",)), check("b", 2, needs=("a",))], "need each other: a -> b -> a"),
        ([check("a", needs=("a",))], "need each other: a -> a"),
        ([check("a", 4, devices=("sim",))], r"test_a\.py:4: a wants the device 'sim'"),
        ([], "exercise1_tiny has no checks"),
    ],
)
def test_a_broken_rule_is_named_with_file_and_line(
    exercise: Exercise, checks: list[SuiteCheck], complaint: str
) -> None:
    """An author finds the place without searching."""
    with pytest.raises(CourseError, match=complaint):
        make_plan(checks, exercise)


def test_points_must_add_up_where_the_whole_suite_is_present(exercise: Exercise) -> None:
    """exercise.toml says 6; a student's copy, without the hidden suite, cannot be held to it."""
    make_plan([check("a", points=2.0)], exercise)
    exercise.hidden_folder.mkdir(parents=True)
    with pytest.raises(CourseError, match="points = 6, but its checks are worth 2 together"):
        make_plan([check("a", points=2.0)], exercise)
    assert make_plan([check("a", parameter=p, points=6.0) for p in "xyz"], exercise)
