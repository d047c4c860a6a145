"""Lines for a terminal: readable in 80 columns, without colour, without Unicode, and safe to print."""

from __future__ import annotations

import io
from typing import Any

import click
import pytest

from grader.results import CheckResult, Environment, ExerciseResult, Flag, Frame, Outcome, SubmissionInfo
from grader.terminal import CheckPrinter, Screen, heading_lines, number, printable, summary_lines, yes_no_lines

PLAIN = Screen()


def check(outcome: Outcome = Outcome.FAILED, **facts: Any) -> CheckResult:
    """Return a check's result with a title, worth 3 points."""
    values = {"id": "test_a", "title": "The gradient is right.", "visibility": "hidden", "device": "cpu",
              "points": 0.0, "max_points": 3.0, **facts}  # fmt: skip
    return CheckResult(outcome=outcome, **values)


def result(*checks: CheckResult, **facts: Any) -> ExerciseResult:
    """Return a result with these checks."""
    environment = Environment("0", "3.11", "2.13", ["cpu"], "namespaces")
    values: dict[str, Any] = {"score": 2.5, "max_score": 3.0, "complete": True, **facts}
    return ExerciseResult(exercise="exercise1", submission=SubmissionInfo("0", []), suite_sha256="0", seed=7,
                          environment=environment, checks=list(checks), **values)  # fmt: skip


def lines(*checks: CheckResult, screen: Screen = PLAIN) -> list[str]:
    """Return what is printed for these checks, one after the other."""
    printer = CheckPrinter(screen)
    return [line for one in checks for line in printer.lines(one)]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_word_and_symbol(outcome: Outcome) -> None:
    """Each outcome is written out beside a symbol, with title and points."""
    (line, *_) = lines(check(outcome, points=1.0))
    assert line[2] in "✓✗▲◷○·?"
    assert line[4:].startswith(outcome)
    assert "The gradient is right." in line
    assert line.endswith("1/3")


def test_nothing_is_wider_than_the_screen() -> None:
    """Long titles, messages, names without a blank, flags and advice are wrapped."""
    long = "word " * 60 + "x" * 200
    shown = lines(check(title=long, message=long))
    shown += summary_lines(result(flags=[Flag("rule", "a.py", 3, long)]), PLAIN)
    shown += yes_no_lines([(False, long, long)], PLAIN)
    shown += heading_lines("exercise1", "Title", "none", 7, PLAIN)
    assert max(map(len, shown)) <= 80


def test_a_message_is_indented_under_its_check() -> None:
    """Every line of a message stands below the title, and keeps its own indentation."""
    _, first, second = lines(check(message="dw1: wrong\n  got (2, 3)"))
    assert first == " " * 14 + "dw1: wrong"
    assert second == " " * 16 + "got (2, 3)"


def test_the_students_own_line_is_shown() -> None:
    """The innermost frame is shown with file, line, function and code."""
    frames = [Frame("backprop.py", 3, "outer", "inner()"), Frame("backprop.py", 9, "inner", "  1 / 0")]
    assert lines(check(Outcome.RAISED, frames=frames))[1].strip() == "backprop.py, line 9, in inner: 1 / 0"


def test_a_passed_check_is_one_line() -> None:
    """What a passed check printed or said is not shown."""
    assert len(lines(check(Outcome.PASSED, message="fine", stdout="hello"))) == 1


def test_a_shared_reason_is_printed_once() -> None:
    """When the file cannot be imported, the reason stands under the first check only."""
    _, reason, _, again = lines(check(message="line 3: bad"), check(message="line 3: bad"))
    assert "line 3: bad" in reason
    assert again.strip() == "(for the same reason)"


def test_a_blocked_check_names_what_it_waits_for() -> None:
    """A blocked check says which check has to pass first."""
    assert "test_forward" in lines(check(Outcome.BLOCKED, blocked_by="test_forward"))[1]


def test_only_the_beginning_of_what_was_printed_is_shown() -> None:
    """A check that printed a lot shows three lines of it."""
    shown = lines(check(stdout="\n".join(f"line {i}" for i in range(100))))
    assert [line.strip() for line in shown[1:]] == ["printed: line 0", "printed: line 1", "printed: line 2"]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;title\x07", "\r", "\b", "\u202e", "\x9b31m"])
def test_what_a_student_wrote_cannot_steer_the_terminal(evil: str) -> None:
    """Escape sequences, carriage returns and direction marks are written out as codes, wherever they stand."""
    hostile = check(
        title=f"t{evil}t", message=f"m{evil}m", stdout=f"s{evil}s", frames=[Frame("f.py", 1, f"f{evil}f", f"c{evil}c")]
    )
    shown = lines(hostile) + summary_lines(result(flags=[Flag("r", f"f{evil}f", 1, f"m{evil}m")]), PLAIN)
    assert all(line.isprintable() for line in shown)


def test_colour_adds_nothing_but_colour() -> None:
    """Without its colours a coloured screen reads exactly like a plain one."""
    checks = [check(outcome, message="why") for outcome in Outcome]
    coloured = lines(*checks, screen=Screen(colour=True))
    assert any("\x1b[" in line for line in coloured)
    assert [click.unstyle(line) for line in coloured] == lines(*checks)


def test_ascii_is_enough() -> None:
    """On a stream that cannot show Unicode every line is ASCII."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    screen = Screen.of(stream)
    shown = lines(*(check(outcome, message="größer – nicht") for outcome in Outcome), screen=screen)
    assert all(line.isascii() for line in shown)


def test_a_pipe_has_no_colour_and_80_columns() -> None:
    """Whatever is not a terminal gets plain lines of 80 columns."""
    assert Screen.of(io.StringIO()) == Screen(80, unicode=False, colour=False)


def test_the_summary_counts_and_warns() -> None:
    """Score and counts stand in one line; what we could not judge is said to be our fault."""
    shown = "\n".join(summary_lines(result(check(Outcome.PASSED), check(Outcome.ERROR), complete=False), PLAIN))
    assert "Score 2.5 / 3, 1 of 2 checks passed" in shown
    assert "1 could not be judged. That is our fault, not yours" in shown


def test_an_unfenced_run_says_so() -> None:
    """At tier none the heading says that there is no fence."""
    assert "without a fence" in " ".join(heading_lines("exercise1", "Title", "none", 7, PLAIN))
    assert "without a fence" not in " ".join(heading_lines("exercise1", "Title", "landlock", 7, PLAIN))


def test_advice_is_given_only_where_needed() -> None:
    """A yes needs no advice, a no shows it on the next line."""
    shown = list(yes_no_lines([(True, "seccomp", "Fix: a"), (False, "Landlock", "Fix: b")], PLAIN))
    assert shown == ["  yes seccomp", "  no  Landlock", "        Fix: b"]


@pytest.mark.parametrize(("value", "shown"), [(3.0, "3"), (2.5, "2.5"), (0.0, "0"), (1 / 3, "0.33"), (10.0, "10")])
def test_points_are_written_short(value: float, shown: str) -> None:
    """Whole points have no decimals, others at most two."""
    assert number(value) == shown


def test_printable_keeps_ordinary_text() -> None:
    """Letters of every language stay as they are."""
    assert printable("dW₁ größer 梯度 ✓") == "dW₁ größer 梯度 ✓"
