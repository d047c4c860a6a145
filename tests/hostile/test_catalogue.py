"""Every kind of submission of the catalogue is tried somewhere, or it is written down why not."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from .catalogue import Coverage, coverage, titles
from .entries import GROUPS, load_entries

ROOT = Path(__file__).resolve().parents[2]
COUNTS = {"F": 25, "S": 18, "P": 8, "D": 28, "N": 12, "M": 14, "B": 17, "C": 17}
COVERAGES = {group: coverage(group) for group in GROUPS}


def test_the_catalogue_has_all_of_its_ids() -> None:
    """Numbered without a gap, and each with a title."""
    assert list(titles()) == [f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)]
    assert len(titles()) == 139
    assert all(titles().values())


def test_every_id_is_tried_or_listed_in_one_place() -> None:
    """An entry, a test elsewhere, a reason to skip it, or the list of what is missing, which can only shrink."""
    tried = {id for entry in load_entries() for id in entry.expect.catalogue}
    listed = Counter(id for found in COVERAGES.values() for id in (*found.missing, *found.elsewhere, *found.skipped))
    assert [id for id, count in listed.items() if count > 1 or id not in titles()] == []
    assert sorted(tried & set(listed)) == [], "an entry covers it now, so take it out of coverage.toml"
    assert sorted(set(titles()) - tried - set(listed)) == []


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_covered_elsewhere_is_a_test_that_exists(group: str) -> None:
    """Each is FILE::TEST, below the repository."""
    places = [place for places in COVERAGES[group].elsewhere.values() for place in places]
    assert [place for place in places if not is_a_test(place)] == []
    assert all(COVERAGES[group].elsewhere.values())


@pytest.mark.parametrize("place", ["tests/hostile/test_catalogue.py::test_nothing", "tests/none.py::test_a", "test_a"])
def test_a_test_that_does_not_exist_is_noticed(place: str) -> None:
    """Neither a missing function nor a missing file passes for a test."""
    assert not is_a_test(place)


def test_reasons_are_given() -> None:
    """What is skipped says why."""
    assert all(len(reason) > 10 for found in COVERAGES.values() for reason in found.skipped.values())


def test_a_coverage_that_says_something_else_is_refused(tmp_path: Path) -> None:
    """Strictly read: a misspelt key is no silent gap."""
    (tmp_path / "forging").mkdir()
    (tmp_path / "forging" / "coverage.toml").write_text('mising = ["F1"]\n')
    with pytest.raises(Exception, match="mising"):
        coverage("forging", tmp_path)
    (tmp_path / "forging" / "coverage.toml").write_text("")
    assert coverage("forging", tmp_path) == Coverage()


def is_a_test(place: str) -> bool:
    """Whether FILE::TEST names a function of a file of this repository."""
    file, _, name = place.partition("::")
    path = ROOT / file
    defined = re.findall(r"^def (\w+)\(", path.read_text(), re.MULTILINE) if path.is_file() else []
    return name in defined
