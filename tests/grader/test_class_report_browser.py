"""The class report as a browser shows it: sorting, filtering, keyboard, phone, dark, print. Skipped without a Chromium.

The accessibility scan needs axe-core besides: `make axe`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.report.classroom import class_report
from tests.grader.browser import OPEN_ALL, Browser, Tab, running_browser
from tests.grader.classroom_data import made_class

PAGES = {
    "index": "index.html",
    "student": "students/student-005.html",
    "waits": "students/student-001.html",
    "exercise": "exercises/exercise1_manual_backprop.html",
}
EVERY = pytest.mark.parametrize("name", PAGES)
AXE = Path(os.environ.get("GRADER_AXE", Path(__file__).parents[1] / "browser/node_modules/axe-core/axe.min.js"))
SHOWN = "[...document.querySelectorAll('#{id} tbody tr')].filter(one => one.checkVisibility())"
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests here."""
    with running_browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a class of 42 in five exercises."""
    return class_report(made_class(42, 5, 12), tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def one_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a small class's report in one file."""
    return class_report(made_class(14, 2, 5), tmp_path_factory.mktemp("one"), single_file=True).as_uri()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the index of a class above 200 students."""
    return class_report(made_class(210, 1, 3), tmp_path_factory.mktemp("large")).as_uri()


@pytest.fixture
def address(name: str, folder: Path) -> str:
    """The address of the page `name`."""
    return (folder / PAGES[name]).as_uri()


def computed(tab: Tab, expression: str) -> Any:
    """Return a value that the page computes, lists included."""
    return json.loads(tab.evaluate(f"JSON.stringify({expression})"))


def column(tab: Tab, number: int, id: str = "t-students") -> list[str]:
    """Return what the visible rows of a table are sorted by in a column."""
    rows = SHOWN.format(id=id)
    found: list[str] = computed(
        tab, f"{rows}.map(row => row.cells[{number}].dataset.v ?? row.cells[{number}].textContent)"
    )
    return found


def sort_by(tab: Tab, name: str, id: str = "t-students") -> None:
    """Press the head of a column."""
    tab.evaluate(f"[...document.querySelectorAll('#{id} th button')].find(one => one.textContent === '{name}').click()")


def type_into(tab: Tab, text: str) -> None:
    """Write into the search field of the students."""
    tab.evaluate("document.querySelector('#students input').focus()")
    tab.evaluate("document.querySelector('#students input').select()")
    tab.call("Input.insertText", text=text)


def choose(tab: Tab, section: str, value: str) -> None:
    """Choose from the list above a table."""
    field = f"document.querySelector('#{section} select')"
    tab.evaluate(f"{field}.value = '{value}'")
    tab.evaluate(f"{field}.dispatchEvent(new Event('change'))")


def press(tab: Tab, key: str) -> None:
    """Press and release a key."""
    facts = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key], "text": "\r" if key == "Enter" else ""}
    tab.call("Input.dispatchKeyEvent", type="keyDown", **facts)
    tab.call("Input.dispatchKeyEvent", type="keyUp", **facts)


# --- safe and quiet ---------------------------------------------------------------------------------------------------


@EVERY
def test_the_browser_has_nothing_to_complain_about(name: str, address: str, browser: Browser) -> None:
    """No error, no violated policy, and not one request beyond the file itself."""
    with browser.tab(address) as tab:
        tab.evaluate(OPEN_ALL)
        assert tab.complaints() == []
        assert [asked for asked in tab.requests() if asked != address and not asked.startswith("data:")] == []


def test_no_other_script_runs_than_ours(folder: Path, tmp_path: Path, browser: Browser) -> None:
    """Were a script, a handler or an image ever to get into the page, the browser would refuse all three."""
    run = "document.title = 'ran'"
    bad = f"""<script>{run}</script><p id="x" onclick="{run}">x</p><img src="x.png"><main"""
    page = tmp_path / "index.html"
    page.write_text((folder / "index.html").read_text("utf-8").replace("<main", bad, 1), "utf-8")
    with browser.tab(page.as_uri()) as tab:
        tab.evaluate("document.getElementById('x').click()")
        assert tab.evaluate("document.title") != "ran"
        assert len([text for text in tab.complaints() if "Content Security Policy" in text]) == 3


def test_a_hostile_name_is_text(folder: Path, browser: Browser) -> None:
    """A name that is an image with a handler is read, and runs nothing."""
    with browser.tab((folder / "index.html").as_uri()) as tab:
        assert "<img src=x onerror=alert(1)>" in tab.evaluate("document.querySelector('#t-students').textContent")
        assert tab.evaluate("document.images.length") == 0


# --- sorting and filtering --------------------------------------------------------------------------------------------


def test_a_column_sorts_both_ways(folder: Path, browser: Browser) -> None:
    """Scores first from the highest, then from the lowest; what has no score stays last both times."""
    with browser.tab((folder / "index.html").as_uri()) as tab:
        before = column(tab, 0)
        sort_by(tab, "Ex. 1")
        highest = column(tab, 3)
        sort_by(tab, "Ex. 1")
        lowest = column(tab, 3)
        assert tab.evaluate("document.querySelectorAll('#t-students [aria-sort]').length") == 1
        assert tab.evaluate("document.querySelector('#t-students [aria-sort=ascending]').textContent") == "Ex. 1"
        sort_by(tab, "Student")
        assert column(tab, 0) == before == sorted(before)
    there = [float(one) for one in highest if one]
    assert there == sorted(there, reverse=True)
    assert len(set(there)) > 3
    gone = highest.count("")
    assert gone > 1
    assert highest[-gone:] == lowest[-gone:] == [""] * gone
    assert [float(one) for one in lowest if one] == there[::-1]


def test_every_column_of_every_table_can_be_sorted(folder: Path, browser: Browser) -> None:
    """Each head is a button; pressing it loses no row and marks its column alone."""
    for page in ("index", "exercise"):
        with browser.tab((folder / PAGES[page]).as_uri()) as tab:
            report = computed(
                tab,
                """[...document.querySelectorAll('table[data-sort]')].flatMap(table => {
                const count = table.tBodies[0].rows.length;
                return [...table.tHead.rows[0].cells].map(head => {
                    head.querySelector('button').click();
                    return [table.tBodies[0].rows.length === count, head.hasAttribute('aria-sort'),
                            table.querySelectorAll('[aria-sort]').length === 1].every(Boolean); }); })""",
            )
            assert len(report) > 10
            assert all(report)
            assert tab.complaints() == []


def test_searching_shows_those_who_match_and_says_how_many(folder: Path, browser: Browser) -> None:
    """Words are looked for in the whole row, all of them, whatever their case; the count is announced."""
    with browser.tab((folder / "index.html").as_uri()) as tab:
        type_into(tab, "STUDENT-01")
        assert column(tab, 0) == [f"student-{place:03d}" for place in range(10, 20)]
        assert tab.evaluate("document.querySelector('#students output').textContent") == "10 of 42 shown"
        assert tab.evaluate("document.querySelector('#students output').getAttribute('aria-live')") == "polite"
        type_into(tab, "student-01 chen")
        assert column(tab, 0) == ["student-011"]
        type_into(tab, "nobody at all")
        assert column(tab, 0) == []


@pytest.mark.parametrize(
    ("choice", "some"), [("person", "student-001"), ("help", "student-003"), ("late", "student-001")]
)
def test_a_choice_shows_its_students_only(choice: str, some: str, folder: Path, browser: Browser) -> None:
    """Each choice shows some and not all, and sorting keeps it."""
    with browser.tab((folder / "index.html").as_uri()) as tab:
        choose(tab, "students", choice)
        shown = column(tab, 0)
        assert some in shown
        assert len(shown) < 42
        sort_by(tab, "Score")
        assert sorted(column(tab, 0)) == shown
        choose(tab, "students", "")
        assert len(column(tab, 0)) == 42


def test_checks_unfold_and_can_be_chosen_by_exercise(folder: Path, browser: Browser) -> None:
    """Twelve stand open, the hardest; a button shows all 60 and folds them again; an exercise shows its twelve."""
    button = "document.querySelector('#checks .tools button')"
    with browser.tab((folder / "index.html").as_uri()) as tab:
        hardest = [float(one) for one in column(tab, 3, "t-checks")]
        assert len(hardest) == 12
        assert hardest == sorted(hardest)
        tab.evaluate(f"{button}.click()")
        assert len(column(tab, 3, "t-checks")) == 60
        assert tab.evaluate(f"{button}.getAttribute('aria-expanded')") == "true"
        tab.evaluate(f"{button}.click()")
        choose(tab, "checks", "e2")
        assert column(tab, 0, "t-checks") == ["2"] * 12


def test_a_long_table_folds_until_something_is_searched(large: str, browser: Browser) -> None:
    """Above 200 students the first 100 are shown; a search looks at all; the button shows all."""
    with browser.tab(large) as tab:
        assert len(column(tab, 0)) == 100
        type_into(tab, "student-209")
        assert column(tab, 0) == ["student-209"]
        type_into(tab, " ")
        assert len(column(tab, 0)) == 100
        tab.evaluate("document.querySelector('#students .tools button').click()")
        assert len(column(tab, 0)) == 210


def test_without_a_script_everything_is_there(folder: Path, tmp_path: Path, browser: Browser) -> None:
    """With scripts switched off all rows are shown, and what would need one is hidden."""
    page = tmp_path / "index.html"
    page.write_text((folder / "index.html").read_text("utf-8").replace("'sha256-", "'sha256-A", 1), "utf-8")
    with browser.tab(page.as_uri()) as tab:
        assert len(column(tab, 0)) == 42
        assert len(column(tab, 0, "t-checks")) == 60
        assert tab.evaluate("[...document.querySelectorAll('.tools')].some(one => one.checkVisibility())") is False
        assert tab.evaluate("document.querySelectorAll('th button').length") == 0


# --- keyboard ---------------------------------------------------------------------------------------------------------


@EVERY
def test_the_skip_link_comes_first_and_can_be_seen(name: str, address: str, browser: Browser) -> None:
    """The first tab stop leads into the page and appears when it has the focus."""
    with browser.tab(address) as tab:
        press(tab, "Tab")
        assert tab.evaluate("document.activeElement.classList.contains('skip')") is True
        assert tab.evaluate("document.activeElement.getBoundingClientRect().height") > 24


def test_a_table_is_sorted_by_keyboard(folder: Path, browser: Browser) -> None:
    """A head takes the focus, shows it, and sorts when Enter is pressed."""
    with browser.tab((folder / "index.html").as_uri()) as tab:
        tab.evaluate("document.querySelector('#t-students th:nth-child(1) button').focus()")
        press(tab, "Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Score"
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        press(tab, "Enter")
        scores = [float(one) for one in column(tab, 1)]
        assert scores == sorted(scores, reverse=True)


@EVERY
def test_whatever_scrolls_takes_the_focus(name: str, address: str, browser: Browser) -> None:
    """Every area with more to show than fits can be reached by keyboard: it takes the focus, or what is in it does."""
    with browser.tab(address, width=320) as tab:
        tab.evaluate(OPEN_ALL)
        unreachable = tab.evaluate("""[...document.querySelectorAll('body *')].filter(one => {
            const scrolls = /auto|scroll/.test(getComputedStyle(one).overflowX + getComputedStyle(one).overflowY);
            const has_more = one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1;
            return scrolls && has_more && one.tabIndex < 0 && !one.querySelector('a');
        }).map(one => one.className).join()""")
        assert unreachable == ""


# --- one file ---------------------------------------------------------------------------------------------------------


def test_in_one_file_a_link_shows_a_student_and_leads_back(one_file: str, browser: Browser) -> None:
    """Only the class is shown at first; a student's link shows that student alone; the way back shows the class."""
    shown = "[...document.querySelectorAll('.home, .leaf')].filter(one => one.checkVisibility()).map(one => one.id)"
    with browser.tab(one_file) as tab:
        assert computed(tab, shown) == ["class"]
        tab.evaluate("document.querySelector('#t-students a').click()")
        assert computed(tab, shown) == ["student-student-001"]
        tab.evaluate("document.querySelector('.leaf:target .section a').click()")
        assert computed(tab, shown) == ["exercise-exercise1_manual_backprop"]
        tab.evaluate("document.querySelector('.leaf:target .t-students a').click()")
        assert computed(tab, shown) == ["student-student-001"]
        tab.evaluate("document.querySelector('#student-student-001 .crumb a').click()")
        assert computed(tab, shown) == ["class"]
        assert tab.complaints() == []
        assert {asked.partition("#")[0] for asked in tab.requests() if not asked.startswith("data:")} == {one_file}


