"""The commands that grade a class and look at what came of it: grade, results, override, comment; and `check --from`.

A command parses, makes one call, prints. Never imports torch; what takes time is imported inside.
"""

from __future__ import annotations

import getpass
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import language, messages
from grader.commands.common import DEVICES, FENCES, devices_of, tier_of
from grader.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from grader.classroom.cells import Cells
    from grader.classroom.handin import Student
    from grader.classroom.picture import Late
    from grader.classroom.run import TakeIn, Wanted
    from grader.classroom.store import Store
    from grader.classroom.view import ClassView, Standing
    from grader.course import Course, Exercise
    from grader.errors import SubmissionRejected
    from grader.submission import Submission

_INTERRUPTED = 130
_FOLDER = click.Path(path_type=Path)


@click.command(help=messages.CLI_GRADE_HELP)
@click.argument("submissions", type=_FOLDER)
@click.option("--out", type=_FOLDER, required=True, help=messages.CLI_OPTION_OUT)
@click.option("--workers", metavar="N", type=click.IntRange(1, 256), help=messages.CLI_OPTION_WORKERS)
@click.option("--roster", metavar="CSV", type=_FOLDER, help=messages.CLI_OPTION_ROSTER)
@click.option("--layout", metavar="L", help=messages.CLI_OPTION_LAYOUT)
@click.option("--exercise", "exercises", metavar="E", multiple=True, help=messages.CLI_OPTION_EXERCISES)
@click.option("--student", "students", metavar="ID", multiple=True, help=messages.CLI_OPTION_STUDENTS)
@click.option("--seed", metavar="N", type=click.IntRange(0, (1 << 63) - 1), help=messages.CLI_OPTION_SEED)
@click.option("--device", type=click.Choice(DEVICES), help=messages.CLI_OPTION_DEVICE)
@click.option("--fence", type=click.Choice(FENCES), default="auto", help=messages.CLI_OPTION_FENCE)
@click.option("--allow-unfenced", is_flag=True, help=messages.CLI_OPTION_UNFENCED)
def grade(
    submissions: Path,
    out: Path,
    workers: int | None,
    roster: Path | None,
    layout: str | None,
    exercises: tuple[str, ...],
    students: tuple[str, ...],
    seed: int | None,
    device: str | None,
    fence: str,
    allow_unfenced: bool,
) -> None:
    """Grade a class, or go on with it."""
    from grader.classroom.run import Wanted, allow, cores
    from grader.course import find_course, load_exercise

    course = find_course()
    language.use(course.language)
    chosen = [load_exercise(course, name) for name in (exercises or course.slugs())]
    if not chosen:
        raise UsageError(messages.CLI_NO_EXERCISES.format(folder=course.root / "exercises"))
    tier = tier_of(fence)
    allow(tier, asked=fence != "auto", unfenced=allow_unfenced)
    devices = {exercise.slug: devices_of(exercise, device) for exercise in chosen}
    asked = ["grade", str(submissions), "--out", str(out), *(f"--exercise={name}" for name in exercises)]
    asked += [*(f"--student={id}" for id in students), *([f"--device={device}"] if device else [])]
    wanted = Wanted(
        submissions=submissions,
        out=out,
        exercises=tuple(dict.fromkeys(chosen)),
        tier=tier,
        seed=course.seed if seed is None else seed,
        workers=workers or cores(),
        command=shlex.join(["grader", *asked]),
        devices=devices,
        students=students,
        roster=roster,
        layout=layout,
    )
    _grade_and_show(course, wanted)


@click.command(help=messages.CLI_RESULTS_HELP)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--student", metavar="ID", help=messages.CLI_OPTION_STUDENT)
@click.option("--exercise", metavar="E", help=messages.CLI_OPTION_EXERCISE)
@click.option("--diff", "is_diff", is_flag=True, help=messages.CLI_OPTION_DIFF)
@click.option("--run", "run", metavar="N", type=int, help=messages.CLI_OPTION_RUN)
def results(folder: Path, student: str | None, exercise: str | None, is_diff: bool, run: int | None) -> None:
    """Show what is in a store."""
    from grader.classroom.store import Store
    from grader.course import find_course
    from grader.terminal import console_for, say

    course = find_course()
    language.use(course.language)
    console = console_for(sys.stdout)
    with Store.open(folder) as store:
        _tell(store, console)
        if is_diff or run is not None:
            _show_difference(store, run, student, _slug(course, exercise), console)
            return
        view = store.view(course, _late())
        _show(store, view, student, _graded(view, exercise), console)
        say(console)


