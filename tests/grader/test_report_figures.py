"""Heat maps on the student's page: to scale, readable without colour, without seeing them, and without a mouse."""

from __future__ import annotations

from typing import Any

import pytest

from grader import language
from grader.report.heatmap import DEEPEST_TINT, heatmap
from grader.report.render import student_report
from grader.results import Diagnosis, Figure, Outcome
from tests.grader.html_document import Document, Element
from tests.grader.report_samples import Sample, check, exercise, figure, result
from tests.grader.test_report_student import document, words

SMALL = figure([[8.0, 0.0], [4.0, -2.0]], [[8.0, 0.5], [16.0, 0.0]])


def page(*figures: Figure, **facts: Any) -> Document:
    """Return the page of one failed public check with these figures."""
    return document(Sample(result(check(Outcome.FAILED, "test_a", figures=list(figures), **facts))))


def tints(shown: Document) -> list[list[float]]:
    """Return the tints of each map, in the order drawn."""
    return [
        [float(one.attributes["fill-opacity"]) for one in shown.inside(map, "rect") if "fill-opacity" in one.attributes]
        for map in maps(shown)
    ]


def maps(shown: Document) -> list[Element]:
    """Return the maps of a page."""
    return shown.all("svg", role="img")


def written(shown: Document, map: Element) -> list[str]:
    """Return the numbers in the squares of a map."""
    return [one.text for one in shown.inside(map, "text") if "soft" not in one.classes]


def test_three_maps_show_yours_expected_and_the_difference() -> None:
    """In this order, each with its name, its numbers and the indices of rows and columns."""
    shown = page(SMALL)
    assert [one.text for one in shown.all("p", class_="map")] == ["Yours", "Expected", "Yours − expected"]
    assert [written(shown, map) for map in maps(shown)] == [
        ["8", "0", "4", "−2"],
        ["8", "0.5", "16", "0"],
        ["0", "−0.5", "−12", "−2"],
    ]
    assert [one.text for one in shown.inside(maps(shown)[0], "text", class_="soft")] == ["0", "1", "0", "1"]


def test_yours_and_expected_share_a_scale_and_the_difference_has_its_own() -> None:
    """Equal tints are equal numbers; the deepest tint is the largest number of its scale, and the page says which."""
    shown = page(SMALL)
    yours, expected, difference = tints(shown)
    assert yours == [0.3, 0.15, 0.07]
    assert expected == [0.3, 0.02, 0.6]
    assert difference == [0.02, 0.6, 0.1]
    assert max(yours + expected + difference) == DEEPEST_TINT
    scales = [words(one) for one in shown.inside(shown.one("ul", class_="scales"), "li")]
    assert scales == ["−1616yours and expected", "−1212yours − expected"]


def test_the_sign_has_a_hue_and_a_minus() -> None:
    """What is negative is of the other hue, and is written so."""
    shown = page(SMALL)
    hues = [
        [one.classes for one in shown.inside(map, "rect") if "fill-opacity" in one.attributes] for map in maps(shown)
    ]
    assert hues[0] == [{"pos"}, {"pos"}, {"neg"}]


def test_wrong_entries_are_outlined_in_every_map() -> None:
    """At the same places; where all are wrong, a sentence says so instead."""
    shown = page(SMALL)
    places = [
        [(one.attributes["x"], one.attributes["y"]) for one in shown.inside(map, "rect", class_="off")]
        for map in maps(shown)
    ]
    assert len(places[0]) == 3
    assert places[0] == places[1] == places[2]
    assert "Outlined entries are wrong." in shown.said()
    all_wrong = page(figure([[1.0, 2.0]], [[3.0, 4.0]]))
    assert all_wrong.all("rect", class_="off") == []
    assert "Every entry shown is wrong." in all_wrong.said()


def test_what_is_not_finite_is_hatched_and_written() -> None:
    """No colour stands for it, and the scale is that of the other numbers."""
    shown = page(figure([["nan", "inf", "-inf", 4.0]], [[1.0, 2.0, 3.0, 4.0]], shape=(4,)))
    yours = maps(shown)[0]
    assert written(shown, yours) == ["NaN", "∞", "−∞", "4"]
    assert [one.attributes.get("fill") for one in shown.inside(yours, "rect")].count("url(#hatch)") == 3
    assert shown.one("pattern").attributes["id"] == "hatch"
    assert "Hatched entries are not finite." in shown.said()
    assert words(shown.one("ul", class_="scales")).startswith("−44yours and expected")
    assert "Hatched" not in page(SMALL).said()


def test_where_nothing_is_finite_there_is_no_scale() -> None:
    """Nor anything divided by zero."""
    shown = page(figure([["nan", "nan"]], [[0.0, 0.0]], shape=(2,)))
    assert shown.all("ul", class_="scales") == []
    assert tints(shown) == [[], [], []]


@pytest.mark.parametrize(("columns", "has_numbers"), [(6, True), (7, False), (16, False)])
def test_numbers_stand_in_the_squares_where_there_is_room(columns: int, has_numbers: bool) -> None:
    """Up to six a row; of more, each fifth row and column has its index, and the table has the numbers."""
    shown = page(figure([[float(n) for n in range(columns)]] * 7, [[0.0] * columns] * 7))
    assert bool(written(shown, maps(shown)[0])) is has_numbers
    labels = [one.text for one in shown.inside(maps(shown)[0], "text", class_="soft")]
    expected = [*map(str, range(columns)), *map(str, range(7))] if has_numbers else None
    assert labels == (expected or [*map(str, range(0, columns, 5)), "0", "5"])
    widths = [int(map.attributes["width"]) for map in maps(shown)]
    assert max(widths) <= 277  # three of them beside each other fit into the page's wide column


