"""What `verify` runs and what came back: submissions of our own through a pool of graders.

Owns the list of runs and the cache of those at wrong answers. Judges nothing about what came back; `gates` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from grader.author.hollow import KINDS, hollow
from grader.author.layouts import other_layout
from grader.author.own_files import equivalents, read_own, shown
from grader.course import Exercise
from grader.diagnosis.atlas import WrongAnswer, entry_key, wrong_answers
from grader.diagnosis.cache import cache_folder, keep, read_kept
from grader.diagnosis.evidence import Circumstances, Evidence
from grader.diagnosis.lookup import Record
from grader.diagnosis.misconception import Misconception
from grader.diagnosis.naming import record_of
from grader.events import PlannedCheck
from grader.grade import Grader
from grader.pool import OnProgress, Pool
from grader.results import CheckResult, ExerciseResult
from grader.submission import Submission

SEEDS = 20
_LAYOUT, _BACKWARDS = "layout", "backwards"

_Key = tuple[str, ...]


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One judged submission: the result, and the evidence of the checks that failed."""

    result: ExerciseResult
    evidence: dict[str, Evidence]

    @property
    def record(self) -> Record:
        """What the lookup of mistakes wants to know of it."""
        return record_of(self)

    def check(self, id: str) -> CheckResult | None:
        """Return the first line about a check, which is that of the cpu."""
        return next((check for check in self.result.checks if check.id == id), None)


@dataclass(frozen=True)
class WrongSeen:
    """A wrong answer, what its header says, and how it fared with the whole suite."""

    file: str
    misconception: Misconception
    seen: Seen


@dataclass(frozen=True)
class AgainSeen:
    """One answer, judged once more in another way, beside the whole suite's word on it."""

    file: str
    again: Seen
    whole: Seen


@dataclass(frozen=True)
class AloneSeen:
    """One check of one submission, judged alone, beside the whole suite's word on it."""

    file: str
    check: str
    alone: Seen
    whole: Seen


@dataclass(frozen=True)
class Everything:
    """All that was run for an exercise; `reference` by seed, `equivalent` by file, `hollow` by kind.

    `layouts` are the wrong answers rewritten, `backwards` reference and wrong answers with the last check first.
    """

    plan: tuple[PlannedCheck, ...]
    stub: Seen
    reference: Mapping[int, Seen]
    wrong: Sequence[WrongSeen]
    equivalent: Mapping[str, Seen]
    hollow: Mapping[str, Seen]
    alone: Sequence[AloneSeen]
    layouts: Sequence[AgainSeen] = ()
    backwards: Sequence[AgainSeen] = ()
    runs: int = 0
    cached: int = 0


@dataclass(frozen=True)
class _Task:
    """One run to do; `key` finds it again among the results."""

    key: _Key
    submission: Submission
    seed: int
    keyword: str = ""
    kept: Path | None = None
    backwards: bool = False


@dataclass
class _Runner:
    """The files of an exercise, and the tasks made of them."""

    exercise: Exercise
    answers: list[WrongAnswer]
    tasks: list[_Task] = field(default_factory=list)

    @property
    def seed(self) -> int:
        return self.exercise.course.seed

    def shown(self, path: Path) -> str:
        return shown(self.exercise, path)

    def add(self, key: _Key, path: Path, seed: int | None = None, keyword: str = "") -> None:
        self.tasks.append(_Task(key, self.read(path), self.seed if seed is None else seed, keyword))

    def read(self, path: Path) -> Submission:
        return read_own(self.exercise, path)


def run_everything(pool: Pool, on_progress: OnProgress) -> Everything:
    """Run all that the gates look at, wrong answers only where the cache does not know them.

    Raises:
        CourseError: a file cannot be read, or a check is broken. InfrastructureError: something of ours failed.
    """
    exercise = pool.exercise
    plan, circumstances = next(pool.map(lambda grader, _: (grader.plan, grader.circumstances), [None]))
    runner = _Runner(exercise, wrong_answers(exercise))
    reference, others = exercise.solution_folder, equivalents(exercise)
    seeds = reference_seeds(runner.seed)
    for seed in seeds:
        runner.add(("reference", str(seed)), reference, seed)
    runner.add(("stub",), exercise.stub_folder)
    for path in others:
        runner.add(("equivalent", runner.shown(path)), path)
    wrong = _add_wrong(runner, circumstances)
    _add_hollow(runner)
    again = _add_again(runner, plan, wrong, circumstances)
    alone = _add_alone(runner, plan)
    seen, cached = _run(pool, runner.tasks, on_progress)
    return Everything(
        plan=plan,
        stub=seen["stub",],
        reference={seed: seen["reference", str(seed)] for seed in seeds},
        wrong=[WrongSeen(key[1], answer.misconception, seen[key]) for key, answer in wrong.items()],
        equivalent={runner.shown(path): seen["equivalent", runner.shown(path)] for path in others},
        hollow={kind: seen["hollow", kind] for kind in KINDS},
        alone=[
            AloneSeen(file, check, seen["alone", file, check], seen[whole]) for file, check, whole in alone
        ],
        layouts=[AgainSeen(key[1], seen[key], seen[whole]) for key, whole in again.items() if key[0] == _LAYOUT],
        backwards=[AgainSeen(key[1], seen[key], seen[whole]) for key, whole in again.items() if key[0] == _BACKWARDS],
        runs=len(runner.tasks),
        cached=cached,
    )  # fmt: skip