@click.command(help=messages.CLI_OVERRIDE_HELP)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--student", metavar="ID", required=True, help=messages.CLI_OPTION_STUDENT)
@click.option("--exercise", metavar="E", required=True, help=messages.CLI_OPTION_EXERCISE)
@click.option("--check", metavar="CHECK", default="", help=messages.CLI_OPTION_CHECK)
@click.option("--points", metavar="N", type=click.FloatRange(0), help=messages.CLI_OPTION_POINTS)
@click.option("--withdraw", is_flag=True, help=messages.CLI_OPTION_WITHDRAW)
@click.option("--beyond", is_flag=True, help=messages.CLI_OPTION_BEYOND)
@click.option("--reason", metavar="TEXT", required=True, help=messages.CLI_OPTION_REASON)
@click.option("--by", metavar="NAME", help=messages.CLI_OPTION_BY)
def override(
    folder: Path,
    student: str,
    exercise: str,
    check: str,
    points: float | None,
    withdraw: bool,
    beyond: bool,
    reason: str,
    by: str | None,
) -> None:
    """Give points by hand, or take them back."""
    from grader.classroom.listing import score_words
    from grader.classroom.store import Store, now
    from grader.classroom.view import Override
    from grader.course import find_course

    if (points is None) != withdraw:
        raise UsageError(messages.OVERRIDE_ONE_OF)
    if not reason.strip():
        raise UsageError(messages.OVERRIDE_NO_REASON)
    course = find_course()
    with Store.open(folder, write=True) as store:
        view = store.view(course)
        found = _standing(view, student, exercise, folder)
        require_worth(view, found, check, None if beyond else points)
        given = Override(student, found.exercise, check, points or 0.0, reason, by or getpass.getuser(), now())
        store.override(given, withdraw=withdraw)
        after = store.view(course).of(student, found.exercise)
    facts = {"before": score_words(found.score), "after": score_words(after.score)}
    click.echo(messages.OVERRIDE_KEPT.format(who=student, slug=found.exercise, **facts))


@click.command(help=messages.CLI_COMMENT_HELP)
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.argument("text")
@click.option("--student", metavar="ID", required=True, help=messages.CLI_OPTION_STUDENT)
@click.option("--exercise", metavar="E", required=True, help=messages.CLI_OPTION_EXERCISE)
@click.option("--by", metavar="NAME", help=messages.CLI_OPTION_BY)
def comment(folder: Path, text: str, student: str, exercise: str, by: str | None) -> None:
    """Write something to a student."""
    from grader.classroom.store import Store, now
    from grader.classroom.view import Comment
    from grader.course import find_course

    if not text.strip():
        raise UsageError(messages.COMMENT_EMPTY)
    course = find_course()
    with Store.open(folder, write=True) as store:
        found = _standing(store.view(course), student, exercise, folder)
        store.comment(Comment(student, found.exercise, text, by or getpass.getuser(), now()))
    click.echo(messages.COMMENT_KEPT.format(who=student, slug=found.exercise))


def _grade_and_show(course: Course, wanted: Wanted) -> None:
    from grader.classroom.listing import heading_lines, summary_lines
    from grader.classroom.run import grade_class
    from grader.classroom.store import FILE, Store
    from grader.classroom.watch import ConsoleWatch
    from grader.terminal import console_for, say

    console = console_for(sys.stdout)
    facts = {"tier": wanted.tier, "seed": wanted.seed, "workers": wanted.workers, "out": wanted.out}
    watch = ConsoleWatch(console, messages.GRADE_CONDITIONS.format(**facts))
    try:
        with watch:
            grade_class(course, wanted, watch, _take_in())
    except KeyboardInterrupt:
        click.echo(messages.GRADE_INTERRUPTED.format(done=watch.done, total=watch.total), err=True)
        raise click.exceptions.Exit(_INTERRUPTED) from None
    with Store.open(wanted.out) as store:
        view = store.view(course, _late())
    say(console, ["", *heading_lines(view, console), ""])
    say(console, summary_lines(view, wanted.out, wanted.out / FILE, console))


def _show(store: Store, view: ClassView, student: str | None, slug: str | None, console: Console) -> None:
    """Print the whole class, an exercise of it, a student, or one exercise of one student."""
    from dataclasses import replace

    from grader.classroom.listing import class_lines, heading_lines, person_lines, standing_lines, student_lines
    from grader.classroom.picture import attempts_of
    from grader.terminal import say

    say(console, [*heading_lines(view, console), ""])
    if student is not None and slug is not None:
        found = _standing(view, student, slug, store.folder)
        say(console, standing_lines(view, found, attempts_of(store, student, slug), console))
    elif student is not None:
        say(console, student_lines(view, _student(view, student, store.folder), console))
    else:
        kept = tuple(exercise for exercise in view.exercises if slug in (None, exercise.slug))
        standings = {key: one for key, one in view.standings.items() if slug in (None, key[1])}
        part = replace(view, exercises=kept, standings=standings)
        say(console, [*class_lines(part, console), "", *person_lines(part, console)])


