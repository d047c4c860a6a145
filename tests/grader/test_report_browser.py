"""The student page as a browser shows it: on a phone, in the dark, on paper. Skipped where there is no Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.report.render import student_report
from tests.grader.browser import OPEN_ALL, Browser, Tab, running_browser
from tests.grader.report_samples import SAMPLES, exercise

EVERY = pytest.mark.parametrize("name", SAMPLES)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here."""
    with running_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def address(name: str, tmp_path: Path) -> str:
    """The address of the page of the sample `name`."""
    sample = SAMPLES[name]()
    page = tmp_path / "report.html"
    page.write_text(student_report(sample.result, exercise(), sample.sources), encoding="utf-8")
    return page.as_uri()


def numbers(tab: Tab, expression: str) -> list[float]:
    """Return a list that the page computes."""
    found: list[float] = json.loads(tab.evaluate(f"JSON.stringify({expression})"))
    return found


@EVERY
def test_nothing_makes_the_page_wider_than_a_phone(name: str, address: str, browser: Browser) -> None:
    """At 320 pixels, with everything unfolded, the page does not scroll sideways."""
    with browser.tab(address, width=320) as tab:
        tab.evaluate(OPEN_ALL)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 320


@EVERY
def test_the_browser_has_nothing_to_complain_about(name: str, address: str, browser: Browser) -> None:
    """No error, no violated policy, and not one request beyond the file itself."""
    with browser.tab(address) as tab:
        tab.evaluate(OPEN_ALL)
        assert tab.complaints() == []
        assert [asked for asked in tab.requests() if asked != address and not asked.startswith("data:")] == []


def test_the_policy_stops_what_a_page_should_never_contain(tmp_path: Path, browser: Browser) -> None:
    """Were a script or an image from elsewhere ever to get into a page, the browser would refuse both."""
    sample = SAMPLES["mixed"]()
    html = student_report(sample.result, exercise(), sample.sources)
    page = tmp_path / "report.html"
    page.write_text(html.replace("<main", "<script>document.title = 'ran'</script><img src='x.png'><main", 1))
    with browser.tab(page.as_uri()) as tab:
        assert tab.evaluate("document.title") != "ran"
        assert sum("Content Security Policy" in text for text in tab.complaints()) == 2


@EVERY
@pytest.mark.parametrize("width", [320, 1280])
def test_whatever_is_pressed_is_large_enough(name: str, width: int, address: str, browser: Browser) -> None:
    """Segments and folds are at least 24 pixels high and wide."""
    with browser.tab(address, width=width) as tab:
        tab.evaluate(OPEN_ALL)
        targets = "[...document.querySelectorAll('a.seg, summary')].map(one => one.getBoundingClientRect())"
        assert min(numbers(tab, f"{targets}.flatMap(box => [box.width, box.height])"), default=24) >= 24


@pytest.mark.parametrize("name", ["many", "mixed", "long_names"])
def test_the_strip_is_drawn_to_scale(name: str, address: str, browser: Browser) -> None:
    """Twice the points, twice the width, up to the two pixels between segments."""
    with browser.tab(address) as tab:
        segments = "[...document.querySelectorAll('.strip li')]"
        widths = numbers(tab, f"{segments}.map(one => one.getBoundingClientRect().width + 2)")
        points = numbers(tab, f"{segments}.map(one => +one.style.getPropertyValue('--p'))")
    scale = [width / worth for width, worth in zip(widths, points, strict=True)]
    assert max(scale) - min(scale) < 0.5


@EVERY
def test_whatever_scrolls_takes_the_focus(name: str, address: str, browser: Browser) -> None:
    """Every area with more to show than fits can be reached and scrolled by keyboard."""
    with browser.tab(address, width=320) as tab:
        tab.evaluate(OPEN_ALL)
        unreachable = tab.evaluate("""[...document.querySelectorAll('body *')].filter(one => {
            const scrolls = /auto|scroll/.test(getComputedStyle(one).overflowX + getComputedStyle(one).overflowY);
            const has_more = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
            return scrolls && has_more && one.tabIndex < 0; }).map(one => one.className).join()""")
        assert unreachable == ""


@pytest.mark.parametrize("name", ["mixed"])
def test_a_dark_room_gets_a_dark_page(name: str, address: str, browser: Browser) -> None:
    """The page follows the reader's colour scheme, but paper stays white."""
    background = "getComputedStyle(document.body).backgroundColor"
    with browser.tab(address) as tab:
        assert tab.evaluate(background) == "rgb(253, 253, 252)"
    with browser.tab(address, dark=True) as tab:
        assert tab.evaluate(background) == "rgb(20, 23, 26)"
        tab.call("Emulation.setEmulatedMedia", media="print")
        assert tab.evaluate(background) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("name", ["perfect"])
def test_paper_shows_what_the_screen_folds(name: str, address: str, browser: Browser) -> None:
    """The checks that passed are on the printed page without a click."""
    is_shown = "document.querySelector('tbody tr').checkVisibility()"
    with browser.tab(address) as tab:
        assert tab.evaluate(is_shown) is False
        tab.call("Emulation.setEmulatedMedia", media="print")
        assert tab.evaluate(is_shown) is True


@pytest.mark.parametrize("name", ["mixed"])
def test_the_skip_link_appears_with_the_focus(name: str, address: str, browser: Browser) -> None:
    """The first tab stop leads to the first thing to fix and can be seen."""
    with browser.tab(address) as tab:
        tab.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        assert tab.evaluate("document.activeElement.getAttribute('href')") == "#first"
        assert tab.evaluate("document.activeElement.getBoundingClientRect().height") > 24
