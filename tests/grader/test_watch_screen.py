"""What stands on the screen while an exercise is watched, line by line."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console
from rich.text import Text

from grader import language
from grader.course import Exercise
from grader.hints import Hint
from grader.results import CheckResult, Diagnosis, ExerciseResult, Outcome
from grader.watch.machine import View
from grader.watch.news import NOTHING_NEW, News, is_finished, news
from grader.watch.screen import screen_lines

from .test_watch_machine import FAILED, PASSED, check, result
from .tiny_course import make_course

KEYS = "h hint   n next exercise   l list   o page   r check again   q quit"


@pytest.fixture
def exercise(tmp_path: Path) -> Exercise:
    """The tiny exercise."""
    return make_course(tmp_path)


def plain(encoding: str = "utf-8") -> Console:
    """A stream that is no terminal."""
    return Console(file=io.TextIOWrapper(io.BytesIO(), encoding), width=80, color_system=None)


def read(lines: Iterable[Text]) -> list[str]:
    """The lines as text."""
    return [line.plain for line in lines]


def wrong(name: str = "test_a", **more: object) -> CheckResult:
    """A check that failed and says how."""
    return replace(check(FAILED, name), message="dw: the values are wrong.", **more)


def with_checks(*checks: CheckResult) -> ExerciseResult:
    """A result of these."""
    made = result(*(check.outcome for check in checks))
    made.checks = list(checks)
    return made


def test_before_the_first_verdict(exercise: Exercise) -> None:
    """What is watched, and the keys if there are any."""
    lines = [
        "exercise1_tiny: Tiny",
        "Watching work.py: save, and it is checked again.",
        "",
        "The first check is on its way.",
    ]
    assert read(screen_lines(exercise, View(), plain())) == lines
    assert read(screen_lines(exercise, View(), plain(), keys=True)) == [*lines, "", KEYS]


def test_a_verdict_line_by_line(exercise: Exercise) -> None:
    """The first thing to fix whole, one line for each other check, the score, what changed."""
    waiting = replace(check(Outcome.BLOCKED, "test_c"), blocked_by="test_a")
    judged = with_checks(check(PASSED, "test_b"), wrong(), wrong("test_d"), waiting)
    view = View(judged, news=News(("Title of test_b.",), (), 1.0), at="12:31:05", wall_s=0.12)
    assert read(screen_lines(exercise, view, plain())) == [
        "exercise1_tiny: Tiny",
        "Checked at 12:31:05 in 0.1 s (fence: none, seed: 7).",
        "",
        "Look at this",
        "",
        "1. Title of test_a.",
        "   test_a",
        "   dw: the values are wrong.",
        "",
        "The others",
        "  ✗ failed    Title of test_d.                                               0/1",
        "  · blocked   Title of test_c.                                               0/1",
        "  ✓ passed    Title of test_b.                                               1/1",
        "",
        "Score 1 / 4, 1 of 4 checks passed",
        "███████░░░░░░░░░░░░░░░░░░░░░░░",
        "Points since the last check: +1",
        "  passes now: Title of test_b.",
    ]


def test_a_known_mistake_is_named_first(exercise: Exercise) -> None:
    """The diagnosis is the headline; checks with the same mistake are counted there and not listed again."""
    known = Diagnosis("mask", "Your code misses the mask.", "Closed units got a gradient.\nA question?")
    view = View(with_checks(wrong(diagnosis=known), wrong("test_b", diagnosis=known), check(PASSED, "test_c")))
    shown = read(screen_lines(exercise, view, plain()))
    assert shown[5:7] == ["1. Your code misses the mask.", "   Closed units got a gradient."]
    assert "   The same mistake shows in further checks: 1." in shown
    assert [line for line in shown if "Title of test_b" in line] == []


def test_a_small_screen_folds_what_passed_and_never_the_first_thing_to_fix(exercise: Exercise) -> None:
    """As many lines as there is room for; what is folded is counted by how it ended."""
    many = [wrong(), wrong("test_x"), *(check(Outcome.BLOCKED, f"b{n}") for n in range(3))]
    many += [check(PASSED, f"p{n}") for n in range(9)]
    whole = read(screen_lines(exercise, View(with_checks(*many)), plain(), keys=True))
    small = read(screen_lines(exercise, View(with_checks(*many)), plain(), rows=20, keys=True))
    tiny = read(screen_lines(exercise, View(with_checks(*many)), plain(), rows=5))
    assert (len(whole), len(small)) == (28, 20)
    assert small[:8] == whole[:8] == tiny[:8]
    assert small[9:17] == [
        "The others",
        "  ✗ failed    Title of test_x.                                               0/1",
        "  · blocked   Title of b0.                                                   0/1",
        "  · blocked   Title of b1.                                                   0/1",
        "  · blocked   Title of b2.                                                   0/1",
        "  and 9 more, all passed",
        "",
        "Score 9 / 14, 9 of 14 checks passed",
    ]
    assert tiny[9:11] == ["The others", "  and 13 more: 1 failed, 3 blocked, 9 passed"]
    exact = screen_lines(exercise, View(with_checks(*many)), plain(), rows=len(whole), keys=True)
    assert read(exact) == whole
    alike = read(screen_lines(exercise, View(result(PASSED, PASSED, PASSED)), plain(), rows=2))
    assert alike[4:5] == ["  and 3 more, all passed"]


def test_what_a_slow_run_has_found_is_shown_without_a_score(exercise: Exercise) -> None:
    """The first failure, and that it goes on."""
    shown = read(screen_lines(exercise, View(so_far=(check(PASSED, "test_b"), wrong())), plain()))
    assert "   dw: the values are wrong." in shown
    assert shown[-1] == "This check goes on: 2 done so far."
    assert [line for line in shown if line.startswith("Score")] == []


def test_everything_passed_is_told_with_what_comes_next(exercise: Exercise) -> None:
    """All of it, or all that this machine can judge; nothing is left to look at."""
    shown = read(screen_lines(exercise, View(result(PASSED, PASSED)), plain(), following="Next: exercise2."))
    assert shown[3] == "All checks"
    assert shown[-3:] == ["", "Well done: all 2 checks pass.", "Next: exercise2."]
    waits = read(screen_lines(exercise, View(result(PASSED, Outcome.PENDING)), plain(), following="Next."))
    assert waits[-3:] == [
        "Well done: everything that can be checked here passes. Checks that wait for a",
        "device which this machine lacks: 1.",
        "Next.",
    ]
    assert "Next." not in read(screen_lines(exercise, View(result(PASSED, FAILED)), plain(), following="Next."))


def test_a_hint_and_a_note_stand_below(exercise: Exercise) -> None:
    """The next hint is a key away, not a command."""
    hint = Hint("Mask", (), "Hint 1 of 3", "Closed units got a gradient.", ("The next hint:",), "grader hint 1")
    view = View(with_checks(wrong()), hint=hint, notes=("The page lies in x.html.",))
    shown = read(screen_lines(exercise, view, plain()))
    assert shown[8:15] == [
        "",
        "Mask",
        "",
        "Hint 1 of 3",
        "  Closed units got a gradient.",
        "",
        "h gives the next hint.",
    ]
    assert shown[-2:] == ["", "The page lies in x.html."]
    assert "grader hint 1" not in "\n".join(shown)


def test_an_error_stands_in_the_place_of_a_result(exercise: Exercise) -> None:
    """No score, no checks, and no claim that a check is on its way."""
    shown = read(screen_lines(exercise, View(error="exercise.toml: points: must be positive."), plain()))
    assert shown[2:] == ["", "exercise.toml: points: must be positive."]


def test_many_news_are_counted(exercise: Exercise) -> None:
    """Three titles each, then how many more; a long or hostile title takes one harmless line."""
    titles = ("evil \x1b[2J " + "x" * 100, "b", "c", "d", "e")
    view = View(result(PASSED), news=News(titles, ("f",), -2.5))
    shown = read(screen_lines(exercise, view, plain()))
    place = shown.index("Points since the last check: -2.5")
    assert shown[place + 1].startswith("  passes now: evil \\x1b[2J xxx")
    assert len(shown[place + 1]) <= 80
    assert shown[place + 2 : place + 6] == [
        "  passes now: b", "  passes now: c", "  and 2 more", "  passes no longer: f",
    ]  # fmt: skip


def test_ascii_and_chinese(exercise: Exercise) -> None:
    """A stream without our symbols gets ASCII; the sentences follow the language, and no line is wider than 80."""
    view = View(with_checks(wrong(), check(PASSED, "test_b")), news=News(("b",), (), 1.0))
    ascii_lines = read(screen_lines(exercise, view, plain("ascii")))
    assert "###############..............." in ascii_lines
    language.use("zh_CN")
    try:
        console = plain()
        lines = list(screen_lines(exercise, view, console, keys=True, following="x"))
    finally:
        language.use("en")
    assert "其他检查项" in read(lines)
    assert max(line.cell_len for line in lines) <= 80


def test_other_checks_than_before_have_no_news() -> None:
    """After the course has changed there is nothing to compare with."""
    assert news(result(FAILED), result(PASSED, PASSED)) is NOTHING_NEW
    assert news(None, result(PASSED)) is NOTHING_NEW
    assert not is_finished([])