def _show_difference(store: Store, run: int | None, student: str | None, slug: str | None, console: Console) -> None:
    from dataclasses import replace

    from grader.classroom.listing import difference_lines
    from grader.classroom.picture import difference
    from grader.terminal import say

    runs = {one.id: one for one in store.runs()}
    if len(runs) < 2:
        raise UsageError(messages.DIFF_ONE_RUN.format(folder=store.folder))
    if run is not None and run not in runs:
        known = ", ".join(map(str, runs))
        raise UsageError(messages.DIFF_NO_RUN.format(folder=store.folder, run=run, runs=known))
    *_, before, after = runs.values()
    found = difference(store, runs[run] if run is not None else before, after)
    moves = [move for move in found.moves if student in (None, move.student) and slug in (None, move.exercise)]
    say(console, difference_lines(replace(found, moves=tuple(moves)), console))


def _tell(store: Store, console: Console) -> None:
    from grader.terminal import indented, say

    for notice in store.notices:
        say(console, indented(notice, console))


def _student(view: ClassView, id: str, folder: Path) -> Student:
    from grader.course import did_you_mean

    for student in view.students:
        if student.id == id:
            return student
    hint = did_you_mean(id, [student.id for student in view.students])
    raise UsageError(messages.GRADE_NO_STUDENT.format(where=folder, student=id, hint=hint))


def _standing(view: ClassView, student: str, exercise: str, folder: Path) -> Standing:
    """Return one standing.

    Raises:
        UsageError: there is no such student or exercise; near names are suggested.
    """
    slug = _graded(view, exercise)
    assert slug is not None
    return view.of(_student(view, student, folder).id, slug)


def _graded(view: ClassView, name: str | None) -> str | None:
    slug = _slug(view.course, name)
    graded = [exercise.slug for exercise in view.exercises]
    if slug is not None and slug not in graded:
        raise UsageError(messages.RESULTS_NO_EXERCISE.format(slug=slug, names=", ".join(graded)))
    return slug


def _slug(course: Course, name: str | None) -> str | None:
    from grader.course import load_exercise

    return None if name is None else load_exercise(course, name).slug


def require_worth(view: ClassView, standing: Standing, check: str, points: float | None) -> None:
    """Refuse a check that does not exist, and more points than there are."""
    from grader.course import did_you_mean
    from grader.score import number

    worth = {one.id: one.max_points for one in standing.result.checks} if standing.result else {}
    if check and check not in worth:
        facts = {"slug": standing.exercise, "check": check, "hint": did_you_mean(check, list(worth))}
        raise UsageError(messages.OVERRIDE_NO_CHECK.format(**facts))
    maximum = worth[check] if check else view.max_scores[standing.exercise]
    if points is not None and points > maximum + 1e-9:
        facts = {"points": number(points), "what": check or standing.exercise, "max": number(maximum)}
        raise UsageError(messages.OVERRIDE_TOO_MANY.format(**facts))


@dataclass(frozen=True)
class Replay:
    """What `check --from` judges again: a stored submission, the seed of then, and a line on what is kept of it.

    `cells` are those of the notebooks that it was made of.
    """

    submission: Submission | SubmissionRejected
    seed: int
    command: str
    line: str
    cells: Cells


def replay(folder: Path, exercise: Exercise, student: str) -> Replay:
    """Return what a student handed in, as it is kept.

    Raises:
        UsageError: there is no such store or student, or nothing was handed in.
    """
    from grader.classroom.listing import score_words
    from grader.classroom.picture import attempts_of, stored_cells, stored_submission
    from grader.classroom.store import Store
    from grader.errors import SubmissionRejected
    from grader.score import number

    with Store.open(folder) as store:
        view = store.view(exercise.course)
        _student(view, student, folder)
        found = stored_submission(store, student, exercise.slug)
        if found is None:
            raise UsageError(messages.REPLAY_NOTHING.format(student=student, slug=exercise.slug))
        cells = stored_cells(store, student, exercise.slug)
        attempts = attempts_of(store, student, exercise.slug)
        score = score_words(view.of(student, exercise.slug).score)
    line, seed = "", view.run.seed
    if attempts:
        last = attempts[-1]
        facts = {"score": score, "max": number(last.result.max_score), "number": last.number, "run": last.run}
        line, seed = messages.REPLAY_STORED.format(**facts), last.result.seed
    command = shlex.join(["grader", "check", "--from", str(folder), "--student", student, "--exercise", exercise.slug])
    return Replay(SubmissionRejected(found) if isinstance(found, str) else found, seed, command, line, cells)


def _take_in() -> TakeIn:
    from grader.classroom.intake import take_in

    return take_in


def _late() -> Late:
    from grader.classroom.late import apply

    return apply
