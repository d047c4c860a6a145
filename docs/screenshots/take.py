"""Take the pictures of the reports that README shows, from the class that `make demo` has graded: make screenshots.

Needs a Chromium. What stands on the pages is in one font of this machine, so pictures of two machines differ a little.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.grader.browser import Browser, find_browser  # noqa: E402

REPORT = ROOT / "build" / "demo" / "graded" / "report"


class Shot(NamedTuple):
    """A picture: its name, the page, the size of the window in CSS pixels."""

    name: str
    page: str
    width: int = 1200
    height: int = 900
    dark: bool = False


SHOTS = (
    Shot("class", "index.html"),
    Shot("exercise", "exercises/exercise1_manual_backprop.html"),
    Shot("student", "students/student-014.html"),
    Shot("phone", "index.html", width=390, height=844, dark=True),
)


def main() -> None:
    """Write a PNG for each shot beside this script."""
    path = find_browser()
    if path is None or not REPORT.is_dir():
        sys.exit("No Chromium here." if path is None else f"{REPORT} is not there: run make demo first.")
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(path, Path(profile))
        try:
            for shot in SHOTS:
                file = Path(__file__).with_name(f"{shot.name}.png")
                file.write_bytes(taken(browser, shot))
                print(file.relative_to(ROOT))
        finally:
            browser.close()


def taken(browser: Browser, shot: Shot) -> bytes:
    """Return what the window shows of a page."""
    with browser.tab((REPORT / shot.page).as_uri(), width=shot.width, dark=shot.dark) as tab:
        tab.resize(shot.width, shot.height)
        return tab.window()


if __name__ == "__main__":
    main()
