"""A figure in words and numbers: short, exact where it matters, and never wider than the terminal."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from rich.text import Text

from grader import language
from grader.figure import cut, long, part_of, place_of, short, window, worst
from grader.results import Cell, CheckResult, Diagnosis, Figure, Outcome
from grader.side_by_side import figure_lines
from grader.terminal import console_for, detail_lines, say

from .report_samples import SAMPLES, figure
from .test_terminal import LONG, Terminal, read, result


def lines(shown: Figure, width: int = 77) -> list[str]:
    """Return what stands in the lines of a figure."""
    return read(figure_lines(shown, width))


def public(*figures: Figure, **facts: Any) -> CheckResult:
    """Return a failed public check with these figures."""
    return CheckResult(
        "test_a", "The gradient is right.", "public", "cpu", Outcome.FAILED, 0.0, 3.0,
        message="dw1: wrong.", figures=list(figures), **facts,
    )  # fmt: skip


# --- numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (0.0, "0"), (-0.0, "0"), (3.0, "3"), (-1.0, "-1"), (0.59326999, "0.5933"), (-0.59326999, "-0.593"),
        (1 / 3, "0.3333"), (-0.0226, "-0.023"), (4.385677e-4, "4.4e-4"), (-4.385677e-4, "-4e-4"), (12345.678, "1.23e4"),
        (100000.0, "1e5"), (1.7976931348623157e308, "2e308"), (-5e-324, "-5e-324"), (True, "True"), ("nan", "nan"),
        ("-inf", "-inf"), (1e-300, "1e-300"),
    ],
)  # fmt: skip
def test_a_number_is_as_exact_as_six_characters_allow(cell: Cell, written: str) -> None:
    """A bare 0 is exactly 0; only an exponent of three digits with a minus takes a seventh character."""
    assert short(cell) == written
    assert len(written) <= 6 + (written == "-5e-324")


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (0.0, "0"),
        (0.59326999, "0.59327"),
        (4.385677e-4, "0.000438568"),
        (1e-5, "1e-5"),
        (False, "False"),
        ("inf", "inf"),
    ],
)
def test_where_there_is_room_a_number_has_six_digits(cell: Cell, written: str) -> None:
    """As Python writes it, without zeros in the exponent."""
    assert long(cell) == written


def test_random_numbers_fit() -> None:
    """Of every size and sign, and read back they are what they were to a digit."""
    draw = random.Random(1)
    for _ in range(2000):
        value = draw.uniform(-10, 10) * 10.0 ** draw.randint(-320, 300)
        assert len(short(value)) <= 7
        assert float(short(value)) == pytest.approx(value, rel=0.5, abs=0)


# --- places ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "count", "room", "expected"),
    [(0, 5, 16, (0, 5)), (15, 64, 16, (0, 16)), (16, 64, 16, (16, 32)), (63, 64, 16, (48, 64)), (19, 20, 16, (4, 20))],
)
def test_a_window_has_its_place_in_it(place: int, count: int, room: int, expected: tuple[int, int]) -> None:
    """It begins at 0 where that will do and is as long as it can be."""
    assert window(place, count, room) == expected


def test_the_worst_entry_is_wrong_and_furthest_off() -> None:
    """What is no number comes first; what is within the tolerance never."""
    shown = figure([[9.0, 2.0, 5.0]], [[1.0, 1.0, 1.0]], wrong=((False, True, True),))
    assert worst(shown) == (0, 2)
    assert worst(figure([[9.0], ["nan"]], [[1.0], [1.0]])) == (1, 0)


@pytest.mark.parametrize(
    ("shape", "facts", "place", "part"),
    [
        ((2, 2), {}, "[1, 0]", ""),
        ((40, 2), {"first_row": 32}, "[33, 0]", "[32:34, 0:2]"),
        ((3, 2, 2), {"slice": (2,)}, "[2, 1, 0]", "[2, 0:2, 0:2]"),
        ((3, 9, 50), {"slice": (2,), "first_row": 4, "first_column": 7}, "[2, 5, 7]", "[2, 4:6, 7:9]"),
    ],
)
def test_places_are_indices_of_the_whole_value(
    shape: tuple[int, ...], facts: dict[str, Any], place: str, part: str
) -> None:
    """What stands there can be typed into Python."""
    shown = figure([[1.0, 2.0], [3.0, 4.0]], [[0.0] * 2] * 2, shape=shape, **facts)
    assert (place_of(shown, 1, 0), part_of(shown)) == (place, part)


def test_a_vector_has_one_index() -> None:
    """Although it is shown as a row."""
    shown = figure([[1.0, 2.0]], [[0.0, 0.0]], shape=(90,), first_column=80)
    assert (place_of(shown, 0, 1), part_of(shown)) == ("[81]", "[80:82]")


def test_a_part_of_a_part_keeps_the_worst_entry() -> None:
    """Its places are still those of the whole value."""
    got = [[float(row == 9 and column == 14) for column in range(16)] for row in range(12)]
    smaller = cut(figure(got, [[0.0] * 16] * 12, shape=(100, 100), first_row=30, first_column=50), 8, 3)
    assert (len(smaller.got), len(smaller.got[0])) == (8, 3)
    row, column = worst(smaller)
    assert (smaller.got[row][column], place_of(smaller, row, column)) == (1.0, "[39, 64]")


# --- a terminal -----------------------------------------------------------------------------------------------------


def test_values_stand_side_by_side() -> None:
    """Yours beside the expected ones, a star at what is wrong, the worst entry in words."""
    assert lines(figure([[3.0, 1.0, 0.0], [5.0, 3.0, 1.0]], [[2.0, 1.0, 0.0], [5.0, 2.0, -1.0]])) == [
        "Yours           Expected",
        " 3*  1   0       2   1   0",
        " 5   3*  1*      5   2  -1",
        "Entries with * are wrong. Furthest off is [1, 2]: yours is 1, expected is -1.",
    ]


def test_where_everything_is_wrong_no_star_says_so() -> None:
    """A sentence does."""
    assert lines(figure([[3.0, "nan"]], [[2.0, 1.0]], shape=(2,))) == [
        "Yours         Expected",
        "  3  nan        2    1",
        "Every entry shown is wrong. Furthest off is [1]: yours is nan, expected is 1.",
    ]


def test_what_is_too_wide_stands_one_above_the_other() -> None:
    """The same columns below each other."""
    shown = figure([[10.0, 2.0, 3.0]], [[1.0, 2.0, 3.0]])
    assert lines(shown, 18)[:4] == ["Yours", "10*  2   3", "Expected", " 1   2   3"]


def test_a_number_is_a_sentence() -> None:
    """A table of one cell would say no more."""
    assert lines(figure([[5.0]], [[4.0]], "L", shape=())) == ["L: yours is 5, expected is 4."]


@pytest.mark.parametrize("width", [37, 77])
@pytest.mark.parametrize("spoken", language.LANGUAGES)
def test_no_figure_is_wider_than_the_terminal(width: int, spoken: str) -> None:
    """Of whatever size, in every language; at most eight rows and columns of it are shown."""
    draw = random.Random(7)
    language.use(spoken)
    try:
        for size in range(1, 17):
            cells = [[draw.uniform(-1, 1) * 10.0 ** draw.randint(-320, 300) for _ in range(size)] for _ in range(size)]
            shown = [
                line for line in figure_lines(figure(cells, [[0.0] * size] * size), width) if isinstance(line, Text)
            ]
            assert max((line.cell_len for line in shown), default=0) <= width
            assert len(shown) <= 18
    finally:
        language.use(language.ENGLISH)


def test_values_stand_below_the_message_of_a_public_check() -> None:
    """And above the student's own lines; none is wider than the screen."""
    console = console_for(io.StringIO())
    shown = read(detail_lines(result(public(figure([[3.0, 1.0]], [[2.0, 1.0]]))), console))
    assert shown[4:8] == ["   test_a", "   dw1: wrong.", "   Yours     Expected", "   3* 1      2  1"]
    for sample in ("valued", "hostile"):
        made = [*detail_lines(SAMPLES[sample]().result, console)]
        assert max(line.cell_len for line in made) <= 80
        assert all(line.plain.isprintable() for line in made)


