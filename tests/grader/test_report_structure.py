"""Every student page, whatever the result: sound, complete in itself, readable without seeing it, safe to open."""

from __future__ import annotations

import itertools
import re

import jinja2
import pytest

from grader import language, messages
from grader.report.heatmap import DEEPEST_TINT
from grader.report.render import environment, student_report
from grader.results import Outcome
from tests.grader.html_document import Document
from tests.grader.report_samples import HOSTILE, SAMPLES, Sample, check, exercise, hostile, result

EVERY = pytest.mark.parametrize("name", SAMPLES)
INLINE = {"span", "code", "wbr"}  # what the text itself decides: names set as code, characters that stand out


def page(sample: Sample) -> str:
    """Return the page of a sample."""
    return student_report(sample.result, exercise(), sample.sources)


def document(name: str) -> Document:
    """Return the page of the sample with this name, parsed."""
    return Document(page(SAMPLES[name]()))


# --- nothing from outside -------------------------------------------------------------------------------------------


@EVERY
def test_a_page_refers_to_nothing_outside_itself(name: str) -> None:
    """Every address is in the page or is data; no style loads anything."""
    html = page(SAMPLES[name]())
    links = [
        element.attributes[attribute]
        for element in Document(html).elements
        for attribute in ("href", "src", "srcset", "action", "data", "poster", "xlink:href")
        if attribute in element.attributes
    ]
    assert [link for link in links if not link.startswith(("#", "data:"))] == []
    style = Document(html).one("style").text
    assert not re.search(r"url\(|@import|@font-face|image-set", style)


@EVERY
def test_a_page_has_no_script(name: str) -> None:
    """No script, no frame, no form, no handler attribute."""
    shown = document(name)
    assert {element.tag for element in shown.elements} & {
        "script",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
    } == set()
    assert [key for element in shown.elements for key in element.attributes if key.startswith("on")] == []


def test_a_policy_in_the_head_forbids_what_the_page_does_not_need() -> None:
    """The policy stands before anything it governs and allows inline style and data images alone."""
    head = [element for element in document("mixed").elements if element.is_in("head")]
    (policy,) = [one for one in head if one.attributes.get("http-equiv") == "Content-Security-Policy"]
    assert {one.tag for one in head[: head.index(policy)]} <= {"meta"}
    allowed = dict(part.split(" ", 1) for part in policy.attributes["content"].split("; "))
    assert allowed == {"default-src": "'none'", "style-src": "'unsafe-inline'", "img-src": "data:",
                       "base-uri": "'none'", "form-action": "'none'"}  # fmt: skip


# --- what somebody wrote stays text ---------------------------------------------------------------------------------


def test_no_text_can_change_the_structure_of_a_page() -> None:
    """With hostile text in every field the page has the same elements as with a harmless word there."""

    def skeleton(sample: Sample) -> list[str]:
        return [element.tag for element in Document(page(sample)).elements if element.tag not in INLINE]

    assert skeleton(hostile(HOSTILE)) == skeleton(hostile("harmless"))


def test_hostile_text_is_shown_as_it_was_written() -> None:
    """What looks like markup or like a template can be read as such."""
    said = Document(page(hostile())).said()
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in said
    assert "&amp;\\x1b[31m\\u202egnp\\ud800{{ 7 * 7 }}" in said


@EVERY
def test_no_character_of_a_page_is_invisible(name: str) -> None:
    """Control characters, bidirectional controls and lone surrogates are written out as their codes."""
    html = page(SAMPLES[name]())
    assert {character for character in html if not character.isprintable()} <= {"\n", "\t"}
    assert html.encode("utf-8")


@pytest.mark.parametrize("field", ["title", "message", "stdout", "comparison", "id"])
def test_each_field_of_a_check_is_escaped(field: str) -> None:
    """Text of one field at a time never becomes an element or an attribute."""
    facts = {"id": "test_a", "message": "no", field: "\"><img src=x onerror='alert(1)'>\u202e"}
    html = page(Sample(result(check(Outcome.FAILED, **facts))))
    assert Document(html).all("img") == []
    assert "\u202e" not in html


# --- templates ------------------------------------------------------------------------------------------------------


def test_a_name_that_nobody_gave_is_an_error() -> None:
    """A template that asks for something unknown fails instead of leaving a gap."""
    with pytest.raises(jinja2.UndefinedError, match="'nobody' is undefined"):
        environment().from_string("{{ nobody }}").render()
    with pytest.raises(jinja2.UndefinedError, match="has no attribute 'nothing'"):
        environment().from_string("{{ page.nothing }}").render(page=exercise())
    with pytest.raises(jinja2.UndefinedError, match="'page' is undefined"):
        environment().get_template("student.html.j2").render(language="en")


def test_a_template_without_any_filter_is_safe() -> None:
    """Forgetting a filter costs beauty only: text is escaped and its invisible characters are spelled out."""
    shown = environment().from_string('<p title="{{ text }}">{{ text }}</p>').render(text='"<b>\u202e\n')
    assert shown == '<p title="&#34;&lt;b&gt;\\u202e\\n">&#34;&lt;b&gt;\\u202e\\n</p>'


# --- readable without seeing it -------------------------------------------------------------------------------------