def test_what_is_within_the_tolerance_is_about_zero() -> None:
    """A rounding error is not written out among the differences; a bare 0 is exactly 0."""
    shown = page(figure([[1.0 + 1e-12, 2.0, 4.0]], [[1.0, 2.0, 3.0]], wrong=((False, False, True),), shape=(3,)))
    assert written(shown, maps(shown)[2]) == ["≈0", "0", "1"]


def test_the_same_numbers_stand_in_a_table() -> None:
    """One line for each entry, folded, with six digits and a word beside what is wrong."""
    shown = page(SMALL)
    table = shown.one("table", class_="entries")
    rows = [words(row) for row in shown.inside(table, "tr")]
    assert rows == [
        "Entry Yours Expected Yours − expected",
        "[0, 0] 8 8 0",
        "[0, 1] wrong 0 0.5 −0.5",
        "[1, 0] wrong 4 16 −12",
        "[1, 1] wrong −2 0 −2",
    ]
    assert table.is_in("details")


def test_a_screen_reader_hears_what_the_picture_says() -> None:
    """Each map has a name with its size, and a description with the entry that is furthest off."""
    shown = page(SMALL)
    assert [one.text for one in shown.all("title") if one.is_in("svg")] == [
        "Yours: dw1 as a heat map, 2 by 2",
        "Expected: dw1 as a heat map, 2 by 2",
        "Yours − expected: dw1 as a heat map, 2 by 2",
    ]
    assert {one.text for one in shown.all("desc")} == {"Furthest off is [1, 0]: yours is 4, expected is 16."}


def test_a_part_says_which() -> None:
    """Where the value is larger than the picture, in the words of Python."""
    shown = page(figure([[1.0] * 16] * 16, [[0.0] * 16] * 16, shape=(3, 64, 1000), slice=(2,), first_row=16))
    said = "Shown is [2, 16:32, 0:16] of the whole, which has the shape (3, 64, 1000)"
    assert said in shown.said()
    assert "Shown is" not in page(SMALL).said()


def test_a_number_is_a_sentence() -> None:
    """No map of one square."""
    shown = page(figure([[5.0]], [[4.0]], "L", shape=()))
    assert maps(shown) + shown.all("figure") == []
    assert "L: yours is 5, expected is 4." in [words(one) for one in shown.all("p", class_="said")]


def test_true_and_false_are_written_out() -> None:
    """Their difference is a number."""
    shown = page(figure([[True, False]], [[True, True]], dtype="bool", shape=(2,)))
    assert [written(shown, map) for map in maps(shown)] == [["True", "False"], ["True", "True"], ["0", "−1"]]


NAMED = Diagnosis("mask-missing", "Your code misses the mask.", "Closed units have a gradient.\nMay they?")
OTHER = Diagnosis("mean-missing", "Your code forgets the mean.", "All is 7 times too large.")


def test_raw_differences_fold_away_where_the_mistake_has_a_name() -> None:
    """Of the first thing to fix the picture stays in sight and words and table fold; further down all of it folds."""
    named = [check(Outcome.FAILED, f"test_{n}", diagnosis=one, figures=[SMALL]) for n, one in enumerate((NAMED, OTHER))]
    unknown = check(Outcome.FAILED, "test_2", figures=[SMALL])
    shown = document(Sample(result(*named, unknown)))
    folded = [any("differences" in parent.classes for parent in one.parents) for one in shown.all("figure")]
    assert folded == [False, True, False]
    first = words(shown.one("section", id="first"))
    assert first.index("May they?") < first.index("dw1, entry by entry") < first.index("The same numbers as a table")
    assert all(one.is_in("details") for one in shown.all("table", class_="entries"))


def test_one_check_of_a_cause_shows_its_values() -> None:
    """The first that may: a hidden one has none."""
    hidden = check(Outcome.FAILED, "test_0", visibility="hidden", diagnosis=NAMED)
    public = [check(Outcome.FAILED, f"test_{n}", diagnosis=NAMED, figures=[SMALL]) for n in (1, 2)]
    shown = document(Sample(result(hidden, *public)))
    assert len(shown.all("figure")) == 1
    assert "In the check “What test_1 claims.”" in words(shown.one("section", id="first"))


def test_the_maps_speak_chinese_too() -> None:
    """Names, notes and the table."""
    language.use("zh_CN")
    try:
        html = student_report(result(check(Outcome.FAILED, figures=[SMALL])), exercise(), {})
    finally:
        language.use(language.ENGLISH)
    said = Document(html).said()
    assert all(text in said for text in ("你的值", "期望值", "偏差最大的是", "以表格显示同样的数"))
    assert not any(text in said for text in ("Yours", "Expected", "Furthest"))


def test_a_map_is_as_large_as_what_is_drawn_in_it() -> None:
    """Nothing lies outside of the picture, for every size there is."""
    for rows, columns in ((1, 1), (1, 16), (16, 1), (3, 5), (16, 16)):
        large = {"shape": (10**6, 10**6), "first_row": 999_980, "first_column": 999_980}
        shown = heatmap(figure([[1.0] * columns] * rows, [[0.0] * columns] * rows, **large))
        right, bottom = (max(getattr(one, axis) for one in shown.maps[0].squares) for axis in "xy")
        assert right + shown.square[0] + 1 <= shown.size[0]
        assert bottom + shown.square[1] + 1 <= shown.size[1]
        assert min(label.x - 3 * len(label.text) for label in shown.labels) >= 0
