"""Run the checks of one submission, one after the other, and tell each outcome as it is known.

Runs in a fork of the worker, which collected the suite; may be killed at any moment. Owns the order of things around a
check: needs, time, seeds, retries. Must not know how a guest is isolated; it is handed a session. Invariant: what a
check is worth, and that it counts, was fixed before; nothing here reads points.
"""

from __future__ import annotations

import importlib.util
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Protocol, cast

import pytest
from _pytest.runner import runtestprotocol

from grader import language, messages
from grader.course import Exercise
from grader.errors import CourseError, GuestLost, InfrastructureError, StudentRaised, SubmissionError
from grader.events import Began, Broken, Ended, Event, Finished, Job, Opened, PlannedCheck, Preparing
from grader.policy import withheld
from grader.results import CheckResult, Outcome
from grader.sandbox.autograd import with_advice
from grader.suite import context
from grader.suite.accuracy import Bands, bands_of
from grader.suite.collect import CollectedSuite, place_in
from grader.suite.discreet import discretion_of
from grader.suite.figure import figures_of
from grader.suite.ours import OurGuest
from grader.suite.plan import Step, shown_path
from grader.suite.present import SLOW_DEVICES
from grader.suite.sketch import evidence_of
from grader.suite.verdict import Verdict, could_not_go_on, verdict_of

ATTEMPTS = 3
# Of what was judged, these two say nothing against a submission.
_UNNOTICED = (Outcome.PASSED, Outcome.BLOCKED)

OpenSession = Callable[[Job], context.SessionLike]


class Listener(Protocol):
    """Whoever is told what happens, as it happens."""

    def send(self, message: Event) -> None:
        """Take one event."""


@dataclass
class Progress:
    """What a submission is judged by and what is known of it so far; it survives a judge that does not.

    `todo` are places of the plan in the order of judging, `deadline` is that of the whole submission (monotonic).
    `until_noticed`: once a check has not passed, nothing remains.
    """

    todo: tuple[int, ...]
    deadline: float
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    until_noticed: bool = False

    def remaining(self) -> list[int]:
        """Return the places that have no outcome yet and still need one."""
        if self.until_noticed and not all(outcome in _UNNOTICED for outcome in self.outcomes.values()):
            return []
        return [index for index in self.todo if index not in self.outcomes]


