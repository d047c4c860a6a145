"""Learning curves on the student's page: to scale, readable without colour and without seeing them."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import pytest

from grader import language
from grader.report.axes import Axis, epoch_axis, value_axis
from grader.report.charts import HEIGHT, WIDTH, Panel, chart
from grader.report.render import student_report
from grader.results import Curve, Curves, Outcome
from tests.grader.html_document import Document, Element
from tests.grader.report_samples import SAMPLES, Sample, check, curve, exercise, result
from tests.grader.test_report_student import document, words

FALLING = curve("loss", [4.0, 3.0], [4.0, 2.0, 1.0], right=[2.0, 1.0, 0.5])
HIDDEN = {"visibility": "hidden", "message": "accuracy: too low."}


def page(*made: Curve, **facts: Any) -> Document:
    """Return the page of one failed hidden check with these curves."""
    return document(
        Sample(result(check(Outcome.FAILED, "test_a", figures=[Curves("accuracy", made)], **HIDDEN, **facts)))
    )


def panel(made: Curve) -> Panel:
    """Return the panel of a curve."""
    return chart(Curves("accuracy", (made,))).panels[0]


def points(path: str) -> list[tuple[float, float]]:
    """Return the points of a path, in pixels."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path)]


def pictures(shown: Document) -> list[Element]:
    """Return the panels of a page."""
    return shown.all("svg", role="img")


# --- axes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([2.31, 0.35], ["0", "1", "2", "3"]),
        ([0.1, 0.97], ["0", "0.5", "1"]),
        ([0.91, 0.96], ["0.9", "0.92", "0.94", "0.96"]),
        ([-1.0, 1.0], ["-1", "-0.5", "0", "0.5", "1"]),
        ([0.0, 0.0], ["-0.5", "0", "0.5"]),
        ([5.0], ["2", "4", "6", "8"]),
        ([2.0, 0.001], ["0.001", "0.01", "0.1", "1", "10"]),
        ([1e-8, 1e12], ["1e-8", "0.001", "100", "1e7", "1e12"]),
        ([], ["0", "0.5", "1"]),
    ],
)
def test_ticks_are_few_and_round(values: list[float], ticks: list[str]) -> None:
    """All values lie between the first and the last; what is of very different sizes has powers of ten."""
    axis = value_axis(values)
    assert [text for _, text in axis.ticks] == ticks
    assert all(0 <= axis.share(value) <= 1 for value in values)


@pytest.mark.parametrize(
    ("last", "ticks"),
    [
        (1, ["1"]),
        (2, ["1", "2"]),
        (6, ["1", "2", "3", "4", "5", "6"]),
        (20, ["1", "5", "10", "15", "20"]),
        (30, ["1", "5", "10", "15", "20", "25", "30"]),
        (100, ["1", "20", "40", "60", "80", "100"]),
        (993, ["1", "200", "400", "600", "800"]),
    ],
)
def test_epochs_are_whole_and_begin_with_the_first(last: int, ticks: list[str]) -> None:
    """As many as fit below a narrow picture."""
    assert [text for _, text in epoch_axis(last).ticks] == ticks


def test_no_number_is_too_large_or_too_small_for_an_axis() -> None:
    """Whatever student code produced: few ticks, in order, and every value between its ends."""
    draw = random.Random(3)
    for _ in range(3000):
        values = [draw.choice([-1, 1]) * 10.0 ** draw.uniform(-323, 308) for _ in range(draw.randint(1, 4))]
        axis = value_axis([*values, float("nan"), float("inf")])
        assert 1 <= len(axis.ticks) <= 6
        assert all(-1e-9 <= axis.share(value) <= 1 + 1e-9 for value in values)
        assert [value for value, _ in axis.ticks] == sorted({value for value, _ in axis.ticks})


def test_a_logarithm_is_taken_where_it_shows_more() -> None:
    """Positive values of which the largest is a hundred times the smallest."""
    assert value_axis([1.0, 99.0]).is_logarithmic is False
    assert value_axis([1.0, 100.0]) == Axis(0, 2, [(0.0, "1"), (1.0, "10"), (2.0, "100")], is_logarithmic=True)
    assert value_axis([0.0, 100.0]).is_logarithmic is False


# --- pictures -------------------------------------------------------------------------------------------------------


def test_lines_are_drawn_to_scale() -> None:
    """One step per epoch to the right, and larger numbers higher up; all lines of a panel share the scale."""
    made = panel(FALLING)
    earlier, last, mean = points(made.earlier[0]), points(made.last), points(made.mean)
    assert [len(line) for line in (earlier, last, mean)] == [2, 3, 3]
    assert earlier[0] == last[0]
    rows = [y for _, y in last]
    assert rows[1] - rows[0] == pytest.approx(2 * (rows[2] - rows[1]), abs=0.2)  # from 4 to 2, and from 2 to 1
    assert mean[1] == (last[1][0], pytest.approx(rows[2], abs=0.2))
    steps = [later[0] - before[0] for before, later in itertools.pairwise(last)]
    assert steps[0] == pytest.approx(steps[1], abs=0.2)


def test_the_band_goes_along_the_highest_and_back_along_the_lowest() -> None:
    """Its mean lies between."""
    made = panel(FALLING)
    band, mean = points(made.band), points(made.mean)
    assert made.band.endswith("Z")
    assert len(band) == 6
    for high, middle, low in zip(band[:3], mean, reversed(band[3:]), strict=True):
        assert high[0] == middle[0] == low[0]
        assert high[1] < middle[1] < low[1]


