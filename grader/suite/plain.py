"""A suite in a pytest that its author started: one session behind the fence, and pytest's own way of showing failures.

Loaded by `grader.pytest_plugin`. For writing suites: with `--pdb`, `-x`, `-k`, any option and editor that knows pytest.
Gives no points and hides nothing; what counts is `grader check`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType

import pytest
import torch

from grader import messages
from grader.course import Exercise, load_course, load_exercise
from grader.draws_key import read_draws_key
from grader.errors import GraderError, GuestLost, StudentRaised, SubmissionError, UsageError
from grader.events import Job, SourceText
from grader.pytest_plugin import exercise_of
from grader.sandbox.fence import Tier, require_hidden, require_tier, strongest_tier
from grader.sandbox.spawn import GuestSource
from grader.submission import read_submission
from grader.suite import context, plugin
from grader.suite.accuracy import bands_of
from grader.suite.judge import load_reference
from grader.suite.marks import describe
from grader.suite.ours import OurGuest
from grader.suite.plan import SuiteCheck, dependency_order
from grader.suite.present import SLOW_DEVICES, absent_devices, held_for
from grader.suite.session import SuiteSession, sessions_from
from grader.unjudged import why_absent
from grader.workers import guests_from, start_launcher

_PACKAGE = str(Path(__file__).parents[1])


@dataclass
class _Bench:
    """What judges the checks of one exercise."""

    exercise: Exercise
    session: SuiteSession
    ours: OurGuest
    failure: BaseException | None  # the import of the submission failed: every check's outcome
    passed: dict[str, bool] = field(default_factory=dict)
    shared: dict[tuple[str, str, str], context.Shared] = field(default_factory=dict)


class PlainJudge:
    """The pytest plugin that gives every check its guest."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        config.pluginmanager.register(plugin, "grader-suite")
        wanted = config.getoption("fence")
        self.tier = strongest_tier() if wanted == "auto" else Tier(wanted)
        self.device: str = config.getoption("device")
        if lacking := absent_devices().get(self.device):
            why = why_absent(self.device, lacking, str(torch.__version__))
            raise pytest.UsageError(messages.PYTEST_NO_DEVICE.format(device=self.device, why=why))
        self._resources = contextlib.ExitStack()
        self._guests: GuestSource | None = None
        self._benches: dict[str, _Bench] = {}
        self._checks: dict[pytest.Item, tuple[Exercise, SuiteCheck]] = {}

    def pytest_report_header(self) -> str:
        """Say behind what the submission runs, and what it means where that is nothing."""
        unfenced = f". {messages.CHECK_UNFENCED}" if self.tier is Tier.NONE else ""
        return messages.PYTEST_HEADER.format(fence=self.tier) + unfenced

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read the marks, and let checks come after those that they need."""
        try:
            for item in items:
                if place := exercise_of(item.path):
                    self._checks[item] = (load_exercise(load_course(place[0]), place[1]), _described(item))
            self._leave_out_other_devices(items)
            self._require_one_exercise()
            items[:] = self._ordered(items)
        except GraderError as error:
            raise pytest.UsageError(str(error)) from None

    def _leave_out_other_devices(self, items: list[pytest.Item]) -> None:
        """Deselect the checks that are not judged on the chosen device."""
        others = [
            item
            for item, (exercise, check) in self._checks.items()
            if self.device not in (check.devices or exercise.devices)
        ]
        for item in others:
            del self._checks[item]
            items.remove(item)
        if others:
            self.config.hook.pytest_deselected(items=others)

    def _require_one_exercise(self) -> None:
        slugs = sorted({exercise.slug for exercise, _ in self._checks.values()})
        if len(slugs) > 1 and self.config.getoption("submission"):
            raise UsageError(messages.PYTEST_ONE_EXERCISE.format(slugs=" and ".join(slugs)))

    def _ordered(self, items: Sequence[pytest.Item]) -> list[pytest.Item]:
        """Return the items with each exercise's checks in an order in which they can be judged."""
        ordered = [item for item in items if item not in self._checks]
        for slug in dict.fromkeys(exercise.slug for exercise, _ in self._checks.values()):
            checks = {item: check for item, (exercise, check) in self._checks.items() if exercise.slug == slug}
            known = {check.function for check in checks.values()}
            # What was not collected (a file of the suite alone, a -k) cannot be waited for.
            present = [
                dataclasses.replace(one, needs=tuple(need for need in one.needs if need in known))
                for one in checks.values()
            ]
            place = {function: index for index, function in enumerate(dependency_order(present))}
            ordered += sorted(checks, key=lambda item: place[checks[item].function])
        return ordered

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Let one check have its guest, its seeds and its deadline."""
        if item not in self._checks:
            return (yield)
        exercise, suite_check = self._checks[item]
        bench = self._bench(exercise)
        reference = cache(lambda: load_reference(exercise))
        seed = self._seed(exercise)
        check = context.Check(suite_check.id, self.device, seed, bench.session, reference, bench.shared)
        check.exercise, check.ours = exercise, bench.ours
        if item.path.is_relative_to(exercise.hidden_folder):
            check.draws_key = read_draws_key(exercise)
        is_slow = self.device in SLOW_DEVICES or bench.session.starts_slowly(self.device)
        if bench.failure is None and is_slow:
            bench.session.prepare(self.device)
        check.deadline = self._deadline(exercise, suite_check)
        context.begin(check)
        try:
            context.seed_host(check.seed("host"))
            if bench.failure is None:
                bench.session.begin_check(check.seed("guest"), check.deadline, self.device)
            return (yield)
        finally:
            context.end()
            bench.session.end_check()

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """End a check that cannot begin.

        Raises:
            SubmissionError, GuestLost: the submission cannot be imported.
            CourseError: a calibrated check has no band, or an old one.
        """
        if item in self._checks:
            exercise, check = self._checks[item]
            bench = self._benches[exercise.slug]
            if bench.failure is not None:
                raise bench.failure
            if check.attempts:
                bands = bands_of(exercise, check.id, item.path, self.device, check.attempts)
                context.required().bands = bands
            for needed in check.needs:
                if bench.passed.get(needed) is False:
                    pytest.skip(messages.PYTEST_WAITS.format(needed=needed))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add what only we know: the student's frames and prints, and that a lost guest cannot pass."""
        if item not in self._checks:
            return (yield)
        exercise, check = self._checks[item]
        bench = self._benches[exercise.slug]
        if call.excinfo is not None:
            _without_our_frames(call.excinfo)
        report = yield
        lost = bench.session.lost
        if call.when == "call" and report.passed and lost is not None:
            report.outcome, report.longrepr = "failed", lost.message
        if call.excinfo is not None and isinstance(call.excinfo.value, StudentRaised):
            report.sections.append((messages.PYTEST_FRAMES, _frames(call.excinfo.value)))
        if call.when == "call" and bench.session.stdout:
            report.sections.append((messages.PYTEST_PRINTED, bench.session.stdout))
        if call.when == "call" or not report.passed:
            bench.passed[check.function] = bench.passed.get(check.function, True) and report.passed
        return report

    def pytest_unconfigure(self) -> None:
        """End everything that was started."""
        self._resources.close()

    def _bench(self, exercise: Exercise) -> _Bench:
        """Return what judges an exercise, started when its first check begins."""
        if exercise.slug not in self._benches:
            try:
                self._benches[exercise.slug] = self._start(exercise)
            except GraderError as error:
                pytest.exit(str(error), returncode=error.exit_code)
        return self._benches[exercise.slug]

    def _start(self, exercise: Exercise) -> _Bench:
        path = self.config.getoption("submission")
        submission = read_submission(exercise, Path(path) if path else _own(exercise))
        require_tier(self.tier)
        if self.tier is not Tier.NONE:
            require_hidden(map(str, (exercise.solution_folder, exercise.hidden_folder)))
        if self._guests is None:
            launcher = start_launcher()
            self._resources.enter_context(launcher)
            self._guests = self._resources.enter_context(guests_from(launcher))
        sources = tuple(SourceText(source.name, source.text) for source in submission.sources)
        held = self._resources.enter_context(held_for([self.device], _say_busy))
        job = Job(sources, self._seed(exercise), self.tier.value, gpu=held.gpu if held is not None else None)
        open_session = sessions_from(self._guests, exercise)
        session, ours = open_session(job), OurGuest(exercise, job, open_session)
        for resource in (session, ours):
            self._resources.callback(resource.close)
        if self.device in SLOW_DEVICES or session.starts_slowly(self.device):
            session.prepare(self.device)
        try:
            session.open(context.derive_seed(self._seed(exercise), "", "import"), device=self.device)
        except (SubmissionError, GuestLost) as error:
            return _Bench(exercise, session, ours, error)
        return _Bench(exercise, session, ours, None)

    def _seed(self, exercise: Exercise) -> int:
        seed: int | None = self.config.getoption("seed")
        return exercise.course.seed if seed is None else seed

    def _deadline(self, exercise: Exercise, check: SuiteCheck) -> float:
        """Return when the check must have ended: never, where a person may be at a debugger."""
        wall_s = check.check_wall_s or exercise.limits.check_wall_s
        return math.inf if self.config.getoption("usepdb", False) else time.monotonic() + wall_s


def _say_busy(device: str) -> None:
    print(messages.CHECK_GPU_BUSY.format(device=device), file=sys.__stderr__)


def _own(exercise: Exercise) -> Path:
    """Return the folder of the reference, or in a student's copy that of their own files."""
    return exercise.solution_folder if exercise.solution_folder.is_dir() else exercise.stub_folder


def _described(item: pytest.Item) -> SuiteCheck:
    _, line, _ = item.reportinfo()
    return describe(item, "hidden", f"{item.path}:{(line or 0) + 1}")


def _without_our_frames(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Let the traceback end in the suite: below it stands only how a call reaches the student's code."""
    entry: TracebackType | None = excinfo.tb
    last = None
    while entry is not None:
        if exercise_of(Path(entry.tb_frame.f_code.co_filename)):
            last = entry
        entry = entry.tb_next
    if last is not None and last.tb_next is not None:
        below = last.tb_next.tb_frame.f_code.co_filename
        last.tb_next = None if below.startswith(_PACKAGE) else last.tb_next


def _frames(raised: StudentRaised) -> str:
    return "\n".join(
        f"{messages.DEBUG_FRAME.format(file=frame.file, line=frame.line, function=frame.function)}\n    {frame.code}"
        for frame in raised.frames
    )