class Judge:
    """Judges what remains of one submission."""

    def __init__(
        self,
        suite: CollectedSuite,
        job: Job,
        progress: Progress,
        open_session: OpenSession,
        line: Listener,
        attempts: int = ATTEMPTS,
    ) -> None:
        self.suite, self.job, self.progress, self.line = suite, job, progress, line
        self.exercise = suite.files.exercise
        self._open_session, self._attempts = open_session, attempts
        self._reference = cache(lambda: load_reference(self.exercise))
        self._ours = OurGuest(self.exercise, job, open_session)
        self._discretion = cache(lambda: discretion_of(self.exercise, job.sources))
        self._keeps_inputs = False  # the guest was in a hidden check, and may have kept what it was given there
        self._shared: dict[tuple[str, str, str], context.Shared] = {}

    def run(self) -> None:
        """Judge the remaining checks and say that all is finished, or that the course is broken."""
        try:
            for index in self.progress.remaining():
                self._bands(self.suite.steps[index])  # accuracies come last; that they lack a band is told first
            session = self._opened()
            if isinstance(session, Verdict):
                self._same_for_all(session)
            else:
                # The session is not closed: this process ends now, and with its sockets the guest.
                while remaining := self.progress.remaining():
                    self._judge(session, remaining[0])
                if self.job.gpu is not None:
                    session.close()  # but the next submission must not find the guest still on its GPU
        except CourseError as error:
            self.line.send(Broken(self._with_place(error)))
        else:
            self.line.send(Finished())

    # --- opening -----------------------------------------------------------------------------------------------

    def _opened(self) -> context.SessionLike | Verdict:
        """Import the submission; an import that fails is every check's outcome."""
        verdict = Verdict(Outcome.ERROR, messages.NOT_YOUR_FAULT)
        first = next((self.suite.steps[index].planned.device for index in self.progress.remaining()), "cpu")
        for tries in range(1, self._attempts + 1):
            session = self._open_session(self.job)
            try:
                self._prepare(session, first)
                flags = session.open(context.derive_seed(self.job.seed, "", "import"), device=first)
            except InfrastructureError as error:
                _log(error, "opening")
            except (SubmissionError, GuestLost) as error:
                session.close()
                if isinstance(error, GuestLost) and tries < self._attempts and error.is_worth_another_try(tries):
                    _log(error, "opening")
                    continue
                self.line.send(Opened(tuple(session.flags), session.stdout))
                return verdict_of(error, session.lost)
            else:
                self.line.send(Opened(tuple(flags), session.stdout))
                return session
            session.close()
        return verdict

    def _same_for_all(self, verdict: Verdict) -> None:
        for index in self.progress.remaining():
            # At every feedback level: it is about the file, nothing of a hidden check can be in it.
            self._end(index, check_result(self.suite.steps[index], verdict))

    # --- one check ---------------------------------------------------------------------------------------------

    def _judge(self, session: context.SessionLike, index: int) -> None:
        step = self.suite.steps[index]
        if blocker := self._blocker(step):
            title = blocker.twins.get(language.current(), blocker.title)
            sentence = messages.WAITS_FOR.format(id=blocker.id, title=title.rstrip(".。"))
            self._tell(index, Verdict(Outcome.BLOCKED, sentence), blocked_by=blocker.id)
            return
        if self._keeps_inputs and step.planned.visibility == "public":
            session.close()  # what is printed in a public check is shown, so a guest begins it that knows no hidden one
        self._keeps_inputs = step.planned.visibility == "hidden"
        began = time.perf_counter()
        for tries in range(1, self._attempts + 1):
            if time.monotonic() >= self.progress.deadline:
                sentence = messages.TIME_USED_UP.format(wall_s=self.exercise.limits.wall_s)
                verdict, stdout = Verdict(Outcome.TIMEOUT, sentence), ""
                break
            verdict, stdout = self._attempt(session, index, step)
            if verdict.outcome is not Outcome.ERROR and not (session.lost and session.lost.is_worth_another_try(tries)):
                break
        public = step.planned.visibility == "public"
        self._tell(index, verdict, time.perf_counter() - began, stdout=stdout if public else "")

    def _blocker(self, step: Step) -> PlannedCheck | None:
        """Return a needed check that has not passed on this device."""
        for name in step.check.needs:
            for index, other in enumerate(self.suite.steps):
                needed = other.check.function == name and other.planned.device == step.planned.device
                if needed and self.progress.outcomes.get(index) is not Outcome.PASSED:
                    return other.planned
        return None

    def _attempt(self, session: context.SessionLike, index: int, step: Step) -> tuple[Verdict, str]:
        planned = step.planned
        try:
            self._prepare(session, planned.device)
        except InfrastructureError as error:
            _log(error, planned.id)
            return Verdict(Outcome.ERROR, messages.NOT_YOUR_FAULT), ""
        wall_s = step.check.check_wall_s or self.exercise.limits.check_wall_s
        deadline = min(time.monotonic() + wall_s, self.progress.deadline)
        check = context.Check(planned.id, planned.device, self.job.seed, session, self._reference, self._shared)
        check.draws_key = self.suite.files.key_of(planned.visibility)
        check.exercise, check.bands = self.exercise, self._bands(step)
        check.deadline, check.ours = deadline, self._ours
        if planned.visibility == "hidden" and self.exercise.feedback.hidden != "full":
            check.discretion = self._discretion()
        self.line.send(Began(index, deadline))
        context.begin(check)
        try:
            context.seed_host(check.seed("host"))
            session.begin_check(check.seed("guest"), deadline, planned.device)
            item = self.suite.items[step.item]
            # The last one may have kept the fixtures of its file for a check that then was blocked.
            item.session._setupstate.teardown_exact(item)
            runtestprotocol(item, log=False, nextitem=self._next_item(index))
        except (Exception, GuestLost) as error:  # an exception of a hook or of ours, outside pytest's own phases
            check.failures.append(error)
        finally:
            context.end()
        failure = next(iter(check.failures), None)
        if isinstance(failure, StudentRaised):
            check.record(context.EXCEPTION_LABEL, context.Raised.of(failure))
        stdout = session.stdout  # before `lost`: reading it may find that too much was printed
        verdict = verdict_of(failure, session.lost, check.discretion)
        if verdict.outcome is Outcome.ERROR:
            _log(failure, planned.id)
            verdict = could_not_go_on(failure, self.suite.files.owns, session.received, check.discretion) or verdict
        session.end_check()
        if verdict.outcome in (Outcome.PASSED, Outcome.FAILED):
            verdict = replace(verdict, figures=(*figures_of(failure, planned.visibility), *check.curves))
        verdict = replace(verdict, scores=tuple(check.scores), message=verdict.message or "\n".join(check.notes))
        return with_evidence(verdict, check, failure), stdout

    def _prepare(self, session: context.SessionLike, device: str) -> None:
        """Let a guest that takes long to start do so outside of any check, and of the submission's time."""
        if device in SLOW_DEVICES or session.starts_slowly(device):
            began = time.monotonic()
            self.line.send(Preparing(device))
            session.prepare(device)
            self.progress.deadline += time.monotonic() - began

    def _bands(self, step: Step) -> Bands | None:
        """Return what a calibrated check is compared with.

        Raises:
            CourseError: it was not calibrated, or that is out of date.
        """
        if not step.check.attempts:
            return None
        file, device = self.suite.items[step.item].path, step.planned.device
        return bands_of(self.exercise, step.check.id, file, device, step.check.attempts, measuring=self.job.measure)

    def _next_item(self, index: int) -> pytest.Item | None:
        """Return the item after this one, by which pytest knows which shared fixtures to keep.

        The same item on another device is set up anew only if pytest is told of no more than what it lies in.
        """
        later = [other for other in self.progress.remaining() if other != index]
        here, items = self.suite.steps[index].item, self.suite.items
        if not later:
            return None
        after = self.suite.steps[later[0]].item
        return items[after] if after != here else cast(pytest.Item, items[here].parent)

    def _tell(
        self, index: int, verdict: Verdict, wall_s: float = 0.0, *, blocked_by: str | None = None, stdout: str = ""
    ) -> None:
        result = check_result(self.suite.steps[index], verdict, wall_s, blocked_by, stdout)
        self._end(index, withheld(result, self.exercise.feedback), verdict)

    def _end(self, index: int, result: CheckResult, verdict: Verdict | None = None) -> None:
        self.progress.outcomes[index] = result.outcome
        told = (verdict.evidence, verdict.scores) if verdict is not None else ()
        self.line.send(Ended(index, result, *told))

    def _with_place(self, error: CourseError) -> str:
        place = place_in(error, self.suite.files.all)
        if place is None:
            return str(error)
        return messages.JUDGE_STOPPED_IN.format(where=self.suite.files.where(*place), text=error)


