"""Collect the suites of an exercise once: run pytest up to the point where it would run its items, and stay there.

Owns pytest's options, what a suite may not do while it is imported, and how pytest's phases reach the judge: the
exception itself, never pytest's rendering of it, which holds the source and the values of hidden checks. Invariant: the
public suite is read once and run from a private copy; nothing else in the folder that a student works in (conftest.py,
pytest.ini, __init__.py, a torch.py) is ever looked at, let alone imported.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from grader import draws_key, messages
from grader.course import Exercise
from grader.errors import CourseError, InfrastructureError
from grader.events import Visibility
from grader.sandbox.spawn import thread_count
from grader.suite import context
from grader.suite.marks import describe
from grader.suite.plan import Step, make_plan, shown_path
from grader.suite.present import absent_devices

_OPTIONS = [
    "--disable-plugin-autoload",
    "-p", "grader.suite.plugin",
    "-p", "no:cacheprovider",
    "-p", "no:terminal",
    "-p", "no:logging",  # it hooks into every logger of torch at each phase: half of what a small check costs
    "-p", "no:unraisableexception",  # it collects garbage five times when pytest ends
    "--import-mode=importlib",
    "--strict-markers",
    "--assert=plain",  # rewritten asserts would call repr on what they compare, for a report that nobody sees
]  # fmt: skip
_CAPTURED = ["--capture=sys"]
# For a person at a debugger: what is printed and typed is the terminal's, and `breakpoint()` is Python's own.
_AT_THE_TERMINAL = ["--capture=no", "-p", "no:debugging"]


@dataclass(frozen=True)
class SuiteFiles:
    """The test files of an exercise. `public` is our private copy of `exercise.public_suite`."""

    exercise: Exercise
    public: Path | None
    hidden: tuple[Path, ...]
    sha256: str
    hidden_draws_key: str

    @property
    def all(self) -> list[Path]:
        """What pytest is given, the public suite first."""
        return [*([self.public] if self.public else []), *self.hidden]

    def where(self, path: Path, line: int) -> str:
        """Return "file:line" as the author knows it."""
        original = self.exercise.public_suite if path == self.public else path
        return f"{shown_path(original, self.exercise.course.root)}:{line}"

    def owns(self, file: str) -> bool:
        """Whether a source file is one of the suite's, helpers beside the tests included."""
        path = Path(file)
        return path in self.all or path.is_relative_to(self.exercise.hidden_folder)

    def visibility(self, path: Path) -> Visibility:
        """Say which of the two suites a file belongs to."""
        return "public" if path == self.public else "hidden"

    def key_of(self, visibility: Visibility) -> str:
        """Return the key of the draws of one of the two suites."""
        return self.hidden_draws_key if visibility == "hidden" else draws_key.NONE


@dataclass(frozen=True)
class CollectedSuite:
    """A suite ready to be run: the plan's steps, and the pytest items that their `item` counts into."""

    files: SuiteFiles
    items: list[pytest.Item]
    steps: list[Step]


def read_suite(exercise: Exercise, private: Path) -> SuiteFiles:
    """Find the test files, copy the public one into `private` and hash what will run.

    Raises:
        CourseError: there is no test file.
    """
    digest, public = hashlib.sha256(), None
    if exercise.public_suite.is_file():
        text = exercise.public_suite.read_bytes()
        public = private / "public" / exercise.public_suite.name
        public.parent.mkdir()
        public.write_bytes(text)
        _update(digest, "public", text)
    # Helpers and data beside the tests belong to the suite as much as the tests do.
    for path in sorted(path for path in exercise.hidden_folder.rglob("*") if path.is_file()):
        if "__pycache__" not in path.parts:
            _update(digest, str(path.relative_to(exercise.hidden_folder)), path.read_bytes())
    hidden = tuple(sorted(exercise.hidden_folder.glob("test_*.py")))
    if public is None and not hidden:
        raise CourseError(messages.SUITE_EMPTY.format(slug=exercise.slug))
    return SuiteFiles(exercise, public, hidden, digest.hexdigest(), draws_key.read_draws_key(exercise))


