"""Lines for a terminal: readable in 80 columns, without colour, without Unicode, and safe to print."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from grader.course import Course, Exercise
from grader.hints import Hint
from grader.limits import Limits
from grader.results import CheckResult, Environment, ExerciseResult, Flag, Frame, Outcome, SubmissionInfo
from grader.terminal import (
    can_show_symbols,
    check_line,
    console_for,
    detail_lines,
    heading_lines,
    hint_lines,
    indented,
    next_lines,
    number,
    printable,
    say,
    summary_lines,
    yes_no_lines,
)
from grader.wrapping import wrapped

LONG = "word " * 60 + "x" * 200


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def plain() -> Console:
    """A console on something that is no terminal."""
    return console_for(io.StringIO())


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


def exercise(**facts: Any) -> Exercise:
    """Return an exercise that lies nowhere."""
    values: dict[str, Any] = {
        "course": Course(None, "C", 7, "en"), "slug": "exercise3_training", "title": "Training", "files": ("a.py",),  # type: ignore[arg-type]
        "points": 12.5, "topics": ("loss", "step"), "source": "", "limits": Limits(), "devices": ("cpu",), **facts,
    }  # fmt: skip
    return Exercise(**values)


def read(lines: Iterable[Text | str]) -> list[str]:
    """Return what stands in lines, without its colours."""
    return [line.plain if isinstance(line, Text) else line for line in lines]


def everything(*checks: CheckResult, console: Console, **facts: Any) -> list[Text]:
    """Return all lines that are made of a result and hold what a student or a course wrote."""
    whole = result(*checks, **facts)
    hint = Hint(LONG, (LONG,), LONG, f"{LONG}\n{LONG}", (LONG, LONG))
    return [
        *hint_lines(hint, console),
        *heading_lines("exercise1", LONG, "none", 7, console),
        *(check_line(one, console) for one in checks),
        *detail_lines(whole, console),
        *summary_lines(whole, console),
        *yes_no_lines([(False, LONG, LONG)], console),
    ]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_word_and_symbol(outcome: Outcome, plain: Console) -> None:
    """Each outcome is written out beside a symbol, with title and points."""
    line = check_line(check(outcome, points=1.0), plain).plain
    assert line[2] in "✓✗▲◷○·?"
    assert line[4:].startswith(outcome)
    assert "The gradient is right." in line
    assert line.endswith("1/3")


def test_a_check_on_another_device_says_which(plain: Console) -> None:
    """The device stands behind the title, however long that is, but not the one that every machine has."""
    assert "right. (cuda) " in check_line(check(device="cuda"), plain).plain
    assert "… (cuda) 0/3" in check_line(check(device="cuda", title=LONG), plain).plain.replace("   ", " ")
    assert "(cpu)" not in check_line(check(), plain).plain


def test_nothing_is_wider_than_the_screen(plain: Console) -> None:
    """Long titles, messages, names without a blank, code, flags and advice are wrapped or cut."""
    frames = [Frame(LONG, 1, LONG, LONG)]
    checks = [
        check(id=f"test_{n}" * 20, title=LONG, message=f"{n} {LONG}", stdout=LONG, frames=frames) for n in range(5)
    ]
    lines = everything(*checks, console=plain, flags=[Flag("rule", "a.py", 3, LONG)])
    assert max(line.cell_len for line in lines) <= 80


def test_wide_characters_count_twice(plain: Console) -> None:
    """Chinese takes two columns a character: it is cut, wrapped and aligned by columns."""
    line = check_line(check(title="梯度" * 40), plain)
    assert (line.cell_len, line.plain.count("梯度")) == (80, 14)
    assert {text.cell_len for text in indented("梯度" * 40, plain)[:-1]} == {80}


def test_chinese_lines_are_filled_and_end_where_they_may(plain: Console) -> None:
    """A line may end after any character, words of other scripts stay whole, and punctuation keeps its side."""
    said = "出现在：ReLU 在 −1 和 2 处，sigmoid 在 0 和 ln 3 处，及各处斜率。（test_activations_worked_example）" * 3
    for width in range(40, 80):
        lines = [line.plain for line in wrapped(Text(said), width, plain)]
        assert "".join(lines).replace(" ", "") == said.replace(" ", "")
        assert max(map(cell_len, lines)) <= width
        assert not any(line.startswith(tuple("，。：）")) or line.endswith(("（", " （")) for line in lines)
        assert sum("test_activations_worked_example" in line for line in lines) == 3
        assert min(map(cell_len, lines[:-1])) >= width - len("（test_activations_worked_example）") - 2
    assert [line.plain for line in wrapped(Text("one two three"), 8, plain)] == [
        line.plain for line in Text("one two three").wrap(plain, 8)
    ]


def test_large_points_take_room_from_the_title(plain: Console) -> None:
    """Points are always readable in full, at the right edge."""
    line = check_line(check(title=LONG, points=12.25, max_points=100.25), plain)
    assert line.plain.endswith("… 12.25/100.25")
    assert line.cell_len == 80


def test_a_message_keeps_its_own_indentation(plain: Console) -> None:
    """Lines of a message stand below the title and may align values; absurd indentation is cut."""
    shown = read(detail_lines(result(check(message="dw1: wrong\n  got (2, 3)\n" + " " * 300 + "far")), plain))
    assert shown[-3:] == ["   dw1: wrong", "     got (2, 3)", " " * 15 + "far"]


def test_the_first_three_reasons_are_shown_in_full(plain: Console) -> None:
    """Three failing checks have title, name and message; each further one has a line; the others are not there."""
    failing = [check(id=f"test_{n}", title=f"Title {n}", message=f"reason {n}\nmore {n}") for n in range(5)]
    shown = "\n".join(read(detail_lines(result(check(Outcome.PASSED, message="fine"), *failing), plain)))
    assert shown == (
        "\nLook at these first\n"
        "\n1. Title 0\n   test_0\n   reason 0\n   more 0\n"
        "\n2. Title 1\n   test_1\n   reason 1\n   more 1\n"
        "\n3. Title 2\n   test_2\n   reason 2\n   more 2\n"
        "\nThen at these\n  ✗ test_3: reason 3 more 3\n  ✗ test_4: reason 4 more 4"
    )


def test_a_further_reason_has_two_lines_at_most(plain: Console) -> None:
    """A long message is not cut at the first line's end, where what matters often stands, but at the second's."""
    failing = [check(id=f"test_{n}", message="word " * (20 if n == 3 else 60)) for n in range(5)]
    *_, long, rest, longer, cut = read(detail_lines(result(*failing), plain))
    assert (long, rest) == ("  ✗ test_3: " + "word " * 12 + "word", "    " + "word " * 6 + "word")
    assert longer.startswith("  ✗ test_4: word")
    assert cut.startswith("    word")
    assert len(cut) == plain.width
    assert cut.endswith("…")


def test_what_is_not_written_yet_is_named_by_function(plain: Console) -> None:
    """In the short list a todo shows its sentence, not the name of the check."""
    checks = [check(Outcome.TODO, id=f"test_{n}", message=f"Not written yet: f{n}.") for n in range(4)]
    assert read(detail_lines(result(*checks), plain))[-1] == "  ○ Not written yet: f3."


def test_the_students_own_lines_are_shown(plain: Console) -> None:
    """The innermost frames are shown with file, line, function and code, the innermost last."""
    frames = [Frame("backprop.py", line, f"f{line}", f"  call{line}()") for line in range(1, 7)]
    shown = read(detail_lines(result(check(Outcome.RAISED, message="Raised.", frames=frames)), plain))
    assert shown[-8:-6] == ["   backprop.py, line 3, in f3:", "       call3()"]
    assert shown[-2:] == ["   backprop.py, line 6, in f6:", "       call6()"]


def test_a_shared_reason_is_told_once(plain: Console) -> None:
    """When the file cannot be imported, one entry tells the reason and how many checks share it."""
    rejected = [check(Outcome.REJECTED, id=f"test_{n}", message="line 3: bad") for n in range(17)]
    shown = "\n".join(read(detail_lines(result(*rejected), plain)))
    assert shown.count("line 3: bad") == 1
    assert "Further checks that end for the same reason: 16." in shown
    assert "Look at this\n" in shown


def test_one_loop_that_never_ends_is_one_reason(plain: Console) -> None:
    """Two timeouts stand at different lines of it; what was called differs for another loop."""

    def timeout(name: str, function: str, line: int) -> CheckResult:
        frames = [Frame("a.py", 3, function, "helper()"), Frame("a.py", line, "helper", "n += 1")]
        return check(Outcome.TIMEOUT, id=name, message="Too slow.", frames=frames)

    checks = [timeout("test_a", "f", 7), timeout("test_b", "f", 8), timeout("test_c", "g", 8)]
    shown = "\n".join(read(detail_lines(result(*checks), plain)))
    assert shown.count("Too slow.") == 2
    assert "Further checks that end for the same reason: 1." in shown


def test_waiting_checks_are_counted_not_explained(plain: Console) -> None:
    """A blocked check is no reason of its own."""
    blocked = check(Outcome.BLOCKED, id="test_b", message="Waits for test_a.", blocked_by="test_a")
    shown = read(detail_lines(result(check(message="wrong"), blocked, blocked), plain))
    assert shown[-1] == "Checks that wait for one of these: 2."
    assert not any("Waits" in line for line in shown)


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.PENDING, Outcome.ERROR, Outcome.NOT_RUN])
def test_where_nothing_can_be_fixed_nothing_is_said(outcome: Outcome, plain: Console) -> None:
    """Checks that passed, or that we could not judge, ask nothing of the student."""
    whole = result(check(outcome, message="m"))
    assert read(detail_lines(whole, plain)) + read(next_lines(whole, "grader check 1", False, plain)) == []


def test_the_next_commands_can_be_copied(plain: Console) -> None:
    """One command judges the first failing check alone, one writes the report; neither is wrapped."""
    command = "grader check 1 --submission " + "folder/" * 20
    whole = result(check(id="test_a[2-3]"))
    shown = read(next_lines(whole, command, False, plain))
    assert [line.strip() for line in shown if "grader" in line] == [
        f"{command} -k 'test_a[2-3]'",
        f"{command} --html report.html",
    ]
    assert not any("--html" in line for line in read(next_lines(whole, command, True, plain)))


def test_of_a_rejected_file_no_check_can_be_judged_alone(plain: Console) -> None:
    """Where nothing was judged, the report that shows the line is all that is named."""
    shown = read(next_lines(result(check(Outcome.REJECTED)), "grader check 1", False, plain))
    assert [line.strip() for line in shown if "grader" in line] == ["grader check 1 --html report.html"]


def test_only_the_beginning_of_what_was_printed_is_shown(plain: Console) -> None:
    """Six lines of what a check or the import printed, without the empty ones, and how many were left out."""
    text = "\n\n".join(f"line {i}" for i in range(100))
    expected = [f"line {i}" for i in range(6)] + ["(further lines: 94)"]
    shown = read(detail_lines(result(check(stdout=text)), plain))
    assert [line.strip() for line in shown[-8:]] == ["Printed:", *expected]
    shown = read(summary_lines(result(stdout=text), plain))
    assert [line.strip() for line in shown[1:-1]] == ["Printed while the file was imported:", *expected]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;title\x07", "\r", "\b", "\u202e", "\x9b31m", "\ud800"])
def test_what_a_student_wrote_cannot_steer_the_terminal(evil: str, plain: Console) -> None:
    """Escape sequences, carriage returns and direction marks are written out as codes, wherever they stand."""
    frames = [Frame(f"f{evil}.py", 1, f"f{evil}f", f"c{evil}c")]
    hostile = [
        check(id=f"i{n}{evil}", title=f"t{evil}", message=f"{n}{evil}m", stdout=f"s{evil}s", frames=frames)
        for n in range(5)
    ]
    lines = everything(*hostile, console=plain, flags=[Flag("r", f"f{evil}f", 1, f"m{evil}m")])
    lines += next_lines(result(*hostile), f"grader check --submission {evil}", False, plain)
    assert all(line.isprintable() for line in read(lines))


@pytest.mark.parametrize("markup", ["[bold]x[/bold]", "[/]", ":smile:", "[link=file:///]x[/link]"])
def test_markup_in_what_a_student_wrote_is_only_text(markup: str) -> None:
    """Brackets and colons of a student reach the terminal as they are."""
    stream = io.StringIO()
    say(console_for(stream), everything(check(message=markup), console=console_for(stream)))
    assert markup in stream.getvalue()


def test_colour_adds_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its escape sequences a coloured screen reads exactly like a plain one."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured, plain = Terminal(), io.StringIO()
    for stream in (coloured, plain):
        console = console_for(stream)
        say(console, everything(*(check(outcome, message="why") for outcome in Outcome), console=console))
    assert "\x1b[" in coloured.getvalue()
    assert Text.from_ansi(coloured.getvalue()).plain.splitlines() == plain.getvalue().splitlines()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_escape_sequence_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """With NO_COLOR or on a dumb terminal lines are plain."""
    monkeypatch.setenv(name, value)
    stream = Terminal()
    console = console_for(stream)
    say(console, everything(*(check(outcome, message="why") for outcome in Outcome), console=console))
    assert "\x1b" not in stream.getvalue()


def test_a_pipe_has_no_colour_and_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is not a terminal gets plain lines of 80 columns, also where colour is forced."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    console = console_for(io.StringIO())
    assert (console.width, console.color_system, console.is_terminal) == (80, None, False)


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("200", 80), ("10", 40)])
def test_a_terminal_has_its_width_within_reason(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    """A narrow terminal is used as it is, a wide one up to 80 columns."""
    monkeypatch.setenv("COLUMNS", columns)
    assert console_for(Terminal()).width == width


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk"])
def test_every_encoding_is_enough(encoding: str) -> None:
    """What a stream cannot encode is replaced; symbols have their ASCII twins; Chinese stays where it can."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = console_for(stream)
    say(console, everything(*(check(outcome, message="größer 梯度 – …") for outcome in Outcome), console=console))
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    assert not can_show_symbols(console)
    assert "  x failed " in shown
    assert ("梯度" in shown) is (encoding == "gbk")


