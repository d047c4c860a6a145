"""docs/authoring.md is true: followed in an empty folder it leads where it says, and prints what it shows."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader import language
from grader.cli import main
from grader.sandbox.spawn import Zygote

PAGE = Path(__file__).resolve().parents[2] / "docs" / "authoring.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
# The first line of a file's block names it, as a comment of its language.
NAMED = re.compile(r"(?:# |<!-- )(\S+)(?: -->)?")
TOOK = re.compile(r"in \d+\.\d s\.")
LEFT_OUT = "…"


def write(block: str) -> None:
    """Write the file of a block."""
    first, _, text = block.partition("\n")
    match = NAMED.fullmatch(first)
    assert match, first
    path = Path(match[1])
    assert path.parent.is_dir(), f"{path} is in a folder that nothing on the page has made"
    path.write_text(text)


def change(block: str) -> None:
    """Change a file as a block of lines with +, - and blanks in front of them says."""
    first, *lines = block.splitlines()
    path = Path(first.removeprefix("# "))
    was, now = ("".join(f"{line[1:]}\n" for line in lines if line[0] in kept) for kept in (" -", " +"))
    assert path.read_text().count(was) == 1
    path.write_text(path.read_text().replace(was, now))


def type_in(command: str) -> str:
    """Do what a line of the page does, and return what is printed. Of programs it knows grader and rm."""
    program, *arguments = shlex.split(command)
    if program == "rm":
        for name in arguments:
            Path(name).unlink()
        return ""
    assert program == "grader"
    return CliRunner().invoke(main, arguments).output


def follow() -> Iterator[tuple[str, str, str]]:
    """Do all that the page says; yield each command, what the page shows and what was printed."""
    for kind, block in BLOCKS:
        if kind == "console":
            command, _, shown = block.partition("\n")
            yield command, shown, type_in(command.removeprefix("$ "))
        elif kind == "diff":
            change(block)
        else:
            write(block)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[dict[int, tuple[str, str, str]]]:
    """What came of each command, by its place on the page; the run's zygote serves all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("nothing"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(Zygote, "start", lambda *given, **named: contextlib.nullcontext(zygote))
        patch.setattr(Zygote, "wait_until_ready", lambda self: None)  # it says so once, and has
        yield dict(enumerate(follow()))
    language.use(language.ENGLISH)


def pattern(shown: str) -> str:
    """Return a pattern for what a page shows: a line with an ellipsis alone stands for any lines, times differ."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == LEFT_OUT else re.escape(TOOK.sub("in 0.0 s.", line)) + r"\n"
        for line in shown.splitlines()
    ]
    return "".join(lines)


COMMANDS = [block.partition("\n")[0] for kind, block in BLOCKS if kind == "console"]


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=COMMANDS)
def test_the_page_shows_what_is_printed(followed: dict[int, tuple[str, str, str]], place: int) -> None:
    """Whoever types along reads on the screen what stands on the page."""
    _, shown, printed = followed[place]
    assert re.fullmatch(pattern(shown), TOOK.sub("in 0.0 s.", printed)), printed


def test_the_page_begins_and_ends_green(followed: dict[int, tuple[str, str, str]]) -> None:
    """Of three verifications the first, of what `grader new` made, and the last hold; the second finds the weakness."""
    first, second, last = (printed for command, _, printed in followed.values() if "verify" in command)
    assert "Every gate holds." in first
    assert "These gates do not hold: caught, vacuity." in second
    assert "Every gate holds." in last


def test_the_page_says_how_long_it_takes() -> None:
    """The minutes of its parts are the half hour that it promises."""
    assert sum(map(int, re.findall(r"^## .*\((\d+) minutes\)$", PAGE.read_text(), re.MULTILINE))) == 30
    assert len(PAGE.read_text().splitlines()) <= 500
