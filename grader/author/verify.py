"""`grader verify`: run everything that an exercise must survive, and pass it through the gates.

Owns which gates there are and their order. A broken course is a failing gate here, not an exception: saying so is the
command's purpose.
"""

from __future__ import annotations

import time
from ast import parse
from pathlib import Path

from grader import messages
from grader.author.again_gates import layouts_gate, reversed_gate
from grader.author.canary import canary_gate
from grader.author.draws import draws_gate
from grader.author.gate import Gate, Problem, Verified
from grader.author.gates import (
    alone_gate,
    caught_gate,
    equivalents_gate,
    points_gate,
    reference_gate,
    settled_gate,
    stub_gate,
    vacuity_gate,
)
from grader.author.naming_gates import named_gate, neighbours_gate
from grader.author.own_files import read_text, shown, unreadable
from grader.author.runs import run_everything
from grader.author.sources import comparisons_gate, judged_gate, signatures_gate
from grader.author.statement import readme_problems
from grader.author.twins import languages_gate, said_by, statements_of
from grader.course import Exercise
from grader.errors import CourseError, UsageError
from grader.pool import OnProgress, Pool
from grader.sandbox.fence import Tier


def verify(exercise: Exercise, tier: Tier, on_progress: OnProgress) -> Verified:
    """Return what every gate says of an exercise.

    Args:
        on_progress: Called with how many submissions have been judged, and of how many.
    Raises:
        UsageError: there is no reference, as in a student's copy. InfrastructureError: something of ours failed.
    """
    require_solutions(exercise)
    began = time.monotonic()
    runs = cached = 0
    gates: list[Gate] = []
    try:
        gates = _static_gates(exercise)
        with Pool(exercise, tier) as pool:
            everything = run_everything(pool, on_progress)
        runs, cached = everything.runs, everything.cached
        suite, reference = shown(exercise, exercise.hidden_folder), shown(exercise, exercise.solution_folder)
        gates = [
            settled_gate(everything, suite),
            reference_gate(everything.reference, reference),
            stub_gate(everything.stub, shown(exercise, exercise.stub_folder)),
            equivalents_gate(everything.equivalent),
            caught_gate(everything),
            named_gate(everything.wrong),
            neighbours_gate(everything.wrong),
            layouts_gate(everything.layouts, everything.wrong),
            vacuity_gate(everything.hollow, suite),
            alone_gate(everything.alone),
            reversed_gate(everything.backwards, everything.wrong),
            canary_gate(everything.wrong),
            points_gate(everything, exercise.points, shown(exercise, exercise.stub_folder / "exercise.toml")),
            *gates,
        ]
    except CourseError as error:
        gates = [course_gate(exercise, error), *gates]
    wall_s = round(time.monotonic() - began, 3)
    return Verified(exercise.slug, exercise.course.seed, tuple(gates), runs, cached, wall_s)


def _static_gates(exercise: Exercise) -> list[Gate]:
    stubs = _texts(exercise, [exercise.stub_folder / name for name in exercise.files])
    references = _texts(exercise, [exercise.solution_folder / name for name in exercise.files])
    hidden = _texts(exercise, sorted(exercise.hidden_folder.rglob("*.py")))
    public = [exercise.public_suite] if exercise.public_suite.exists() else []
    statements = statements_of(exercise)
    readmes = {path: text for statement in statements.values() for path, text in statement.items()}
    return [
        signatures_gate(stubs, references, readme_problems(readmes, stubs)),
        judged_gate(stubs, hidden | _texts(exercise, public)),
        comparisons_gate(hidden),
        languages_gate(said_by(exercise), statements),
        draws_gate(exercise),
    ]


def _texts(exercise: Exercise, paths: list[Path]) -> dict[str, str]:
    """Return Python files as text by the path that messages show.

    Raises:
        CourseError: one is missing or no Python.
    """
    found = {shown(exercise, path): read_text(exercise, path) for path in paths}
    for path, text in zip(paths, found.values(), strict=True):
        try:
            parse(text)
        except SyntaxError as error:
            raise unreadable(exercise, path, error) from error
    return found


def require_solutions(exercise: Exercise) -> None:
    """Refuse to verify a student's copy.

    Raises:
        UsageError: there is no reference.
    """
    if not exercise.solution_folder.is_dir():
        raise UsageError(messages.VERIFY_NEEDS_SOLUTIONS.format(folder=exercise.solution_folder))


def course_gate(exercise: Exercise, error: CourseError) -> Gate:
    """Return the gate that fails because the course is broken."""
    problem = Problem(shown(exercise, exercise.stub_folder), "", str(error))
    return Gate("course", messages.VERIFY_COURSE, 1, messages.VERIFY_COURSE_ADVICE, (problem,))
