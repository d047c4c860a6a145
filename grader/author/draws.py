"""The gate on the draws of hidden checks: they must follow from something that students do not have."""

from __future__ import annotations

from grader import messages
from grader.author.gate import Gate, Problem
from grader.course import Exercise
from grader.draws_key import FILE, NONE, read_draws_key


def draws_gate(exercise: Exercise) -> Gate:
    """A hidden suite has its key; what it draws is then nobody's to draw again.

    Raises:
        CourseError: the file is there and no key.
    """
    hidden = exercise.hidden_folder
    if not hidden.is_dir():
        return Gate("draws", messages.VERIFY_DRAWS, 0, "")
    file = (hidden / FILE).relative_to(exercise.course.root).as_posix()
    problems = (Problem(file, "", messages.VERIFY_NO_DRAWS_KEY),) if read_draws_key(exercise) == NONE else ()
    return Gate("draws", messages.VERIFY_DRAWS, 1, messages.VERIFY_DRAWS_ADVICE.format(file=file), problems)
