"""One grading of a class: take in, see what is known, judge the rest, keep each result as it comes.

Owns the order of these steps and what is told between them. Must not import torch; SQL is the store's, executors are
the schedule's, and how a hand-in is found is the intake's. Running it again with the same arguments goes on.
"""

from __future__ import annotations

import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from grader import __version__, language, messages
from grader.classroom.benches import Task, judge_task, own_benches
from grader.classroom.handin import Handin, Intake
from grader.classroom.identity import Conditions, data_there, files_key, job_key, judging_digest, names_digest
from grader.classroom.rows import NewJudgement, PlanRow
from grader.classroom.schedule import Delivery, JudgeTask, NewExecutor, Schedule, Watch
from grader.classroom.store import Store, now
from grader.classroom.view import RunInfo
from grader.course import Course, Exercise, did_you_mean
from grader.diagnosis.atlas import wrong_answers
from grader.diagnosis.bench import names_for
from grader.errors import UsageError
from grader.events import PlannedCheck
from grader.results import OUR_FAILURES, Environment, ExerciseResult, Outcome, SubmissionInfo
from grader.sandbox.fence import Tier, require_hidden, require_tier
from grader.score import max_score
from grader.show import require_devices
from grader.unjudged import devices_used, is_pending, unjudged

TakeIn = Callable[..., Intake]
"""`intake.take_in(path, course, exercises, layout=None, roster=None)`."""


@dataclass(frozen=True)
class Wanted:
    """What is to be graded and how; `command` is what a run that was broken off is recognised by."""

    submissions: Path
    out: Path
    exercises: tuple[Exercise, ...]
    tier: Tier
    seed: int
    workers: int
    command: str
    devices: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    students: tuple[str, ...] = ()
    roster: Path | None = None
    layout: str | None = None


class ClassWatch(Watch, Protocol):
    """What wants to know how the grading of a class goes."""

    def taken(self, intake: Intake) -> None:
        """Hear what was handed in, before anything is judged."""

    def begins(self, totals: Mapping[str, int], known: Mapping[str, int], recipients: Mapping[str, list[str]]) -> None:
        """Hear how many submissions there are by exercise, how many are judged, and whose each task is by its key."""

    def notice(self, text: str) -> None:
        """Hear of something that an instructor should know before it begins."""

    def renames(self, slug: str, count: int) -> None:
        """Hear that mistakes are named anew, because wrong answers were added or changed."""


@dataclass(frozen=True)
class _Ready:
    """An exercise whose suite is collected: what it is worth and what results of it depend on."""

    exercise: Exercise
    plan: tuple[PlannedCheck, ...]
    suite_sha256: str
    devices: tuple[str, ...] | None
    conditions: Conditions
    names: str

    @property
    def row(self) -> PlanRow:
        worth = {planned.id: planned.max_points for planned in self.plan}
        return PlanRow(self.exercise.slug, self.suite_sha256, self.conditions.suite, worth)


def grade_class(
    course: Course,
    wanted: Wanted,
    watch: ClassWatch,
    take_in: TakeIn,
    *,
    new_executor: NewExecutor = ThreadPoolExecutor,
    judge: JudgeTask = judge_task,
) -> None:
    """Grade everything that is not judged yet, and keep all of it in the store of `wanted.out`.

    Raises:
        UsageError: a folder or student does not exist, or another process writes to the store.
        CourseError: a suite is broken. InfrastructureError: something of ours did not start.
        KeyboardInterrupt: what was judged is kept.
    """
    _require_places(wanted)
    for exercise in wanted.exercises:
        wrong_answers(exercise)  # a broken header is found before anything is judged
    with Store.open(wanted.out, create=True) as store:
        for notice in store.notices:
            watch.notice(notice)
        intake = take_in(wanted.submissions, course, wanted.exercises, layout=wanted.layout, roster=wanted.roster)
        watch.taken(intake)
        handins = _chosen(intake, wanted)
        used = {handin.exercise for handin in handins}
        try:
            ready = [_ready(exercise, wanted) for exercise in wanted.exercises if exercise.slug in used]
            run = _Run(store, wanted, watch, {one.exercise.slug: one for one in ready}, _by_key(handins, ready))
            run.go(intake, new_executor, judge)
        finally:
            own_benches().close()


