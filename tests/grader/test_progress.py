"""The line that says which check is running."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from grader.events import PlannedCheck
from grader.progress import RunningLine
from grader.terminal import console_for

from .test_terminal import LONG, Terminal


def planned(title: str) -> PlannedCheck:
    """Return a check that is about to run."""
    return PlannedCheck("test_a", title, "hidden", "cpu", 1.0)


def shown(console: Console, title: str) -> str:
    """Return what reaches the stream while one check runs."""
    with RunningLine(console) as running:
        running.began(planned(title))
    written: str = console.file.getvalue()  # type: ignore[attr-defined]
    return written


def test_the_running_check_is_named_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """First what is being prepared, then the title and the seconds it has taken; at the end the line is erased."""
    monkeypatch.setenv("TERM", "xterm")
    text = shown(console_for(Terminal()), "The gradient is right.")
    assert "torch is being imported" in text
    assert "The gradient is right." in text
    assert " 0 s" in text
    assert text.endswith("\x1b[2K")


@pytest.mark.parametrize("title", [LONG, "梯度" * 100, "evil \x1b[2J \r title", "[bold]title[/bold]"])
def test_the_line_is_one_line_of_printable_text(monkeypatch: pytest.MonkeyPatch, title: str) -> None:
    """A long or hostile title is cut and written out, with room left for the ^C that a terminal adds."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    with RunningLine(console_for(stream)) as running:
        running.began(planned(title))
        (line,) = console_for(io.StringIO()).render_lines(running._progress.get_renderable(), pad=False)
    text = "".join(segment.text for segment in line)
    assert text.isprintable()
    assert sum(segment.cell_length for segment in line) <= 77
    assert ("[bold]" in text) is ("[bold]" in title)
    assert "\x1b[2J" not in stream.getvalue()


def test_ascii_terminals_have_an_ascii_spinner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the stream cannot encode what spins, dashes do."""
    monkeypatch.setenv("TERM", "xterm")
    raw = io.BytesIO()

    class AsciiTerminal(io.TextIOWrapper):
        def isatty(self) -> bool:
            return True

    stream = AsciiTerminal(raw, encoding="ascii")
    with RunningLine(console_for(stream)) as running:
        running.began(planned(LONG))
    assert b"word word" in raw.getvalue()


@pytest.mark.parametrize(("terminal", "kind"), [(False, "xterm"), (True, "dumb")])
def test_where_nobody_can_watch_nothing_moves(monkeypatch: pytest.MonkeyPatch, terminal: bool, kind: str) -> None:
    """Into a pipe or onto a dumb terminal not one character is written."""
    monkeypatch.setenv("TERM", kind)
    assert shown(console_for(Terminal() if terminal else io.StringIO()), "The gradient is right.") == ""
