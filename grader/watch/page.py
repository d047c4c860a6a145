"""The report of the last result as a page, and a browser to look at it where there is one.

Owns where the page lies: in the course's folder of what is remembered, always in the same place, so that a browser that
has it open needs only to reload it.
"""

from __future__ import annotations

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from pathlib import Path

from grader import messages
from grader.course import Exercise
from grader.errors import UsageError
from grader.results import ExerciseResult
from grader.state import FOLDER
from grader.submission import Submission
from grader.watch.machine import Given
from grader.whole_file import write_whole


def write_and_open(result: ExerciseResult, exercise: Exercise, sources: Mapping[str, str]) -> str:
    """Write the page, ask a browser to open it, and return the sentence that says where it lies.

    Raises:
        UsageError: it cannot be written.
    """
    from grader.report.render import student_report  # takes a moment, and few ask for it

    file = exercise.course.root / FOLDER / f"{exercise.slug}.html"
    try:
        file.parent.mkdir(exist_ok=True)
        write_whole(file, student_report(result, exercise, sources).encode())
    except OSError as error:
        raise UsageError(messages.CLI_CANNOT_WRITE.format(file=file, problem=error.strerror)) from error
    opened = has_browser() and _open(file)
    return (messages.WATCH_PAGE_OPENED if opened else messages.WATCH_PAGE).format(file=file)


def sources_of(given: Given | None) -> dict[str, str]:
    """Return the text of every file that was judged, by name."""
    return {source.name: source.text for source in given.sources} if isinstance(given, Submission) else {}


def has_browser() -> bool:
    """Whether there is one that opens a window; one in this terminal would take it away from us."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))


def _open(file: Path) -> bool:
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    # Some wait until the browser is closed.
    threading.Thread(target=browser.open, args=(file.as_uri(),), name="grader opens a page", daemon=True).start()
    return True
