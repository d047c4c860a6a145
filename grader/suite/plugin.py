"""The pytest plugin of every suite: marks and the fixtures submission, guest, rng, device, ours, reference.

Loaded by `-p grader.suite.plugin` where the grader judges, by `grader.suite.plain` in a pytest that an author started.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from grader import messages
from grader.errors import CourseError
from grader.suite import context, marks
from grader.suite.ours import Ours


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, so that a misspelt one is an error."""
    for description in marks.DESCRIPTIONS:
        config.addinivalue_line("markers", description)


@pytest.fixture
def submission() -> Any:
    """The student's file, across the boundary."""
    return context.required().session.submission


@pytest.fixture
def guest() -> Any:
    """Tools for values that live where the student's code runs."""
    return context.required().session.guest


@pytest.fixture
def rng() -> torch.Generator:
    """Draws that depend on the run's seed and the check's id only."""
    return context.required().rng


@pytest.fixture
def device() -> str:
    """The device this check is judged on."""
    return context.required().device


@pytest.fixture
def ours() -> Iterator[Ours]:
    """Our solution in a guest of its own, beside the student's: for times, which must be taken alike."""
    check = context.required()
    if check.ours is None:
        raise CourseError(messages.OURS_NOT_HERE)
    session = check.ours.begin(check)
    yield Ours(session.submission, session.guest)
    session.end_check()


@pytest.fixture
def reference() -> ModuleType:
    """Our own solution, on the host only."""
    return context.required().reference()
