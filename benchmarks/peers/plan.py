"""The cells of a run in their order, each with what it will take, so that a run keeps to its time.

Order: small classes, attacks, feedback, larger classes; within each the contenders take turns, so that a machine that
becomes slower does so for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peers import corpus
from benchmarks.peers.contenders import BARE, OURS, Contender, Handin, Standing
from benchmarks.peers.results import Cell, Cheating, Feedback, Speed
from benchmarks.peers.trial import Bench

HOSTILE_LIMIT_S = 40.0
FIRST = "nn-grader, its first run of a suite"
QUOTED = ("batch_mean_missing", "weight_gradient_transposed")
_START_S, _EACH_S = 4.0, 6.0  # until something was measured
_SAID = 4000


@dataclass(frozen=True)
class Step:
    """One cell: its key, what it will take, and how it is measured."""

    key: str
    estimate_s: float
    run: Callable[[], Cell]


@dataclass(frozen=True)
class Plan:
    """What is to be measured, of whom, in which sizes."""

    bench: Bench
    contenders: Sequence[Contender]
    sizes: Sequence[int]
    cores: Sequence[int]
    rounds: int
    parts: Sequence[str]
    attacks: Sequence[str] = ()
    mistakes: int | None = None

    def steps(self, known: Mapping[str, Cell]) -> Iterator[Step]:
        """Yield the steps; estimates are made of what is known when a step's turn comes."""
        sizes = list(self.sizes)
        if "speed" in self.parts:
            yield from self._first(known)
            for number in range(self.rounds):
                yield from self._speeds(sizes[0], number, known)
        if "cheating" in self.parts:
            yield from self._attacks(known)
        if "feedback" in self.parts:
            yield from self._feedbacks(known)
        if "speed" in self.parts:
            for size in sizes[1:]:
                yield from self._speeds(size, 0, known)

    def _first(self, known: Mapping[str, Cell]) -> Iterator[Step]:
        if OURS in self.contenders:
            size, cores = self.sizes[0], max(self.cores)
            yield Step(f"speed/{FIRST}/{cores}/{size}/0", 60.0, lambda: self._first_speed(cores, size))

    def _speeds(self, size: int, number: int, known: Mapping[str, Cell]) -> Iterator[Step]:
        for cores in self.cores:
            for contender in self.contenders:
                key = f"speed/{contender.name}/{cores}/{size}/{number}"
                estimate_s = _START_S + size * each_s(contender.name, known.values()) / cores
                yield Step(key, estimate_s, lambda c=contender, k=cores: self._speed(c, k, size, number))  # type: ignore[misc]

    def _attacks(self, known: Mapping[str, Cell]) -> Iterator[Step]:
        judging = [one for one in self.contenders if one not in BARE]
        chosen = [one for one in corpus.attacks() if not self.attacks or one.name in self.attacks]
        for attack in chosen:
            for one in judging:
                estimate_s = _START_S + each_s(one.name, known.values())
                run = lambda c=one, a=attack: self._attack(c, a)  # noqa: E731
                yield Step(f"cheating/{one.name}/{attack.name}", estimate_s, run)  # type: ignore[arg-type]

    def _feedbacks(self, known: Mapping[str, Cell]) -> Iterator[Step]:
        count = sum(len(corpus.zoo(kind)) for kind in ("wrong", "equivalent"))
        for one in self.contenders:
            if one not in BARE:
                estimate_s = _START_S + count * each_s(one.name, known.values()) / max(self.cores)
                yield Step(f"feedback/{one.name}", estimate_s, lambda c=one: self._feedback(c))  # type: ignore[misc]

    def _first_speed(self, cores: int, size: int) -> Speed:
        """Grade a class with nothing known of the suite, as after each change of it."""
        cache = self.bench.place(OURS).kept / "cache"
        for path in sorted(cache.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        return self._speed(OURS, cores, size, 0, FIRST)

    def _speed(self, contender: Contender, cores: int, size: int, number: int, name: str = "") -> Speed:
        taken, found = self.bench.run(contender, corpus.made_class(size), cores, limit_s=3600)
        judged = sum(one.score is not None for one in found.values())
        name = name or contender.name
        return Speed(name, cores, size, number, taken.wall_s, taken.cpu_s, taken.peak_bytes, taken.load, judged)

    def _attack(self, contender: Contender, attack: corpus.Attack) -> Cheating:
        handin = attack.handin()
        taken, found = self.bench.run(contender, [handin], 1, HOSTILE_LIMIT_S, is_hostile=True)
        score = found[handin.id].score
        return Cheating(
            contender.name,
            attack.name,
            attack.title,
            attack.is_forging,
            score,
            taken.wall_s,
            taken.timed_out,
            taken.left_behind,
            taken.load,
        )

    def _feedback(self, contender: Contender) -> Feedback:
        texts = {kind: dict(list(corpus.zoo(kind).items())[: self.mistakes]) for kind in ("wrong", "equivalent")}
        handins = [
            Handin(f"{kind}-{name}", {"backprop.py": text}) for kind in texts for name, text in texts[kind].items()
        ]
        taken, found = self.bench.run(contender, handins, max(self.cores), limit_s=3600)
        kinds = {kind: {name: found[f"{kind}-{name}"] for name in texts[kind]} for kind in texts}
        statements = corpus.statements()
        named = [name for name, one in kinds["wrong"].items() if statements[name] in one.said]
        said = {name: _without_places(kinds["wrong"][name].said)[:_SAID] for name in QUOTED if name in kinds["wrong"]}
        return Feedback(contender.name, _scores(kinds["wrong"]), named, _scores(kinds["equivalent"]), said, taken.load)


def _without_places(text: str) -> str:
    """Leave out where files lie: that is this machine's affair."""
    return re.sub(r"(?<![\w.])/(?:[\w.+-]+/)+", "…/", text)


def _scores(found: Mapping[str, Standing]) -> dict[str, float | None]:
    return {name: one.score for name, one in found.items()}


def each_s(name: str, known: Iterable[Cell]) -> float:
    """Return what a submission takes this contender on one core, as far as is known: the last measurement counts."""
    cells = [one for one in known if isinstance(one, Speed) and one.contender == name]
    return cells[-1].wall_s * cells[-1].cores / cells[-1].size if cells else _EACH_S