def test_the_summary_counts_and_warns(plain: Console) -> None:
    """Score and counts stand in one line; what we could not judge is said to be our fault."""
    whole = result(check(Outcome.PASSED), check(Outcome.ERROR), check(Outcome.NOT_RUN), complete=False)
    shown = "\n".join(read(summary_lines(whole, plain)))
    assert "Score 2.5 / 3, 1 of 3 checks passed" in shown
    assert "2 could not be judged. That is our fault, not yours" in shown


def test_the_summary_names_devices_that_were_left_out(plain: Console) -> None:
    """Pending checks are counted, with their devices."""
    pending = [check(Outcome.PENDING, device=device) for device in ("sim", "cuda", "cuda")]
    shown = " ".join(read(summary_lines(result(*pending, complete=False), plain)))
    assert "not judged this time: 3 (on sim, cuda)" in shown
    assert "still open" in shown


def test_an_unfenced_run_says_so(plain: Console) -> None:
    """At tier none the heading says that there is no fence."""
    assert "without a fence" in " ".join(read(heading_lines("exercise1", "Title", "none", 7, plain)))
    assert "without a fence" not in " ".join(read(heading_lines("exercise1", "Title", "landlock", 7, plain)))


def test_advice_is_given_only_where_needed(plain: Console) -> None:
    """A yes needs no advice, a no shows it on the next line."""
    shown = read(yes_no_lines([(True, "seccomp", "Fix: a"), (False, "Landlock", "Fix: b")], plain))
    assert shown == ["  yes seccomp", "  no  Landlock", "        Fix: b"]


@pytest.mark.parametrize(("value", "shown"), [(3.0, "3"), (2.5, "2.5"), (0.0, "0"), (1 / 3, "0.33"), (10.0, "10")])
def test_points_are_written_short(value: float, shown: str) -> None:
    """Whole points have no decimals, others at most two."""
    assert number(value) == shown


def test_printable_keeps_ordinary_text() -> None:
    """Letters of every language stay as they are."""
    assert printable("dW₁ größer 梯度 ✓") == "dW₁ größer 梯度 ✓"


def test_a_hidden_check_of_which_only_the_outcome_is_shown_says_so(plain: Console) -> None:
    """Nothing looks as if a reason had been lost, in full or in one line."""
    checks = [check(outcome, id=f"test_{outcome}", message="") for outcome in
              (Outcome.FAILED, Outcome.RAISED, Outcome.TIMEOUT, Outcome.FORBIDDEN)]  # fmt: skip
    shown = read(everything(*checks, console=plain))
    assert sum("This exercise shows only the outcome of hidden checks." in line for line in shown) >= 3
    assert any(
        line.strip().endswith("test_forbidden: This exercise shows only the outcome of hidden checks.")
        for line in shown
    )