def reference_seeds(own: int) -> list[int]:
    """Return the course's seed and the smallest others."""
    return [own, *(seed for seed in range(SEEDS) if seed != own)][:SEEDS]


def _wrong_key(runner: _Runner, answer: WrongAnswer) -> _Key:
    return "wrong", runner.shown(answer.path)


def _add_wrong(runner: _Runner, circumstances: Circumstances) -> dict[_Key, WrongAnswer]:
    """Add the whole suite for each wrong answer; return them by the key of their run."""
    for answer in runner.answers:
        kept = _kept(answer, circumstances, runner.seed)
        runner.tasks.append(_Task(_wrong_key(runner, answer), runner.read(answer.path), runner.seed, kept=kept))
    return {_wrong_key(runner, answer): answer for answer in runner.answers}


def _add_hollow(runner: _Runner) -> None:
    stub, reference = (
        {source.name: source.text for source in runner.read(folder).sources}
        for folder in (runner.exercise.stub_folder, runner.exercise.solution_folder)
    )
    for kind in KINDS:
        runner.tasks.append(_Task(("hollow", kind), hollow(kind, stub, reference), runner.seed))


def _add_again(
    runner: _Runner, plan: Iterable[PlannedCheck], wrong: Mapping[_Key, WrongAnswer], circumstances: Circumstances
) -> dict[_Key, _Key]:
    """Add each wrong answer rewritten, and reference and wrong answers backwards.

    Returns for the key of each of these runs that of the run of the whole suite.
    """
    solution, ids = runner.exercise.solution_folder, {planned.id for planned in plan}
    reference = _Task((_BACKWARDS, runner.shown(solution)), runner.read(solution), runner.seed, backwards=True)
    again: list[tuple[_Task, _Key]] = [(reference, ("reference", str(runner.seed)))]
    for whole, answer in wrong.items():
        # A header without a check that exists leaves nothing to run; the gate `caught` tells about it.
        if ids.intersection(answer.misconception.fails):
            again += [(task, whole) for task in _twice(runner, answer, circumstances)]
    runner.tasks += [task for task, _ in again]
    return {task.key: whole for task, whole in again}


def _twice(runner: _Runner, answer: WrongAnswer, circumstances: Circumstances) -> list[_Task]:
    """Return the two runs of a wrong answer by the checks of its header, which is where its name comes from."""
    file, submission = runner.shown(answer.path), runner.read(answer.path)
    rewritten, kept = other_layout(submission), _kept(answer, circumstances, runner.seed)
    ways = {
        _LAYOUT: (rewritten, f"{kept.name}.{_LAYOUT}.{rewritten.sha256[:16]}"),
        _BACKWARDS: (submission, f"{kept.name}.{_BACKWARDS}"),
    }
    return [
        _Task(
            (way, file), read, runner.seed, answer.misconception.keyword, kept.with_name(name), way == _BACKWARDS
        )
        for way, (read, name) in ways.items()
    ]  # fmt: skip


def _kept(answer: WrongAnswer, circumstances: Circumstances, seed: int) -> Path:
    return cache_folder() / "verify" / entry_key(answer, circumstances, seed)


def _add_alone(runner: _Runner, plan: Iterable[PlannedCheck]) -> list[tuple[str, str, _Key]]:
    """Add each check alone, for the reference and for the first wrong answer that says it fails it.

    Returns file, check and the key of the run of the whole suite for each.
    """
    added: list[tuple[str, str, _Key]] = []
    solution = runner.exercise.solution_folder
    for check in dict.fromkeys(planned.id for planned in plan if not planned.pending):
        compared: list[tuple[Path, _Key]] = [(solution, ("reference", str(runner.seed)))]
        failing = (answer for answer in runner.answers if check in answer.misconception.fails)
        compared += [(answer.path, _wrong_key(runner, answer)) for answer in [*failing][:1]]
        for path, whole in compared:
            runner.add(("alone", runner.shown(path), check), path, keyword=check)
            added.append((runner.shown(path), check, whole))
    return added


def _run(pool: Pool, tasks: Sequence[_Task], on_progress: OnProgress) -> tuple[dict[_Key, Seen], int]:
    """Return what came of every task, and of how many it was known already."""
    seen = {
        task.key: kept for task in tasks if task.kept is not None and (kept := read_kept(task.kept, Seen)) is not None
    }
    cached = len(seen)
    missing = [task for task in tasks if task.key not in seen]
    on_progress(0, len(missing))
    for done, (task, judged) in enumerate(zip(missing, pool.map(_judge, missing), strict=True), start=1):
        seen[task.key] = judged
        if task.kept is not None and not judged.result.our_failures:
            keep(task.kept, judged)
        on_progress(done, len(missing))
    return seen, cached


def _judge(grader: Grader, task: _Task) -> Seen:
    judgement = grader.judge(task.submission, seed=task.seed, keyword=task.keyword, backwards=task.backwards)
    return Seen(judgement.result, judgement.evidence)


def every_run(everything: Everything) -> Iterator[tuple[str, Seen]]:
    """Yield every run of a whole suite with a name for it."""
    yield "stub", everything.stub
    yield from ((f"reference, seed {seed}", seen) for seed, seen in everything.reference.items())
    yield from ((wrong.file, wrong.seen) for wrong in everything.wrong)
    yield from everything.equivalent.items()
    yield from ((f"made of {kind}", seen) for kind, seen in everything.hollow.items())
