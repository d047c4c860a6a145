"""Whether outcomes and names of all wrong answers survive another dialect of torch, and the whole suite backwards.

    python benchmarks/stability.py [EXERCISE] [--workers N]

`grader verify` and a test look at parts of this; here every wrong answer is judged by the whole suite, as torch
computes on this processor and on the oldest one, in the order of the plan and from the last check to the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import click

from grader.course import Exercise, load_course, load_exercise
from grader.diagnosis.atlas import wrong_answers
from grader.diagnosis.evidence import Nearness, nearness
from grader.diagnosis.lookup import Known, Record, diagnose
from grader.diagnosis.naming import record_of
from grader.grade import Grader
from grader.pool import Pool
from grader.sandbox.spawn import Zygote
from grader.submission import read_submission

ROOT = Path(__file__).resolve().parents[1]
HERE, OLDEST = "", "default"


@click.command()
@click.argument("exercise", default="1")
@click.option("--workers", type=int, help="Submissions judged at once; default: one per core.")
def main(exercise: str, workers: int | None) -> None:
    """Judge and print one row per way, then what differs."""
    found = load_exercise(load_course(ROOT), exercise)
    ways = {way: records(found, *way, workers) for way in product((HERE, OLDEST), (False, True))}
    atlas = [Known(name, record) for name, record in ways[HERE, False].items()]
    print(f"{found.slug}: {len(atlas)} wrong answers by the whole suite, atlas of the first row")
    for (dialect, backwards), judged in ways.items():
        way = f"{dialect or 'this processor'}, {'last check first' if backwards else 'order of the plan'}"
        row(way, judged, ways[HERE, False], atlas)


def records(exercise: Exercise, dialect: str, backwards: bool, workers: int | None) -> dict[str, Record]:
    """Judge every wrong answer one way."""
    answers = wrong_answers(exercise)
    submissions = [read_submission(exercise, answer.path) for answer in answers]

    def judge(grader: Grader, place: int) -> Record:
        return record_of(grader.judge(submissions[place], backwards=backwards))

    with ExitStack() as stack:
        zygote = stack.enter_context(Zygote.start(dialect))
        zygote.wait_until_ready()
        pool = stack.enter_context(Pool(exercise, workers=workers, zygote=zygote))
        judged = pool.map(judge, range(len(answers)))
        return {answer.misconception.id: record for answer, record in zip(answers, judged, strict=True)}


def row(way: str, judged: dict[str, Record], first: dict[str, Record], atlas: list[Known]) -> None:
    """Print how many wrong answers fared as in the first way, then each difference."""
    outcomes = sum(record.outcomes == first[name].outcomes for name, record in judged.items())
    differing = {name: list(differences(record, first[name], atlas)) for name, record in judged.items()}
    same = sum(not found for found in differing.values())
    named = sum(name in called(record, atlas).values() for name, record in judged.items())
    print(f"  {way:<36} same outcomes {outcomes:>3}, same values and names {same:>3}, own name {named:>3}", flush=True)
    for name, found in differing.items():
        for text in found:
            print(f"    {name}: {text}")


def differences(record: Record, first: Record, atlas: list[Known]) -> Iterator[str]:
    """Yield the checks that ended otherwise, at another value or with another name."""
    before, after = called(first, atlas), called(record, atlas)
    for check, outcome in record.outcomes.items():
        mine, theirs = record.evidence.get(check), first.evidence.get(check)
        is_near = mine is theirs if mine is None or theirs is None else nearness(mine, theirs) is Nearness.SAME
        if outcome is not first.outcomes[check] or not is_near or before.get(check) != after.get(check):
            yield f"{check}: {outcome} {after.get(check)}, before {first.outcomes[check]} {before.get(check)}"


def called(record: Record, atlas: list[Known]) -> dict[str, str]:
    """Return the name that each failing check gives."""
    return {check: match.id for check, match in diagnose(record, atlas).items()}


if __name__ == "__main__":
    main()
