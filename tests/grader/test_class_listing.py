"""What is listed of a graded class for a person, on classes made here; nothing is judged."""

from __future__ import annotations

import io

from grader.classroom.listing import person_lines
from grader.terminal import console_for

from .gradebooks import FIRST, SECOND, a_class, is_open, student

ADA, BO, CLEO = student("ada"), student("bo"), student("cleo")


def test_what_kept_a_whole_class_from_being_judged_is_said_once() -> None:
    """The same trouble in one exercise is one line with everybody's ids; another exercise has its own."""
    view = a_class(
        {ADA: (1.0,), BO: (1.0,), CLEO: (1.0,)}, is_open(ADA, FIRST), is_open(CLEO, FIRST), is_open(BO, SECOND)
    )
    console = console_for(io.StringIO())
    text = " ".join(" ".join(line.plain for line in person_lines(view, console)).split())
    assert text.startswith("Needs a person (2)")
    assert f"ada, cleo, {FIRST}: 1 checks could not be judged." in text
    assert f"bo, {SECOND}: 1 checks could not be judged." in text