# --- what it looks like -----------------------------------------------------------------------------------------------


@EVERY
def test_nothing_makes_a_page_wider_than_a_phone(name: str, address: str, browser: Browser) -> None:
    """At 320 pixels, with everything unfolded, the page does not scroll sideways."""
    with browser.tab(address, width=320) as tab:
        tab.evaluate(OPEN_ALL)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 320


@EVERY
@pytest.mark.parametrize("width", [320, 1280])
def test_whatever_is_pressed_is_large_enough(name: str, width: int, address: str, browser: Browser) -> None:
    """Buttons, fields, folds and links that stand alone are at least 24 pixels high."""
    with browser.tab(address, width=width) as tab:
        tab.evaluate(OPEN_ALL)
        targets = "button, input, select, summary, .who a, .label a, .nav a, .crumb a"
        small = computed(
            tab,
            f"""[...document.querySelectorAll('{targets}')].filter(one => one.checkVisibility())
            .map(one => [one.textContent, one.getBoundingClientRect().height]).filter(([, height]) => height < 23.5)""",
        )
        assert small == []


def test_on_a_phone_a_students_name_stays_in_view(folder: Path, browser: Browser) -> None:
    """The table scrolls in its own area, and the first column does not move."""
    with browser.tab((folder / "index.html").as_uri(), width=390) as tab:
        left = "document.querySelector('#t-students tbody th').getBoundingClientRect().left"
        scrolls = "document.querySelector('#students .scroll')"
        before = tab.evaluate(left)
        assert tab.evaluate(f"{scrolls}.scrollWidth > {scrolls}.clientWidth") is True
        tab.evaluate(f"{scrolls}.scrollLeft = 200")
        assert tab.evaluate(left) == pytest.approx(before, abs=1)
        assert tab.evaluate("document.querySelector('#t-students tbody td').getBoundingClientRect().left") < before


