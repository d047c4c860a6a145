"""The pytest plugin of every suite: marks and the fixtures submission, guest, rng, device, reference.

Loaded by `-p grader.suite.plugin`. Owns how pytest's phases reach the judge: the exception itself, never pytest's own
rendering of it, which holds the source and the values of hidden checks.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

from grader import messages
from grader.errors import CourseError
from grader.suite import context, marks


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, so that a misspelt one is an error."""
    for description in marks.DESCRIPTIONS:
        config.addinivalue_line("markers", description)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport | None:
    """Hand a phase's exception to the judge; skip pytest's rendering, which is slow and tells too much."""
    check = context.current()
    if check is None:
        return None
    if call.excinfo is not None:
        check.failures.append(call.excinfo.value)
    outcome: Any = "passed" if call.excinfo is None else "failed"
    return pytest.TestReport(item.nodeid, ("", None, ""), {}, outcome, None, call.when)  # type: ignore[arg-type]


def _check() -> context.Check:
    check = context.current()
    if check is None:
        raise CourseError(messages.NOT_JUDGED)
    return check


@pytest.fixture
def submission() -> Any:
    """The student's file, across the boundary."""
    return _check().session.submission


@pytest.fixture
def guest() -> Any:
    """Tools for values that live where the student's code runs."""
    return _check().session.guest


@pytest.fixture
def rng() -> torch.Generator:
    """Draws that depend on the run's seed and the check's id only."""
    return torch.Generator().manual_seed(_check().seed("rng"))


@pytest.fixture
def device() -> str:
    """The device this check is judged on."""
    return _check().device


@pytest.fixture
def reference() -> ModuleType:
    """Our own solution, on the host only."""
    return _check().reference()