def test_a_known_mistake_is_told_without_its_values() -> None:
    """Statement and hint stand in their place; the page shows them to whoever unfolds them."""
    console = console_for(io.StringIO())
    named = public(figure([[3.0, 1.0]], [[2.0, 1.0]]), diagnosis=Diagnosis("m", "Your code misses it.", "Seen."))
    assert "Expected" not in "\n".join(read(detail_lines(result(named), console)))


def test_a_label_of_any_length_is_wrapped() -> None:
    """Only sentences hold it."""
    console = console_for(io.StringIO())
    made = detail_lines(result(public(figure([[5.0]], [[4.0]], f"{LONG}\x1b[2J", shape=()))), console)
    assert max(line.cell_len for line in made) <= 80


def test_colour_only_repeats_the_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR there is no escape sequence, and the same text."""
    told = {}
    for no_colour in ("", "1"):
        monkeypatch.setenv("NO_COLOR", no_colour)
        monkeypatch.setenv("TERM", "xterm-256color")
        stream = Terminal()
        console = console_for(stream)
        say(console, detail_lines(result(public(figure([[3.0, 1.0]], [[2.0, 1.0]]))), console))
        told[no_colour] = stream.getvalue()
    assert "\x1b[31m" in told[""]
    assert "\x1b" not in told["1"]
    assert Text.from_ansi(told[""]).plain.splitlines() == told["1"].splitlines()
