"""Results as pages: the one place that knows the template engine.

Pure: no file is read but our own templates. Invariants: every expression in a template is escaped and has its invisible
characters spelled out; a name that a template uses and nobody gave is an error, not a gap in the page.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from grader import language, messages
from grader.course import Exercise
from grader.report.advice import points
from grader.report.page import student_page
from grader.report.text import prose, spelled, visible
from grader.results import ExerciseResult
from grader.score import number

_HERE = Path(__file__).parent


def student_report(result: ExerciseResult, exercise: Exercise, sources: Mapping[str, str]) -> str:
    """Return what a student gets to read about one submission: one HTML file that needs nothing else.

    Args:
        sources: The text of each judged file by its name; empty where none could be read.
    """
    page = student_page(result, exercise, sources)
    spoken = language.current().replace("_", "-")
    return environment().get_template("student.html.j2").render(page=page, language=spoken)


@cache
def environment() -> Environment:
    """Return the engine all pages are made with."""
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"visible": visible, "prose": prose, "number": number, "points": points}
    base, student, class_, script = map(asset, ("base.css", "student.css", "class.css", "class.js"))
    made.globals |= {
        "messages": messages,
        "css": base + student,
        "class_css": base + class_,
        "class_full_css": base + student + class_,
        "script": script,
        "script_digest": digest(script),
    }
    return made


@cache
def asset(name: str) -> Markup:
    """Return one of our own files, as it stands."""
    return Markup((_HERE / "assets" / name).read_text("utf-8"))


def digest(script: str) -> str:
    """Return what a Content-Security-Policy names to allow this script and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _finalize(value: Any) -> Any:
    """Spell out what cannot be seen in plain text; what a filter made into Markup was seen to there."""
    if type(value) is str:
        return spelled(value)
    return spelled(str(value)) if isinstance(value, str) and not isinstance(value, Markup) else value