def with_collected_suite(
    exercise: Exercise,
    private: Path,
    use: Callable[[CollectedSuite], None],
    *,
    at_terminal: bool = False,
    absent: Mapping[str, str] | None = None,
) -> None:
    """Collect the suites and call `use` inside pytest, where the items can be run.

    Args:
        private: An empty folder of our own, for the copy and for pytest's temporary files.
        at_terminal: Leave standard input and output alone.
        absent: What `absent_devices` has found; None asks it.
    Raises:
        CourseError: the suite breaks a rule; the message names file and line.
        InfrastructureError: pytest itself failed.
    """
    files = read_suite(exercise, private)
    ini = private / "pytest.ini"
    ini.write_text("[pytest]\n")
    folders = ["--rootdir", str(private), "-c", str(ini), "--basetemp", str(private / "basetemp")]
    # Of the conftest.py files, those beside the hidden suite belong to it; those above it belong to somebody else.
    own = exercise.hidden_folder if exercise.hidden_folder.is_dir() else private
    options = [*_OPTIONS, *(_AT_THE_TERMINAL if at_terminal else _CAPTURED), *folders, "--confcutdir", str(own)]
    plugin = _Collector(files, use, absent_devices() if absent is None else absent)
    sys.dont_write_bytecode = True  # no __pycache__ in the course's folders
    status = pytest.main([*options, *map(str, files.all)], plugins=[plugin])
    if plugin.problem is not None:
        raise plugin.problem
    if not plugin.used:
        raise InfrastructureError(f"pytest ended with status {status} before the suite was collected")


class _Collector:
    """The pytest plugin that takes over when collection has ended, and notes what went wrong until then."""

    def __init__(self, files: SuiteFiles, use: Callable[[CollectedSuite], None], absent: Mapping[str, str]) -> None:
        self.files, self.use, self.absent = files, use, absent
        self.problem: BaseException | None = None
        self.used = False

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        before = thread_count()
        report = yield
        if report.skipped:
            self._note(messages.SUITE_SKIPPED.format(where=self.files.where(collector.path, 1)))
        if thread_count() > before:
            self._note(messages.SUITE_STARTS_THREADS.format(where=self.files.where(collector.path, 1)))
        return report

    def pytest_exception_interact(self, node: pytest.Item | pytest.Collector, call: pytest.CallInfo[object]) -> None:
        """Turn an exception at import into file, line and text; pytest calls this for collectors too."""
        if self.used or call.excinfo is None:
            return
        error = call.excinfo.value
        path, line = place_in(error, self.files.all) or (node.path, 1)
        cause = root_cause(error)
        self._note(
            messages.SUITE_UNREADABLE.format(where=self.files.where(path, line), type=type(cause).__name__, text=cause)
        )

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
        """Hand a phase's exception to the judge; skip pytest's rendering, which is slow and tells too much."""
        check = context.current()
        if check is None:
            return None
        if call.excinfo is not None:
            check.failures.append(call.excinfo.value)
        outcome: Any = "passed" if call.excinfo is None else "failed"
        return pytest.TestReport(item.nodeid, ("", None, ""), {}, outcome, None, call.when)  # type: ignore[arg-type]

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Make the plan and hand over."""
        if self.problem is None:
            try:
                suite = self._collected(session.items)
            except CourseError as error:
                self.problem = error
            else:
                self.used = True
                self._use(suite)
        return True

    def _use(self, suite: CollectedSuite) -> None:
        try:
            self.use(suite)
        except (Exception, SystemExit) as error:  # pytest would print it as its own internal error
            self.problem = error

    def _collected(self, items: list[pytest.Item]) -> CollectedSuite:
        checks = []
        for item in items:
            _, line, _ = item.reportinfo()
            where = self.files.where(item.path, (line or 0) + 1)
            checks.append(describe(item, self.files.visibility(item.path), where))
        return CollectedSuite(self.files, items, make_plan(checks, self.files.exercise, self.absent))

    def _note(self, problem: str) -> None:
        self.problem = self.problem or CourseError(problem)


def place_in(error: BaseException, files: Collection[Path]) -> tuple[Path, int] | None:
    """Return the innermost line of one of `files` that an exception, or what caused it, passed through."""
    error = root_cause(error)
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) in files:
        return Path(error.filename), error.lineno or 1
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if Path(frame.f_code.co_filename) in files:
            return Path(frame.f_code.co_filename), line
    return None


def root_cause(error: BaseException) -> BaseException:
    """Return the exception that all began with."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _update(digest: hashlib._Hash, name: str, data: bytes) -> None:
    digest.update(f"{name}\0{len(data)}\0".encode() + data)