def test_what_is_not_finite_leaves_a_gap_and_a_cross() -> None:
    """No line is drawn to where there is no number; a lone number is a dot."""
    made = panel(curve("loss", [1.0, "nan", 3.0, "inf", 2.0, 1.0, "-inf"]))
    assert re.sub(r"[\d. ]+", "", made.last) == "MhMhML"
    assert len(made.crosses) == 3
    assert made.crosses[0][1] == made.crosses[1][1] < HEIGHT / 3 < made.crosses[2][1]
    assert made.yours.text == "yours −∞"
    assert "A cross marks an epoch" in page(curve("loss", [1.0, "nan"])).said()
    assert "A cross" not in page(FALLING).said()


def test_nothing_but_nan_is_a_picture_too() -> None:
    """With what right solutions did, and a word."""
    made = panel(curve("loss", ["nan", "nan"], right=[1.0, 0.5]))
    assert (made.last, made.end, made.yours.text) == ("", None, "yours NaN")
    assert made.mean
    assert panel(curve("loss", ["nan"])).mean == ""


def test_labels_never_touch() -> None:
    """Of lines that end close to each other they are moved apart, and stay in the picture."""
    draw = random.Random(4)
    for _ in range(500):
        low = draw.uniform(0, 1)
        made = panel(curve("loss", [draw.uniform(0, 2), draw.uniform(0, 2)], right=[1.0, low]))
        assert made.right is not None
        assert abs(made.yours.at - made.right.at) >= 12.9
        assert all(10 <= label.at <= HEIGHT - 20 for label in (made.yours, made.right))


def test_everything_lies_in_the_picture() -> None:
    """For every sample of curves."""
    for one in SAMPLES["trained"]().result.checks:
        for made in (panel for shown in one.figures if isinstance(shown, Curves) for panel in chart(shown).panels):
            drawn = [made.band, made.mean, made.last, *made.earlier]
            for x, y in [*made.crosses, *(point for path in drawn for point in points(path))]:
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT


# --- the page -------------------------------------------------------------------------------------------------------


def test_each_quantity_has_a_panel_with_its_words() -> None:
    """Direct labels instead of a legend, and a sentence where lines end."""
    shown = page(FALLING, curve("accuracy", [0.5, 0.75]))
    assert [one.text for one in shown.all("p", class_="map")] == ["loss per epoch", "accuracy per epoch"]
    loss, accuracy = pictures(shown)
    labels = [one.text for one in shown.inside(loss, "text") if not one.classes & {"row", "column"}]
    assert labels == ["epoch", "correct", "yours 1"]
    assert "correct" not in [one.text for one in shown.inside(accuracy, "text")]
    assert [words(one) for one in shown.all("p", class_="ends")] == [
        "Yours ends at 1; correct solutions end at 0.458 to 0.542.",
        "Yours ends at 0.75.",
    ]
    assert "Shaded is where correct solutions lie, dashed is their mean. Thin lines are your earlier" in shown.said()


def test_dashes_shading_and_width_tell_lines_apart_without_colour() -> None:
    """Each kind of line has a class of its own, and the style sheet more than a hue for it."""
    shown = page(FALLING)
    classes = [name for one in shown.inside(pictures(shown)[0], "path") for name in one.classes]
    assert [classes.count(name) for name in ("band", "mean", "earlier", "yours")] == [1, 1, 1, 1]
    css = shown.one("style").text
    assert re.search(r"\.mean \{[^}]*stroke-dasharray", css)
    assert re.search(r"\.yours \{[^}]*stroke-width: 2", css)
    assert re.search(r"\.band \{[^}]*fill-opacity", css)


def test_a_screen_reader_hears_the_curve_and_has_its_numbers() -> None:
    """A name and a description for each panel, and a table with a line for each epoch."""
    shown = page(FALLING)
    assert [one.text for one in shown.all("title") if one.is_in("svg")] == ["loss per epoch"]
    assert [one.text for one in shown.all("desc")] == ["Yours ends at 1; correct solutions end at 0.458 to 0.542."]
    table = shown.one("table", class_="entries")
    assert [words(row) for row in shown.inside(table, "tr")] == [
        "Epoch Your training 1 Your training 2 Correct: lowest Correct: mean Correct: highest",
        "1 4 4 1.93333 2 2.06667",
        "2 3 2 0.933333 1 1.06667",
        "3 1 0.458333 0.5 0.541667",
    ]
    assert table.is_in("details")


def test_a_check_that_passed_shows_its_curves_outside_the_folded_table() -> None:
    """With its title; a check without curves adds nothing."""
    passed = check(id="test_digits", figures=[Curves("accuracy", (FALLING,))], **{**HIDDEN, "message": "reached"})
    shown = document(Sample(result(passed, check(id="test_other"))))
    (picture,) = pictures(shown)
    assert not picture.is_in("details")
    assert "In the check “What test_digits claims.”" in shown.one("section", id="passed").text
    assert "What test_other claims.”" not in shown.said()


def test_thinned_and_logarithmic_panels_say_so() -> None:
    """What is left out and how it is stretched is no secret."""
    said = document(SAMPLES["trained"]()).said()
    assert "Of 993 epochs 63 are drawn." in said
    assert "loss per epoch, on a logarithmic scale" in said
    assert "Of " not in page(FALLING).one("figure").text


def test_the_curves_speak_chinese_too() -> None:
    """Labels, notes and the table."""
    language.use("zh_CN")
    try:
        figures = [Curves("accuracy", (FALLING,))]
        html = student_report(result(check(Outcome.FAILED, figures=figures, **HIDDEN)), exercise(), {})
    finally:
        language.use(language.ENGLISH)
    said = Document(html).said()
    assert all(text in said for text in ("你的 1", "正确解答", "阴影是正确的解答", "你的第 2 次训练"))
    assert not any(text in said for text in ("Yours", "Shaded", "correct"))
