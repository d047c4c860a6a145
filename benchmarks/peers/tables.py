"""The results as Markdown: what stands in benchmarks/results/peers.md, README.md and docs/comparison.md.

Knows results and no grader. Words about what is measured stand in the documents, outside of the markers.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.peers.results import Cheating, Feedback, Results, Speed

OURS = "nn-grader"
NONE = "Not measured yet: `make bench` does."
_MIB = 1 << 20
_QUOTE_LINES, _QUOTE_CHARACTERS = 9, 110


def page(found: Results) -> str:
    """Return everything on one page."""
    parts = (("Speed", speed), ("Cheating", cheating), ("Feedback", feedback), ("What a student reads", quotes))
    body = "\n\n".join(f"## {title}\n\n{table(found)}" for title, table in parts)
    return f"# Judged by others\n\n{conditions(found)}\n\n{body}\n"


BLOCKS: dict[str, Callable[[Results], str]] = {}


def block(table: Callable[[Results], str]) -> Callable[[Results], str]:
    """Make a table one that documents can ask for between markers, by its name."""
    BLOCKS[table.__name__] = table
    return table


def filled(text: str, found: Results | None) -> str:
    """Return a document with what stands between its markers `<!-- peers: NAME -->` and `<!-- /peers -->` renewed."""

    def renewed(match: re.Match[str]) -> str:
        return f"{match[1]}\n{BLOCKS[match[2]](found) if found else NONE}\n{match[3]}"

    return re.sub(r"(?s)(<!-- peers: (\w+) -->)\n.*?(<!-- /peers -->)", renewed, text)


def update(root: Path, found: Results | None) -> None:
    """Renew the tables of README.md and docs/comparison.md."""
    for path in documents(root):
        path.write_text(filled(path.read_text(), found))


def documents(root: Path) -> tuple[Path, ...]:
    """Return the documents that show tables."""
    return root / "README.md", root / "docs" / "comparison.md"


@block
def conditions(found: Results) -> str:
    """Return machine, date and versions in one paragraph."""
    versions = ", ".join(f"{name} {version}" for name, version in found.versions.items() if not name.startswith("no "))
    torch = [version for name, version in found.versions.items() if name.startswith("no ")]
    loads = [cell.load for cell in (*found.speed, *found.cheating, *found.feedback)]
    load = f" Load during the run: {min(loads):.1f} to {max(loads):.1f}." if loads else ""
    return f"{machine.sentence(found.machine)}{load} {versions}{f'; torch {torch[0]}' if torch else ''}."


@block
def speed(found: Results) -> str:
    """Return seconds of one submission, by number of submissions and of cores."""
    shapes = sorted({(cell.cores, cell.size) for cell in found.speed})
    all_cores = sorted({cores for cores, _ in shapes})
    heads = [f"{size} on {_cores(cores)}" for cores, size in shapes]
    further = [f"one more, {_cores(cores)}" for cores in all_cores]
    rows = []
    for name in _names(found.speed):
        own = {shape: each_s for shape in shapes if (each_s := _each_s(found.speed, name, *shape)) is not None}
        cells = [f"{own[shape]:.3f} s" if shape in own else "" for shape in shapes]
        cells += [_one_more({size: each_s for (on, size), each_s in own.items() if on == cores}) for cores in all_cores]
        last = max((c for c in found.speed if c.contender == name), key=lambda cell: (cell.size, -cell.cores))
        rows.append([name, *cells, f"{last.cpu_s / last.size:.2f} s", f"{last.peak_bytes / _MIB:.0f} MiB"])
    return _table(["", *heads, *further, "CPU", "peak memory"], rows)


def _one_more(each_s: dict[int, float]) -> str:
    """Return what a further submission takes: the difference of the smallest and largest class over that of sizes."""
    if len(each_s) < 2:
        return ""
    small, large = min(each_s), max(each_s)
    return f"{(each_s[large] * large - each_s[small] * small) / (large - small):.3f} s"


def _each_s(cells: Sequence[Speed], name: str, cores: int, size: int) -> float | None:
    """Return the median of seconds for a submission; None if that was not measured."""
    own = [cell for cell in cells if (cell.contender, cell.cores, cell.size) == (name, cores, size)]
    return statistics.median(cell.wall_s / cell.size for cell in own) if own else None


def _cores(count: int) -> str:
    return f"{count} core{'s' * (count > 1)}"


@block
def ratios(found: Results) -> str:
    """Return how many times as long as we each takes for a submission, at the largest class that both have graded."""
    all_cores = sorted({cell.cores for cell in found.speed})
    names = [name for name in _names(found.speed) if name != OURS]
    rows = [[name, *(_ratio(found.speed, name, cores) for cores in all_cores)] for name in names]
    return _table(["", *(f"on {_cores(cores)}" for cores in all_cores)], rows)


def _ratio(cells: Sequence[Speed], name: str, cores: int) -> str:
    sizes = sorted({cell.size for cell in cells}, reverse=True)
    for size in sizes:
        theirs, ours = (_each_s(cells, one, cores, size) for one in (name, OURS))
        if theirs is not None and ours is not None:
            return f"{theirs / ours:.2g} times ({size} submissions)"
    return ""


@block
def cheating(found: Results) -> str:
    """Return score and seconds of every attack, for every contender."""
    names = _names(found.cheating)
    rows = []
    for forging in (True, False):
        for attack in dict.fromkeys(one.attack for one in found.cheating if one.is_forging is forging):
            own = {one.contender: one for one in found.cheating if one.attack == attack}
            title = next(iter(own.values())).title
            rows.append([title, *(_fate(own[name], found.checks) if name in own else "" for name in names)])
    return _table(["", *names], rows)


def _fate(one: Cheating, full: int) -> str:
    """Return what became of an attack: bold where the author would wish otherwise."""
    wish = 0 if one.is_forging else full - (one.attack != "right")
    score = "no result" if one.score is None else f"{one.score:g}"
    is_bad = (one.score or 0) > 0 if one.is_forging else (one.score or 0) < wish
    note = ", stopped by us" if one.stopped else ", left a process" if one.left_behind else ""
    return f"{f'**{score}**' if is_bad else score} · {one.wall_s:.1f} s{note}"


@block
def cheating_counts(found: Results) -> str:
    """Return of each contender how many attacks got points, and how many cost right answers their points."""
    rows = []
    for name in _names(found.cheating):
        own = [one for one in found.cheating if one.contender == name and one.attack not in ("right", "wrong")]
        forged = [one for one in own if one.is_forging]
        others = [one for one in own if not one.is_forging]
        points = sum((one.score or 0) > 0 for one in forged)
        lost = sum((one.score or 0) < found.checks - 1 for one in others)
        none = sum(one.score is None for one in own)
        rows.append([name, f"{points} of {len(forged)}", f"{lost} of {len(others)}", f"{none} of {len(own)}"])
    heads = ["", "forging attacks that got points", "misbehaving functions that cost other checks", "no result at all"]
    return _table(heads, rows)


@block
def feedback(found: Results) -> str:
    """Return how many known mistakes each caught and named, and how many right answers it failed."""
    seen = {name for one in found.feedback for name, score in one.scores.items() if score != found.checks}
    rows = []
    for one in found.feedback:
        caught = {name for name in seen if one.scores.get(name) != found.checks}
        failed = [name for name, score in one.equivalents.items() if score != found.checks]
        named = len(seen & set(one.named))
        wrong_failed = f"{len(failed)} of {len(one.equivalents)}" + (f" ({', '.join(failed)})" if failed else "")
        missed = sorted(seen - caught)
        rows.append([one.contender, f"{len(caught)} of {len(seen)}", f"{named} of {len(seen)}", wrong_failed])
        rows[-1].append(", ".join(missed))
    return _table(["", "mistakes caught", "called by their name", "right answers failed", "not caught"], rows)


@block
def quotes(found: Results) -> str:
    """Return what a student reads of the same mistakes, the beginning of it."""
    names = list(dict.fromkeys(name for one in found.feedback for name in one.said))
    parts = []
    for name in names:
        for one in found.feedback:
            parts.append(f"`{name}`, {one.contender}:\n\n```text\n{_shortened(one.said.get(name, ''))}\n```")
    return "\n\n".join(parts)


def _shortened(text: str) -> str:
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    cut = [line if len(line) <= _QUOTE_CHARACTERS else f"{line[:_QUOTE_CHARACTERS]}…" for line in lines[:_QUOTE_LINES]]
    return "\n".join([*cut, *(["…"] if len(lines) > _QUOTE_LINES else [])]).replace("```", "'''")


def _names(cells: Iterable[Speed | Cheating | Feedback]) -> list[str]:
    """Return the contenders in the order in which they were measured, ours first."""
    names = dict.fromkeys(cell.contender for cell in cells)
    return sorted(names, key=lambda name: not name.startswith(OURS))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows])