def cores() -> int:
    """Return how many submissions are judged at once if nobody says."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def allow(tier: Tier, *, asked: bool, unfenced: bool = False) -> None:
    """Refuse to run other people's code without a fence, unless that is what is wanted.

    Args:
        asked: The tier was asked for; otherwise it is the strongest there is.
        unfenced: That it is wanted.

    Raises:
        UsageError: it was asked for. FenceError: there is nothing better here; it names what is missing.
    """
    if tier is Tier.NONE and not unfenced:
        if not asked:
            require_tier(Tier.LANDLOCK)
        raise UsageError(messages.GRADE_UNFENCED)


class _Run:
    """One run: its store, what is ready to judge, and the hand-ins by the key of what comes of them."""

    def __init__(
        self,
        store: Store,
        wanted: Wanted,
        watch: ClassWatch,
        ready: Mapping[str, _Ready],
        handins: Mapping[str, list[Handin]],
    ) -> None:
        self.store, self.wanted, self.watch, self.ready, self.handins = store, wanted, watch, ready, handins
        self.students = {key: [handin.student for handin in same] for key, same in handins.items()}
        self.id = 0

    def go(self, intake: Intake, new_executor: NewExecutor, judge: JudgeTask) -> None:
        """Keep what was handed in, take over what is known, judge the rest."""
        started, ended_at = time.monotonic(), None
        self.id = self.store.begin_run(self._info(), intake.layout)
        try:
            self.store.take(self.id, str(self.wanted.submissions.resolve()), intake)
            for ready in self.ready.values():
                self.store.keep_plan(self.id, ready.row)
            known = self._adopt()
            self._rename(known)
            self._judge(known, new_executor, judge)
            ended_at = now()
        finally:
            self.store.end_run(self.id, time.monotonic() - started, ended_at)

    def _info(self) -> RunInfo:
        wanted = self.wanted
        return RunInfo(0, now(), None, wanted.seed, wanted.tier, wanted.command, __version__, workers=wanted.workers)

    def _adopt(self) -> dict[str, int]:
        """Let students stand where what they handed in is judged already; return these judgements by key."""
        settled = self.store.judgements(settled_only=True)
        known = {key: settled[key] for key in self.handins if key in settled}
        for slug in self.ready:
            mine = [(known[key], self.students[key]) for key in known if self.handins[key][0].exercise == slug]
            self.store.adopt(self.id, slug, mine)
        return known

    def _rename(self, known: Mapping[str, int]) -> None:
        """Name mistakes anew where wrong answers were added or changed since: that needs no submission to be run."""
        for slug, ready in self.ready.items():
            keys = [key for key in known if self.handins[key][0].exercise == slug]
            stale = [id for key in keys for id in self.store.stale_names(key, ready.names)]
            if not stale:
                continue
            self.watch.renames(slug, len(stale))
            with own_benches().grader(ready.exercise, self.wanted.tier) as grader:
                names = names_for(grader, self.wanted.seed)
            rows = [self.store.judgement(id) for id in stale]
            self.store.rename((row.id, ready.names, names.applied(row, ready.exercise)) for row in rows)

    def _judge(self, known: Mapping[str, int], new_executor: NewExecutor, judge: JudgeTask) -> None:
        tasks = [self._task(key, same[0]) for key, same in self.handins.items() if key not in known]
        newest = self.store.judgements()
        alone = [task for task in tasks if task.key in newest and self._came_to_a_deadline(newest[task.key])]
        totals = self._counted(self.handins)
        self.watch.begins(totals, self._counted(known), self.students)
        benches = own_benches()
        schedule = Schedule(
            new_executor, self.wanted.workers, self._keep, self.watch, benches.interrupt, benches.retire, judge
        )
        schedule.run([task for task in tasks if task not in alone], alone)

    def _counted(self, keys: Iterable[str]) -> dict[str, int]:
        counts = Counter(handin.exercise for key in keys for handin in self.handins[key])
        return {slug: counts[slug] for slug in self.ready}

    def _task(self, key: str, handin: Handin) -> Task:
        ready = self.ready[handin.exercise]
        return Task(
            key=key,
            root=str(ready.exercise.course.root),
            slug=handin.exercise,
            suite_sha256=ready.suite_sha256,
            submission=handin.submission,
            problem=handin.problem,
            seed=self.wanted.seed,
            tier=self.wanted.tier.value,
            devices=ready.devices,
            language=language.current(),
        )

    def _came_to_a_deadline(self, judgement: int) -> bool:
        """Whether a run ended between a timeout and the second judgement that makes it count."""
        outcomes = {check.outcome for check in self.store.judgement(judgement).result.checks}
        return Outcome.TIMEOUT in outcomes and not outcomes.intersection(OUR_FAILURES)

    def _keep(self, delivery: Delivery) -> None:
        task, judged = delivery.task, delivery.judged
        ready = self.ready[task.slug]
        new = NewJudgement(
            key=task.key,
            files=files_key(task.submission, task.problem),
            judging=ready.conditions.suite,
            result=judged.result or _lost(ready, task),
            evidence=judged.evidence,
            wall_s=judged.wall_s,
            settled=delivery.settled,
            why=delivery.why,
            trouble=judged.trouble,
            names=ready.names if judged.evidence else "",
        )
        self.store.keep(self.id, new, self.students[task.key])


def _require_places(wanted: Wanted) -> None:
    """Refuse folders that are not there, or lie where they must not.

    Raises:
        UsageError, FenceError: which, and why.
    """
    path, out = wanted.submissions, wanted.out
    if not path.exists():
        siblings = sorted(other.name for other in path.parent.iterdir()) if path.parent.is_dir() else []
        raise UsageError(messages.NO_SUCH_SUBMISSION.format(path=path, hint=did_you_mean(path.name, siblings)))
    if path.is_dir() and out.resolve().is_relative_to(path.resolve()):
        raise UsageError(messages.GRADE_OUT_INSIDE.format(out=out, submissions=path))
    if wanted.tier is not Tier.NONE:
        require_hidden(str(place.resolve()) for place in (path, out))


def _chosen(intake: Intake, wanted: Wanted) -> list[Handin]:
    """Return the hand-ins that are meant.

    Raises:
        UsageError: a student is unknown, or nothing is left.
    """
    ids = [student.id for student in intake.students]
    for student in wanted.students:
        if student not in ids:
            facts = {"where": wanted.submissions, "student": student, "hint": did_you_mean(student, ids)}
            raise UsageError(messages.GRADE_NO_STUDENT.format(**facts))
    meant = {exercise.slug for exercise in wanted.exercises}
    chosen = [
        handin
        for handin in intake.handins
        if handin.exercise in meant and (not wanted.students or handin.student in wanted.students)
    ]
    if not chosen:
        raise UsageError(messages.GRADE_NOTHING.format(exercises=", ".join(sorted(meant)), path=wanted.submissions))
    order = {exercise.slug: place for place, exercise in enumerate(wanted.exercises)}
    return sorted(chosen, key=lambda handin: order[handin.exercise])


def _ready(exercise: Exercise, wanted: Wanted) -> _Ready:
    """Collect the suite of an exercise.

    Raises:
        CourseError: it is broken. InfrastructureError: something of ours did not start, or no device asked for is here.
    """
    devices = wanted.devices.get(exercise.slug)
    suite = judging_digest(exercise)
    with own_benches().grader(exercise, wanted.tier) as grader:
        plan, circumstances = grader.plan, grader.circumstances
        require_devices(grader, devices)
    used = tuple(devices_used(plan, devices))
    conditions = Conditions(
        suite, circumstances.torch, wanted.seed, wanted.tier, used, language.current(), data_there(exercise)
    )
    names = names_digest(exercise, conditions.digest())
    return _Ready(exercise, plan, circumstances.suite_sha256, devices, conditions, names)


def _by_key(handins: Iterable[Handin], ready: Iterable[_Ready]) -> dict[str, list[Handin]]:
    """Return the hand-ins by the key of what comes of them: equal files are judged once."""
    conditions = {one.exercise.slug: one.conditions for one in ready}
    same: dict[str, list[Handin]] = {}
    for handin in handins:
        same.setdefault(job_key(handin, conditions[handin.exercise]), []).append(handin)
    return same


def _lost(ready: _Ready, task: Task) -> ExerciseResult:
    """Return the result of a submission that was not judged for a reason of ours: every check is open."""
    checks = [
        unjudged(planned, Outcome.PENDING)
        if is_pending(planned, task.devices)
        else unjudged(planned, Outcome.ERROR, messages.NOT_YOUR_FAULT)
        for planned in ready.plan
    ]
    submission = task.submission
    conditions = ready.conditions
    return ExerciseResult(
        exercise=task.slug,
        submission=SubmissionInfo(submission.sha256, submission.files) if submission else SubmissionInfo("", []),
        suite_sha256=ready.suite_sha256,
        score=0.0,
        max_score=max_score(checks),
        complete=False,
        seed=task.seed,
        environment=Environment(
            __version__, platform.python_version(), conditions.torch, list(conditions.devices), task.tier
        ),
        checks=checks,
    )
