"""What an author reads of `grader verify`: a line that moves, one row per gate, then every problem.

Owns the order; `terminal` owns how lines look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from grader import messages
from grader.author.gate import Gate, MutantCounts, Problem, Verified
from grader.course import Exercise
from grader.pool import OnProgress
from grader.progress import counting_bar
from grader.sandbox.fence import Tier
from grader.terminal import console_for, indented, paragraph, printable, say, yes_no_lines

Gates = Callable[[Exercise, Tier, OnProgress], Verified]
_DIFF_STYLES = {"-": "red", "+": "green", "@": "cyan"}


def verify_and_show(exercises: Sequence[Exercise], gates: Gates, tier: Tier, stream: TextIO) -> list[Verified]:
    """Verify exercises one after the other and print each as it is done; what moves is on stderr, if a terminal.

    Args:
        gates: `verify` or `verify_mutants`.
    Raises:
        UsageError, InfrastructureError: see these.
    """
    console = console_for(stream)
    done = []
    for exercise in exercises:
        done.append(_with_bar(exercise, gates, tier))
        say(console, table_lines(done[-1], console))
    return done


def _with_bar(exercise: Exercise, gates: Gates, tier: Tier) -> Verified:
    with counting_bar(exercise.slug) as on_progress:
        return gates(exercise, tier, on_progress)


def table_lines(verified: Verified, console: Console) -> Iterator[Text | str]:
    """Yield one row per gate, the problems of those that fail with what to do, notes, and how it all went."""
    yield from paragraph(messages.VERIFY_HEADING.format(slug=verified.exercise, seed=verified.seed), console, "bold")
    yield ""
    rows = [(gate.good, _row(gate), "") for gate in verified.gates]
    yield from yes_no_lines(rows, console, (messages.VERIFY_GOOD, messages.VERIFY_BAD))
    for gate in verified.gates:
        if not gate.good:
            yield from _problem_lines(gate, console)
    for gate in verified.gates:
        for note in gate.notes:
            yield ""
            yield from indented(note, console)
    yield ""
    failing = [gate.name for gate in verified.gates if not gate.good]
    verdict = messages.VERIFY_FAILED.format(names=", ".join(failing)) if failing else messages.VERIFY_PASSED
    yield from paragraph(verdict, console, "bold")
    for line in _cost(verified):
        yield from paragraph(line, console)


def _cost(verified: Verified) -> Iterator[str]:
    """Yield what was run and how long it took."""
    if verified.mutants is not None:
        yield from _mutants(verified.mutants, verified.wall_s)
    else:
        facts = {"runs": verified.runs - verified.cached, "cached": verified.cached, "wall_s": verified.wall_s}
        yield messages.VERIFY_COST.format(**facts)


def _mutants(counts: MutantCounts, wall_s: float) -> Iterator[str]:
    yield messages.MUTANTS_KILLED.format(
        killed=counts.killed, judged=counts.judged, rate=counts.kill_rate, by_time=counts.killed_by_time,
        limit_s=counts.limit_s, survived=counts.survived, explained=counts.explained,
    )  # fmt: skip
    yield messages.MUTANTS_SKIPPED.format(**counts.skipped)
    yield messages.MUTANTS_COST.format(per_s=counts.per_s, workers=counts.workers, wall_s=wall_s)


def _row(gate: Gate) -> str:
    row = messages.VERIFY_ROW.format(title=gate.title, counted=gate.counted)
    return row if gate.good else row + messages.VERIFY_ROW_PROBLEMS.format(count=len(gate.problems))


def _problem_lines(gate: Gate, console: Console) -> Iterator[Text | str]:
    yield ""
    yield Text(messages.VERIFY_GATE.format(name=gate.name), "bold red")
    for problem in gate.problems:
        first, *diff = _said(problem).splitlines()
        yield from indented(first, console)
        # Neither wrapped nor cut: these lines are there to be copied.
        yield from (Text(f"    {printable(line)}", _DIFF_STYLES.get(line[:1], "")) for line in diff)
    yield from indented(messages.VERIFY_WHAT_TO_DO.format(advice=gate.advice), console)


def _said(problem: Problem) -> str:
    where = f"{problem.file}: {problem.check}" if problem.check else problem.file
    return f"{where}: {problem.text}"
