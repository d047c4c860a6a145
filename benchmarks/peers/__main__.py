"""The same homework judged by us and by the graders that people use: speed, cheating, feedback.

    python -m benchmarks.peers [--budget-s S] [--sizes 10,30,100] [--cores 1,2] [--quick]

One command for everything: environments are made in --cache, cells are measured in turn and kept as they come, and
benchmarks/results/peers.json with the tables in peers.md, README.md and docs/comparison.md is written at the end. A run
that was broken off goes on. What there is no time for is left empty. Figures of different machines do not compare.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.peers import forms, tables
from benchmarks.peers.contenders import ALL
from benchmarks.peers.plan import Plan, Step
from benchmarks.peers.results import Cheating, Feedback, Journal, Results, Speed
from benchmarks.peers.trial import Bench
from benchmarks.peers.venvs import version_of

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("speed", "cheating", "feedback")


def _numbers(_: click.Context, __: click.Parameter, text: str) -> tuple[int, ...]:
    return tuple(sorted(int(word) for word in text.split(",")))


@click.command()
@click.option("--budget-s", default=1800.0, show_default=True, help="Begin nothing that would not end in this time.")
@click.option("--sizes", default="10,30,100", callback=_numbers, show_default=True, help="Submissions in a class.")
@click.option("--cores", default="1,2", callback=_numbers, show_default=True, help="On how many cores.")
@click.option("--rounds", default=1, show_default=True, help="How often the smallest class is graded.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only this; may be given several times.")
@click.option("--only", multiple=True, help="Only the contender of this name; may be given several times.")
@click.option("--cache", default=ROOT / "build" / "peers", type=click.Path(path_type=Path), help="For environments.")
@click.option("--results", default=ROOT / "benchmarks" / "results", type=click.Path(path_type=Path))
@click.option("--fresh", is_flag=True, help="Forget what an unfinished run has measured.")
@click.option("--quick", is_flag=True, help="Two submissions, three attacks, three mistakes; changes nothing in docs.")
def main(
    budget_s: float,
    sizes: tuple[int, ...],
    cores: tuple[int, ...],
    rounds: int,
    parts: tuple[str, ...],
    only: tuple[str, ...],
    cache: Path,
    results: Path,
    fresh: bool,
    quick: bool,
) -> None:
    """Measure and write the tables."""
    if unknown := set(only) - {one.name for one in ALL}:
        raise click.BadParameter(f"{', '.join(unknown)}; there are {', '.join(one.name for one in ALL)}")
    contenders = [one for one in ALL if not only or one.name in only]
    bench = Bench(cache.resolve())
    plan = Plan(bench, contenders, sizes, cores, rounds, parts or PARTS)
    if quick:
        results = cache / "quick"
        attacks = ("right", "rebinds_assertions", "exits_in_one_function")
        plan = Plan(bench, contenders, (2,), (1,), 1, parts or PARTS, attacks, mistakes=3)
    settings = _settings(bench, plan)
    path = cache / ("quick.jsonl" if quick else "run.jsonl")
    if fresh:
        path.unlink(missing_ok=True)
    journal = Journal(path, settings)
    began = time.monotonic()
    left = [step.key for step in plan.steps(journal.cells) if not _measured(step, journal, began + budget_s)]
    found = _results(journal, time.monotonic() - began)
    found.write(results / "peers.json")
    results.joinpath("peers.md").write_text(tables.page(found))
    if not quick:
        tables.update(ROOT, found)
    _say(left, journal)


def _settings(bench: Bench, plan: Plan) -> dict[str, Any]:
    """Return what makes cells comparable: machine, versions, and every file of ours and of this benchmark."""
    versions = {one.name: version_of(one.package, bench.place(one).python) for one in plan.contenders}
    files = sorted(path for folder in ("grader", "benchmarks/peers") for path in (ROOT / folder).rglob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return {"machine": machine.described(), "versions": versions, "files": digest, "parts": list(plan.parts)}


def _measured(step: Step, journal: Journal, until: float) -> bool:
    """Measure a cell unless that was done or there is no time for it; return whether it is there now."""
    if step.key in journal.cells:
        return True
    if time.monotonic() + step.estimate_s > until:
        return False
    print(f"{step.key} …", end=" ", file=sys.stderr, flush=True)
    cell = step.run()
    journal.keep(cell)
    print(_short(cell), file=sys.stderr, flush=True)
    return True


def _short(cell: Speed | Cheating | Feedback) -> str:
    if isinstance(cell, Speed):
        return f"{cell.wall_s:.2f} s, {cell.judged} of {cell.size} judged, load {cell.load:.1f}"
    if isinstance(cell, Cheating):
        return f"{'no result' if cell.score is None else f'{cell.score:g}'}, {cell.wall_s:.2f} s"
    return f"{sum(score != forms.full() for score in cell.scores.values())} of {len(cell.scores)} caught"


def _results(journal: Journal, wall_s: float) -> Results:
    cells = list(journal.cells.values())
    return Results(
        journal.settings["machine"],
        journal.settings["versions"],
        forms.full(),
        round(wall_s, 1),
        [cell for cell in cells if isinstance(cell, Speed)],
        [cell for cell in cells if isinstance(cell, Cheating)],
        [cell for cell in cells if isinstance(cell, Feedback)],
    )


def _say(left: list[str], journal: Journal) -> None:
    if left:
        print(f"No time for {len(left)} cells; the same command goes on with them:", file=sys.stderr)
        print("\n".join(f"  {key}" for key in left), file=sys.stderr)
    else:
        journal.end()


if __name__ == "__main__":
    main()