@EVERY
def test_headings_form_an_outline(name: str) -> None:
    """One h1 comes first, and no level is skipped on the way down."""
    levels = [int(one.tag[1]) for one in document(name).elements if re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@EVERY
def test_a_page_has_its_landmarks_and_a_name(name: str) -> None:
    """Language, title, one main region between header and footer, and a link that skips to it."""
    shown = document(name)
    assert shown.one("html").attributes["lang"] == "en"
    assert [one.text.strip() for one in shown.all("title") if one.is_in("head")] != [""]
    assert shown.one("meta", name="viewport").attributes["content"] == "width=device-width, initial-scale=1"
    order = [one.tag for one in shown.elements if one.tag in ("header", "main", "footer") and not one.is_in("article")]
    assert order == ["header", "main", "footer"]
    first_link = shown.all("a")[0]
    assert "skip" in first_link.classes


def test_a_page_speaks_the_language_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its language is declared, and the sentences are looked up when they are said."""
    monkeypatch.setattr(language, "_current", "zh_CN")
    monkeypatch.setattr(messages, "REPORT_FIRST", "请先改正这里")
    shown = document("mixed")
    assert shown.one("html").attributes["lang"] == "zh-CN"
    assert "请先改正这里" in shown.said()


@EVERY
def test_every_reference_within_a_page_leads_somewhere(name: str) -> None:
    """Ids are unique; links, symbols and labels point at one that exists."""
    shown = document(name)
    ids = [one.attributes["id"] for one in shown.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    links = {one.attributes["href"][1:] for one in shown.elements if one.attributes.get("href", "").startswith("#")}
    labels = {label for one in shown.elements for label in one.attributes.get("aria-labelledby", "").split()}
    assert (links | labels) - set(ids) == set()


@EVERY
def test_what_scrolls_can_be_reached_and_has_a_name(name: str) -> None:
    """Code, aligned values, tables of values and printed output take the keyboard's focus and say what they are."""
    shown = document(name)
    areas = [one for one in shown.elements if one.classes & {"code", "aligned", "printed", "scroll"}]
    assert all(one.attributes["tabindex"] == "0" and one.attributes["role"] == "group" for one in areas)
    assert all(one.attributes.get("aria-label") or one.attributes.get("aria-labelledby") for one in areas)


@EVERY
def test_pictures_repeat_what_words_say(name: str) -> None:
    """Symbols are hidden from screen readers and stand beside a word; a map has a name and a description."""
    shown = document(name)
    assert shown.all("img") == []
    symbols = shown.all("svg", **{"aria-hidden": "true"})
    assert all(symbol.parents[-1].text.strip() for symbol in symbols if "i" in symbol.classes)
    for picture in [one for one in shown.all("svg") if one not in symbols]:
        assert picture.attributes["role"] == "img"
        said = [shown.inside(picture, tag)[0] for tag in ("title", "desc")]
        assert picture.attributes["aria-labelledby"].split() == [one.attributes["id"] for one in said]
        assert all(one.text.strip() for one in said)
    assert all(segment.text.strip() for segment in shown.all(class_="seg"))


@EVERY
def test_every_cell_of_a_table_has_its_heading(name: str) -> None:
    """Each column and each row of a table begins with a heading that says what it is for."""
    shown = document(name)
    for table in shown.all("table"):
        rows = [[cell for cell in shown.inside(row) if cell.tag in ("th", "td")] for row in shown.inside(table, "tr")]
        assert all(cell.attributes.get("scope") == "col" for cell in rows[0])
        assert all(row[0].attributes.get("scope") == "row" for row in rows[1:])
        assert len({len(row) for row in rows}) == 1


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_a_word_a_symbol_and_a_colour(outcome: Outcome) -> None:
    """Each outcome is written out, is drawn in a way of its own, and belongs to a family of colours."""
    shown = document("every_outcome")
    key = shown.one("ul", **{"aria-label": "How the checks ended"})
    assert f"1 {outcome.replace('_', ' ')}" in key.text
    drawn = {symbol.attributes["id"]: _drawing(shown, symbol.attributes["id"]) for symbol in shown.all("symbol")}
    assert list(drawn.values()).count(drawn[f"i-{outcome}"]) == 1
    assert re.search(rf"\.{outcome}\b[^{{]*{{ --c: ", shown.one("style").text)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_all_text_stands_out_from_its_background(scheme: str) -> None:
    """Every colour of text has a contrast of at least 4.5 with paper and with the ground of code (WCAG 2.2, 1.4.3)."""
    colours = _colours(scheme)
    texts = [name for name in colours if name in ("--ink", "--ink-2", "--ink-3", "--link") or name.endswith("-text")]
    assert len(texts) == 8
    grounds = [(text, ground) for text in texts for ground in ("--paper", "--sunken")]
    assert [pair for pair in [*grounds, ("--ink", "--mark")] if _contrast(*(colours[one] for one in pair)) < 4.5] == []


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_numbers_stand_out_from_the_deepest_tint_of_a_map(scheme: str) -> None:
    """Where 60 % of a hue lie over the paper, text still has a contrast of at least 4.5."""
    colours = _colours(scheme)
    for hue in ("--fix", "--accent"):
        over = zip(_parts(colours[hue]), _parts(colours["--paper"]), strict=True)
        mixed = [DEEPEST_TINT * a + (1 - DEEPEST_TINT) * b for a, b in over]
        tint = "#" + "".join(f"{round(255 * part):02x}" for part in mixed)
        assert _contrast(colours["--ink"], tint) >= 4.5, hue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _colours(scheme: str) -> dict[str, str]:
    blocks = re.findall(r":root \{([^}]*)\}", document("mixed").one("style").text)
    schemes = [dict(re.findall(r"(--[\w-]+): (#\w+);", block)) for block in blocks]
    light, dark, printed = [scheme for scheme in schemes if scheme]
    return light | {"light": {}, "dark": dark, "print": printed}[scheme]


def _parts(colour: str) -> list[float]:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]


def _luminance(colour: str) -> float:
    parts = _parts(colour)
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _drawing(shown: Document, symbol: str) -> str:
    parts = shown.inside(shown.one("symbol", id=symbol))
    return repr([(part.tag, sorted(part.attributes.items())) for part in parts])