def with_evidence(verdict: Verdict, check: context.Check, failure: BaseException | None) -> Verdict:
    """Return the verdict with what diagnosis needs of it, and with the relation that was measured in its message."""
    if verdict.outcome not in (Outcome.FAILED, Outcome.RAISED) or not check.comparisons:
        return verdict
    last = check.comparisons[-1]
    if not isinstance(failure, StudentRaised) and last.label != verdict.comparison:
        return verdict  # no comparison: a plain assert of the suite, say
    evidence = evidence_of(last)
    message = "\n".join(filter(None, (verdict.message, evidence.structure)))
    return replace(verdict, evidence=evidence, message=message)


def check_result(
    step: Step, verdict: Verdict, wall_s: float = 0.0, blocked_by: str | None = None, stdout: str = ""
) -> CheckResult:
    """Return one line of the result; points come from the plan."""
    planned = step.planned
    return CheckResult(
        id=planned.id,
        title=planned.shown_title,
        visibility=planned.visibility,
        device=planned.device,
        outcome=verdict.outcome,
        points=planned.max_points * verdict.share,
        max_points=planned.max_points,
        wall_s=round(wall_s, 6),
        message=verdict.message,
        comparison=verdict.comparison,
        blocked_by=blocked_by,
        frames=list(verdict.frames),
        figures=list(verdict.figures),
        stdout=stdout,
    )


def load_reference(exercise: Exercise) -> ModuleType:
    """Import the first file of our solution.

    Raises:
        CourseError: there is none, or it cannot be imported.
    """
    path = exercise.solution_folder / exercise.files[0]
    shown = shown_path(path, exercise.course.root)
    spec = importlib.util.spec_from_file_location(f"reference_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise CourseError(messages.REFERENCE_MISSING.format(file=shown))
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever it raises, it is the course's
        text = messages.REFERENCE_BROKEN.format(file=shown, type=type(error).__name__, text=error)
        raise CourseError(text) from error
    return module


def _log(error: BaseException | None, doing: str) -> None:
    """Write a traceback for the instructor; `sys.stderr` is pytest's capture here."""
    print(f"error in {doing}:", file=sys.__stderr__)
    traceback.print_exception(with_advice(error) if error is not None else None, file=sys.__stderr__)