@EVERY
def test_a_dark_room_gets_a_dark_page_and_paper_stays_white(name: str, address: str, browser: Browser) -> None:
    """The page follows the reader's colour scheme; what is printed never does."""
    background = "getComputedStyle(document.body).backgroundColor"
    with browser.tab(address) as tab:
        assert tab.evaluate(background) == "rgb(253, 253, 252)"
    with browser.tab(address, dark=True) as tab:
        assert tab.evaluate(background) == "rgb(20, 23, 26)"
        tab.call("Emulation.setEmulatedMedia", media="print")
        assert tab.evaluate(background) == "rgb(255, 255, 255)"


def test_paper_has_every_row(large: str, browser: Browser) -> None:
    """What the screen folds is printed: all students; tools and navigation are not."""
    with browser.tab(large) as tab:
        tab.call("Emulation.setEmulatedMedia", media="print")
        assert len(column(tab, 0)) == 210
        assert tab.evaluate("document.querySelector('.nav').checkVisibility()") is False
        assert tab.evaluate("document.querySelector('.tools').checkVisibility()") is False


@EVERY
@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_accessibility_scan_finds_nothing(name: str, look: str, address: str, browser: Browser) -> None:
    """axe-core has no violation to report, with everything unfolded."""
    if not AXE.is_file():
        pytest.skip("no axe-core here (make axe): pages were not scanned")
    with browser.tab(address, width=320 if look == "phone" else 1280, dark=look == "dark") as tab:
        assert violations(tab) == []


def test_the_scan_finds_nothing_in_one_file(one_file: str, browser: Browser) -> None:
    """Neither where the class is shown nor where a student is."""
    if not AXE.is_file():
        pytest.skip("no axe-core here (make axe): pages were not scanned")
    for place in ("", "#student-student-005", "#exercise-exercise1_manual_backprop"):
        with browser.tab(one_file + place) as tab:
            assert violations(tab) == [], place


def violations(tab: Tab) -> list[str]:
    """Return what axe-core says against a page."""
    tab.evaluate(OPEN_ALL)
    tab.evaluate(AXE.read_text("utf-8") + ";0")
    found: list[str] = json.loads(tab.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found.violations.map("
        "one => one.id + ': ' + one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | '))))"
    ))  # fmt: skip
    return found
