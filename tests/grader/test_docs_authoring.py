"""docs/authoring.md is true: followed in an empty folder it leads where it says, and prints what it shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from grader import language
from grader.cli import main
from grader.sandbox.spawn import Zygote

from .conftest import starts_nothing
from .replayed import DOCS, blocks, change, is_shown, write

PAGE = DOCS / "authoring.md"
BLOCKS = blocks(PAGE)
TOOK = re.compile(r"in \d+\.\d s\.")


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
    with starts_nothing(zygote) as patch:
        patch.chdir(tmp_path_factory.mktemp("nothing"))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield dict(enumerate(follow()))
    language.use(language.ENGLISH)


def in_no_time(text: str) -> str:
    """Return a text as if nothing took any time."""
    return TOOK.sub("in 0.0 s.", text)


COMMANDS = [block.partition("\n")[0] for kind, block in BLOCKS if kind == "console"]


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=COMMANDS)
def test_the_page_shows_what_is_printed(followed: dict[int, tuple[str, str, str]], place: int) -> None:
    """Whoever types along reads on the screen what stands on the page."""
    _, shown, printed = followed[place]
    assert is_shown(shown, printed, in_no_time), printed


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
