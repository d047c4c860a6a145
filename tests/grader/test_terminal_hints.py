"""A recognised mistake and a hint on a terminal: what it is before where, and of the values next to nothing."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from grader.hints import Hint
from grader.results import CheckResult, Diagnosis, Frame, Outcome
from grader.terminal import console_for, detail_lines, hint_lines

from .test_terminal import LONG, check, read, result

MASK = Diagnosis("mask-missing", "Your code misses the mask.", "Closed units have a gradient.\nMay they?\nNo.")
MEAN = Diagnosis("mean-missing", "Your code forgets the mean.", "All is 7 times too large.")


@pytest.fixture
def plain() -> Console:
    """A console on something that is no terminal."""
    return console_for(io.StringIO())


def known(id: str, diagnosis: Diagnosis = MASK, **facts: Any) -> CheckResult:
    """Return a failed check whose mistake was recognised."""
    return check(id=id, diagnosis=diagnosis, **{"message": "dw1: 3 of 24 are wrong.\n  got 1\n  expected 2", **facts})


def test_a_known_mistake_comes_before_its_values(plain: Console) -> None:
    """Statement and what was seen, then the check, one line of the values, and how to get the next hint."""
    shown = "\n".join(read(detail_lines(result(known("test_a")), plain, "grader hint exercise1")))
    assert shown == (
        "\nLook at this\n"
        "\n1. Your code misses the mask.\n   Closed units have a gradient.\n"
        "   Seen in: The gradient is right. (test_a)\n"
        "   Compared there: dw1: 3 of 24 are wrong.\n"
        "   Stuck? A hint, and another one each time:\n     grader hint exercise1 test_a"
    )


def test_further_hints_are_not_printed_with_a_result(plain: Console) -> None:
    """Question and idea are for those who ask; without a command to ask with, none is offered."""
    shown = "\n".join(read(detail_lines(result(known("test_a")), plain)))
    assert "May they?" not in shown
    assert "Stuck?" not in shown


def test_one_mistake_is_one_thing_to_fix(plain: Console) -> None:
    """Checks with the same diagnosis are told together, however they ended; another mistake is another thing."""
    checks = [known("test_a"), known("test_b", MEAN), known("test_c"), known("test_d")]
    checks.append(check(Outcome.RAISED, id="test_e", diagnosis=MASK, message="Raised."))
    shown = "\n".join(read(detail_lines(result(*checks), plain)))
    assert re.findall(r"^(\d)\. (.*)$", shown, re.MULTILINE) == [("1", MASK.statement), ("2", MEAN.statement)]
    assert "The same mistake shows in further checks: 3." in shown


def test_a_known_mistake_that_raised_shows_the_students_own_lines(plain: Console) -> None:
    """Of an exception the line is worth more than anything, and so is what was printed."""
    raised = known(
        "test_a", message="Your code raised IndexError.", stdout="3\n", frames=[Frame("a.py", 8, "f", "x[9]")]
    )
    shown = read(detail_lines(result(raised), plain))
    assert shown[-4:] == ["   a.py, line 8, in f:", "       x[9]", "   Printed:", "       3"]


def test_a_known_mistake_further_down_has_one_line(plain: Console) -> None:
    """In the short list the mistake is named before the check."""
    checks = [*(check(id=f"test_{n}", message=f"{n}") for n in range(3)), known("test_x"), known("test_y")]
    assert read(detail_lines(result(*checks), plain))[-1] == "  ✗ Your code misses the mask. (test_x)"


def test_a_silent_hidden_check_with_a_name_has_no_empty_line(plain: Console) -> None:
    """Where only the mistake may be told there is no line about values."""
    shown = "\n".join(read(detail_lines(result(known("test_a", message="")), plain)))
    assert "Compared there" not in shown


@pytest.mark.parametrize("text", [LONG, "梯度" * 200, "\x1b[2J\u202e"])
def test_diagnoses_and_hints_fit_and_cannot_steer_the_terminal(text: str, plain: Console) -> None:
    """Long, wide or hostile text of a diagnosis is wrapped, cut and spelled out like any other."""
    told = Diagnosis(text, text, f"{text}\n{text}")
    checks = [known(f"test_{n}", Diagnosis(f"{n}", told.statement, told.hint), message=text) for n in range(5)]
    lines = [*detail_lines(result(*checks), plain), *hint_lines(Hint(text, (text,), text, text, (text,)), plain)]
    assert max(line.cell_len for line in lines) <= 80
    assert all(line.isprintable() for line in read(lines))


def test_a_hint_is_read_from_top_to_bottom(plain: Console) -> None:
    """What it is about, the step, what to do next, and a command that is never wrapped."""
    command = "grader hint exercise1 " + "x" * 90
    shown = read(
        hint_lines(Hint("Mistake.", ("Check: A",), "Hint 1 of 3", "Seen.", ("The next hint:",), command), plain)
    )
    assert shown == ["Mistake.", "Check: A", "", "Hint 1 of 3", "  Seen.", "", "The next hint:", f"  {command}"]


def test_a_hint_without_a_step_is_one_sentence(plain: Console) -> None:
    """No empty lines where there is nothing to separate."""
    assert read(hint_lines(Hint("Nothing to fix."), plain)) == ["Nothing to fix."]
